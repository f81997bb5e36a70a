"""A tiny place with codes, labels and known classes, for tests of maps."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.ndimage import gaussian_filter
from synthetic import AREA_CRS, AREA_TRANSFORM, tags

from stactools_esd import fsq
from stactools_esd.cog import write_codes

NAMES = {1: "water", 2: "forest", 3: "crop"}
"""Classes of the place."""

HEIGHT, WIDTH = 72, 96
"""Rows and columns."""


def class_map(seed: int = 0) -> NDArray[np.uint8]:
    """Return the true classes 1..3, shape (72, 96), in smooth patches."""
    generator = np.random.default_rng(seed)
    fields = [gaussian_filter(generator.normal(size=(HEIGHT, WIDTH)), 4) for _ in NAMES]
    return (np.argmax(fields, axis=0) + 1).astype(np.uint8)


def codes_of(classes: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint16]:
    """Return codes (12, h, w): two steps tell the classes apart, with noise, and the others tell nothing."""
    generator = np.random.default_rng(seed + 1)
    levels = generator.integers(0, 5, size=(*classes.shape, 12, 6))
    typical = np.random.default_rng(7).integers(0, 5, size=(len(NAMES) + 1, 2, 6))
    levels[..., 4:6, :] = np.clip(typical[classes] + generator.integers(-2, 3, size=(*classes.shape, 2, 6)), 0, 4)
    return np.moveaxis(fsq.level_indices_to_codes(levels), -1, 0)


def write_place(
    folder: Path,
    *,
    year: int = 2020,
    seed: int = 0,
    encoder: str = "esdnet-small-v1",
    clear: int = 20,
    **tag_options: Any,
) -> Path:
    """Write the codes COG of a year; the first four rows have no data, and ten columns few clear observations."""
    codes = codes_of(class_map(0), seed + year)
    codes[:, :4] = 0
    clear_obs = np.full((HEIGHT, WIDTH), clear, dtype=np.uint16)
    clear_obs[:, :10] = 3
    path = folder / f"ESD_{encoder}_xdemo_{year}.tif"
    said = tags(encoder, tile="xdemo", year=year, **tag_options)
    write_codes(path, codes, clear_obs, transform=AREA_TRANSFORM, crs=AREA_CRS, tags=said)
    return path


def lonlat(
    rows: NDArray[np.floating], columns: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the place of pixels, by row and column from the upper left corner."""
    x, y = AREA_TRANSFORM * (np.asarray(columns), np.asarray(rows))
    lon, lat = Transformer.from_crs(AREA_CRS, 4326, always_xy=True).transform(x, y)
    return lon, lat


def write_labels(path: Path, *, n: int = 120, seed: int = 3, years: NDArray[np.integer] | None = None) -> Path:
    """Write labelled points all over the place, each in the middle of a pixel of its own."""
    generator = np.random.default_rng(seed)
    pixels = generator.permutation(np.arange(4 * WIDTH, HEIGHT * WIDTH))[:n]
    rows, columns = np.divmod(pixels, WIDTH)
    columns_of_file = {"class": [NAMES[value] for value in class_map(0)[rows, columns].tolist()]}
    if years is not None:
        columns_of_file["year"] = years
    points = shapely.points(*lonlat(rows + 0.5, columns + 0.5))
    geopandas.GeoDataFrame(columns_of_file, geometry=points, crs=4326).to_file(path)
    return path
