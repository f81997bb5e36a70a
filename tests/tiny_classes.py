"""Tiny rasters of classes for tests of samples and areas."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from scipy.ndimage import gaussian_filter
from synthetic import AREA_CRS, AREA_TRANSFORM

NAMES = {1: "water", 2: "forest", 3: "crop", 4: "built"}
"""Classes of the maps."""


def truth_and_map(seed: int = 0, height: int = 300, width: int = 400) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the true classes 1..4 and a map that errs in a fifth of the pixels, (h, w); the fourth class is rare."""
    generator = np.random.default_rng(seed)
    fields = [gaussian_filter(generator.normal(size=(height, width)), 6) for _ in NAMES]
    fields[3] -= 1.9 * fields[3].std()
    truth = (np.argmax(fields, axis=0) + 1).astype(np.uint8)
    wrong = generator.random(truth.shape) < 0.2
    return truth, np.where(wrong, generator.integers(1, 5, truth.shape), truth).astype(np.uint8)


def write_classes(
    path: Path,
    values: NDArray[Any],
    *,
    names: Mapping[int, str] | None = NAMES,
    transform: Affine = AREA_TRANSFORM,
    crs: CRS | None = AREA_CRS,
    nodata: float | None = 0,
    **profile: Any,
) -> Path:
    """Write a raster of classes, (h, w) or (bands, h, w)."""
    bands = values.reshape(-1, *values.shape[-2:])
    options = {"driver": "GTiff", "count": len(bands), "height": bands.shape[1], "width": bands.shape[2]}
    with rasterio.open(
        path, "w", dtype=values.dtype.name, crs=crs, transform=transform, nodata=nodata, **options | profile
    ) as dataset:
        dataset.write(bands)
        if names:
            dataset.update_tags(1, CLASS_NAMES=json.dumps({str(key): name for key, name in names.items()}))
    return path
