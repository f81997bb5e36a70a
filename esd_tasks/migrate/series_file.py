"""`<name>_series.npz`: the series of migrated labels with what was found, and the normal model; what explanations read.

Arrays of numbers and of text only: it opens with `numpy.load(path, allow_pickle=False)`.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.migrate.normal import NormalModel
from stactools_esd.errors import OutputError, UsageError
from stactools_esd.files import atomic_path

SCHEMA_VERSION: Final = "1"
"""Version of the layout."""

STATUSES: Final = ("stable", "relabelled", "uncertain", "nodata")
"""What a sample is in a year: of its label's class, as all its years are or as this one is beyond doubt; of the class
that was found for it; of none that can be told; without codes. Positions are what `status` holds."""

STABLE, RELABELLED, UNCERTAIN, NODATA = range(len(STATUSES))

NONE: Final = 0
"""class_id where there is none, and `change_year` where nothing changed."""

_MODEL: Final = "normal_"


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
        OutputError: It is of another kind or layout.
    """
    if not path.is_file():
        raise UsageError(
            f"got no file {path}, expected the series that esd-tasks migrate-labels writes beside its samples; name "
            "the GeoPackage that it wrote, or run it again"
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if str(arrays["schema_version"]) != SCHEMA_VERSION:
                raise OutputError(
                    f"got {path.name} of layout {arrays['schema_version']}, expected {SCHEMA_VERSION}; "
                    "run esd-tasks migrate-labels again"
                )
            kept = {field.name: arrays[field.name] for field in fields(MigratedSeries) if field.name != "normal"}
            model = {name.removeprefix(_MODEL): arrays[name] for name in arrays.files if name.startswith(_MODEL)}
            return MigratedSeries(**kept, normal=NormalModel.from_arrays(model))
    except (OSError, KeyError, ValueError) as error:
        raise OutputError(
            f"got {path}, which cannot be read ({error}), expected the series that esd-tasks migrate-labels wrote; "
            "run it again"
        ) from error
