"""Which pixels of which years trained a model, kept beside it, so that nobody judges it by them.

A file of samples that was saved again, cut or joined has another checksum and is the same samples all the same: what
tells is that pixel and year are those of a training sample.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.run_record import RUN_JSON
from esd_tasks.target import WGS84, transformer
from stactools_esd.errors import EsdError, OutputError
from stactools_esd.files import atomic_path, read_json

FILE: Final = "training_pixels.npz"
"""Name of the file: degrees times 1e7, and years, of each sample; about 8 bytes a sample."""

_DEGREES: Final = 1e7


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

    def save(self, folder: Path) -> str:
        """Write the file, and return its name."""
        with atomic_path(folder / FILE) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                lon=np.rint(self.lon * _DEGREES).astype(np.int32),
                lat=np.rint(self.lat * _DEGREES).astype(np.int32),
                year=self.year.astype(np.int16),
                before=self.before.astype(np.int16),
            )
        return FILE

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read the file of a folder; None where there is none.

        Raises:
            OutputError: The file is damaged.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as columns:
                lon, lat = (columns[name] / _DEGREES for name in ("lon", "lat"))
                return cls.of(lon, lat, columns["year"], columns["before"])
        except (OSError, KeyError, ValueError, EOFError) as error:
            raise OutputError(f"cannot read {path} ({error}), expected samples of a model; train again") from error

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


def training_of(folder: Path) -> TrainingPixels | None:
    """Return the samples that trained the map of a folder: kept beside it, or beside the model that its record names.

    None where nothing is known, as of maps that others made.

    Raises:
        OutputError: The file is damaged.
    """
    if (found := TrainingPixels.load(folder)) is not None:
        return found
    try:
        return TrainingPixels.load(Path(read_json(folder / RUN_JSON, error=OutputError)["model"]["path"]))
    except (EsdError, KeyError, TypeError):
        return None
