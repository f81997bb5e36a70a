"""Real series as gap-filled pixel-years, for training and judging; every reader takes the folder of the data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder.pentads import to_pentads
from stactools_esd.encoder.readers import Series
from stactools_esd.encoder.real_sets import REAL_SETS
from stactools_esd.errors import NothingFoundError
from stactools_esd.product import BANDS, DAYS
from stactools_esd.seamless import fill_linear, screen


@dataclass(frozen=True, kw_only=True)
class Years:
    """Pixel-years of a set."""

    reflectance: NDArray[np.float32]
    """Daily, shape (n, 365, 6). Gap-filled, NaN only in bands that were never seen; or observed, NaN between dates."""

    terrain: NDArray[np.float32]
    """Shape (n, 3); NaN where unknown."""

    pixel: NDArray[np.int64]
    """Which pixel of the set each year belongs to, (n,)."""

    start: NDArray[np.datetime64]
    """First day of each window, (n,)."""


def read_series(data: Path, name: str) -> Series:
    """Read one set.

    Args:
        data: Folder that holds the sets.
        name: Key of `REAL_SETS`.

    Raises:
        NothingFoundError: The set is unknown, or its file is not there.
    """
    if name not in REAL_SETS:
        raise NothingFoundError(f"got real set {name!r}, expected one of {', '.join(REAL_SETS)}; choose one of them")
    path = data / REAL_SETS[name].path
    if not path.is_file():
        raise NothingFoundError(f"got no file {path}, expected the real set {name}; check the data folder")
    with np.load(path, allow_pickle=False) as arrays:
        return REAL_SETS[name].read(arrays)


def iterate_observed(data: Path, name: str) -> Iterator[Years]:
    """Cut a set into pixel-years with their gaps, one batch of them for each first day of a window."""
    entry = REAL_SETS[name]
    series = read_series(data, name)
    for start in _window_starts(series.dates, entry.windows):
        placed = place_on_days(series.reflectance, series.dates, start)
        if entry.screened:
            placed = screen(placed)
        observations = (~np.isnan(placed)).any(axis=2).sum(axis=1)
        rows = np.flatnonzero(observations >= entry.min_observations)
        if rows.size:
            yield Years(
                reflectance=placed[rows],
                terrain=series.terrain[rows],
                pixel=rows,
                start=np.broadcast_to(start, len(series.dates))[rows],
            )


def iterate_years(data: Path, name: str) -> Iterator[Years]:
    """Cut a set into gap-filled pixel-years, one batch of them for each first day of a window."""
    for years in iterate_observed(data, name):
        yield replace(years, reflectance=fill_linear(years.reflectance))


def read_years(data: Path, name: str) -> Years:
    """Return all gap-filled pixel-years of a set at once.

    Raises:
        NothingFoundError: The set is unknown, its file is not there, or no window has enough observations.
    """
    return join_years(list(iterate_years(data, name)), name)


def join_years(parts: Sequence[Years], name: str) -> Years:
    """Join batches of pixel-years of one set.

    Raises:
        NothingFoundError: There is none.
    """
    if not parts:
        raise NothingFoundError(f"got no window with enough observations in the real set {name}; check its file")
    columns = ("reflectance", "terrain", "pixel", "start")
    return Years(**{column: np.concatenate([getattr(part, column) for part in parts]) for column in columns})


@dataclass(frozen=True, kw_only=True)
class PentadYears:
    """Pixel-years of a set as training holds them."""

    pentads: NDArray[np.float32]
    """Shape (n, 73, 6)."""

    present: NDArray[np.float32]
    """Share of days present, (n, 73, 6)."""

    terrain: NDArray[np.float32]
    """Shape (n, 3); NaN where unknown."""

    pixel: NDArray[np.int64]
    """Which pixel of the set a calendar year belongs to, (n,); -1 for windows that start on another day."""


def read_pentads(data: Path, name: str) -> PentadYears:
    """Return a set as training holds it, reading one batch of windows at a time."""
    parts = []
    for years in iterate_years(data, name):
        january = years.start == years.start.astype("datetime64[Y]").astype("datetime64[D]")
        parts.append((*to_pentads(years.reflectance), years.terrain, np.where(january, years.pixel, -1)))
    pentads, present, terrain, pixel = (np.concatenate(column) for column in zip(*parts, strict=True))
    return PentadYears(pentads=pentads, present=present, terrain=terrain, pixel=pixel)


def _window_starts(dates: NDArray[np.datetime64], windows: str) -> Iterator[NDArray[np.datetime64]]:
    """Yield first days of windows: one for all pixels (), or one for each pixel (n,)."""
    if windows == "own":
        yield np.nanmin(dates, axis=1)
        return
    first, last = np.nanmin(dates), np.nanmax(dates)
    for year in range(first.astype(object).year - 1, last.astype(object).year + 1):
        yield np.array(f"{year}-01-01", dtype="datetime64[D]")
        if windows == "both":
            yield np.array(f"{year}-07-01", dtype="datetime64[D]")


def place_on_days(
    reflectance: NDArray[np.float32], dates: NDArray[np.datetime64], start: NDArray[np.datetime64]
) -> NDArray[np.float32]:
    """Put observations on the days of one 365-day window; those of the same day are averaged.

    Args:
        reflectance: Shape (n, t, 6), NaN where missing.
        dates: Shape (n, t).
        start: First day of the window, of shape () or (n,).

    Returns:
        Reflectance (n, 365, 6), NaN where missing.
    """
    n = len(reflectance)
    unset = np.isnat(dates)
    day = (np.where(unset, np.datetime64("1900-01-01"), dates) - np.reshape(start, (-1, 1))).astype(np.int64)
    seen = ~np.isnan(reflectance)
    pixel, column = np.nonzero(~unset & (day >= 0) & (day < DAYS) & seen.any(axis=2))
    total = np.zeros((n, DAYS, len(BANDS)))
    count = np.zeros((n, DAYS, len(BANDS)))
    where = (pixel, day[pixel, column])
    np.add.at(total, where, np.nan_to_num(reflectance[pixel, column]))
    np.add.at(count, where, seen[pixel, column])
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
