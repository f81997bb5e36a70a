"""Stability: how like the codes of a pixel stay from one year to another, by the number of years between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.encoder_tasks.bootstrap import auc_gain, mean_estimate
from esd_tasks.encoder_tasks.identity import APART, Triples, scores
from esd_tasks.encoder_tasks.report import Figure
from esd_tasks.encoder_tasks.samples import PixelYears, cosine, standardised, vectors
from stactools_esd.errors import NothingFoundError
from stactools_esd.fsq import codes_to_level_indices

LAGS: Final = (1, 2, 5, 10)
"""Years between the two of a pair."""


CHANGED: Final = "changed"
"""Group of neighbouring years that are of two groups."""


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How like one row is to another, pair by pair."""

    cosine: NDArray[np.float64]
    """Of the 72 values of the codes, -1..1, (n,)."""

    cosine_raw: NDArray[np.float64]
    """Of the pentads of reflectance, each column standardised over all rows, -1..1, (n,)."""

    equal: NDArray[np.float64]
    """Share of the 72 levels that are the same, 0..1, (n,)."""

    within_one: NDArray[np.float64]
    """Share of the 72 levels that differ by at most one, 0..1, (n,)."""


def pairs_of_lag(years: PixelYears, lag: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find each pixel-year that the same pixel has again some years later.

    Args:
        years: Years of some pixels, each pixel and year once.
        lag: Years between the two, positive.

    Returns:
        Rows of the earlier years and of the later ones, (n,) each; none where nothing is so far apart.
    """
    rows = years.rows()
    found = [(row, rows[pixel, year + lag]) for (pixel, year), row in rows.items() if (pixel, year + lag) in rows]
    earlier, later = np.array(found, np.intp).reshape(-1, 2).T
    return earlier, later


def with_others(
    years: PixelYears, earlier: NDArray[np.intp], later: NDArray[np.intp], *, apart: int = APART, seed: int = 0
) -> Triples:
    """Give each pair another pixel in its later year, drawn among those far enough away in the row.

    Args:
        years: Years of a row of adjacent pixels, numbered along it.
        earlier: Rows of the earlier years, (n,).
        later: Rows of the same pixels in later years, (n,).
        apart: Least distance of the other pixel in pixels.
        seed: The same seed gives the same pixels.

    Returns:
        The pairs that have such a pixel; the anchor is the earlier year.

    Raises:
        NothingFoundError: No pair has one.
    """
    generator = np.random.default_rng(seed)
    at_year = {year: np.flatnonzero(years.year == year) for year in np.unique(years.year).tolist()}
    found: list[tuple[int, int, int]] = []
    for anchor, same in zip(earlier.tolist(), later.tolist(), strict=True):
        there = at_year[int(years.year[same])]
        far = there[np.abs(years.pixel[there] - years.pixel[anchor]) >= apart]
        if len(far):
            found.append((anchor, same, int(generator.choice(far))))
    if not found:
        raise NothingFoundError(
            f"got no pair of years of {years.name} with another pixel {apart} px away, expected some; give a longer row"
        )
    anchors, again, others = np.array(found, np.intp).T
    return Triples(anchor=anchors, same=again, other=others)


def likeness(years: PixelYears, one: NDArray[np.intp], other: NDArray[np.intp]) -> Likeness:
    """Compare rows by the codes of the first seed, and by what was encoded.

    Args:
        years: Years of some pixels.
        one: Rows, (n,).
        other: Rows to compare them with, (n,).
    """
    codes, raw = years.codes[0], standardised(years.raw)
    table, levels = vectors(codes), codes_to_level_indices(codes).reshape(len(codes), -1).astype(np.int16)
    steps = np.abs(levels[one] - levels[other])
    return Likeness(
        cosine=cosine(table[one], table[other]),
        cosine_raw=cosine(raw[one], raw[other]),
        equal=(steps == 0).mean(axis=1),
        within_one=(steps <= 1).mean(axis=1),
    )


def figures(years: PixelYears, prefix: str, groups: Mapping[int, str]) -> Iterator[Figure]:
    """Judge pairs of years by the years between them (`LAGS`), and neighbouring years by group.

    Keys are `<prefix>.<measure>.<lag>`: each of `Likeness`, the same with `_other` for a pixel far away in the later
    year, and with the name of a group; `auc` of the codes, `auc_raw` and `auc_raw_cosine`, whether the pixel itself is
    more like than the other, as `identity.scores` has it, and `auc_gain`, codes minus raw. Intervals draw pixels again.

    Args:
        years: Years of a row of adjacent pixels, numbered along it.
        prefix: Beginning of the keys.
        groups: A word for each year; pairs of neighbouring years of two words are `CHANGED`.

    Raises:
        NothingFoundError: No pair has another pixel far enough away.
    """
    for lag in LAGS:
        earlier, later = pairs_of_lag(years, lag)
        if not len(earlier):
            continue
        triples = with_others(years, earlier, later)
        yield from _means(years, earlier, later, prefix, "", lag)
        yield from _means(years, triples.anchor, triples.other, prefix, "_other", lag)
        found = scores(years, triples)
        ends = {"codes": "auc", "raw": "auc_raw", "raw_cosine": "auc_raw_cosine"}
        estimates = {end: found[score].estimate() for score, end in ends.items()}
        estimates["auc_gain"] = auc_gain(found["codes"], found["raw"])
        for end, value in estimates.items():
            n = len(triples.anchor)
            yield Figure(key=f"{prefix}.{end}.{lag}", estimate=value, unit="AUC", n=n, split=years.role)
    earlier, later = pairs_of_lag(years, 1)
    words = np.array([groups[year] for year in years.year.tolist()])
    pair = np.where(words[earlier] == words[later], words[earlier], CHANGED)
    for word in dict.fromkeys(pair.tolist()):
        rows = pair == word
        yield from _means(years, earlier[rows], later[rows], prefix, f"_{word}", 1)


def _means(
    years: PixelYears, one: NDArray[np.intp], other: NDArray[np.intp], prefix: str, end: str, lag: int
) -> Iterator[Figure]:
    for measure, values in vars(likeness(years, one, other)).items():
        yield Figure(
            key=f"{prefix}.{measure}{end}.{lag}",
            estimate=mean_estimate([(values, years.pixel[one])]),
            unit="cosine" if measure.startswith("cosine") else "share of levels",
            n=len(one),
            split=years.role,
        )
