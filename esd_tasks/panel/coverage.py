"""How much of each pixel lies in a polygon: exactly, not by the middle of the pixel."""

import numpy as np
import shapely
import shapely.geometry
from numpy.typing import NDArray
from rasterio.windows import Window

from esd_tasks.extras import needed
from esd_tasks.target import Grid


def shares(polygon: shapely.Geometry, grid: Grid, window: Window) -> NDArray[np.float64]:
    """Return the share of each pixel of a window that a polygon covers, by exactextract.

    Args:
        polygon: In the CRS of the grid.
        grid: The pixels.
        window: Part of the grid.

    Returns:
        Shape (h, w), 0..1.

    Raises:
        MissingExtraError: exactextract is not installed.
    """
    height, width = int(window.height), int(window.width)
    transform = grid.transform_of(window)
    left, top = transform.c, transform.f
    right, bottom = left + width * transform.a, top + height * transform.e
    box = shapely.box(left, bottom, right, top)
    if not shapely.intersects(polygon, box):
        return np.zeros((height, width))
    if shapely.contains(polygon, box):
        return np.ones((height, width))
    part = _areas(shapely.intersection(polygon, box))
    if part.is_empty:
        return np.zeros((height, width))
    extract = needed("exactextract", "tasks").exact_extract
    numpy_raster = needed("exactextract.raster", "tasks").NumPyRasterSource
    pixels = numpy_raster(np.zeros((height, width), dtype=np.uint8), left, bottom, right, top)
    feature = {"type": "Feature", "geometry": shapely.geometry.mapping(part), "properties": {}}
    (found,) = extract(pixels, feature, ["cell_id", "coverage"])
    covered = np.zeros(height * width)
    covered[np.asarray(found["properties"]["cell_id"], dtype=np.int64)] = found["properties"]["coverage"]
    return covered.reshape(height, width)


def _areas(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry, without the lines and points in which a box may cut it."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return shapely.multipolygons(parts[shapely.get_dimensions(parts) == 2])
