"""Change between two years of a pixel: are dated clearings further apart than pairs of years without one?

Windows are calendar years. An event counts when it was detected in the last year of the series or in the year before
it. Its pair is the year two before the last, which ends before the first of these detections, and the last year, which
holds the detection or follows it: many alerts precede the clearing of the whole pixel. Pairs without an event are two
years apart too: the same two years of pixels that stayed forest, and of pixels with an event the pair of years that
ends where the event's pair begins.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.encoder_tasks.bootstrap import Wins, mean_wins, wins
from esd_tasks.encoder_tasks.samples import PixelYears, cosine, standardised, vectors
from stactools_esd.errors import NothingFoundError

LAG: Final = 2
"""Years from the window before to the window after."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Two rows of the same pixel, and whether it was cleared between them."""

    before: NDArray[np.intp]
    """Row of the earlier window, (n,)."""

    after: NDArray[np.intp]
    """Row of the later window, (n,)."""

    event: NDArray[np.bool_]
    """Whether a dated event lies between, (n,)."""

    untouched: NDArray[np.bool_]
    """Whether the pixel never had an event, (n,)."""


def find_pairs(years: PixelYears, detection: NDArray[np.datetime64], untouched: NDArray[np.bool_]) -> Pairs:
    """Pair windows of each pixel.

    Args:
        years: Calendar years of all pixels.
        detection: Day of the event of each pixel of the set, NaT where none is dated.
        untouched: Whether each pixel of the set stayed what it was.

    Raises:
        NothingFoundError: There is no pair with an event, or none without.
    """
    rows, last = years.rows(), int(years.year.max())
    detected = detection.astype("datetime64[Y]").astype(np.int64) + 1970
    events = np.flatnonzero(~np.isnat(detection) & (detected > last - LAG) & (detected <= last)).tolist()
    wanted = [(pixel, last, True) for pixel in events]
    wanted += [(pixel, last - LAG, False) for pixel in events]
    wanted += [(pixel, last, False) for pixel in np.flatnonzero(untouched).tolist()]
    found = [
        (rows[pixel, year - LAG], rows[pixel, year], event, bool(untouched[pixel]))
        for pixel, year, event in wanted
        if (pixel, year - LAG) in rows and (pixel, year) in rows
    ]
    if len({event for _, _, event, _ in found}) < 2:
        raise NothingFoundError(
            f"got {len(found)} pairs of windows in {years.name}, expected some with an event and some without; "
            "check that its last two years hold detections"
        )
    before, after, event, stable = (np.array(column) for column in zip(*found, strict=True))
    return Pairs(before=before, after=after, event=event, untouched=stable)


def scores(years: PixelYears, pairs: Pairs) -> dict[str, Wins]:
    """Compare how far apart windows are by codes, by raw reflectance and by the loss of NDVI.

    Returns:
        `codes`: 1 - cosine of the 72 values, mean AUC of seeds; `raw`: Euclidean distance of pentads, each column
        standardised over all windows; `ndvi`: mean NDVI before minus after. Clustered by pixel.
    """

    def compared(score: NDArray[np.float64]) -> Wins:
        return wins(score, pairs.event, years.pixel[pairs.after])

    raw = standardised(years.raw)
    tables = [vectors(codes) for codes in years.codes]
    return {
        "codes": mean_wins([compared(1 - cosine(table[pairs.before], table[pairs.after])) for table in tables]),
        "raw": compared(np.linalg.norm(raw[pairs.before] - raw[pairs.after], axis=1)),
        "ndvi": compared(np.asarray(years.ndvi[pairs.before] - years.ndvi[pairs.after], dtype=np.float64)),
    }
