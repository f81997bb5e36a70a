"""The points of a drawn sample: a GeoPackage for an interpreter to fill in."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

from esd_tasks.design_file import REFERENCE_FIELD, SampleDesign
from esd_tasks.strata_raster import ClassRaster
from esd_tasks.target import WGS84, transformer
from stactools_esd.files import atomic_path

LAYER: Final = "sample"
"""Layer of the points."""


def write_points(path: Path, raster: ClassRaster, sample: SampleDesign, *, blind: bool) -> None:
    """Write the middles of the drawn pixels in the raster's CRS, in random order: the first hundred are a random part.

    Fields: id, stratum, map_class, inclusion_probability, weight (pixels that the sample stands for), lon, lat, and an
    empty reference.

    Args:
        path: `.gpkg`.
        raster: What the sample was drawn from.
        sample: The sample.
        blind: Leave out whatever tells the map's class: stratum, map_class, inclusion_probability and weight.
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
        }
    columns |= {"lon": lon, "lat": lat, REFERENCE_FIELD: pandas.Series([None] * len(x), dtype="string")}
    frame = geopandas.GeoDataFrame(columns, geometry=shapely.points(x, y), crs=raster.crs.to_wkt())
    with atomic_path(path) as temporary:
        frame.to_file(temporary, driver="GPKG", layer=LAYER)
