"""Reference data: points, what somebody saw there, and which pixels of a map they are."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.design_file import REFERENCE_FIELD
from esd_tasks.labels import CLASS_FIELDS
from esd_tasks.legend import LARGEST_ID, UNCLASSIFIED
from esd_tasks.vector_file import find_field, read_frame, sound_geometry
from stactools_esd.errors import LabelsError, UsageError

EMPTY: Final = "empty geometry"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Reference points, n of them."""

    lon: NDArray[np.float64]
    """Degrees in WGS84, (n,)."""

    lat: NDArray[np.float64]
    """Degrees in WGS84, (n,)."""

    classes: tuple[str | None, ...]
    """What was seen, as text: whole numbers without a fraction; None where nothing is filled in."""

    strata: tuple[str | None, ...] | None
    """Stratum of each, as text; None where no field was named."""

    field: str
    """Field that the classes came from."""

    n_empty: int
    """Features without a place."""


def read_reference(
    path: Path, *, layer: str | None = None, class_field: str | None = None, stratum_field: str | None = None
) -> Reference:
    """Read reference points from GeoPackage, GeoJSON, Shapefile or whatever else GDAL reads.

    A polygon is refused: what is sampled are pixels, and which pixels a polygon's class holds for, nobody says.

    Args:
        path: The file.
        layer: Which layer; needed where the file has several.
        class_field: Field of the reference class; `reference` if None, or the only one that is called like a class.
        stratum_field: Field of the stratum.

    Raises:
        UsageError: Layer or field must be chosen.
        LabelsError: The file cannot be read, or holds other things than points.
    """
    frame = read_frame(path, layer)
    fields = [str(name) for name in frame.columns if name != frame.geometry.name]
    field = find_field(class_field or _guess_field(fields, path), fields, path, "--class-field")
    stratum = find_field(stratum_field, fields, path, "--strata") if stratum_field else None
    geometry, _ = sound_geometry(frame, path)
    there = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    geometry = geometry[there]
    parts = shapely.get_num_geometries(geometry)
    if (shapely.get_dimensions(geometry) > 0).any() or (parts > 1).any():
        n = int(((shapely.get_dimensions(geometry) > 0) | (parts > 1)).sum())
        raise LabelsError(
            f"got {n} polygons or multipoints of several points in {path.name}, expected points, for the samples are "
            "pixels; give one point for each sampled pixel (QGIS: Centroids, if a polygon is one pixel)"
        )
    lon, lat = shapely.get_coordinates(geometry).T
    return Reference(
        lon=lon,
        lat=lat,
        classes=tuple(class_text(value) for value in frame[field][there]),
        strata=tuple(class_text(value) for value in frame[stratum][there]) if stratum else None,
        field=field,
        n_empty=int((~there).sum()),
    )


def class_text(value: Any) -> str | None:
    """Return a value of a field as text, blanks trimmed and Unicode composed, or None where there is none."""
    if value is None or value != value or type(value).__name__ == "NAType":  # NaN and NaT differ from themselves
        return None
    text = unicodedata.normalize("NFC", str(value)).strip()
    if re.fullmatch(r"-?\d{1,15}(\.0+)?", text):
        return str(int(float(text)))
    return text or None


def class_ids(texts: Sequence[str | None], names: Mapping[int, str], field: str) -> NDArray[np.int64]:
    """Return the class_id that each text means, 0 for none.

    A text may be a name, also in other case where that is clear, or an id. Where classes have no names but their ids,
    an id that the map does not have is a class that was never mapped.

    Args:
        texts: Texts, n of them.
        names: Names by class_id.
        field: Where they come from, for messages.

    Raises:
        LabelsError: A text means no class.
    """
    nameless = all(name == str(class_id) for class_id, name in names.items())
    by_text = _unambiguous({name.casefold(): class_id for class_id, name in names.items()}, names)
    by_text |= {str(class_id): class_id for class_id in names}
    by_text |= {unicodedata.normalize("NFC", name).strip(): class_id for class_id, name in names.items()}
    found: dict[str | None, int] = {None: UNCLASSIFIED}
    unknown = []
    for text in sorted({text for text in texts if text is not None}):
        class_id = by_text.get(text, by_text.get(text.casefold()))
        if class_id is None and nameless and text.isdigit() and 0 < int(text) <= LARGEST_ID:
            class_id = int(text)
        if class_id is None:
            unknown.append(text)
        else:
            found[text] = class_id
    if unknown:
        known = ", ".join(f"{class_id} {name}" for class_id, name in list(names.items())[:12])
        raise LabelsError(
            f"got class {', '.join(unknown[:5])} in field {field}, expected classes of the map ({known}); correct the "
            "reference, or give a --legend that has the class too"
        )
    return np.array([found[text] for text in texts], dtype=np.int64)


def _unambiguous(folded: Mapping[str, int], names: Mapping[int, str]) -> dict[str, int]:
    """Return the names without case that only one class has."""
    times = [name.casefold() for name in names.values()]
    return {name: class_id for name, class_id in folded.items() if times.count(name) == 1}


def _guess_field(fields: Sequence[str], path: Path) -> str:
    """Return the field `reference`, or else the only one that is called like a class."""
    for likely in ([REFERENCE_FIELD], CLASS_FIELDS):
        if len(found := [field for field in fields if field.casefold() in likely]) == 1:
            return found[0]
    raise UsageError(
        f"got no --class-field, and {path.name} has no field {REFERENCE_FIELD}; choose one of "
        f"{', '.join(fields) or 'none: it has no fields'} with --class-field"
    )
