"""Real series of labels as `label_migration_real.py` judges them: codes of every year, and what is known of each.

`amazon_deter` holds clearings dated by an alert system and primary forest that stayed, `matogrosso_cube` fields whose
crop is known in one or two agricultural years (September to August, named by the year in which they start),
`matogrosso` places of one class that are known in three years or more. All are development sets of MODIS; bands that
MOD13Q1 lacks are imputed as `evaluate-encoder` does. What was encoded once is read again from build/.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from change_sets import places_of_change
from numpy.typing import NDArray

from esd_tasks.encoder_tasks import inputs
from esd_tasks.migrate.series import LabelSeries
from stactools_esd.encoder.baselines import impute_bands, training_years
from stactools_esd.encoder.data import place_on_days
from stactools_esd.product import STEPS
from stactools_esd.seamless import fill_linear

FOLDER: Final = Path(__file__).resolve().parent.parent / "build" / "migration"
LEAST_COMPOSITES: Final = 8
LEAST_YEARS: Final = 3
FOREST: Final = 1
CLEARED: Final = 2
_METRES: Final = 111_320.0


@dataclass(frozen=True, kw_only=True)
class RealLabels:
    """Pixels with the codes of every year, and what is known of them."""

    series: LabelSeries
    """Codes; its labels are those that are judged against, not those that are given."""

    truth: NDArray[np.int64]
    """class_id where it is known, 0 elsewhere (n, years)."""

    event: NDArray[np.int64]
    """Year of the dated clearing, 0 where none is known (n,)."""

    alert_month: NDArray[np.int64]
    """Month of the alert that dated it, 0..11 (n,)."""

    cluster: NDArray[np.int64]
    """Pixels that are drawn together (n,)."""


def deter(data: Path, weights: str) -> RealLabels:
    """Read dated clearings and primary forest, and clearings without a date, of which no event is known."""
    places = places_of_change(data)
    lon, lat, day, label = (places[key] for key in ("lon", "lat", "deter_date", "label"))
    path = FOLDER / f"deter_{Path(weights).stem}.npz"
    if not path.exists():
        table, _, _ = inputs.read_change(data, inputs.load_encoders([weights]))
        years = np.unique(table.year)
        codes = np.zeros((len(lon), len(years), STEPS), np.uint16)
        codes[table.pixel, table.year - years[0]] = table.codes[0]
        _save(path, years=years, codes=codes)
    with np.load(path) as arrays:
        years, codes = arrays["years"], arrays["codes"]
    event = np.where(np.isnat(day), 0, day.astype("datetime64[Y]").astype(np.int64) + 1970)
    primary = label.astype(str) == "primary_forest"
    truth = np.zeros(codes.shape[:2], np.int64)
    truth[primary] = FOREST
    truth[(event > 0)[:, None] & (years < event[:, None])] = FOREST
    truth[(event > 0)[:, None] & (years > event[:, None])] = CLEARED
    return RealLabels(
        series=_series(
            years, codes, np.where(primary, FOREST, CLEARED), lon, lat, {FOREST: "forest", CLEARED: "cleared"}
        ),
        truth=truth,
        event=event,
        alert_month=np.where(np.isnat(day), 0, day.astype("datetime64[M]").astype(np.int64) % 12),
        cluster=np.unique(np.floor(np.stack([lon, lat]) / 0.5), axis=1, return_inverse=True)[1].reshape(-1),
    )


def fields(data: Path, weights: str) -> RealLabels:
    """Read the fields of the cube: six agricultural years of each pixel that has a label in one of them."""
    folder = data / "matogrosso_modis_cube"
    with np.load(folder / "samples.npz", allow_pickle=False) as arrays:
        row, column, label, lon, lat = (arrays[key] for key in ("row", "col", "label", "lon", "lat"))
        of_year = arrays["dates"][:, 0].astype("datetime64[Y]").astype(np.int64) + 1970
    names, class_id = np.unique(label, return_inverse=True)
    _, first, pixel = np.unique(row * 10_000 + column, return_index=True, return_inverse=True)
    years = np.arange(2007, 2013)
    path = FOLDER / f"fields_{Path(weights).stem}.npz"
    if not path.exists():
        with np.load(folder / "cube.npz", allow_pickle=False) as arrays:
            seen = np.moveaxis(arrays["X"], 0, 2)[row[first], column[first]]
            dates = np.broadcast_to(arrays["dates"], seen.shape[:2])
        starts = [np.array(f"{year}-09-01", dtype="datetime64[D]") for year in years]
        _save(path, years=years, codes=_encoded(data, weights, [place_on_days(seen, dates, one) for one in starts]))
    with np.load(path) as arrays:
        codes = arrays["codes"]
    truth = np.zeros(codes.shape[:2], np.int64)
    truth[pixel, of_year - years[0]] = class_id + 1
    series = _series(years, codes, class_id[first] + 1, lon[first], lat[first], _legend(names))
    return _undated(series, truth, _fields_of(row[first], column[first], truth))


def places(data: Path, weights: str) -> RealLabels:
    """Read places of Mato Grosso that are labelled in three agricultural years or more: none of them changes."""
    with np.load(data / "matogrosso_modis_4band" / "mt_modis_mod13q1.npz", allow_pickle=False) as arrays:
        seen, dates, label, lon, lat = (arrays[key] for key in ("X", "dates", "label", "lon", "lat"))
    of_year = dates[:, 0].astype("datetime64[Y]").astype(np.int64) + 1970
    names, class_id = np.unique(label, return_inverse=True)
    _, first, place = np.unique(np.stack([lon, lat]).round(4), axis=1, return_index=True, return_inverse=True)
    place = place.reshape(-1)
    years = np.arange(of_year.min(), of_year.max() + 1)
    path = FOLDER / f"places_{Path(weights).stem}.npz"
    if not path.exists():
        codes = np.zeros((len(first), len(years), STEPS), np.uint16)
        placed = place_on_days(seen, dates, dates[:, 0].astype("datetime64[M]").astype("datetime64[D]"))
        codes[place, of_year - years[0]] = _encoded(data, weights, [placed])[:, 0]
        _save(path, codes=codes)
    with np.load(path) as arrays:
        codes = arrays["codes"]
    truth = np.zeros(codes.shape[:2], np.int64)
    truth[place, of_year - years[0]] = class_id + 1
    series = _series(years, codes, class_id[first] + 1, lon[first], lat[first], _legend(names))
    return _undated(series, truth, np.arange(len(first)))


def given(
    real: RealLabels, class_id: NDArray[np.int64], year: NDArray[np.int64], kept: NDArray[np.bool_]
) -> LabelSeries:
    """Return the series of some pixels with the labels that somebody gives: a class and its year for each pixel."""
    series = replace(real.series, class_id=class_id, label_year=year)
    by_pixel = ("codes", "valid", "clear_obs", "class_id", "label_year", "label", "lon", "lat", "x", "y")
    return replace(series, **{name: getattr(series, name)[kept] for name in by_pixel})


def _legend(names: NDArray[np.str_]) -> dict[int, str]:
    return {number: str(name) for number, name in enumerate(names, start=1)}


def _undated(series: LabelSeries, truth: NDArray[np.int64], cluster: NDArray[np.int64]) -> RealLabels:
    none = np.zeros(len(series), np.int64)
    return RealLabels(series=series, truth=truth, event=none, alert_month=none, cluster=cluster)


def _encoded(data: Path, weights: str, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.uint16]:
    """Encode windows of the same pixels (n, 365, 6) to codes (n, windows, 12); too few composites are no data."""
    (encoder,) = inputs.load_encoders([weights])
    training = training_years(data)
    parts = []
    for placed in windows:
        codes = encoder.encode(impute_bands(fill_linear(placed), training))
        codes[(~np.isnan(placed)).any(axis=2).sum(axis=1) < LEAST_COMPOSITES] = 0
        parts.append(codes)
    return np.stack(parts, axis=1)


def _series(
    years: NDArray[np.int64],
    codes: NDArray[np.uint16],
    class_id: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    names: dict[int, str],
) -> LabelSeries:
    n = len(codes)
    valid = codes.any(axis=2)
    return LabelSeries(
        years=tuple(years.tolist()),
        codes=codes,
        valid=valid,
        clear_obs=np.where(valid, 20, 0).astype(np.uint16),
        class_id=class_id.astype(np.int64),
        label_year=np.full(n, years[-1]),
        label=np.arange(n),
        lon=lon.astype(np.float64),
        lat=lat.astype(np.float64),
        x=lon * _METRES * np.cos(np.radians(lat.mean())),
        y=lat * _METRES,
        names=names,
        dropped={},
    )


def _fields_of(row: NDArray[np.int64], column: NDArray[np.int64], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number groups of pixels that touch and have the same labels in the same years."""
    kinds = np.unique(truth, axis=0, return_inverse=True)[1].reshape(-1)
    near = (np.abs(row[:, None] - row) <= 1) & (np.abs(column[:, None] - column) <= 1) & (kinds[:, None] == kinds)
    group = np.arange(len(row))
    while True:
        lowest = np.where(near, group, len(row)).min(axis=1)
        if (lowest == group).all():
            return group
        group = lowest


def _save(path: Path, **arrays: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, **arrays)
    partial.rename(path)
