"""What a cube of codes says of itself: coordinates and CRS by the CF conventions, and the identity of its codes."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.windows import Window

from esd_tasks.target import Grid
from stactools_esd.product import CODE_RULE, FSQ, NODATA_RULE, STEPS, CodesIdentity

CONVENTIONS: Final = "CF-1.10"
"""Version of the conventions."""

GRID_MAPPING: Final = "spatial_ref"
"""Name of the variable that holds the CRS."""

Coordinate = tuple[NDArray[Any], dict[str, Any]]
"""Values and attributes."""


def coordinates(grid: Grid, years: Sequence[int]) -> dict[str, Coordinate]:
    """Return the coordinates of a cube by the names of their dimensions: year, step, dimension, y, x."""
    down = grid.centres(Window(0, 0, 1, grid.height))[1][:, 0]
    across = grid.centres(Window(0, 0, grid.width, 1))[0][0]
    kind = ("longitude", "latitude") if grid.crs.is_geographic else ("projection_x", "projection_y")
    units = ("degrees_east", "degrees_north") if grid.crs.is_geographic else (_unit(grid),) * 2
    names = [name if grid.crs.is_geographic else f"{name}_coordinate" for name in kind]
    return {
        "year": (np.array(years, dtype=np.int32), {"long_name": "calendar year, or the year in which 365 days start"}),
        "step": (np.arange(1, STEPS + 1, dtype=np.int32), {"long_name": "temporal step of the year"}),
        "dimension": (np.arange(1, FSQ.dimensions + 1, dtype=np.int32), {"long_name": "dimension of a step"}),
        "y": (down, {"standard_name": names[1], "units": units[1], "axis": "Y"}),
        "x": (across, {"standard_name": names[0], "units": units[0], "axis": "X"}),
    }


def grid_mapping(grid: Grid) -> dict[str, Any]:
    """Return the attributes of the variable that holds the CRS, for readers of CF and of GDAL."""
    crs = pyproj.CRS.from_wkt(grid.crs.to_wkt())
    transform = grid.transform
    corner = (transform.c, transform.a, transform.b, transform.f, transform.d, transform.e)
    return {
        **crs.to_cf(),
        "spatial_ref": crs.to_wkt(),
        "GeoTransform": " ".join(str(float(value)) for value in corner),
    }


def identity_attributes(identity: CodesIdentity) -> dict[str, Any]:
    """Return what must agree before codes meet others, and how they are decoded."""
    return {
        "Conventions": CONVENTIONS,
        "esd_encoder": identity.encoder.label,
        "esd_weights_sha256": identity.encoder.weights_sha256 or "",
        "esd_format_version": identity.format_version,
        "esd_input_recipe": json.dumps(identity.recipe.as_dict()),
        "esd_levels": list(FSQ.levels),
        "esd_basis": list(FSQ.basis),
        "esd_rule": CODE_RULE,
        "esd_nodata_rule": NODATA_RULE,
    }


def _unit(grid: Grid) -> str:
    name, factor = grid.crs.linear_units_factor
    return "m" if factor == 1.0 else str(name)
