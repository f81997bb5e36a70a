"""What a finished map of change says of places."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from esd_tasks.change.event_reference import EventPlaces
from esd_tasks.change.reference import NO_CHANGE
from esd_tasks.target import WGS84, transformer
from esd_tasks.training_pixels import training_of
from stactools_esd.errors import OutputError
from stactools_esd.gdal import check_size


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """What a map says of places, n of them."""

    years: tuple[int, ...]
    """Years of the map."""

    valid: NDArray[np.bool_]
    """Whether the map says anything there, (n,)."""

    events: tuple[tuple[int, ...], ...]
    """Break years of each place; for a pair the later year where it changed."""

    score: NDArray[np.float64]
    """Higher means change: magnitude of the largest break, or the score of a pair, (n,)."""

    pixel: NDArray[np.int64]
    """Number of the pixel that holds each place, (n,)."""

    trained: NDArray[np.bool_]
    """Whether a place is on a pixel that, of the years of the map, chose its threshold or trained its model, (n,)."""

    x: NDArray[np.float64]
    """Easting of each place, (n,)."""

    y: NDArray[np.float64]
    """Northing of each place, (n,)."""

    dated: bool
    """Whether events have years: not of a pair."""


def read_mapped(folder: Path, record: Mapping[str, Any], places: EventPlaces) -> Mapped:
    """Read a map at places.

    Args:
        folder: Of `change pair` or `change series`.
        record: Content of its `run.json`.
        places: Where to look.

    Raises:
        OutputError: The folder holds no map of change.
        RasterError: The map is larger than `gdal.check_size` has it.
    """
    outputs = record.get("outputs", {})
    kind = "breaks" if "breaks" in outputs else "change" if "change" in outputs else None
    if kind is None:
        raise OutputError(f"got {folder}, expected the folder of `change pair` or `change series`; name it")
    years = tuple(int(year) for year in record["parameters"]["years"])
    with rasterio.open(folder / outputs[kind]) as dataset:
        check_size(folder / outputs[kind], dataset)
        x, y = transformer(WGS84, dataset.crs).transform(places.lon, places.lat)
        column, row = (np.floor(part).astype(np.int64) for part in ~dataset.transform * (np.array(x), np.array(y)))
        inside = (row >= 0) & (row < dataset.height) & (column >= 0) & (column < dataset.width)
        pixel = np.where(inside, row * dataset.width + column, -1)
        values = _sample(dataset, x, y, inside)
        trained = np.zeros(len(pixel), np.bool_)
        if kind == "change" and (training := training_of(folder)) is not None:
            grid = {"crs": dataset.crs, "transform": dataset.transform}
            trained = inside & training.seen(row, column, **grid, year=years[-1], before=years[0])
        nodata = dataset.nodata
        names = list(dataset.descriptions)
    with rasterio.open(folder / outputs["magnitude"]) as dataset:
        check_size(folder / outputs["magnitude"], dataset)
        bands = list(dataset.descriptions)
        score = _sample(dataset, x, y, inside)[bands.index("magnitude_largest" if kind == "breaks" else "score")]
    valid = inside & (values[0] != nodata)
    if kind == "breaks":
        slots = [k for k, name in enumerate(names) if name.startswith("break_")]
        events = tuple(
            tuple(int(year) for year in sorted(values[slots, k].tolist()) if year > 0) if valid[k] else ()
            for k in range(len(pixel))
        )
        score = np.where(np.isfinite(score), score, 0.0)
    else:
        events = tuple((years[-1],) if valid[k] and values[0, k] > NO_CHANGE else () for k in range(len(pixel)))
        valid &= np.isfinite(score)
    return Mapped(
        years=years,
        valid=valid,
        events=events,
        score=score,
        pixel=pixel,
        trained=trained,
        x=np.asarray(x),
        y=np.asarray(y),
        dated=kind == "breaks",
    )


def _sample(dataset: Any, x: Sequence[float], y: Sequence[float], inside: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the values of all bands at places (bands, n); those outside hold those of the first pixel."""
    corner = dataset.xy(0, 0)
    at = [(a, b) if there else corner for a, b, there in zip(x, y, inside, strict=True)]
    return np.array(list(dataset.sample(at)), dtype=np.float64).reshape(len(at), dataset.count).T
