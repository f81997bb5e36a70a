"""Which pixels of which years trained a model, kept beside it and its maps, so that nobody judges them by these.

A file of samples that was saved again, cut or joined has another checksum and is the same samples all the same: what
tells is that pixel and year are those of a training sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.model_file import CLUSTERS
from esd_tasks.run_record import RUN_JSON
from esd_tasks.target import WGS84, transformer
from stactools_esd.errors import OutputError
from stactools_esd.files import atomic_path, read_json
from stactools_esd.npz_file import Form, read_npz, said

FILE: Final = "training_pixels.npz"
"""Name of the file: degrees times 1e7, and years, of each sample; about 8 bytes a sample."""

UNKNOWN_TRAINING: Final = (
    f"the model of this map came without {FILE}, so nobody knows which places trained it: see that none of them is "
    "among the reference, or make the model and the map again"
)
"""What a user must know where places that trained a map cannot be told from others."""

_KIND: Final = "training_pixels"
_DEGREES: Final = 1e7
_FORMS: Final = {name: Form("i", ("samples",)) for name in ("lon", "lat", "year", "before")}
_MOST_BYTES: Final = 1 << 30  # 90 million samples
_RESTORE: Final = "copy it again from where the model was trained, or train again"


@dataclass(frozen=True, kw_only=True)
class TrainingPixels:
    """Places and years of training samples, n of them."""

    lon: NDArray[np.float64]
    """Degrees in WGS84, (n,)."""

    lat: NDArray[np.float64]
    """The same, (n,)."""

    year: NDArray[np.int64]
    """Year of each, the later one of a pair, (n,)."""

    before: NDArray[np.int64]
    """The earlier year of a pair; 0 for samples of one year, (n,)."""

    @classmethod
    def of(cls, lon: ArrayLike, lat: ArrayLike, year: ArrayLike, before: ArrayLike = 0) -> Self:
        """Gather samples; years may be one for all."""
        places = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        years = (np.broadcast_to(np.asarray(one, dtype=np.int64), places[0].shape) for one in (year, before))
        return cls(lon=places[0], lat=places[1], **dict(zip(("year", "before"), years, strict=True)))

    def smoothed(self, years: Sequence[int]) -> Self:
        """Return what had part in maps of a series that was made consistent: a sample's pixel in each of its years.

        Args:
            years: Of the series; samples of other years had no part in it.
        """
        member = np.flatnonzero(np.isin(self.year, years))
        every = np.repeat(np.asarray(years, dtype=np.int64), len(member))
        lon, lat = (np.tile(degrees[member], len(years)) for degrees in (self.lon, self.lat))
        return type(self).of(lon, lat, every)

    def save(self, folder: Path) -> dict[str, str]:
        """Write the file, and return its name by its kind, as `run.json` lists it."""
        with atomic_path(folder / FILE) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                lon=np.rint(self.lon * _DEGREES).astype(np.int32),
                lat=np.rint(self.lat * _DEGREES).astype(np.int32),
                year=self.year.astype(np.int16),
                before=self.before.astype(np.int16),
            )
        return {_KIND: FILE}

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read the file of a folder; None where there is none.

        Raises:
            OutputError: The file is damaged.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        words = {"name": str(path), "expected": "the samples that trained a model", "todo": _RESTORE}
        with said(OutputError, **words):
            columns = read_npz(path, _FORMS, error=OutputError, most_bytes=_MOST_BYTES, **words)
            lon, lat, year, before = (columns[name] for name in _FORMS)
            for name, least, most in (("lon", -180, 180), ("lat", -90, 90), ("year", 1, 9999), ("before", 0, 9999)):
                unit = _DEGREES if name in ("lon", "lat") else 1
                if ((columns[name] < least * unit) | (columns[name] > most * unit)).any():
                    raise ValueError(f"{name} beyond {least}..{most}")
            return cls.of(lon / _DEGREES, lat / _DEGREES, year, before)

    def seen(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        *,
        crs: Any,
        transform: Any,
        year: int | None,
        before: int | None = None,
    ) -> NDArray[np.bool_]:
        """Tell which pixels of a grid trained the model with this year, (n,).

        Args:
            rows: Rows of the grid, (n,).
            columns: Columns, (n,).
            crs: CRS of the grid.
            transform: From (column, row) to (x, y).
            year: Year of the map; samples of every year count if None.
            before: The earlier year of a map of change; samples of every such year count if None.
        """
        same = np.ones(len(self.lon), dtype=np.bool_)
        if year is not None:
            same &= self.year == year
        if before is not None:
            same &= (self.before == before) | (self.before == 0)
        x, y = transformer(WGS84, crs).transform(self.lon[same], self.lat[same])
        with np.errstate(invalid="ignore"):
            across, down = ~transform * (np.asarray(x), np.asarray(y))
        there = np.isfinite(across) & np.isfinite(down)
        return np.isin(_numbers(rows, columns), _numbers(np.floor(down[there]), np.floor(across[there])))


def _numbers(rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.int64]:
    """Return one number a pixel."""
    return np.asarray(rows.astype(np.int64) * (1 << 32) + columns.astype(np.int64))


def see_sound(model: Path) -> Path:
    """See that the samples of a model can be read, before a map by it is made; return its folder.

    Raises:
        OutputError: The file is damaged.
    """
    TrainingPixels.load(model)
    return model


def keep_beside(model: Path, folder: Path, *, years: Sequence[int] = ()) -> dict[str, str]:
    """Keep the samples of a model beside a map by it, where the map finds them wherever both go.

    Args:
        model: Folder of the model.
        folder: Of the map.
        years: Of a series whose years were made consistent with each other.

    Returns:
        The name of the file by its kind, as `run.json` lists it; nothing where the model has no such file.

    Raises:
        OutputError: The file is damaged.
    """
    if (found := TrainingPixels.load(model)) is None:
        return {}
    return (found.smoothed(years) if years else found).save(folder)


def training_of(folder: Path) -> TrainingPixels | None:
    """Return the samples that trained the map of a folder, which are kept beside it.

    None where nothing is known, as of maps that others made; see `is_untold`.

    Raises:
        OutputError: The file is damaged, or gone although `run.json` lists it.
    """
    if (found := TrainingPixels.load(folder)) is None and _KIND in record_beside(folder).get("outputs", {}):
        raise OutputError(
            f"got {folder} without {FILE}, which its {RUN_JSON} lists, expected the places that trained the map; copy "
            "the file from the folder of the model, or make the map again"
        )
    return found


def is_untold(folder: Path) -> bool:
    """Tell whether a map was made by a model of which nobody knows the samples."""
    record = record_beside(folder)
    unlabelled = record.get("result", {}).get("kind") == CLUSTERS
    return "model" in record and not unlabelled and not (folder / FILE).is_file()


def record_beside(folder: Path) -> dict[str, Any]:
    """Return `run.json` of a folder, or nothing where there is none.

    Raises:
        OutputError: It is damaged.
    """
    if not (folder / RUN_JSON).is_file():
        return {}
    content = read_json(folder / RUN_JSON, error=OutputError)
    return content if isinstance(content, dict) else {}
