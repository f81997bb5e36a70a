"""Places without classes: examples of one thing, and places with a measured quantity."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.labels import Labels
from esd_tasks.vector_file import find_field, read_frame, sound_geometry, year_of
from stactools_esd.errors import LabelsError

ONLY_CLASS = 1
"""The class_id of places that have no class."""


def read_unclassed(
    path: Path,
    *,
    name: str,
    layer: str | Sequence[str] | None = None,
    value_field: str | None = None,
    year_field: str | None = None,
) -> tuple[Labels, NDArray[np.float64]]:
    """Read points or polygons that are all of one kind, with a number each where a field is named.

    Features without place, year or number are dropped and counted; invalid polygons are mended and counted.

    Args:
        path: The file.
        name: What the places are; the name of their only class.
        layer: Which layer, or several that are read as one; needed where the file has several.
        value_field: Field of the number.
        year_field: Field of the year.

    Returns:
        The places, all of class `ONLY_CLASS`, and their numbers, (m,), NaN where no field was named.

    Raises:
        UsageError: The layer must be chosen; the message lists them.
        LabelsError: There is no such file or field, or nothing usable in it.
    """
    layers = [layer] if layer is None or isinstance(layer, str) else list(dict.fromkeys(layer))
    parts = [_read_layer(path, one, value_field, year_field) for one in layers]
    geometry, years, numbers, reasons = (
        np.concatenate([part.columns[column] for part in parts]) for column in range(4)
    )
    kept = reasons == ""
    dropped = {str(reason): int(n) for reason, n in zip(*np.unique(reasons[~kept], return_counts=True), strict=True)}
    if not kept.any():
        why = "; ".join(f"{reason}: {n}" for reason, n in dropped.items()) or "the layer is empty"
        raise LabelsError(
            f"got no usable feature among {len(kept)} in {path.name} ({why}), expected points or polygons"
            f"{' with a number' if value_field else ''}; correct the file"
        )
    labels = Labels(
        geometry=geometry[kept],
        class_id=np.full(int(kept.sum()), ONLY_CLASS, dtype=np.uint16),
        year=years[kept].astype(np.int64) if year_field else None,
        names={ONLY_CLASS: name},
        class_field=", ".join(dict.fromkeys(part.value_field for part in parts)),
        crs=", ".join(dict.fromkeys(part.crs for part in parts)),
        dropped=dropped,
        repaired=sum(part.repaired for part in parts),
    )
    return labels, numbers[kept].astype(np.float64)


class _Layer(NamedTuple):
    columns: tuple[NDArray[Any], ...]  # geometry, year, number, why it is dropped
    value_field: str
    crs: str
    repaired: int


def _read_layer(path: Path, layer: str | None, value_field: str | None, year_field: str | None) -> _Layer:
    """Read what one layer says, features that cannot be used included."""
    frame = read_frame(path, layer)
    fields = [str(field) for field in frame.columns if field != frame.geometry.name]
    year_name = find_field(year_field, fields, path, "--year-field") if year_field else None
    value_name = find_field(value_field, fields, path, "--target-field") if value_field else None
    geometry, repaired = sound_geometry(frame, path)
    years = np.array([year_of(value, year_name) for value in frame[year_name]] if year_name else [0] * len(frame))
    numbers = np.full(len(frame), np.nan)
    if value_name:
        numbers = np.array([_number(value, value_name, path) for value in frame[value_name]], dtype=np.float64)
    reasons = np.full(len(frame), "", dtype=object)
    reasons[years == None] = f"no year in field {year_name}"  # noqa: E711 - elementwise
    if value_name:
        reasons[~np.isfinite(numbers)] = f"no number in field {value_name}"
    reasons[shapely.is_empty(geometry) | shapely.is_missing(geometry)] = "empty geometry"
    columns = (geometry, years.astype(object), numbers, reasons)
    return _Layer(columns=columns, value_field=value_name or "", crs=frame.crs.to_string(), repaired=repaired)


def _number(value: Any, field: str, path: Path) -> float:
    """Return a number, also where it is written as text; NaN where there is none."""
    if value is None or value != value or (isinstance(value, str) and not value.strip()):
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise LabelsError(
            f"got {value!r} in field {field} of {path.name}, expected numbers; choose another --target-field or "
            "correct it"
        ) from error
