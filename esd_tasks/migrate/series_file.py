"""`<name>_series.npz`: the series of migrated labels with what was found, and the normal model; what explanations read.

Arrays of numbers and of text only: it opens with `numpy.load(path, allow_pickle=False)`. Here it is read with more
care, for explanations take every number for a class, a year, a code or a covariance.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.legend import plain_name
from esd_tasks.migrate.normal import NormalModel
from stactools_esd.errors import OutputError, UsageError
from stactools_esd.files import atomic_path, is_file
from stactools_esd.npz_file import Form, read_npz, said
from stactools_esd.product import CHANNELS, FSQ, STEPS

SCHEMA_VERSION: Final = "1"
"""Version of the layout."""

STATUSES: Final = ("stable", "relabelled", "uncertain", "nodata")
"""What a sample is in a year: of its label's class, as all its years are or as this one is beyond doubt; of the class
that was found for it; of none that can be told; without codes. Positions are what `status` holds."""

STABLE, RELABELLED, UNCERTAIN, NODATA = range(len(STATUSES))

NONE: Final = 0
"""class_id where there is none, and `change_year` where nothing changed."""

MOST_BYTES: Final = 8 << 30
"""What all arrays of a file may hold: six million samples of 25 years."""

_MODEL: Final = "normal_"
_FORMS: Final = {
    "years": Form("i", ("years",)),
    "sample_id": Form("i", ("n",)),
    "lon": Form("f", ("n",)),
    "lat": Form("f", ("n",)),
    "codes": Form("u2", ("n", "years", STEPS)),
    "valid": Form("b1", ("n", "years")),
    "class_id": Form("i", ("n",)),
    "label_year": Form("i", ("n",)),
    "label": Form("i", ("n", "years")),
    "probability": Form("f", ("n", "years")),
    "anomaly": Form("f", ("n", "years")),
    "status": Form("u1", ("n", "years")),
    "change_year": Form("i", ("n", "years")),
    "class_ids": Form("i", ("k",)),
    "class_names": Form("U", ("k",)),
    f"{_MODEL}years": Form("i", ("years",)),
    f"{_MODEL}class_ids": Form("i", ("k",)),
    f"{_MODEL}mean": Form("f", ("k", CHANNELS)),
    f"{_MODEL}drift": Form("f", ("k", "years", CHANNELS)),
    f"{_MODEL}between": Form("f", ("k", CHANNELS, CHANNELS)),
    f"{_MODEL}within": Form("f", ("k", CHANNELS, CHANNELS)),
}
_LAST_YEAR: Final = 9999
_LARGEST_CLASS: Final = 65_535
_LARGEST: Final = 100.0  # of levels over L - 1, which are 0..1, and of their variances
_LEAST_WITHIN: Final = 1e-6  # `normal_fit.LEAST_VARIANCE` is 2e-3
_ROUNDED: Final = 1e-6


def series_path(output: Path) -> Path:
    """Return where the series of migrated labels lies: `samples.gpkg` has `samples_series.npz`."""
    return output.with_name(f"{output.stem}_series.npz")


@dataclass(frozen=True, kw_only=True)
class MigratedSeries:
    """Samples with all their years and what was found of them; n samples."""

    years: NDArray[np.int64]
    """Calendar years, ascending, (years,)."""

    sample_id: NDArray[np.int64]
    """As in the GeoPackage, (n,)."""

    lon: NDArray[np.float64]
    """Degrees in WGS84, (n,)."""

    lat: NDArray[np.float64]
    """Degrees in WGS84, (n,)."""

    codes: NDArray[np.uint16]
    """Shape (n, years, 12)."""

    valid: NDArray[np.bool_]
    """Where a year could be used, (n, years)."""

    class_id: NDArray[np.int64]
    """Class of the label that was given, (n,)."""

    label_year: NDArray[np.int64]
    """Its year, (n,)."""

    label: NDArray[np.int64]
    """Class found for each year, (n, years); `NONE` where uncertain or without data."""

    probability: NDArray[np.float32]
    """Of the likeliest class of each year, also where it is too low for a label, (n, years); NaN without data."""

    anomaly: NDArray[np.float32]
    """How unlike the label's class and the sample's own years of that class each year is: -log10 of the share of normal
    years that are at least as unlike; (n, years); NaN without data."""

    status: NDArray[np.uint8]
    """Position in `STATUSES`, (n, years)."""

    change_year: NDArray[np.int64]
    """Year of the change between a year's state and the next one towards the label's year, (n, years): of states after
    it their own first year, of states before it the first year of the state that follows. `NONE` in the label's own
    state, and without data."""

    class_ids: NDArray[np.int64]
    """Classes, ascending, (k,)."""

    class_names: NDArray[np.str_]
    """Their names, (k,)."""

    normal: NormalModel
    """What normal trajectories of each class are."""


def write_series(path: Path, series: MigratedSeries) -> None:
    """Write the file, whole or not at all."""
    arrays = {field.name: getattr(series, field.name) for field in fields(series) if field.name != "normal"}
    arrays |= {f"{_MODEL}{name}": values for name, values in series.normal.as_arrays().items()}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, schema_version=np.array(SCHEMA_VERSION), **arrays)


def read_series(path: Path) -> MigratedSeries:
    """Read the file that `migrate-labels` wrote beside its samples.

    Raises:
        UsageError: There is no such file.
        OutputError: It is of another kind or layout, damaged, or holds what no migration writes.
    """
    if not is_file(path):
        raise UsageError(
            f"got no file {path}, expected the series that esd-tasks migrate-labels writes beside its samples; name "
            "the GeoPackage that it wrote, or run it again"
        )
    words = {"name": str(path), "expected": "the series that esd-tasks migrate-labels wrote", "todo": "run it again"}
    layout = {"schema_version": Form("U")}
    version = str(read_npz(path, layout, error=OutputError, most_bytes=_LARGEST_CLASS, **words)["schema_version"])
    if version != SCHEMA_VERSION:
        raise OutputError(
            f"got {path.name} of layout {plain_name(version)[:20]!r}, expected {SCHEMA_VERSION}; "
            "run esd-tasks migrate-labels again"
        )
    arrays = read_npz(path, _FORMS, error=OutputError, most_bytes=MOST_BYTES, **words)
    with said(OutputError, **words):
        for wrong in _faults(arrays):
            raise ValueError(wrong)
    wide: dict[str, NDArray[Any]] = {
        name: values.astype(np.int64) if values.dtype.kind == "i" else values for name, values in arrays.items()
    }
    model = {name.removeprefix(_MODEL): values for name, values in wide.items() if name.startswith(_MODEL)}
    kept = {name: values for name, values in wide.items() if not name.startswith(_MODEL)}
    return MigratedSeries(**kept, normal=NormalModel.from_arrays(model))


def _faults(arrays: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    """Tell what no migration writes; each rule may take those before it for granted."""
    years, class_ids = arrays["years"], arrays["class_ids"]
    for name, most in (("years", _LAST_YEAR), ("class_ids", _LARGEST_CLASS), ("sample_id", 2**53)):
        one = arrays[name]
        if not one.size or one[0] < 1 or one[-1] > most or (one[1:] <= one[:-1]).any():
            yield f"{name} that do not ascend within 1..{most}"
    for name, known in (("years", years), ("class_ids", class_ids)):
        if (arrays[f"{_MODEL}{name}"] != known).any():
            yield f"a normal model of other {name}"
    for name, known, none in (
        ("class_id", class_ids, False),
        ("label", class_ids, True),
        ("label_year", years, False),
        ("change_year", years, True),
    ):
        if (strange := arrays[name][~np.isin(arrays[name], [NONE, *known] if none else known)]).size:
            yield f"{name} {strange[0]}, which is none of the {'years' if known is years else 'classes'}"
    if any(not name or plain_name(name) != name for name in arrays["class_names"].tolist()):
        yield "a name of a class that cannot be printed"
    valid, codes = arrays["valid"], arrays["codes"]
    if codes.size and codes.max() >= FSQ.codebook_size:
        yield f"code {codes.max()}, which is none"
    if arrays["status"].max() >= len(STATUSES) or (valid == (arrays["status"] == NODATA)).any():
        yield "a status that does not fit its year"
    for name, edge in (("lon", 180), ("lat", 90)):
        if not (np.abs(arrays[name]) <= edge).all():
            yield f"{name} beyond -{edge}..{edge}"
    for name, top in (("probability", 1.0), ("anomaly", 1e6)):
        if not ((arrays[name] >= -_ROUNDED) & (arrays[name] <= top + _ROUNDED))[valid].all():
            yield f"{name} beyond 0..{top:g} in a year with data"
    yield from _faults_of_model(arrays)


def _faults_of_model(arrays: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    """Tell what keeps covariances from being inverted, and means from being levels."""
    for name in ("mean", "drift", "between", "within"):
        if not (np.abs(arrays[f"{_MODEL}{name}"]) <= _LARGEST).all():
            yield f"a normal model whose {name} is no number within {_LARGEST:g}"
    for name, least in (("between", -_ROUNDED * _LEAST_WITHIN), ("within", _LEAST_WITHIN)):
        covariance = arrays[f"{_MODEL}{name}"]
        if not np.allclose(covariance, covariance.transpose(0, 2, 1), rtol=0, atol=_ROUNDED * _ROUNDED):
            yield f"a normal model whose {name} is not symmetric"
        if np.linalg.eigvalsh(covariance).min() < least:
            yield f"a normal model whose {name} is no covariance"
