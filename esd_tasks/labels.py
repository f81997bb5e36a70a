"""Labels: the places that a user has classified, read from any vector file into WGS84."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.legend import LARGEST_ID, UNCLASSIFIED
from esd_tasks.places import envelope
from esd_tasks.vector_file import find_field, read_frame, sound_geometry, year_of
from stactools_esd.errors import LabelsError, UsageError

CLASS_FIELDS: Final = (
    "class", "class_id", "class_name", "classname", "label", "label_id", "landcover", "land_cover", "lc", "category",
)  # fmt: skip
"""Field names, in lower case, that are taken for the class where none is named."""

MOST_CLASSES: Final = 254
"""Classes that one model and one map may have."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Labelled places, m of them."""

    geometry: NDArray[np.object_]
    """Points, multipoints, polygons and multipolygons of shapely in WGS84, longitude first, shape (m,)."""

    class_id: NDArray[np.uint16]
    """Class of each, shape (m,)."""

    year: NDArray[np.int64] | None
    """Year of each, shape (m,), or None where no year field was named."""

    names: dict[int, str]
    """Name of each class_id, ascending: the whole legend that was given, or the classes found."""

    class_field: str
    """Field that the classes came from."""

    crs: str
    """CRS of the file, as an authority code where it has one."""

    dropped: dict[str, int]
    """Features left out while reading, by reason."""

    repaired: int = 0
    """Invalid polygons that were mended (`make_valid`)."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the reading, a line each."""
        lines = [f"{n} label{'s' * (n > 1)} left out: {reason}" for reason, n in self.dropped.items()]
        if self.repaired:
            lines.append(f"{self.repaired} invalid polygon{'s' * (self.repaired > 1)} mended")
        return tuple(lines)

    @property
    def envelope(self) -> shapely.Geometry:
        """The box around all labels: the default area of a map. Two boxes where they meet across the antimeridian."""
        return envelope(self.geometry)


def read_labels(
    path: str | Path,
    *,
    layer: str | None = None,
    class_field: str | None = None,
    year_field: str | None = None,
    legend: Mapping[int, str] | None = None,
) -> Labels:
    """Read labels from GeoPackage, GeoJSON, Shapefile or whatever else GDAL reads.

    Features without class, year or place are dropped and counted; invalid polygons are mended and counted. Classes may
    be names in any script or integers; integers keep their ids, also where they are written as text.

    Args:
        path: The file.
        layer: Which layer; needed where the file has several.
        class_field: Field of the class; needed where no field, or more than one, is called like one (`CLASS_FIELDS`).
        year_field: Field of the year: an integer, a date, or a text that starts with the year.
        legend: Name of each class_id that the labels may have; fields hold the names or the ids.

    Raises:
        UsageError: Layer or field must be chosen; the message lists them.
        LabelsError: There is no such file, or its labels cannot be used as they are.
    """
    path = Path(path)
    frame = read_frame(path, layer)
    fields = [str(name) for name in frame.columns if name != frame.geometry.name]
    year_name = find_field(year_field, fields, path, "--year-field") if year_field else None
    others = [name for name in fields if name != year_name]
    class_name = find_field(class_field, fields, path, "--class-field") if class_field else _guess_field(others, path)
    geometry, repaired = sound_geometry(frame, path)
    classes = np.array([_class_value(value) for value in frame[class_name]], dtype=object)
    years = np.array([year_of(value, year_name) for value in frame[year_name]] if year_name else [0] * len(frame))
    reasons = np.full(len(frame), "", dtype=object)
    reasons[years == None] = f"no year in field {year_name}"  # noqa: E711 - elementwise
    reasons[classes == None] = f"no class in field {class_name}"  # noqa: E711 - elementwise
    reasons[shapely.is_empty(geometry) | shapely.is_missing(geometry)] = "empty geometry"
    kept = reasons == ""
    dropped = dict(Counter(reasons[~kept].tolist()))
    if not kept.any():
        raise LabelsError(
            f"got no usable feature among {len(frame)} in {path.name} "
            f"({'; '.join(f'{reason}: {n}' for reason, n in dropped.items()) or 'the layer is empty'}), "
            "expected points or polygons with a class; correct the file"
        )
    class_id, names = _class_ids(classes[kept], legend, class_name)
    return Labels(
        geometry=geometry[kept],
        class_id=class_id,
        year=years[kept].astype(np.int64) if year_name else None,
        names=names,
        class_field=class_name,
        crs=frame.crs.to_string(),
        dropped=dropped,
        repaired=repaired,
    )


def _guess_field(fields: list[str], path: Path) -> str:
    """Return the one field that is called like a class, or else the only field there is."""
    likely = [field for field in fields if field.casefold() in CLASS_FIELDS]
    if len(likely) == 1 or len(fields) == 1:
        return (likely or fields)[0]
    if not fields:
        raise LabelsError(f"got {path.name} without fields, expected one that holds the class; add it")
    raise UsageError(
        f"got no --class-field and {'several fields' if likely else 'no field'} in {path.name} that may be the class; "
        f"choose one of {', '.join(likely or fields)} with --class-field"
    )


def _class_value(value: Any) -> Any:
    """Return a class value with blanks trimmed and Unicode composed, or None where there is none."""
    if value is None or value != value:  # NaN and NaT differ from themselves
        return None
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip() or None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return value.item() if isinstance(value, np.generic) else value


def _class_ids(
    values: NDArray[np.object_], legend: Mapping[int, str] | None, field: str
) -> tuple[NDArray[np.uint16], dict[int, str]]:
    """Turn class values into ids, by the legend or by themselves; return ids and names."""
    found = sorted(set(values.tolist()), key=str)
    if any(isinstance(value, float) and not value.is_integer() for value in found):
        raise LabelsError(
            f"got fractions in field {field}, expected class names or integers; choose another --class-field"
        )
    texts = {value: _plain(value) for value in found}
    names = _own_names(sorted(set(texts.values())), field) if legend is None else dict(sorted(legend.items()))
    if UNCLASSIFIED in names:
        raise LabelsError("got class 0 in the legend, expected 1 and up: 0 is kept for unclassified pixels; change it")
    by_text = {str(class_id): class_id for class_id in names}
    by_text |= {unicodedata.normalize("NFC", name).strip(): class_id for class_id, name in names.items()}
    by_value = {value: by_text.get(str(value), by_text.get(text)) for value, text in texts.items()}
    if unknown := sorted({texts[value] for value, class_id in by_value.items() if class_id is None}):
        raise LabelsError(
            f"got class {', '.join(unknown[:5])} in field {field}, expected classes of the legend "
            f"({', '.join(f'{class_id} {name}' for class_id, name in list(names.items())[:12])}); "
            "add it to the legend or correct the labels"
        )
    class_id = np.array([by_value[value] for value in values], dtype=np.uint16)
    if (present := len(np.unique(class_id))) not in range(2, MOST_CLASSES + 1):
        got = f"one class only ({found[0]})" if present == 1 else f"{present} classes"
        raise LabelsError(
            f"got {got} in field {field}, expected 2 to {MOST_CLASSES}; "
            + ("add labels of another class" if present == 1 else "choose another --class-field")
        )
    return class_id, names


def _plain(value: Any) -> str:
    """Return a class value as text; whole numbers, also in text, without zeros around them."""
    text = str(value)
    return str(int(float(text))) if re.fullmatch(r"-?\d{1,15}(\.0+)?", text) else text


def _own_names(texts: Sequence[str], field: str) -> dict[int, str]:
    """Return ids and names of classes without a legend: integers are ids, other names are counted from 1."""
    if not all(re.fullmatch(r"-?\d+", text) for text in texts):
        return dict(enumerate(texts, start=1))
    ids = sorted({int(text) for text in texts})
    if ids[0] <= UNCLASSIFIED or ids[-1] > LARGEST_ID:
        wrong = ids[0] if ids[0] <= UNCLASSIFIED else ids[-1]
        raise LabelsError(
            f"got class {wrong} in field {field}, expected integers 1..{LARGEST_ID} (0 is kept for unclassified "
            "pixels) or names; give the class another id, or a name in a text field"
        )
    return {class_id: str(class_id) for class_id in ids}
