"""Labels as rows of a table: each counts once, whether it is a point or a polygon.

What trains is one row a label: the vector of a point's pixel, or the mean vector of the pixels of a polygon. What is
tested are the pixels that a label names, and a label is right by the share of them that are.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.code_features import code_vectors
from esd_tasks.samples import Samples

POLYGON_CAP: Final = 25
"""Pixels drawn from one polygon at most: enough for its mean, and for how much they differ."""


@dataclass(frozen=True, kw_only=True)
class LabelTable:
    """Labels, m of them, and the pixels that they name, n of them."""

    rows: NDArray[np.float64]
    """Vector of each label, (m, 72)."""

    class_id: NDArray[np.int64]
    """Class of each label, (m,)."""

    group: NDArray[np.int64]
    """Position of each label in the file's usable features, (m,), ascending."""

    x: NDArray[np.float64]
    """Metres, middle of the label's pixels, (m,)."""

    y: NDArray[np.float64]
    """Metres, (m,)."""

    lon: NDArray[np.float64]
    """Degrees, (m,)."""

    lat: NDArray[np.float64]
    """Degrees, (m,)."""

    pixels: NDArray[np.float32]
    """Vectors of the pixels, (n, 72)."""

    label: NDArray[np.intp]
    """Label of each pixel, 0..m-1, (n,)."""

    year: NDArray[np.int64] | None = None
    """Year of each label, (m,), where it is known."""

    def __len__(self) -> int:
        return len(self.class_id)

    @property
    def counts(self) -> dict[int, int]:
        """Labels of each class, by class_id."""
        return {int(key): int(n) for key, n in zip(*np.unique(self.class_id, return_counts=True), strict=True)}

    def pixels_of(self, labels: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the positions of the pixels of some labels."""
        return np.flatnonzero(np.isin(self.label, labels))

    def share_right(self, right: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the share of pixels that are right for each label, (m,) from (n,)."""
        return np.asarray(np.bincount(self.label, weights=right.astype(np.float64)) / np.bincount(self.label))


def label_table(samples: Samples) -> LabelTable:
    """Gather samples by their label.

    Args:
        samples: Pixels of labels; drawn with `POLYGON_CAP`.
    """
    group, first, label, counts = np.unique(samples.group, return_index=True, return_inverse=True, return_counts=True)
    pixels = code_vectors(samples.codes)
    rows = np.zeros((len(group), pixels.shape[1]))
    np.add.at(rows, label, pixels)
    x, y = (np.bincount(label, weights=values) / counts for values in (samples.x, samples.y))
    # A mean of longitudes has no meaning across the antimeridian: the first pixel stands for the label.
    return LabelTable(
        rows=rows / counts[:, None],
        class_id=samples.class_id[first].astype(np.int64),
        group=group,
        x=x,
        y=y,
        lon=samples.lon[first],
        lat=samples.lat[first],
        pixels=pixels,
        label=label.astype(np.intp),
        year=samples.year[first],
    )
