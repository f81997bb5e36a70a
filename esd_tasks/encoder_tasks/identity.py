"""Identity: is a pixel more like itself in another year than like a random pixel at least 100 px away?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.encoder_tasks.bootstrap import Wins, mean_wins, wins
from esd_tasks.encoder_tasks.samples import PixelYears, cosine, standardised, vectors
from stactools_esd.errors import NothingFoundError

APART: Final = 100
"""Least distance in pixels of the row to the other pixel."""

PAIRS: Final = 20
"""Ordered pairs of years that are drawn for each pixel."""


@dataclass(frozen=True, kw_only=True)
class Triples:
    """A pixel in one year, the same in another, and another pixel in that other year."""

    anchor: NDArray[np.intp]
    """Row of the pixel, (n,)."""

    same: NDArray[np.intp]
    """Row of the same pixel in another year, (n,)."""

    other: NDArray[np.intp]
    """Row of another pixel in that year, (n,)."""


def draw_triples(years: PixelYears, *, apart: int = APART, pairs: int = PAIRS, seed: int = 0) -> Triples:
    """Draw pairs of years for each pixel, and for each pair another pixel that has its second year.

    Args:
        years: Calendar years of a row of adjacent pixels, numbered along it.
        apart: Least distance of the other pixel in pixels.
        pairs: Ordered pairs of different years a pixel, at most.
        seed: The same seed gives the same triples.

    Raises:
        NothingFoundError: No pixel has two years and another pixel far enough away.
    """
    generator = np.random.default_rng(seed)
    at_year = {year: np.flatnonzero(years.year == year) for year in np.unique(years.year).tolist()}
    triples: list[tuple[int, int, int]] = []
    for pixel in np.unique(years.pixel):
        rows = np.flatnonzero(years.pixel == pixel)
        ordered = [(a, b) for a in rows.tolist() for b in rows.tolist() if a != b]
        for chosen in generator.permutation(len(ordered))[:pairs]:
            anchor, same = ordered[chosen]
            there = at_year[int(years.year[same])]
            far = there[np.abs(years.pixel[there] - pixel) >= apart]
            if len(far):
                triples.append((anchor, same, int(generator.choice(far))))
    if not triples:
        raise NothingFoundError(
            f"got no pixel of {years.name} with two years and another pixel {apart} px away, expected some; "
            "give a longer row"
        )
    anchor_rows, same_rows, other_rows = np.array(triples).T
    return Triples(anchor=anchor_rows, same=same_rows, other=other_rows)


def scores(years: PixelYears, triples: Triples) -> dict[str, Wins]:
    """Compare likeness to the same pixel with likeness to the other.

    Returns:
        `codes`: cosine of the 72 values, mean AUC of seeds; `raw`: minus the Euclidean distance of pentads, each column
        standardised over all pixel-years; `raw_cosine`: the cosine of the same. Clustered by pixel.
    """
    cluster = np.tile(years.pixel[triples.anchor], 2)
    positive = np.repeat([True, False], len(triples.anchor))

    def compared(likeness: Callable[[NDArray[np.intp]], NDArray[np.float64]]) -> Wins:
        return wins(np.concatenate([likeness(triples.same), likeness(triples.other)]), positive, cluster)

    raw = standardised(years.raw)
    tables = [vectors(codes) for codes in years.codes]
    anchor = triples.anchor
    return {
        "codes": mean_wins([compared(lambda rows, t=table: cosine(t[anchor], t[rows])) for table in tables]),  # type: ignore[misc]
        "raw": compared(lambda rows: -np.linalg.norm(raw[anchor] - raw[rows], axis=1)),
        "raw_cosine": compared(lambda rows: cosine(raw[anchor], raw[rows])),
    }
