"""Series of years with known changes, as `change_accuracy.py` judges them: codes beside raw reflectance.

Simulated landscapes hold their truth. `amazon_deter` has clearings dated by an alert system (development set). Spliced
Harvard Forest (training set) joins the years of two real pixels, far apart in one row, so that noise is real and the
break is known. `hls_sichuan` is the one pixel of the long series whose fire is dated.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.encoder_tasks import inputs
from stactools_esd.encoder.data import place_on_days, read_series
from stactools_esd.encoder.pentads import to_pentads
from stactools_esd.observations import YearWindow
from stactools_esd.seamless import fill_linear, prepare, screen
from stactools_esd.simulation import CHANGES, Landscape

SIMULATED_YEARS = tuple(range(2008, 2020))
SIMULATED_SIZE = (48, 48)
SPLICED = 800
APART = 40
LEAST_SHARE = 0.8
LEAST_OBSERVATIONS = 6
FIRE = "pyxccd_1_hls_sc"
FIRE_YEAR = 2024


@dataclass(frozen=True, kw_only=True)
class YearsOfPixels:
    """Pixels with all their years, and what happened to them."""

    name: str
    """Name in keys."""

    split: str
    """Role of the set."""

    years: tuple[int, ...]
    """Calendar years."""

    codes: NDArray[np.uint16]
    """Shape (years, n, 12)."""

    raw: NDArray[np.float32]
    """Pentads of reflectance (years, n, k); 0 where unusable."""

    usable: NDArray[np.bool_]
    """Shape (years, n)."""

    clear: NDArray[np.int64]
    """Clear observations (years, n)."""

    events: tuple[tuple[int, ...], ...]
    """Years of the events of each pixel."""

    judged: NDArray[np.bool_]
    """Pixels whose events are known, (n,)."""

    calm: NDArray[np.bool_]
    """Pixels drawn without regard to change, from which noise is learnt, (n,)."""

    cluster: NDArray[np.int64]
    """Pixels that are drawn together for intervals, (n,)."""

    block: NDArray[np.int64]
    """Blocks that train and test apart, (n,)."""


def simulated(seed: int, encoder: inputs.EncodesYears) -> YearsOfPixels:
    """Observe a landscape for twelve years; clear-cuts, fires and new buildings are events, rotations are not."""
    landscape = Landscape(seed, size=SIMULATED_SIZE, years=SIMULATED_YEARS)
    codes, raw, clear = [], [], []
    for year in SIMULATED_YEARS:
        series, clear_obs = prepare(landscape.observations(year), YearWindow(year=year))
        codes.append(encoder.encode(series))
        raw.append(to_pentads(series)[0].reshape(len(series), -1))
        clear.append(clear_obs)
    change = np.stack([landscape.change_map(year).ravel() for year in SIMULATED_YEARS], axis=1)
    lasting = change >= CHANGES.index("clear-cut")
    n = len(lasting)
    return YearsOfPixels(
        name="simulated",
        split="simulated",
        years=SIMULATED_YEARS,
        codes=np.stack(codes),
        raw=np.nan_to_num(np.stack(raw)),
        usable=np.ones((len(SIMULATED_YEARS), n), np.bool_),
        clear=np.stack(clear).astype(np.int64),
        events=tuple(tuple(np.array(SIMULATED_YEARS)[row].tolist()) for row in lasting),
        judged=np.ones(n, np.bool_),
        calm=np.ones(n, np.bool_),
        cluster=landscape.parcels.ravel() + 100_000 * seed,
        block=np.full(n, seed),
    )


def places_of_change(data: Path) -> dict[str, NDArray[Any]]:
    """Return longitude, latitude, day of detection and label of the places that `inputs.read_change` keeps."""
    with np.load(data / inputs.CHANGE_FILE, allow_pickle=False) as arrays:
        dated_first = np.argsort(np.isnat(arrays["deter_date"]), kind="stable")
        places = np.stack([arrays["lon"], arrays["lat"]], axis=1)[dated_first]
        once = np.sort(dated_first[np.unique(places, axis=0, return_index=True)[1]])
        return {name: arrays[name][once] for name in ("lon", "lat", "deter_date", "label")}


def deter(data: Path, encoder: inputs.EncodesYears) -> YearsOfPixels:
    """Read dated clearings and primary forest; other deforested places are not judged, for their year is not known."""
    table, detection, primary = inputs.read_change(data, [encoder])
    places = places_of_change(data)
    lon, lat = places["lon"], places["lat"]
    years = tuple(np.unique(table.year).tolist())
    pixels, member = np.unique(table.pixel, return_inverse=True)
    position = table.year - years[0]
    shape = (len(years), len(pixels))
    codes, usable = np.zeros((*shape, 12), np.uint16), np.zeros(shape, np.bool_)
    raw = np.zeros((*shape, table.raw.shape[1]), np.float32)
    codes[position, member], usable[position, member] = table.codes[0], True
    raw[position, member] = np.nan_to_num(table.raw)
    year = detection.astype("datetime64[Y]").astype(np.int64)[pixels] + 1970
    dated = ~np.isnat(detection[pixels])
    block = np.unique(np.floor(np.stack([lon, lat])[:, pixels] / 0.5), axis=1, return_inverse=True)[1].reshape(-1)
    return YearsOfPixels(
        name="amazon_deter",
        split="dev",
        years=years,
        codes=codes,
        raw=raw,
        usable=usable,
        clear=np.full(shape, 23),
        events=tuple((int(one),) if there else () for one, there in zip(year, dated, strict=True)),
        judged=dated | primary[pixels],
        calm=primary[pixels],
        cluster=block.astype(np.int64),
        block=block.astype(np.int64),
    )


def harvard(data: Path, encoder: inputs.EncodesYears) -> YearsOfPixels:
    """Read the first part of the row in the years that most of its pixels have; nothing is known of its events."""
    table = inputs.read_row(data, "harvard_first_150", [encoder])
    every, member = np.unique(table.pixel, return_inverse=True)
    counts = {int(year): int(n) for year, n in zip(*np.unique(table.year, return_counts=True), strict=True)}
    years = tuple(year for year, n in counts.items() if n >= LEAST_SHARE * len(every))
    kept = np.isin(table.year, years)
    position = np.searchsorted(np.array(years), table.year[kept])
    shape = (len(years), len(every))
    codes, usable = np.zeros((*shape, 12), np.uint16), np.zeros(shape, np.bool_)
    raw = np.zeros((*shape, table.raw.shape[1]), np.float32)
    codes[position, member[kept]], usable[position, member[kept]] = table.codes[0][kept], True
    raw[position, member[kept]] = np.nan_to_num(table.raw)[kept]
    n = len(every)
    return YearsOfPixels(
        name="harvard", split="train", years=years, codes=codes, raw=raw, usable=usable, clear=np.full(shape, 20),
        events=((),) * n, judged=np.ones(n, np.bool_), calm=np.ones(n, np.bool_), cluster=np.arange(n),
        block=np.arange(n) // 15,
    )  # fmt: skip


def spliced(row: YearsOfPixels, *, seed: int = 0) -> YearsOfPixels:
    """Give half of the pixels, drawn again and again, the years of another pixel from a year on."""
    generator = np.random.default_rng(seed)
    n, years = row.codes.shape[1], len(row.years)
    one = generator.integers(0, n, SPLICED)
    other = (one + generator.integers(APART, n - APART, SPLICED)) % n
    at = generator.integers(2, years - 1, SPLICED)
    broken = np.arange(SPLICED) < SPLICED // 2
    after = (np.arange(years)[:, None] >= at) & broken
    return YearsOfPixels(
        name="spliced_harvard", split="train", years=row.years,
        codes=np.where(after[..., None], row.codes[:, other], row.codes[:, one]),
        raw=np.where(after[..., None], row.raw[:, other], row.raw[:, one]),
        usable=np.where(after, row.usable[:, other], row.usable[:, one]), clear=np.full(after.shape, 20),
        events=tuple((row.years[k],) if there else () for k, there in zip(at.tolist(), broken, strict=True)),
        judged=np.ones(SPLICED, np.bool_), calm=np.ones(SPLICED, np.bool_), cluster=one, block=one // 15,
    )  # fmt: skip


def dated_pixel(data: Path, encoder: inputs.EncodesYears) -> tuple[tuple[int, ...], NDArray[np.uint16]]:
    """Read the years and codes (years, 1, 12) of the pixel whose fire is dated."""
    series = read_series(data, "single_pixels")
    with np.load(data / "landsat_longterm_pixels" / "single_pixels.npz", allow_pickle=False) as arrays:
        sound = np.array(["corrupt" not in str(note) for note in arrays["note"]])
        pixel = np.flatnonzero(arrays["name"][sound] == FIRE)
    years, codes = [], []
    for year in range(2015, FIRE_YEAR + 1):
        start = np.array(f"{year}-01-01", dtype="datetime64[D]")
        placed = screen(place_on_days(series.reflectance[pixel], series.dates[pixel], start))
        if (~np.isnan(placed)).any(axis=2).sum() >= LEAST_OBSERVATIONS:
            years.append(year)
            codes.append(encoder.encode(fill_linear(placed)))
    return tuple(years), np.stack(codes)
