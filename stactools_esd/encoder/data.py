"""Real series for training and judging: who may be used for what, and how each becomes gap-filled pixel-years.

The data are not part of the project; every reader takes the folder that holds them. Roles are fixed here and
nowhere else: `train` sets feed the optimiser, `dev` sets may tune recipes, `test` sets are scored once for a frozen
recipe. Only sets with an open licence may train weights that ship.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder.pentads import to_pentads
from stactools_esd.errors import NothingFoundError
from stactools_esd.product import BANDS, DAYS, REFLECTANCE_RANGE
from stactools_esd.seamless import fill_linear, screen

Role = Literal["train", "dev", "test"]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Series:
    """Irregular series of pixels."""

    reflectance: NDArray[np.float32]
    """Shape (n, t, 6), NaN where missing or cloudy."""

    dates: NDArray[np.datetime64]
    """Day of each observation, (n, t); NaT where there is none."""

    terrain: NDArray[np.float32]
    """Elevation m, slope degrees, aspect degrees, (n, 3); NaN where unknown."""


@dataclass(frozen=True, kw_only=True)
class RealSet:
    """A set of real series and what it may be used for."""

    name: str
    """Name in configurations, figures and cards."""

    path: str
    """File under the data folder."""

    role: Role
    """What it may be used for."""

    licence: str
    """As its origin states it."""

    read: Callable[[Arrays], Series]
    """Arrays of the file to series."""

    windows: Literal["calendar", "own", "both"]
    """365-day windows: calendar years; from each pixel's first date; or calendar years and years from 1 July."""

    min_observations: int
    """Fewest dates in a window that make it worth using."""

    screened: bool = False
    """Whether leftover clouds are screened as `seamless.prepare` does: for series of single dates, not composites."""

    share: float = 1.0
    """How often training draws from this set, relative to the others."""


@dataclass(frozen=True, kw_only=True)
class Years:
    """Gap-filled pixel-years of a set."""

    reflectance: NDArray[np.float32]
    """Daily, shape (n, 365, 6); NaN only in bands that were never seen."""

    terrain: NDArray[np.float32]
    """Shape (n, 3); NaN where unknown."""

    pixel: NDArray[np.int64]
    """Which pixel of the set each year belongs to, (n,)."""

    start: NDArray[np.datetime64]
    """First day of each window, (n,)."""


def _unknown_terrain(n: int) -> NDArray[np.float32]:
    return np.full((n, 3), np.nan, dtype=np.float32)


def _series(
    reflectance: NDArray[np.floating],
    dates: NDArray[np.datetime64],
    clear: NDArray[np.bool_] | None = None,
    terrain: NDArray[np.float32] | None = None,
) -> Series:
    """Join the arrays of one set; dates of shape (t,) serve all pixels, and unclear dates become missing."""
    values = np.array(reflectance, dtype=np.float32)
    low, high = REFLECTANCE_RANGE
    with np.errstate(invalid="ignore"):
        values[~((values >= low) & (values <= high))] = np.nan
    if clear is not None:
        values[~clear] = np.nan
    return Series(
        reflectance=values,
        dates=np.broadcast_to(dates, values.shape[:2]),
        terrain=_unknown_terrain(len(values)) if terrain is None else terrain,
    )


def _clear_dates(arrays: Arrays) -> Series:
    return _series(arrays["X"], arrays["dates"], arrays["clear"])


def _composites(arrays: Arrays) -> Series:
    """Cloud-free composites, with elevation and slope where the file has them; their aspect is unknown."""
    terrain = None
    if "elevation_m" in arrays:
        elevation, slope = arrays["elevation_m"], arrays["slope_raw"]
        terrain = np.stack([elevation, slope, np.full(len(slope), np.nan)], axis=1).astype(np.float32)
    return _series(arrays["X"], arrays["dates"], terrain=terrain)


def _harvard(first: int, last: int) -> Callable[[Arrays], Series]:
    """Contiguous pixels of the row, so that neighbours do not stand on both sides of a split."""

    def read(arrays: Arrays) -> Series:
        return _series(arrays["X"][first:last], arrays["dates"], arrays["clear"][first:last])

    return read


def _single_pixels(arrays: Arrays) -> Series:
    sound = np.array(["corrupt" not in str(note) for note in arrays["note"]])
    return _series(arrays["X"][sound], arrays["dates"][sound], arrays["clear"][sound])


def _tundra(arrays: Arrays) -> Series:
    """One row an observation to one row a point; all rows of the file are clear."""
    places = np.stack([arrays["lon"], arrays["lat"]], axis=1)
    _, point, count = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    point = point.ravel()
    order = np.lexsort((arrays["date"], point))
    column = np.arange(len(point)) - np.repeat(np.cumsum(count) - count, count)
    reflectance = np.full((len(count), count.max(), len(BANDS)), np.nan, dtype=np.float32)
    dates = np.full((len(count), count.max()), np.datetime64("NaT"), dtype="datetime64[D]")
    reflectance[point[order], column] = arrays["X"][order]
    dates[point[order], column] = arrays["date"][order]
    return _series(reflectance, dates)


def _brazil_cube(arrays: Arrays) -> Series:
    """Composites outside 500 m of any point that judges: neither near_A nor near_B may train."""
    apart = ~(arrays["near_A_500m"] | arrays["near_B_500m"])
    return _series(arrays["X"][apart], arrays["dates"][apart], arrays["clear_heur"][apart])


def _interpolated(arrays: Arrays) -> Series:
    """The cloud-free series of the data's authors."""
    return _series(arrays["X_interp"], arrays["dates"])


def _cube(prefix: str) -> Callable[[Arrays], Series]:
    """Pixels of a cube [t, y, x, 6]; `prefix` chooses the Landsat-8 arrays."""

    def read(arrays: Arrays) -> Series:
        cube, clear = arrays[f"{prefix}X"], arrays[f"{prefix}clear"]
        t = len(cube)
        pixels = cube.reshape(t, -1, len(BANDS)).transpose(1, 0, 2)
        return _series(pixels, arrays[f"{prefix}dates"], clear.reshape(t, -1).T)

    return read


_POINTS = "worldcereal_s2_points"
_LANDSAT = "landsat_longterm_pixels"

REAL_SETS: Final[Mapping[str, RealSet]] = {
    entry.name: entry
    for entry in (
        # -- train: open licences, used without labels
        RealSet(
            name="harvard_first_150",
            path=f"{_LANDSAT}/harvard_forest_p013r030_row.npz",
            role="train",
            licence="MIT",
            read=_harvard(0, 150),
            windows="both",
            min_observations=6,
            screened=True,
            share=2.0,
        ),
        RealSet(
            name="single_pixels",
            path=f"{_LANDSAT}/single_pixels.npz",
            role="train",
            licence="Unlicense / Apache-2.0",
            read=_single_pixels,
            windows="both",
            min_observations=6,
            screened=True,
        ),
        RealSet(
            name="tundra_noatak",
            path="landsat_tundra_points/noatak_alaska.npz",
            role="train",
            licence="MIT (modified: citation of Berner et al. 2022)",
            read=_tundra,
            windows="calendar",
            min_observations=5,
            screened=True,
            share=0.4,
        ),
        RealSet(
            name="tundra_itex",
            path="landsat_tundra_points/itex_tundra_sites.npz",
            role="train",
            licence="MIT (modified: citation of Berner et al. 2022)",
            read=_tundra,
            windows="calendar",
            min_observations=5,
            screened=True,
            share=0.3,
        ),
        RealSet(
            name="corsica_2022",
            path=f"{_POINTS}/corsica_france_2022_monthly.npz",
            role="train",
            licence="MIT",
            read=_composites,
            windows="both",
            min_observations=9,
            share=1.5,
        ),
        RealSet(
            name="east_africa_2017",
            path=f"{_POINTS}/east_africa_2017_monthly.npz",
            role="train",
            licence="MIT",
            read=_composites,
            windows="own",
            min_observations=9,
            share=1.5,
        ),
        RealSet(
            name="france_2023",
            path=f"{_POINTS}/france_2023_dekadal.npz",
            role="train",
            licence="MIT",
            read=_composites,
            windows="both",
            min_observations=9,
            share=1.5,
        ),
        RealSet(
            name="flanders_2021",
            path=f"{_POINTS}/flanders_2021_monthly.npz",
            role="train",
            licence="MIT",
            read=_composites,
            windows="both",
            min_observations=9,
            share=0.5,
        ),
        RealSet(
            name="brazil_cube_2018",
            path="amazon_s2_6band/bdc_1446.npz",
            role="train",
            licence="MIT",
            read=_brazil_cube,
            windows="own",
            min_observations=8,
            screened=True,
            share=2.0,
        ),
        RealSet(
            name="flanders_a_sentinel2",
            path="worldcereal_cubes/flanders_2017_18_31UDS.npz",
            role="train",
            licence="MIT",
            read=_cube(""),
            windows="both",
            min_observations=10,
            screened=True,
        ),
        RealSet(
            name="flanders_a_landsat8",
            path="worldcereal_cubes/flanders_2017_18_31UDS.npz",
            role="train",
            licence="MIT",
            read=_cube("L8_"),
            windows="both",
            min_observations=6,
            screened=True,
            share=0.3,
        ),
        RealSet(
            name="flanders_c_landsat8",
            path="worldcereal_cubes/flanders_2018_19_c.npz",
            role="train",
            licence="MIT",
            read=_cube("L8_"),
            windows="both",
            min_observations=6,
            screened=True,
            share=0.3,
        ),
        # -- dev: recipes may be tuned on them
        RealSet(
            name="rondonia_a",
            path="amazon_s2_6band/rondonia_A.npz",
            role="dev",
            licence="MIT",
            read=_interpolated,
            windows="own",
            min_observations=8,
        ),
        RealSet(
            name="matogrosso",
            path="matogrosso_modis_4band/mt_modis_mod13q1.npz",
            role="dev",
            licence="GPL-2 (evaluation only)",
            read=_composites,
            windows="own",
            min_observations=8,
        ),
        # -- test: scored once for a frozen recipe
        RealSet(
            name="harvard_last_120",
            path=f"{_LANDSAT}/harvard_forest_p013r030_row.npz",
            role="test",
            licence="MIT",
            read=_harvard(180, 300),
            windows="calendar",
            min_observations=6,
            screened=True,
        ),
        RealSet(
            name="global_monthly_a",
            path=f"{_POINTS}/global_monthly_a.npz",
            role="test",
            licence="not stated (evaluation only)",
            read=_composites,
            windows="own",
            min_observations=9,
        ),
        RealSet(
            name="canada_2017",
            path=f"{_POINTS}/canada_2017_monthly.npz",
            role="test",
            licence="not stated (evaluation only)",
            read=_composites,
            windows="calendar",
            min_observations=9,
        ),
    )
}
"""Every real set that this project knows, by name."""


def names(role: Role) -> list[str]:
    """List the sets of a role."""
    return [entry.name for entry in REAL_SETS.values() if entry.role == role]


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


def iterate_years(data: Path, name: str) -> Iterator[Years]:
    """Cut a set into gap-filled pixel-years, one batch of them for each first day of a window."""
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
                reflectance=fill_linear(placed[rows]),
                terrain=series.terrain[rows],
                pixel=rows,
                start=np.broadcast_to(start, len(series.dates))[rows],
            )


def read_years(data: Path, name: str) -> Years:
    """Return all gap-filled pixel-years of a set at once.

    Raises:
        NothingFoundError: The set is unknown, its file is not there, or no window has enough observations.
    """
    parts = list(iterate_years(data, name))
    if not parts:
        raise NothingFoundError(f"got no window with enough observations in the real set {name}; check its file")
    columns = ("reflectance", "terrain", "pixel", "start")
    return Years(**{column: np.concatenate([getattr(part, column) for part in parts]) for column in columns})


def read_pentads(data: Path, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return a set as training holds it: pentads (n, 73, 6), share present of the same shape, terrain (n, 3)."""
    parts = [(*to_pentads(years.reflectance), years.terrain) for years in iterate_years(data, name)]
    pentads, present, terrain = (np.concatenate(column) for column in zip(*parts, strict=True))
    return pentads, present, terrain


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
