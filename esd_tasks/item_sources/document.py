"""An item of codes from its JSON, wherever that was found."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
import shapely
import shapely.geometry
from rasterio import Affine
from rasterio.crs import CRS

from esd_tasks.codes_item import CodesItem
from esd_tasks.item_sources.hrefs import links_of, resolve
from esd_tasks.target import Grid
from stactools_esd import stac
from stactools_esd.errors import CatalogError
from stactools_esd.gdal import without_query
from stactools_esd.grid import is_north_up

CODES_ASSET: Final = "embeddings"
"""Key of the asset that holds the codes."""

_OWN_PREFIX: Final = "esd:"


def is_of_codes(content: Any) -> bool:
    """Tell whether a JSON content is an item of codes, for catalogues may hold others."""
    properties = content.get("properties") if isinstance(content, dict) else None
    return isinstance(properties, dict) and any(key.startswith(_OWN_PREFIX) for key in properties)


def item_of(content: Mapping[str, Any], place: str) -> CodesItem:
    """Make an item of its JSON.

    Args:
        content: The item; its geometry may be one of shapely.
        place: Path or URL of the document that holds it, from which hrefs are counted.

    Raises:
        CatalogError: Something that an item of codes has is missing or malformed.
    """
    try:
        tags = stac.tags_of(content)
        asset = content["assets"][CODES_ASSET]
        for key, kind in (("file:checksum", str), ("file:size", int)):
            if not isinstance(asset.get(key), kind | None):
                raise TypeError(key)
        return CodesItem(
            id=str(content["id"]),
            href=resolve(str(asset["href"]), place),
            identity=tags.identity,
            tile=tags.tile,
            year=tags.year,
            window_start=tags.window_start,
            footprint=_outline(content["geometry"]),
            checksum=asset.get("file:checksum"),
            size=asset.get("file:size"),
            item_href=_own_href(content, place),
            temporal_context=tags.temporal_context,
            licence=tags.licence,
            grid=_grid(content.get("properties", {}), asset),
        )
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError, shapely.errors.ShapelyError) as error:
        raise CatalogError(
            f"got item {content.get('id')!r} of {without_query(place)} without a sound {error}, expected an item of "
            "codes; make it again"
        ) from error


def _own_href(content: Mapping[str, Any], place: str) -> str | None:
    """Return where an item stands: its own document, or what one with many items says of it."""
    if place.split("?", 1)[0].endswith(".json") and "features" not in content:
        return place
    try:
        own = next((href for relation, href, _ in links_of(content, place) if relation == "self"), None)
        return own and resolve(own, place)
    except CatalogError:
        return None  # its own address is only shown


def _grid(properties: Mapping[str, Any], asset: Mapping[str, Any]) -> Grid | None:
    """Return the pixels of the codes as the item states them, or None where it does not, or only derived them."""
    if properties.get("esd:geometry_source") == "derived":
        return None  # the file knows better
    code, shape, transform = (
        asset.get(f"proj:{name}") or properties.get(f"proj:{name}") for name in ("code", "shape", "transform")
    )
    if not (code and shape and transform) or not str(code).startswith("EPSG:"):
        return None
    height, width = (int(number) for number in shape)
    pixels = Affine(*(float(number) for number in transform[:6]))
    if not is_north_up(pixels) or min(height, width) < 1:
        raise ValueError("proj:transform or proj:shape")
    return Grid(crs=_crs(int(str(code).removeprefix("EPSG:"))), transform=pixels, width=width, height=height)


def _outline(geometry: Any) -> shapely.Geometry:
    """Return the outline of an item, each of whose corners is somewhere."""
    found = geometry if isinstance(geometry, shapely.Geometry) else shapely.geometry.shape(geometry)
    corners = shapely.get_coordinates(found)
    if not len(corners) or not np.isfinite(corners).all():
        raise ValueError("geometry")
    return found


@lru_cache(maxsize=256)
def _crs(epsg: int) -> CRS:
    """Return a CRS; kept, for making one is slow."""
    return CRS.from_epsg(epsg)
