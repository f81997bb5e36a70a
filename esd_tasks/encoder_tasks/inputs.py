"""Sets of the protocol as tables of codes and raw reflectance: the one module of `esd_tasks` that knows the encoder.

It imports `stactools_esd.encoder` and `stactools_esd.seamless` inside its functions, so that nothing else here needs
torch. Which set may be used for what is fixed by `stactools_esd.encoder.real_sets`.
"""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from esd_tasks.encoder_tasks.samples import LabelledYears, PixelYears
from stactools_esd.errors import LabelsError, NothingFoundError, ObservationsError, UsageError
from stactools_esd.fsq import valid_pixels
from stactools_esd.product import BANDS, DAYS, EncoderIdentity

LABELLED: Final[Mapping[str, str]] = {
    "rondonia_a": "label",
    "matogrosso": "label",
    "global_monthly_a": "worldcover",
    "canada_2017": "worldcover",
}
"""Sets with classes, and the array of their file that holds the classes."""

MORE_LABELLED: Final[Mapping[str, str]] = {"france_2023": "label"}
"""Sets with classes that the protocol of `evaluate-encoder` does not pool."""

CLEARED: Final = "bdc_1446"
"""The windows with the class Deforestation whose overall accuracy the protocol does not pool: F1 of that class alone.

All of them are judged, those too that no encoder is trained on because they lie near points that judge."""

CHANGE: Final = "amazon_deter"
"""The set with dated clearings; of role `dev`."""

ROWS: Final = ("harvard_first_150", "harvard_last_120")
"""Sets that are rows of adjacent pixels."""

LEAST_OF_CLASS: Final = 15
"""Classes with fewer places are left out."""

CHANGE_FILE: Final = Path("amazon_deter_modis_change") / "points.npz"
CHANGE_OBSERVATIONS: Final = 8
"""Fewest reliable composites of a window of the change set, of 23."""

_SERIES: Final = {CLEARED: "brazil_cube_2018"}
"""Sets that share the file of a real set, and its role."""

_COMPOSITE_DAYS: Final = 16
_NO_CLASS: Final = ("", "nan", "None", "none", "nodata", "unknown")

Table = NDArray[np.float32]


class EncodesYears(Protocol):
    """What the protocol needs of an encoder."""

    @property
    def identity(self) -> EncoderIdentity:
        """Name and hash of the weights."""

    def encode(self, reflectance: Table, terrain: Table | None = None) -> NDArray[np.uint16]:
        """Turn (n, 365, 6) and (n, 3) into codes (n, 12)."""


def load_encoders(weights: Sequence[str]) -> list[EncodesYears]:
    """Load one or several seeds of an encoder.

    Raises:
        UsageError: The weights are of different encoders, or the same twice.
        WeightsError: Weights are unknown or damaged.
    """
    from stactools_esd.encoder import load_encoder

    encoders: list[EncodesYears] = [load_encoder(entry) for entry in weights]
    if len(names := {encoder.identity.name for encoder in encoders}) > 1:
        raise UsageError(f"got weights of {', '.join(sorted(names))}, expected seeds of one encoder; judge each apart")
    if len({encoder.identity.weights_sha256 for encoder in encoders}) < len(encoders):
        raise UsageError("got the same weights twice, expected another seed with each --also; leave one out")
    return encoders


def role_of(name: str) -> str:
    """Return what a set may be used for.

    Raises:
        UsageError: The protocol has no such set.
    """
    known = (*LABELLED, *MORE_LABELLED, CLEARED, CHANGE, *ROWS)
    if name not in known:
        raise UsageError(f"got set {name!r}, expected one of {', '.join(known)}; choose among them")
    if name == CHANGE:
        return "dev"
    from stactools_esd.encoder.real_sets import REAL_SETS

    return REAL_SETS[_SERIES.get(name, name)].role


def read_labelled(data: Path, name: str, encoders: Sequence[EncodesYears]) -> LabelledYears:
    """Read a set with classes: the first pixel-year of each place.

    Raises:
        NothingFoundError: The file is not there.
        ObservationsError: The file cannot be read.
        LabelsError: Fewer than two classes have enough places.
    """
    from stactools_esd.encoder import data as series
    from stactools_esd.encoder.real_sets import REAL_SETS

    field = {**LABELLED, **MORE_LABELLED, CLEARED: "label"}[name]
    with _readable(path := data / REAL_SETS[_SERIES.get(name, name)].path):
        years = _all_windows(path) if name == CLEARED else series.read_years(data, name)
        with np.load(path, allow_pickle=False) as arrays:
            label, lon, lat = (arrays[key] for key in (field, "lon", "lat"))
    _, first = np.unique(years.pixel, return_index=True)
    reflectance, terrain, place = years.reflectance[first], years.terrain[first], years.pixel[first]
    codes = [encoder.encode(reflectance, terrain) for encoder in encoders]
    label = label[place].astype(str)
    names, counts = np.unique(label[~np.isin(label, _NO_CLASS)], return_counts=True)
    if np.count_nonzero(counts >= LEAST_OF_CLASS) < 2:
        raise LabelsError(
            f"got {len(names)} classes in {name}, of which fewer than two have {LEAST_OF_CLASS} places; "
            "expected a set with classes, check its file"
        )
    encoded = np.all([valid_pixels(one, axis=1) for one in codes], axis=0)
    kept = np.flatnonzero(np.isin(label, names[counts >= LEAST_OF_CLASS]) & encoded)
    class_names, class_id = np.unique(label[kept], return_inverse=True)
    rare = ", ".join(f"{a} {n}" for a, n in zip(names, counts, strict=True) if n < LEAST_OF_CLASS)
    notes = [
        ", ".join(f"{one} {n}" for one, n in zip(class_names, np.bincount(class_id), strict=True)),
        f"{len(label) - len(kept)} places left out; classes with fewer than {LEAST_OF_CLASS}: {rare or 'none'}",
    ]
    if len(missing := _missing(reflectance)):
        notes.append(f"never measured: {', '.join(missing)}; NaN for the encoder, no columns of raw")
    return LabelledYears(
        name=name,
        role=role_of(name),
        class_id=class_id.astype(np.int64),
        class_names=tuple(class_names.tolist()),
        lon=lon[place][kept].astype(np.float64),
        lat=lat[place][kept].astype(np.float64),
        raw=np.concatenate([_pentads(reflectance[kept]), terrain[kept][:, :2]], axis=1),
        codes=tuple(one[kept] for one in codes),
        notes=tuple(notes),
    )


def _all_windows(path: Path) -> Any:
    """Read every window of the file of `CLEARED` as the real set of the same file is read, which leaves some out.

    Raises:
        NothingFoundError: The file is not there.
    """
    from stactools_esd.encoder.data import Years, place_on_days
    from stactools_esd.encoder.real_sets import REAL_SETS
    from stactools_esd.seamless import fill_linear, screen

    if not path.is_file():
        raise NothingFoundError(f"got no file {path}, expected the set {CLEARED}; check the data folder")
    entry = REAL_SETS[_SERIES[CLEARED]]
    with np.load(path, allow_pickle=False) as arrays:
        kept = {key: np.zeros(len(arrays["X"]), bool) for key in ("near_A_500m", "near_B_500m")}
        observed = entry.read({key: arrays[key] for key in ("X", "dates", "clear_heur")} | kept)
    start = observed.dates.min(axis=1)
    placed = screen(place_on_days(observed.reflectance, observed.dates, start))
    rows = np.flatnonzero((~np.isnan(placed)).any(axis=2).sum(axis=1) >= entry.min_observations)
    return Years(reflectance=fill_linear(placed[rows]), terrain=observed.terrain[rows], pixel=rows, start=start[rows])


def read_row(data: Path, name: str, encoders: Sequence[EncodesYears]) -> PixelYears:
    """Read the calendar years of a row of adjacent pixels that have at least six clear observations.

    Raises:
        NothingFoundError: The file is not there, or no year has enough observations.
        ObservationsError: The file cannot be read.
    """
    from stactools_esd.encoder import data as series
    from stactools_esd.encoder.real_sets import REAL_SETS

    with _readable(data / REAL_SETS[name].path):
        years = series.read_years(data, name)
    calendar = np.flatnonzero(years.start == years.start.astype("datetime64[Y]"))
    return _pixel_years(
        name,
        years.reflectance[calendar],
        years.reflectance[calendar],
        pixel=years.pixel[calendar],
        start=years.start[calendar],
        encoders=encoders,
    )


def read_change(
    data: Path, encoders: Sequence[EncodesYears]
) -> tuple[PixelYears, NDArray[np.datetime64], NDArray[np.bool_]]:
    """Read calendar years of MODIS series with dated clearings; the encoder is given imputed green and swir1.

    Composites of reliability 0 or 1 count; a window needs eight of them, and a series that covers it to its end. A
    place that the file has twice is read once, with its date if it has one. Bands that MOD13Q1 lacks are filled by the
    linear regression on the others that `impute_bands` fits on training years.

    Returns:
        Windows; the day of detection of each pixel, NaT where none is dated; whether each pixel stayed primary forest.

    Raises:
        NothingFoundError: The file is not there.
        ObservationsError: The file cannot be read.
    """
    from stactools_esd.encoder.baselines import impute_bands, training_years
    from stactools_esd.encoder.data import place_on_days
    from stactools_esd.seamless import fill_linear

    if not (path := data / CHANGE_FILE).is_file():
        raise NothingFoundError(f"got no file {path}, expected the set {CHANGE}; check the data folder")
    with _readable(path), np.load(path, allow_pickle=False) as arrays:
        dated_first = np.argsort(np.isnat(arrays["deter_date"]), kind="stable")
        places = np.stack([arrays["lon"], arrays["lat"]], axis=1)[dated_first]
        once = np.sort(dated_first[np.unique(places, axis=0, return_index=True)[1]])
        reflectance, dates = np.array(arrays["X"][once], dtype=np.float32), arrays["dates"]
        reflectance[~np.isin(arrays["reliability"][once], (0, 1))] = np.nan
        detection, label = arrays["deter_date"][once], arrays["label"][once]
    every_date = np.broadcast_to(dates, reflectance.shape[:2])
    parts, pixels, starts = [], [], []
    for year in range(int(str(dates.min())[:4]), int(str(dates.max())[:4]) + 1):
        start = np.array(f"{year}-01-01", dtype="datetime64[D]")
        if start < dates.min() or start + DAYS > dates.max() + _COMPOSITE_DAYS:
            continue
        placed = place_on_days(reflectance, every_date, start)
        rows = np.flatnonzero((~np.isnan(placed)).any(axis=2).sum(axis=1) >= CHANGE_OBSERVATIONS)
        parts.append(fill_linear(placed[rows]))
        pixels.append(rows)
        starts.append(np.full(len(rows), start))
    if sum(map(len, pixels)) == 0:
        raise NothingFoundError(f"got no window with {CHANGE_OBSERVATIONS} composites in {path}; check the file")
    filled = np.concatenate(parts)
    whole = impute_bands(filled, training_years(data))
    windows = _pixel_years(
        CHANGE, filled, whole, pixel=np.concatenate(pixels), start=np.concatenate(starts), encoders=encoders
    )
    return windows, detection, label == "primary_forest"


def _pixel_years(
    name: str,
    measured: Table,
    whole: Table,
    *,
    pixel: NDArray[np.int64],
    start: NDArray[np.datetime64],
    encoders: Sequence[EncodesYears],
) -> PixelYears:
    """Join windows to a table; raw takes what was measured, the encoders what is whole."""
    red, nir = (measured[..., BANDS.index(band)].astype(np.float64) for band in ("red", "nir"))
    return PixelYears(
        name=name,
        role=role_of(name),
        pixel=pixel,
        year=start.astype("datetime64[Y]").astype(np.int64) + 1970,
        raw=_pentads(measured),
        ndvi=((nir - red) / np.maximum(nir + red, 1e-3)).mean(axis=1).astype(np.float32),
        codes=tuple(encoder.encode(whole) for encoder in encoders),
    )


def _missing(reflectance: Table) -> list[str]:
    """Name the bands that a set never measured."""
    return [band for number, band in enumerate(BANDS) if np.isnan(reflectance[..., number]).all()]


def _pentads(reflectance: Table) -> Table:
    """Return pentads of the bands that were measured, (n, 73 * bands), NaN where a pentad has no day."""
    from stactools_esd.encoder.pentads import to_pentads

    measured = [number for number, band in enumerate(BANDS) if band not in _missing(reflectance)]
    means, share = to_pentads(reflectance[..., measured])
    return np.where(share > 0, means, np.float32(np.nan)).reshape(len(means), -1)


@contextmanager
def _readable(path: Path) -> Iterator[Any]:
    """Say in one line that a file of data is damaged or lacks an array."""
    try:
        yield
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ObservationsError(
            f"got {path}, which cannot be read ({' '.join(str(error).split())}), expected an .npz in the layout of its "
            "set; fetch the file again"
        ) from error
