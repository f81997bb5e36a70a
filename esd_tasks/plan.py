"""The plan of a map: labels read, items and grid found, nothing written yet."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from esd_tasks import run_record
from esd_tasks.area import parse_bbox, read_area
from esd_tasks.classifier import TreeParameters
from esd_tasks.codes_item import CodesItem, by_year, choose_year, one_identity, one_start
from esd_tasks.crossval import N_FOLDS
from esd_tasks.items import find_items
from esd_tasks.labels import Labels, read_labels
from esd_tasks.legend import Legend, legend_of, read_legend
from esd_tasks.places import wrap_longitudes
from esd_tasks.pull import Grid, grid_for
from esd_tasks.request import ClassifyRequest
from esd_tasks.samples import POLYGON_CAP
from stactools_esd import stac
from stactools_esd.blocks import run_key
from stactools_esd.errors import NothingFoundError
from stactools_esd.files import sha256_file
from stactools_esd.product import CodesIdentity

_ENVELOPE_MARGIN = 0.0003
"""Degrees of the equator around the labels' envelope, about a pixel, so that the outermost labels are on the map."""


@dataclass(frozen=True, kw_only=True)
class ClassifyPlan:
    """Everything that is known before codes are read."""

    request: ClassifyRequest
    """What was asked."""

    labels: Labels
    """The labels."""

    legend: Legend
    """Classes that may be mapped."""

    area: shapely.Geometry
    """Area to map, in WGS84."""

    year: int
    """Year to map."""

    items: tuple[CodesItem, ...]
    """Items to map, of that year."""

    label_items: tuple[CodesItem, ...]
    """Items that hold labels, of the labels' years."""

    grid: Grid
    """Grid of the map."""

    parameters: TreeParameters = field(default_factory=TreeParameters)
    """How trees are grown."""

    @property
    def identity(self) -> CodesIdentity:
        """The one identity of all items."""
        return self.items[0].identity

    @property
    def all_items(self) -> tuple[CodesItem, ...]:
        """Items of map and labels, each once, by year and tile."""
        return tuple(sorted({item.href: item for item in (*self.items, *self.label_items)}.values(), key=_order))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Everything that decides the map, as JSON content."""
        request = self.request
        return {
            "labels": {
                "path": request.labels.as_posix(),
                "layer": request.layer,
                "sha256": sha256_file(request.labels) if request.labels.is_file() else None,
                "content_sha256": _labels_digest(self.labels),
                "class_field": self.labels.class_field,
                "year_field": request.year_field,
            },
            "legend": [
                {"class_id": entry.class_id, "class_name": entry.name, "colour": entry.colour}
                for entry in self.legend.classes
            ],
            "area_sha256": _digest(self.area),
            "year": self.year,
            "grid": {
                "crs": self.grid.crs.to_string(),
                "transform": list(self.grid.transform)[:6],
                "width": self.grid.width,
                "height": self.grid.height,
            },
            **self.identity.as_dict(),
            "items": {item.id: run_record.checksum_of(item) for item in self.all_items},
            "parameters": {
                "min_clear": request.min_clear,
                "polygon_rule": request.polygon_rule,
                "polygon_cap": POLYGON_CAP,
                "block_size": request.block_size,
                "n_folds": N_FOLDS,
                "seed": request.seed,
                "trees": {name: getattr(self.parameters, name) for name in self.parameters.__dataclass_fields__},
            },
            "software": run_record.deciding_software(),
        }

    @cached_property
    def run_key(self) -> str:
        """Hash of `facts`, of the labels only their content; equal keys give equal maps."""
        facts = self.facts
        return run_key({**facts, "labels": facts["labels"]["content_sha256"]})

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and map: for `--dry-run`.

        Bytes are the size of the items' files on this machine, and the share of them that the area needs.
        """
        items = []
        for item in self.all_items:
            path = stac.local_path(item.href)
            size = path.stat().st_size if path is not None and path.is_file() else None
            share = shapely.intersection(self.area, item.footprint).area / item.footprint.area
            items.append(
                {
                    "id": item.id,
                    "year": item.year,
                    "href": item.href,
                    "bytes": size,
                    "bytes_to_read": None if size is None else round(size * share) if item in self.items else 0,
                }
            )
        return {
            "year": self.year,
            "items": items,
            "bytes": sum(item["bytes"] or 0 for item in items),
            "bytes_to_read": sum(item["bytes_to_read"] or 0 for item in items),
            "width": self.grid.width,
            "height": self.grid.height,
            "pixels": self.grid.width * self.grid.height,
            "labels": len(self.labels.class_id),
            "classes": self.legend.by_id,
            "output": str(self.request.output_or_default),
        }


def make_plan(request: ClassifyRequest) -> ClassifyPlan:
    """Read labels and area, find items, year and grid.

    Raises:
        UsageError: Options are missing or wrong; several years are there and none is chosen.
        LabelsError: The labels cannot be used.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: Nothing lies in the area or in the year.
        IncomparableError: The items are of two encoders or recipes.
    """
    given = read_legend(request.legend) if request.legend else None
    labels = read_labels(
        request.labels,
        layer=request.layer,
        class_field=request.class_field,
        year_field=request.year_field,
        legend=given.by_id if given else None,
    )
    area = area_of(request, labels)
    catalog = request.catalog_or_default
    found = find_items(catalog, geometry=area)
    year = choose_year(found, request.year)
    items = tuple(by_year(found)[year])
    label_years = {year} if labels.year is None else {int(one) for one in np.unique(labels.year)}
    label_items = tuple(find_items(catalog, geometry=labels.envelope, years=label_years))
    if missing := sorted(label_years - {item.year for item in label_items}):
        raise NothingFoundError(
            f"got labels of {', '.join(map(str, missing))}, expected years of the items around them: "
            f"{', '.join(map(str, by_year(label_items)))}; leave these labels out or add items of their years"
        )
    one_identity([*items, *label_items])
    one_start([*items, *label_items])
    return ClassifyPlan(
        request=request,
        labels=labels,
        legend=given or legend_of(labels.names),
        area=area,
        year=year,
        items=items,
        label_items=label_items,
        grid=grid_for(items, area),
        parameters=TreeParameters(seed=request.seed),
    )


def area_of(request: ClassifyRequest, labels: Labels) -> shapely.Geometry:
    """Return the area to map: file, box, or the envelope of the labels."""
    if request.geometry is not None:
        return wrap_longitudes(read_area(request.geometry))
    if request.bbox is not None:
        return parse_bbox(request.bbox)
    _, south, _, north = labels.envelope.bounds
    # A degree of longitude shrinks towards the poles: a margin that is a pixel at the equator is less than half of one
    # in the north of Norway.
    shrink = np.cos(np.deg2rad(min(max(abs(south), abs(north)), 85.0)))
    return wrap_longitudes(shapely.buffer(labels.envelope, _ENVELOPE_MARGIN / shrink, join_style="mitre"))


def _order(item: CodesItem) -> tuple[int, str, str, str]:
    return item.year, item.tile, item.id, item.href


def _digest(area: shapely.Geometry) -> str:
    """Return the SHA-256 of a geometry, whatever the order of its parts."""
    return hashlib.sha256(shapely.to_wkb(shapely.normalize(area))).hexdigest()


def _labels_digest(labels: Labels) -> str:
    """Return the SHA-256 of places, classes and years: files of other bytes may hold the same labels."""
    digest = hashlib.sha256(json.dumps(labels.names, ensure_ascii=True).encode("ascii"))
    for place in shapely.to_wkb(labels.geometry).tolist():
        digest.update(place)
    digest.update(labels.class_id.astype("<i8").tobytes())
    digest.update(b"" if labels.year is None else labels.year.astype("<i8").tobytes())
    return digest.hexdigest()
