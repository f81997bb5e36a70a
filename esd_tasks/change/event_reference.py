"""Reference places with the years in which something happened there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks import vector_file
from esd_tasks.change.reference import is_changed
from stactools_esd.errors import LabelsError, UsageError

FIELDS: Final = ("event_years", "event_year", "break_years", "break_year", "change_year", "change", "changed")
"""Field names, in lower case, that are taken for events where none is named."""

_NOTHING: Final = frozenset({"", "0", "0.0", "none", "nan", "no", "-", "no change", "unchanged", "stable", "false"})


@dataclass(frozen=True, kw_only=True)
class EventPlaces:
    """Reference points, n of them, and what happened there."""

    lon: NDArray[np.float64]
    """Degrees in WGS84, (n,)."""

    lat: NDArray[np.float64]
    """Degrees in WGS84, (n,)."""

    years: tuple[tuple[int, ...], ...]
    """Years of the events of each; none where nothing happened."""

    changed: NDArray[np.bool_]
    """Whether anything happened, (n,); with `dated` False it is all that is known."""

    dated: bool
    """Whether the file says in which years."""

    weight: NDArray[np.float64]
    """What each place stands for, (n,)."""

    dropped: dict[str, int]
    """Features left out, by reason."""


def read_events(
    path: Path, *, layer: str | None = None, event_field: str | None = None, weight_field: str | None = None
) -> EventPlaces:
    """Read reference points with years of events.

    A field of years holds one (`2012`, or a date), several (`2005;2012`), or nothing where nothing happened. A field
    that says change or no change is read too; then events have no year. Polygons are refused: what is judged are
    pixels, and of which pixels of a polygon an event is true, nobody says.

    Args:
        path: GeoPackage, GeoJSON or Shapefile of points.
        layer: Which layer, where there are several.
        event_field: The field; by default the one that is called like it.
        weight_field: Field of what each place stands for, e.g. the inverse of its chance of being drawn.

    Raises:
        UsageError: Layer or field must be chosen.
        LabelsError: The file cannot be used as it is.
        NothingFoundError: It holds no place.
    """
    frame = vector_file.read_frame(path, layer, called="reference")
    fields = [str(name) for name in frame.columns if name != frame.geometry.name]
    name = vector_file.find_field(event_field, fields, path, "--event-field") if event_field else _guess(fields, path)
    geometry, _ = vector_file.sound_geometry(frame, path)
    empty = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    if not np.isin(shapely.get_type_id(geometry[~empty]), (shapely.GeometryType.POINT,)).all():
        raise LabelsError(
            f"got {path.name} with other places than points, expected points: an event is of a pixel; give a point for "
            "each place that was looked at"
        )
    years, changed, dated = _events(frame[name].tolist(), name)
    weight = np.ones(len(frame))
    if weight_field:
        weight_name = vector_file.find_field(weight_field, fields, path, "--weight-field")
        try:
            weight = np.asarray(frame[weight_name], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise LabelsError(f"got words in field {weight_name}, expected weights; choose another field") from error
        if not (np.isfinite(weight) & (weight > 0)).all():
            raise LabelsError(f"got weights in field {weight_name} that are not positive, expected positive ones")
    kept = np.flatnonzero(~empty)
    if not len(kept):  # all of them lie off the Earth
        raise LabelsError(f"got no point on Earth in {path.name}, expected reference places; check its CRS")
    return EventPlaces(
        lon=shapely.get_x(geometry[kept]),
        lat=shapely.get_y(geometry[kept]),
        years=tuple(years[k] for k in kept.tolist()),
        changed=changed[kept],
        dated=dated,
        weight=weight[kept],
        dropped={"empty geometry": int(empty.sum())} if empty.any() else {},
    )


def _guess(fields: Sequence[str], path: Path) -> str:
    """Return the field that is called like events, the first of `FIELDS` that there is."""
    by_name = {field.casefold(): field for field in fields}
    for name in FIELDS:
        if name in by_name:
            return by_name[name]
    raise UsageError(
        f"got no --event-field for {path.name}, expected the field of the event years; choose one of "
        f"{', '.join(fields) or 'none'}"
    )


def _events(values: Sequence[Any], name: str) -> tuple[list[tuple[int, ...]], NDArray[np.bool_], bool]:
    """Return years, whether anything happened, and whether years are known."""
    parsed = [_years(value) for value in values]
    if all(years is not None for years in parsed):
        found = [years or () for years in parsed]
        return found, np.array([bool(years) for years in found]), True
    said = [is_changed(value) for value in values]
    if any(one is None for one in said):
        wrong = next(value for value, one in zip(values, said, strict=True) if one is None)
        raise LabelsError(
            f"got {wrong!r} in field {name}, expected years such as 2012 or 2005;2012, nothing where nothing happened, "
            "or change and no change; correct it"
        )
    return [()] * len(values), np.array(said, np.bool_), False


def _years(value: Any) -> tuple[int, ...] | None:
    """Return the years of a value, none for nothing; None where it holds something else."""
    if value is None or value != value:
        return ()
    if isinstance(year := getattr(value, "year", None), int):
        return (year,)
    text = str(value).strip()
    if text.casefold() in _NOTHING:
        return ()
    years = []
    for part in re.split(r"[;,\s]+", text):
        match = re.fullmatch(r"(\d{4})(?:\.0+|[-/].*)?", part)
        if match is None:
            return None
        years.append(int(match[1]))
    return tuple(sorted(years))
