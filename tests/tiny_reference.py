"""Reference data for the tiny maps of `tiny_classes`: drawn, answered, or written as a test wants them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from synthetic import AREA_CRS, AREA_TRANSFORM
from tiny_classes import NAMES, truth_and_map, write_classes

from esd_tasks.design import design

TRUTH, MAPPED = truth_and_map(height=120, width=160)
"""True and mapped classes, (120, 160)."""

Change = Callable[[geopandas.GeoDataFrame], geopandas.GeoDataFrame]


def write_place(folder: Path) -> Path:
    """Write `map.tif` into a folder; its first two rows have no class."""
    values = MAPPED.copy()
    values[:2] = 0
    write_classes(folder / "map.tif", values)
    return folder


def answered(folder: Path, change: Change = lambda frame: frame, **options: Any) -> Path:
    """Draw a sample of the map, fill in the truth, and change what should be changed."""
    path = design(folder / "map.tif", output=folder / "sample.gpkg", overwrite=True, total=240, **options).paths[
        "sample"
    ]
    frame = geopandas.read_file(path)
    rows, columns = pixels_of(frame)
    change(frame.assign(reference=[NAMES[int(value)] for value in TRUTH[rows, columns]])).to_file(path, layer="sample")
    return path


def pixels_of(frame: geopandas.GeoDataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of points."""
    columns, rows = ~AREA_TRANSFORM * (frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy())
    return rows.astype(int), columns.astype(int)


def points(path: Path, rows: Any, columns: Any, classes: Any, **fields: Any) -> Path:
    """Write reference points in degrees, in the middle of pixels."""
    x, y = AREA_TRANSFORM * (np.asarray(columns) + 0.5, np.asarray(rows) + 0.5)
    lon, lat = Transformer.from_crs(AREA_CRS, 4326, always_xy=True).transform(x, y)
    frame = geopandas.GeoDataFrame({"class": classes, **fields}, geometry=shapely.points(lon, lat), crs=4326)
    frame.to_file(path)
    return path


def random_points(path: Path, n: int = 300, seed: int = 0, truth: NDArray[Any] = TRUTH) -> Path:
    """Write a simple random sample of all pixels but the first two rows, with true classes."""
    pixels = np.random.default_rng(seed).choice(np.arange(2 * 160, truth.size), n, replace=False)
    return points(path, *np.divmod(pixels, 160), [NAMES[value] for value in truth.ravel()[pixels].tolist()])
