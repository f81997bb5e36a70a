"""What may stand beside a class map: which rasters, what their values mean."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray

from stactools_esd.blocks import Block

PERCENT_NODATA: Final = 255
"""Value of bands in percent where there is no class."""

INDEX_BANDS: Final = ("dissimilarity", "applicable")
"""Bands of `applicability.tif`: dissimilarity index, and 1 inside the area of applicability, 0 outside."""

INDEX_NODATA: Final = -1.0
"""Value of these where there is no class."""

BAND_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "probability": ("probability.tif", "Probability of each class in percent, the model's own"),
    "entropy": ("entropy.tif", "Entropy of the class probabilities in percent of the most there can be"),
    "applicability": ("applicability.tif", "Dissimilarity from the training samples, and area of applicability"),
    "parent": ("parents.tif", "Parent classes"),
}
"""File and title of the bands that a user may ask for, by their names."""


def entropy(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the Shannon entropy of rows of probabilities, (n,), as a share of log k: 0 sure, 1 at a loss.

    Args:
        probability: Shape (n, k); rows sum to 1.
    """
    p = np.clip(probability.astype(np.float64), 1e-12, 1.0)
    return np.asarray(np.clip(-(p * np.log(p)).sum(axis=1) / np.log(p.shape[1]), 0.0, 1.0))


def read_map(path: Path, blocks: Sequence[Block]) -> Iterator[tuple[Block, NDArray[Any]]]:
    """Yield the classes of a finished `map.tif`, block by block."""
    with rasterio.open(path) as dataset:
        for block in blocks:
            yield block, dataset.read(1, window=block.window)
