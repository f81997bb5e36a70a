"""What is measured beside what where places are asked for: points of a tile, and items of a catalogue.

The catalogue is one of a listing, 1,600 tiles in 25 years, which `stac esd create-catalog` builds once into build/.
"""

import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from landscape_codes import FOLDER
from numpy.typing import NDArray
from tile_years import tile_years

TILE_SIDE: Final = 3600
POINTS: Final = 1000
TILES: Final = 1600
FIRST_YEAR: Final = 2000
YEARS: Final = 25
COLLECTION: Final = "esd-official-v001"
BOX: Final = 0.5
"""Degrees of a side of the box that the catalogue is asked for."""

Call = Callable[[], Any]


def points() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middles of pixels of a whole tile in its own CRS, drawn once."""
    pixel = np.random.default_rng(0).integers(0, TILE_SIDE, (2, POINTS))
    return 499_980 + 30 * (pixel[0] + 0.5), 5_700_000 - 30 * (pixel[1] + 0.5)


def pull_ours() -> Call:
    """Find the tile, see that it is what it says, and read the blocks that points are in."""
    from pyproj import Transformer

    from esd_tasks.items import find_items
    from esd_tasks.pull import read_points

    folder = tile_years(TILE_SIDE, 1)
    lon, lat = Transformer.from_crs(32631, 4326, always_xy=True).transform(*points())
    return lambda: read_points(find_items(folder, years=[2000]), lon, lat).codes


def pull_sample() -> Call:
    """Sample a file with rasterio point by point, in the order of the points."""
    import rasterio

    (path,) = tile_years(TILE_SIDE, 1).glob("*_2000.tif")
    x, y = points()

    def sample() -> Any:
        with rasterio.open(path) as dataset:
            return np.array(list(dataset.sample(zip(x, y, strict=True))))[:, :12]

    return sample


def pull_whole() -> Call:
    """Read the whole file, then choose."""
    import rasterio

    (path,) = tile_years(TILE_SIDE, 1).glob("*_2000.tif")
    x, y = points()

    def choose() -> Any:
        with rasterio.open(path) as dataset:
            rows, columns = rasterio.transform.rowcol(dataset.transform, x, y)
            return dataset.read()[:12, rows, columns].T

    return choose


def catalogue() -> Path:
    """Return a catalogue of 40,000 items, built where there is none yet."""
    made = FOLDER / f"catalogue_{TILES}_{YEARS}"
    if not made.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        listing, partial = FOLDER / "listing.csv", made.with_suffix(".partial")
        script = Path(__file__).resolve().parent.parent / "scripts" / "synthetic_listing.py"
        subprocess.run([sys.executable, script, listing, "--tiles", str(TILES), "--years", str(YEARS)], check=True)
        tool = Path(sys.executable).with_name("stac")
        # A build that was stopped goes on: its items are not written again.
        subprocess.run([tool, "esd", "create-catalog", listing, partial, "--replace"], check=True)
        partial.rename(made)
    return made


def parts() -> list[Path]:
    """Return the files of the index, one a year."""
    return sorted(catalogue().glob(f"{COLLECTION}/index/*/*.parquet"))


def box() -> tuple[float, float, float, float]:
    """Return a box around the middle of one of the tiles."""
    import pyarrow.parquet as pq

    rows = pq.read_table(parts()[0], columns=["bbox"]).column("bbox").to_pylist()
    chosen = rows[len(rows) // 2]
    x, y = (chosen["xmin"] + chosen["xmax"]) / 2, (chosen["ymin"] + chosen["ymax"]) / 2
    return x - BOX / 2, y - BOX / 2, x + BOX / 2, y + BOX / 2


def numbers(found: list[str]) -> NDArray[np.float64]:
    """Return a number for each id, by year and tile, so that what ways found can be compared."""
    ordered = sorted(found, key=lambda item_id: item_id.rsplit("-", 1)[::-1])
    return np.array([zlib.crc32(item_id.encode()) % 100_000 for item_id in ordered], np.float64)


def catalogue_ours() -> Call:
    """Ask as every command does."""
    from esd_tasks.items import find_items
    from esd_tasks.places import bbox_geometry

    folder, place, years = catalogue(), bbox_geometry(*box()), range(FIRST_YEAR, FIRST_YEAR + YEARS)
    return lambda: numbers([item.id for item in find_items(folder, geometry=place, years=years)])


def catalogue_pyarrow() -> Call:
    """Let pyarrow choose rows by their boxes, and look at the outlines of these."""
    import pyarrow.dataset as ds
    import shapely

    west, south, east, north = box()
    place, files = shapely.box(west, south, east, north), parts()
    beside = (ds.field("bbox", "xmin") <= east) & (ds.field("bbox", "xmax") >= west)
    meeting = beside & (ds.field("bbox", "ymin") <= north) & (ds.field("bbox", "ymax") >= south)

    def ask() -> Any:
        rows = ds.dataset(files).to_table(columns=["id", "geometry"], filter=meeting).to_pydict()
        inside = shapely.intersects(place, shapely.from_wkb(rows["geometry"]))
        return numbers([item_id for item_id, there in zip(rows["id"], inside, strict=True) if there])

    return ask


def catalogue_geopandas() -> Call:
    """Let geopandas choose rows, and look at their outlines."""
    import geopandas
    import shapely

    files, bounds = parts(), box()
    place = shapely.box(*bounds)

    def ask() -> Any:
        found: list[str] = []
        for file in files:
            rows = geopandas.read_parquet(file, columns=["id", "geometry"], bbox=bounds)
            found += rows.loc[rows.intersects(place), "id"].tolist()
        return numbers(found)

    return ask


def catalogue_pystac() -> Call:
    """Walk through the items of the first year, document by document, and look at their outlines."""
    import pystac
    import shapely.geometry

    place, root = shapely.box(*box()), catalogue() / COLLECTION / str(FIRST_YEAR) / "catalog.json"

    def ask() -> Any:
        items = pystac.Catalog.from_file(root).get_items(recursive=True)
        return numbers([item.id for item in items if shapely.geometry.shape(item.geometry).intersects(place)])

    return ask
