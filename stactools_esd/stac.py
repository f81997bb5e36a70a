"""STAC items of codes COGs: pure, offline, deterministic.

`create_item` reads the one file it is given and nothing else: no clock, no network beyond that file, no schema fetched.
Equal files under equal names give equal items.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rasterio.crs import CRS

from stactools_esd import grid
from stactools_esd.cog import CodesFile, open_codes
from stactools_esd.collection import ESD_EXTENSION, asset_fields, create_collection
from stactools_esd.errors import CatalogError, GridError, ProductNameError
from stactools_esd.files import multihash_file
from stactools_esd.names import CodesTags, is_tile
from stactools_esd.product import DAYS, SOFTWARE, CodesIdentity, EncoderIdentity, InputRecipe
from stactools_esd.tags import check_tile_and_year, checked_engine

if TYPE_CHECKING:  # whoever only reads items does without it, and starts a tenth of a second sooner
    import pystac

__all__ = [
    "ESD_EXTENSION",
    "ReadHrefModifier",
    "create_collection",
    "create_item",
    "identity_of",
    "local_path",
    "relative_href",
    "tags_of",
]

ReadHrefModifier = Callable[[str], str]
"""Turns the href that an item shows into the one that is read, e.g. by signing it."""

FILE_EXTENSION: Final = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
GRID_EXTENSION: Final = "https://stac-extensions.github.io/grid/v1.1.0/schema.json"
PROCESSING_EXTENSION: Final = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
PROJECTION_EXTENSION: Final = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
RASTER_EXTENSION: Final = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"

_SPDX = re.compile(r"[\w\-.+]+")
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|/vsi", re.IGNORECASE)


def create_item(
    href: str | Path,
    *,
    encoder: str | None = None,
    tile: str | None = None,
    year: int | None = None,
    visual_href: str | Path | None = None,
    thumbnail_href: str | Path | None = None,
    read_href_modifier: ReadHrefModifier | None = None,
) -> "pystac.Item":
    """Describe a codes COG, official or ours.

    The item stands alone: no links, no collection; a catalogue adds them. Geometry and bbox come from the raster's
    own georeference. Size and checksum are stated for files of this machine, not for remote ones, which would have to
    be read whole.

    Args:
        href: Local path or URL of the codes COG; it stands in the item as it is, local paths made absolute.
        encoder: Label of the encoder where the file does not say, e.g. `official-v001`.
        tile: MGRS tile, or `x` and the name of an area, where neither tags nor name say.
        year: Year where neither tags nor name say.
        visual_href: RGB COG of the codes, if there is one.
        thumbnail_href: PNG of the codes, if there is one.
        read_href_modifier: Makes the href to read from the href to show.

    Raises:
        RasterError: The file cannot be read, is no codes COG, or disagrees with the options.
        GridError: Name and georeference disagree, or the CRS has no EPSG code.
        ProductNameError: A tile or an encoder is not a name of this product.
    """
    read = read_href_modifier or str
    with open_codes(read(str(href)), encoder=encoder, tile=tile, year=year, name=str(href)) as codes:
        item = _item(codes)
        on_grid = {
            "proj:shape": [codes.height, codes.width],
            "proj:transform": [plain(value) for value in tuple(codes.transform)[:6]],
            "raster:spatial_resolution": plain(codes.transform.a),
        }
    item.add_asset("embeddings", _asset("embeddings", href, read, {**on_grid, "raster:sampling": "area"}))
    if visual_href is not None:
        item.add_asset("visual", _asset("visual", visual_href, read, on_grid))
    if thumbnail_href is not None:
        item.add_asset("thumbnail", _asset("thumbnail", thumbnail_href, read, {}))
    if any("file:size" in asset.extra_fields for asset in item.assets.values()):
        item.stac_extensions = sorted([*item.stac_extensions, FILE_EXTENSION])
    return item


def _item(codes: CodesFile) -> "pystac.Item":
    """Return the item without assets."""
    import pystac

    geometry = grid.footprint(codes.crs, codes.bounds)
    properties, extensions = described(codes.tags, _proj_code(codes.crs), codes.bounds, "raster")
    first, last = period_of(codes.tags)
    return pystac.Item(
        id=codes.tags.name.item_id,
        geometry=geometry,
        bbox=grid.bbox(geometry),
        datetime=first,
        start_datetime=first,
        end_datetime=last,
        properties=properties,
        stac_extensions=extensions,
    )


def period_of(tags: CodesTags) -> tuple[datetime, datetime]:
    """Return the first and the last second of the year, or of the 365 days of a window."""
    first = datetime.combine(tags.window_start or date(tags.year, 1, 1), time(), UTC)
    after = first + timedelta(days=DAYS) if tags.window_start else datetime(tags.year + 1, 1, 1, tzinfo=UTC)
    return first, after - timedelta(seconds=1)


def described(
    tags: CodesTags, proj_code: str, bounds: Sequence[float], geometry_source: str
) -> tuple[dict[str, Any], list[str]]:
    """Return the properties of an item but its times, and the extensions that they need.

    Args:
        tags: What its codes are.
        proj_code: `EPSG:` and the number of its CRS.
        bounds: (west, south, east, north) in that CRS.
        geometry_source: `raster` where a file said so, `derived` where the tile's name did.
    """
    properties = {
        "title": _title(tags),
        "description": _description(tags),
        "license": tags.licence if _SPDX.fullmatch(tags.licence) else "other",
        "proj:code": proj_code,
        "proj:bbox": [plain(value) for value in bounds],
    }
    if is_tile(tags.tile):
        properties["grid:code"] = f"MGRS-{tags.tile}"
    properties |= _processing(tags) | _esd(tags) | {"esd:geometry_source": geometry_source}
    extensions = [PROJECTION_EXTENSION, RASTER_EXTENSION, ESD_EXTENSION]
    extensions += [GRID_EXTENSION] if "grid:code" in properties else []
    extensions += [PROCESSING_EXTENSION] if any(key.startswith("processing:") for key in properties) else []
    return properties, sorted(extensions)


def _esd(tags: CodesTags) -> dict[str, Any]:
    """Return the properties of our own extension."""
    encoder = tags.identity.encoder
    properties = {
        "esd:encoder": encoder.label,
        "esd:weights_sha256": encoder.weights_sha256,
        "esd:format_version": tags.identity.format_version,
        "esd:input_recipe": tags.identity.recipe.as_dict(),
        "esd:tile": tags.tile,
        "esd:temporal_context": tags.temporal_context,
        "esd:window_start": tags.window_start.isoformat() if tags.window_start else None,
        "esd:skipped_images": tags.skipped_images or None,
        "esd:engine": tags.engine,
    }
    return {key: value for key, value in properties.items() if value is not None}


def _processing(tags: CodesTags) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    name, _, version = tags.software.partition(" ")
    if name == SOFTWARE and version:
        properties["processing:software"] = {name: version}
    if tags.sources:
        properties["processing:lineage"] = f"Encoded from {'; '.join(tags.sources)}"
    return properties


def _place(tags: CodesTags) -> str:
    return f"Tile {tags.tile}" if is_tile(tags.tile) else f"Area {tags.tile.removeprefix('x')}"


def _period(tags: CodesTags) -> str:
    return f"{DAYS} days from {tags.window_start.isoformat()}" if tags.window_start else str(tags.year)


def _title(tags: CodesTags) -> str:
    encoder = tags.identity.encoder
    return f"{_place(tags)}, {_period(tags)}, ESD codes ({encoder.name} {encoder.version})"


def _description(tags: CodesTags) -> str:
    period = f"the {_period(tags)}" if tags.window_start else _period(tags)
    return (
        f"Daily reflectance of {period} as twelve 16-bit codes a pixel, by the encoder {tags.identity.encoder.label}. "
        "How to decode them: `esd:fsq` of the asset `embeddings`. Compare codes only with codes of the same encoder "
        "and input recipe."
    )


def _asset(key: str, href: str | Path, read: ReadHrefModifier, fields: Mapping[str, Any]) -> "pystac.Asset":
    """Return an asset with its size and checksum where its file is on this machine."""
    import pystac

    described = asset_fields(key) | dict(fields)
    path = local_path(read(str(href)))
    if path is not None and path.is_file():
        described["file:size"] = path.stat().st_size
        described["file:checksum"] = multihash_file(path)
    shown = local_path(str(href))
    return pystac.Asset.from_dict({"href": str(href) if shown is None else shown.absolute().as_posix(), **described})


def local_path(href: str) -> Path | None:
    """Return an href as a path of this machine, or None where it is a URL or a GDAL virtual path."""
    return None if _REMOTE.match(href) else Path(href)


def relative_href(href: str, folder: Path) -> str:
    """Return the href of a local file as seen from a folder, `./` before names beside it; URLs stay as they are."""
    path = local_path(href)
    if path is None:
        return href
    relative = Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    return relative if relative.startswith("../") else f"./{relative}"


def plain(value: float) -> int | float:
    """Return a whole number without `.0`, and -0.0 as 0, so that equal geometry gives equal bytes."""
    return int(value) if float(value).is_integer() else float(value)


def _proj_code(crs: CRS) -> str:
    epsg = crs.to_epsg()
    if epsg is None:
        raise GridError(
            f"got a CRS without EPSG code ({crs.to_wkt()[:60]}...), expected one such as EPSG:32650; "
            "write the raster with the EPSG code of its UTM zone"
        )
    return f"EPSG:{epsg}"


def identity_of(item: "pystac.Item | Mapping[str, Any]") -> CodesIdentity:
    """Read back from an item what must agree before its codes meet others.

    Raises:
        CatalogError: The item lacks a field of the esd extension, or one is malformed.
    """
    with _readable(item) as properties:
        encoder = EncoderIdentity.parse(properties["esd:encoder"], properties.get("esd:weights_sha256"))
        recipe = InputRecipe.from_dict(properties["esd:input_recipe"])
        return CodesIdentity(encoder=encoder, recipe=recipe, format_version=str(properties["esd:format_version"]))


def tags_of(item: "pystac.Item | Mapping[str, Any]") -> CodesTags:
    """Read back from an item identity, tile, year and window.

    Raises:
        CatalogError: The item lacks a field of the esd extension, or one is malformed.
    """
    identity = identity_of(item)
    with _readable(item) as properties:
        start = properties.get("esd:window_start")
        first, _ = (datetime.fromisoformat(properties[key]) for key in ("start_datetime", "end_datetime"))
        tile, window_start = str(properties["esd:tile"]), date.fromisoformat(start) if start else None
        check_tile_and_year(tile, first.year, window_start)
        if (code := properties.get("grid:code", f"MGRS-{tile}")) != f"MGRS-{tile}":
            raise ValueError(f"grid:code {code!r} beside esd:tile {tile!r}")
        return CodesTags(
            identity=identity,
            tile=tile,
            year=first.year,
            window_start=window_start,
            temporal_context=str(properties["esd:temporal_context"]),
            skipped_images=int(properties.get("esd:skipped_images", 0)),
            licence=str(properties.get("license", "other")),
            engine=checked_engine(properties.get("esd:engine")),
        )


@contextmanager
def _readable(item: "pystac.Item | Mapping[str, Any]") -> Iterator[Mapping[str, Any]]:
    """Lend the properties of an item; what goes wrong with them is one line that names the item."""
    content = item.get("properties", {}) if isinstance(item, Mapping) else item.properties
    item_id = item.get("id") if isinstance(item, Mapping) else item.id
    try:
        yield content
    except KeyError as error:
        raise CatalogError(
            f"got item {item_id!r} without {error.args[0]}, expected an item of the esd extension; "
            "make it again with `stac esd create-item`"
        ) from error
    except (TypeError, ValueError, AttributeError, OverflowError, ProductNameError) as error:
        reason = str(error).splitlines()[0]
        raise CatalogError(f"got item {item_id!r} with a malformed field of the esd extension: {reason}") from error
