"""The points of a drawn sample: a GeoPackage for an interpreter to fill in."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.design_file import REFERENCE_FIELD, SampleDesign
from esd_tasks.geopackage import write_geopackage
from esd_tasks.strata_raster import ClassRaster
from esd_tasks.target import WGS84, transformer

LAYER: Final = "sample"
"""Layer of the points."""


def write_points(path: Path, raster: ClassRaster, sample: SampleDesign, *, blind: bool) -> None:
    """Write the middles of the drawn pixels in the raster's CRS, in random order: the first hundred are a random part.

    Fields: id, stratum, map_class, inclusion_probability, weight (pixels that the sample stands for), weight_m2 (square
    metres of them: the area of the stratum, shared among its samples by the true areas of their pixels, so that sums by
    reference class are the areas that `assess` estimates), lon, lat, and an empty reference.

    Args:
        path: `.gpkg`.
        raster: What the sample was drawn from.
        sample: The sample.
        blind: Leave out whatever tells the map's class: stratum, map_class, inclusion_probability and weights.

    Raises:
        OutputError: The file cannot be written.
    """
    import geopandas
    import pandas

    drawn = sample.drawn
    x, y = raster.transform * (drawn.column + 0.5, drawn.row + 0.5)
    lon, lat = transformer(raster.crs, WGS84).transform(x, y)
    columns: dict[str, Any] = {"id": np.arange(1, len(x) + 1)}
    if not blind:
        strata = {stratum.stratum: stratum for stratum in sample.strata}
        of_each = [strata[stratum] for stratum in drawn.stratum.tolist()]
        chance = np.array([stratum.inclusion_probability for stratum in of_each])
        columns |= {
            "stratum": drawn.stratum,
            "map_class": [stratum.class_name for stratum in of_each],
            "inclusion_probability": chance,
            "weight": 1 / chance,
            "weight_m2": _square_metres(raster, sample),
        }
    columns |= {"lon": lon, "lat": lat, REFERENCE_FIELD: pandas.Series([None] * len(x), dtype="string")}
    frame = geopandas.GeoDataFrame(columns, geometry=shapely.points(x, y), crs=raster.crs.to_wkt())
    write_geopackage(path, frame, layer=LAYER)


def _square_metres(raster: ClassRaster, sample: SampleDesign) -> NDArray[np.float64]:
    """Return the area that each sample stands for, (n,)."""
    drawn = sample.drawn
    areas = np.ones(len(drawn.row))
    if raster.areas.unequal(raster.height, raster.width):
        areas = raster.areas.at(drawn.row, drawn.column)
    for stratum in sample.strata:
        here = drawn.stratum == stratum.stratum
        areas[here] *= stratum.area_m2 / areas[here].sum() if here.any() else 1.0
    return areas
