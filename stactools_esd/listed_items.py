"""Items of a listing: place and pixels by the rule of the tile grid, for no raster was seen."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pystac

from stactools_esd import grid
from stactools_esd.collection import asset_fields
from stactools_esd.footprint import footprints
from stactools_esd.listing import Entry
from stactools_esd.names import CodesTags
from stactools_esd.product import (
    OFFICIAL_CHINA_RECIPE,
    OFFICIAL_ENCODER,
    OFFICIAL_RECIPE,
    PIXEL_SIZE,
    TILE_PIXELS,
    CodesIdentity,
    EncoderIdentity,
)
from stactools_esd.signing import AUTHENTICATION_EXTENSION, SCHEME, authentication, is_archived
from stactools_esd.stac import FILE_EXTENSION, described, local_path, period_of, plain

Json = dict[str, Any]

_outlines: dict[str, tuple[Json, list[float]]] = {}


def official_tags(*, china: bool = False) -> CodesTags:
    """Return what all tiles of the official archive say, but tile and year."""
    recipe = OFFICIAL_CHINA_RECIPE if china else OFFICIAL_RECIPE
    identity = CodesIdentity(encoder=OFFICIAL_ENCODER, recipe=recipe)
    return CodesTags(identity=identity, tile="", year=0, sources=(recipe.source,), software="not stated")


@dataclass(frozen=True, kw_only=True)
class ListedYear:
    """The items of a year of a listing, made when they are asked for."""

    year: int
    """Which."""

    entries: Sequence[Entry]
    """Of that year."""

    root: Path
    """Folder from which relative hrefs are counted."""

    tags: CodesTags = field(default_factory=official_tags)
    """What all have in common: encoder, recipe, licence."""

    @property
    def encoder(self) -> EncoderIdentity:
        """The one encoder of a listing."""
        return self.tags.identity.encoder

    @property
    def weights(self) -> set[str | None]:
        """The hash of its weights."""
        return {self.encoder.weights_sha256}

    def ids(self) -> list[str]:
        """Return the ids of the items."""
        return [replace(self.tags, tile=entry.tile, year=entry.year).name.item_id for entry in self.entries]

    def items(self) -> list[Json]:
        """Return the items."""
        outlines = outlines_of(entry.tile for entry in self.entries)
        return [self._item(entry, *outlines[entry.tile]) for entry in self.entries]

    def _item(self, entry: Entry, geometry: Json, bbox: list[float]) -> Json:
        place = grid.tile(entry.tile)
        common = official_tags(china=True) if entry.china else self.tags
        tags = replace(common, tile=entry.tile, year=entry.year, window_start=None)
        properties, extensions = described(tags, f"EPSG:{place.epsg}", place.bounds, "derived")
        asset = {"href": self._absolute(entry.href)} | asset_fields("embeddings")
        asset |= {
            "proj:shape": [place.height, place.width],
            "proj:transform": [plain(value) for value in tuple(place.transform)[:6]],
            "raster:spatial_resolution": plain(place.transform.a),
            "raster:sampling": "area",
        }
        if entry.size is not None:
            asset["file:size"] = entry.size
            extensions.append(FILE_EXTENSION)
        if is_archived(entry.href):
            asset["auth:refs"] = [SCHEME]
            properties["auth:schemes"] = authentication()
            extensions.append(AUTHENTICATION_EXTENSION)
        first, last = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in period_of(tags))
        return {
            "type": "Feature",
            "stac_version": pystac.get_stac_version(),
            "stac_extensions": sorted(extensions),
            "id": tags.name.item_id,
            "geometry": geometry,
            "bbox": bbox,
            "properties": properties | {"start_datetime": first, "end_datetime": last, "datetime": first},
            "links": [],
            "assets": {"embeddings": asset},
        }

    def _absolute(self, href: str) -> str:
        path = local_path(href)
        return href if path is None else (self.root / path).resolve().as_posix()


def outlines_of(tiles: Iterable[str]) -> dict[str, tuple[Json, list[float]]]:
    """Return outline and box of tiles; those of a zone are made together, and kept: tiles come back every year."""
    wanted = set(tiles)
    new: dict[int, list[grid.Tile]] = defaultdict(list)
    for id in sorted(wanted - _outlines.keys()):
        new[grid.tile(id).epsg].append(grid.tile(id))
    for epsg, of_zone in new.items():
        corners = np.array([(tile.transform.c, tile.transform.f) for tile in of_zone])
        for tile, geometry in zip(of_zone, footprints(epsg, corners, TILE_PIXELS * PIXEL_SIZE), strict=True):
            _outlines[tile.id] = geometry, _box(geometry)
    return {id: _outlines[id] for id in wanted}


def _box(geometry: Json) -> list[float]:
    """Return the box of an outline, faster than `grid.bbox` where it does not cross the antimeridian."""
    if geometry["type"] != "Polygon":
        return grid.bbox(geometry)
    ring = np.array(geometry["coordinates"][0])
    return [*ring.min(axis=0).tolist(), *ring.max(axis=0).tolist()]
