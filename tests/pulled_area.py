"""Tiles around the corner of four squares in two years, and a plan to pull an area of them."""

from pathlib import Path
from typing import Any

import geopandas
import rasterio
import shapely
from neighbours import CORNER, FOUR, to_wgs84, write_tile

from esd_tasks.pull_plan import PullPlan, make_plan
from esd_tasks.pull_request import PullRequest

TRIANGLE = shapely.Polygon(
    [to_wgs84(32631, CORNER[0] + x, CORNER[1] + y) for x, y in ((-500, -400), (600, 0), (0, 550))]
)
"""An area on all four tiles."""


def write_two_years(folder: Path) -> Path:
    """Write the four tiles in 2019 and 2020, of which the second year has few observations; return the folder."""
    lon, lat = to_wgs84(32631, *CORNER)
    for mark, tile in enumerate(FOUR, start=1):
        write_tile(folder, tile, lon, lat, mark=mark, size=(80, 80), year=2019)
        write_tile(folder, tile, lon, lat, mark=mark + 10, size=(80, 80), year=2020, clear=mark)
    return folder


def damage(path: Path) -> bytes:
    """Make the second half of a file's pixels unreadable, its length as it was; return what it held."""
    whole = path.read_bytes()
    with rasterio.open(path) as dataset:
        first = int(dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    kept = (first + len(whole)) // 2
    path.write_bytes(whole[:kept] + bytes(len(whole) - kept))
    return whole


def planned(catalog: Path | str, folder: Path, area: shapely.Geometry = TRIANGLE, **options: Any) -> PullPlan:
    """Plan to pull an area, by one thread where nothing else is said."""
    folder.mkdir(exist_ok=True)
    geopandas.GeoDataFrame(geometry=[area], crs=4326).to_file(folder / "area.gpkg")
    given = {"geometry": folder / "area.gpkg", "output": folder / "my area", "threads": 1}
    return make_plan(PullRequest(catalog=str(catalog), **given | options))
