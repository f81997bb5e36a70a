"""Samples: labels met with the codes of the pixels that they name."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from rasterio.crs import CRS

from esd_tasks.codes_item import CodesItem
from esd_tasks.failures import Failures
from esd_tasks.labels import Labels
from esd_tasks.legend import LARGEST_ID
from esd_tasks.polygons import draw_pixels, grid_of_polygon
from esd_tasks.pull import Mosaic
from esd_tasks.request import POLYGON_CAP, POLYGON_RULES
from esd_tasks.target import WGS84, projected, transformer
from stactools_esd.errors import LabelsError, NothingFoundError, UsageError

__all__ = ["POLYGON_CAP", "Samples", "extract"]

OUTSIDE: Final = "outside every item"
NO_PIXEL: Final = "polygon without a pixel centre"
BEYOND_CAP: Final = "beyond the cap of pixels a polygon"
NODATA: Final = "no data"
FAILED: Final = "in a tile that could not be read: {}"
FEW_CLEAR: Final = "too few clear observations"
DUPLICATE: Final = "same pixel and class as another label"
CONFLICT: Final = "same pixel as a label of another class"


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Labelled pixels, n of them, each of one tile and year and none twice."""

    codes: NDArray[np.uint16]
    """Shape (n, 12)."""

    clear_obs: NDArray[np.uint16]
    """Cloud-free observations of the year, shape (n,)."""

    class_id: NDArray[np.uint16]
    """Class, shape (n,)."""

    group: NDArray[np.int64]
    """Position of the label in the file's usable features, shape (n,): pixels of one polygon share it."""

    year: NDArray[np.int64]
    """Year of the codes, shape (n,)."""

    x: NDArray[np.float64]
    """Metres in `crs`, shape (n,): the label's place for points, the middle of the pixel for polygons."""

    y: NDArray[np.float64]
    """Metres in `crs`, shape (n,)."""

    lon: NDArray[np.float64]
    """Degrees in WGS84, shape (n,)."""

    lat: NDArray[np.float64]
    """Degrees in WGS84, shape (n,)."""

    crs: str
    """The CRS of the items where they share one; else azimuthal equidistant from the middle of the samples."""

    names: Mapping[int, str]
    """Name of each class_id, as the labels have them."""

    dropped: Mapping[str, Mapping[int, int]]
    """Pixels (for `polygon without a pixel centre`: polygons) left out, by reason and class_id."""

    polygon_rule: str = "center"
    """`center` or `all-touched`."""

    polygon_cap: int | None = POLYGON_CAP
    """Pixels drawn from one polygon at most."""

    min_clear: int = 0
    """Cloud-free observations that a sample has at least."""

    weight: NDArray[np.float64] | None = None
    """Weight of each sample in training, that of its label; None where labels have none."""

    covariates: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Values beside the codes by their names, each (n,); NaN is missing."""

    @property
    def counts(self) -> dict[int, int]:
        """Samples of each class, by class_id."""
        return {int(key): int(n) for key, n in zip(*np.unique(self.class_id, return_counts=True), strict=True)}

    @property
    def class_ids(self) -> tuple[int, ...]:
        """Classes that have samples, ascending."""
        return tuple(self.counts)

    @property
    def n_groups(self) -> int:
        """Number of labels that gave samples."""
        return len(np.unique(self.group))


def extract(
    labels: Labels,
    items_by_year: Mapping[int, Sequence[CodesItem]],
    *,
    polygon_rule: str = "center",
    min_clear: int = 0,
    polygon_cap: int | None = POLYGON_CAP,
    seed: int = 0,
    year: int | None = None,
    least_classes: int = 2,
    failures: Failures | None = None,
) -> Samples:
    """Read the codes of labelled pixels: only the blocks that hold them.

    A point names the pixel that holds it. A polygon names the pixels of `polygon_rule` in the grid of the item whose
    own square is nearest to its middle; where there are more than `polygon_cap`, that many are drawn. A pixel that
    several labels name is kept once where they agree and left out where they do not.

    Args:
        labels: What is where.
        items_by_year: Items of each year that labels may have (`codes_item.by_year`).
        polygon_rule: `center` or `all-touched`.
        min_clear: Pixels with fewer cloud-free observations are left out.
        polygon_cap: Most pixels of one polygon; None for all.
        seed: Decides which pixels of a large polygon are drawn.
        year: Year of all labels, where they have none of their own; not needed where the items are of one year.
        least_classes: Classes that must have samples: two, or one where the labels are of one kind.
        failures: Hears of items that cannot be read, whose labels are then left out; None raises their errors.

    Raises:
        UsageError: The rule is unknown, or the year of the labels is not clear.
        NothingFoundError: No item has a label's year, no label lies in an item, or all have too few clear observations.
        LabelsError: What is left is of fewer classes than `least_classes`.
    """
    if polygon_rule not in POLYGON_RULES:
        raise UsageError(f"got --polygon-rule {polygon_rule}, expected {' or '.join(POLYGON_RULES)}; choose one")
    years = _years(labels, items_by_year, year)
    dropped: dict[str, Counter[int]] = {}
    parts = []
    crss: set[CRS] = set()
    for one in np.unique(years).tolist():
        with Mosaic(items_by_year[one], on_failure=None if failures is None else failures.hear) as mosaic:
            members = np.flatnonzero(years == one)
            pixels = _pixels(labels, members, mosaic, polygon_rule == "all-touched", polygon_cap, seed, dropped)
            parts.append(_read(pixels, labels, mosaic, one, min_clear, dropped))
            crss |= {mosaic.georeference(k).crs for k in np.unique(parts[-1]["owner"]).tolist()}
    columns: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != "owner"
    }
    _check(columns["class_id"], dropped, labels, least_classes)
    x, y, crs = _metres(columns["lon"], columns["lat"], crss)
    return Samples(
        **columns,
        x=x,
        y=y,
        crs=crs,
        names=labels.names,
        dropped={reason: dict(sorted(counts.items())) for reason, counts in dropped.items()},
        polygon_rule=polygon_rule,
        polygon_cap=polygon_cap,
        min_clear=min_clear,
        weight=None if labels.weight is None else labels.weight[columns["group"]],
    )


def _years(labels: Labels, items_by_year: Mapping[int, Sequence[CodesItem]], year: int | None) -> NDArray[np.int64]:
    """Return the year of each label, of which there are items."""
    there = ", ".join(str(one) for one in sorted(items_by_year)) or "none"
    if labels.year is None and year is None and len(items_by_year) != 1:
        raise UsageError(f"got labels without a year and items of {there}; choose one with --year or --year-field")
    chosen = year if year is not None else next(iter(items_by_year), 0)
    years = np.full(len(labels.class_id), chosen) if labels.year is None else labels.year
    if missing := sorted(set(years.tolist()) - {one for one, items in items_by_year.items() if items}):
        raise NothingFoundError(
            f"got labels of {', '.join(map(str, missing[:10]))}, expected years of the catalogue here: {there}; "
            "leave these labels out or add items of their years"
        )
    return np.asarray(years, dtype=np.int64)


def _pixels(
    labels: Labels,
    members: NDArray[np.intp],
    mosaic: Mosaic,
    all_touched: bool,
    cap: int | None,
    seed: int,
    dropped: dict[str, Counter[int]],
) -> dict[str, NDArray[Any]]:
    """Return the places (lon, lat) that labels name, and the label of each."""
    kinds = shapely.get_dimensions(labels.geometry[members])
    dotted = labels.geometry[members[kinds == 0]]
    points, member = shapely.get_coordinates(dotted, return_index=True)
    lon, lat, group = [points[:, 0]], [points[:, 1]], [members[kinds == 0][member]]
    for label in members[kinds == 2].tolist():
        class_id = int(labels.class_id[label])
        place = grid_of_polygon(labels.geometry[label], mosaic)
        if place is None:
            _count(dropped, OUTSIDE, [class_id])
            continue
        x, y, n_beyond = draw_pixels(
            projected(labels.geometry[label], place.crs), place, all_touched, cap, (seed, label)
        )
        if len(x) == 0:
            _count(dropped, NO_PIXEL, [class_id])
        _count(dropped, BEYOND_CAP, [class_id], n_beyond)
        there = transformer(place.crs, WGS84).transform(x, y)
        lon.append(there[0])
        lat.append(there[1])
        group.append(np.full(len(x), label))
    return {"lon": np.concatenate(lon), "lat": np.concatenate(lat), "group": np.concatenate(group).astype(np.int64)}


def _read(
    pixels: Mapping[str, NDArray[Any]],
    labels: Labels,
    mosaic: Mosaic,
    year: int,
    min_clear: int,
    dropped: dict[str, Counter[int]],
) -> dict[str, NDArray[Any]]:
    """Return the columns of the samples of one year, whatever cannot be used left out and counted."""
    pulled = mosaic.read_points(pixels["lon"], pixels["lat"])
    class_id = labels.class_id[pixels["group"]]
    failed = ~pulled.valid & np.isin(pulled.owner, sorted(mosaic.failed))
    reasons = {
        OUTSIDE: pulled.owner < 0,
        FAILED.format(", ".join(mosaic.items[k].id for k in sorted(mosaic.failed))): failed,
        NODATA: (pulled.owner >= 0) & ~pulled.valid & ~failed,
        FEW_CLEAR: pulled.valid & (pulled.clear_obs < min_clear),
    }
    kept = np.flatnonzero(~np.any(list(reasons.values()), axis=0))
    place = (pulled.owner[kept].astype(np.int64) << 32) | (pulled.row[kept] << 16) | pulled.column[kept]
    _, first, member = np.unique(place, return_index=True, return_inverse=True)
    lowest, highest = np.full(len(first), LARGEST_ID), np.zeros(len(first), dtype=np.int64)
    np.minimum.at(lowest, member, class_id[kept])
    np.maximum.at(highest, member, class_id[kept])
    conflict = (lowest < highest)[member]
    repeated = np.ones(len(kept), dtype=np.bool_)
    repeated[first] = False
    for reason, rows in reasons.items():
        _count(dropped, reason, class_id[rows])
    _count(dropped, CONFLICT, class_id[kept[conflict]])
    _count(dropped, DUPLICATE, class_id[kept[repeated & ~conflict]])
    rest = kept[~conflict & ~repeated]
    return {
        "codes": pulled.codes[rest],
        "clear_obs": pulled.clear_obs[rest],
        "class_id": class_id[rest],
        "owner": pulled.owner[rest],
        "year": np.full(len(rest), year, dtype=np.int64),
        **{name: column[rest] for name, column in pixels.items()},
    }


def _count(dropped: dict[str, Counter[int]], reason: str, class_ids: ArrayLike, times: int = 1) -> None:
    """Add what was left out to the account."""
    for class_id, n in zip(*np.unique(class_ids, return_counts=True), strict=True):
        if times:
            dropped.setdefault(reason, Counter())[int(class_id)] += int(n) * times


def _check(class_id: NDArray[np.uint16], dropped: Mapping[str, Counter[int]], labels: Labels, least: int) -> None:
    """See that what is left can train a model."""
    reasons = "; ".join(f"{reason}: {counts.total()}" for reason, counts in dropped.items())
    if len(class_id) == 0 and set(dropped) <= {OUTSIDE, BEYOND_CAP}:
        west, south, east, north = shapely.total_bounds(labels.geometry)
        raise NothingFoundError(
            f"got labels at {west:.4f},{south:.4f},{east:.4f},{north:.4f} (W,S,E,N), all outside every item, expected "
            "some inside; check their CRS or choose another catalogue"
        )
    if len(present := np.unique(class_id)) < least:
        got = f"only class {labels.names[int(present[0])]}" if len(present) else "no sample"
        clear = 2 * sum(dropped.get(FEW_CLEAR, {}).values()) > sum(counts.total() for counts in dropped.values())
        mend = "lower --min-clear" if clear else "give more labels"
        raise (NothingFoundError if clear and not len(present) else LabelsError)(
            f"got {got} left of {len(labels.class_id)} labels ({reasons or 'nothing was left out'}), expected at least "
            f"{'two classes' if least == 2 else 'one sample'}; {mend}"
            + (" or take --polygon-rule all-touched" if NO_PIXEL in dropped else "")
        )


def _metres(
    lon: NDArray[np.float64], lat: NDArray[np.float64], crss: set[CRS]
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Return places in metres: in the CRS of all items, or true to distance from the middle of the samples."""
    if len(crss) == 1:
        crs = next(iter(crss))
    else:
        east, north = np.deg2rad(lon), np.deg2rad(lat)
        x, y, z = np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)
        middle = np.rad2deg([np.arctan2(y.mean(), x.mean()), np.arctan2(z.mean(), np.hypot(x.mean(), y.mean()))])
        crs = CRS.from_string(f"+proj=aeqd +lat_0={middle[1]:.2f} +lon_0={middle[0]:.2f} +datum=WGS84 +units=m")
    across, along = transformer(WGS84, crs).transform(lon, lat)
    return across, along, crs.to_string()
