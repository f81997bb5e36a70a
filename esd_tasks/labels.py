"""Labels: the places that a user has classified, read from any vector file into WGS84."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.label_classes import MOST_CLASSES, class_ids, class_value
from esd_tasks.legend import UNCLASSIFIED
from esd_tasks.places import envelope
from esd_tasks.vector_file import find_field, read_frame, sound_geometry, year_of
from stactools_esd.errors import LabelsError, UsageError

__all__ = ["CLASS_FIELDS", "MOST_CLASSES", "Labels", "read_labels"]

CLASS_FIELDS: Final = (
    "class", "class_id", "class_name", "classname", "label", "label_id", "landcover", "land_cover", "lc", "category",
)  # fmt: skip
"""Field names, in lower case, that are taken for the class where none is named."""


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

    weight: NDArray[np.float64] | None = None
    """Weight of each, positive, shape (m,), or None where no weight field was named."""

    unused_year: str | None = None
    """Field that is called like a year and was not named, where places are repeated."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the reading, a line each."""
        lines = [f"{n} label{'s' * (n > 1)} left out: {reason}" for reason, n in self.dropped.items()]
        if self.repaired:
            lines.append(f"{self.repaired} invalid polygon{'s' * (self.repaired > 1)} mended")
        if self.unused_year:
            lines.append(
                f"places are repeated, and all labels are taken for those of the mapped year: if they are of several "
                f"years, say --year-field {self.unused_year}"
            )
        return tuple(lines)

    @property
    def envelope(self) -> shapely.Geometry:
        """The box around all labels: the default area of a map. Two boxes where they meet across the antimeridian."""
        return envelope(self.geometry)


def read_labels(
    path: str | Path,
    *,
    layer: str | Sequence[str] | None = None,
    class_field: str | None = None,
    year_field: str | None = None,
    weight_field: str | None = None,
    exclude: Sequence[str] = (),
    legend: Mapping[int, str] | None = None,
) -> Labels:
    """Read labels from GeoPackage, GeoJSON, Shapefile or whatever else GDAL reads.

    Features without class, year, weight or place are dropped and counted; invalid polygons are mended and counted.
    Classes may be names in any script or integers; integers keep their ids, also where they are written as text.

    Args:
        path: The file.
        layer: Which layer, or several that are read as one; needed where the file has several.
        class_field: Field of the class; needed where no field, or more than one, is called like one (`CLASS_FIELDS`).
        year_field: Field of the year: an integer, a date, or a text that starts with the year.
        weight_field: Field of the weight; a label of weight 0 is left out.
        exclude: Classes that are left out, by name or id.
        legend: Name of each class_id that the labels may have; fields hold the names or the ids.

    Raises:
        UsageError: Layer or field must be chosen; the message lists them. A class that is left out is unknown.
        LabelsError: There is no such file, or its labels cannot be used as they are.
    """
    path = Path(path)
    layers = [layer] if layer is None or isinstance(layer, str) else list(dict.fromkeys(layer))
    parts = [_read_layer(path, one, class_field, year_field, weight_field) for one in layers]
    geometry, classes, years, weights, reasons = (
        np.concatenate([part.columns[column] for part in parts]) for column in range(5)
    )
    kept = reasons == ""
    dropped = Counter(reasons[~kept].tolist())
    if not kept.any():
        raise LabelsError(
            f"got no usable feature among {len(kept)} in {path.name} "
            f"({'; '.join(f'{reason}: {n}' for reason, n in dropped.items()) or 'the layer is empty'}), "
            "expected points or polygons with a class; correct the file"
        )
    fields = ", ".join(dict.fromkeys(part.class_field for part in parts))
    class_id, names = class_ids(classes[kept], legend, fields, exclude)
    if exclude:
        dropped["class excluded"] = int((class_id == UNCLASSIFIED).sum())
        kept[np.flatnonzero(kept)[class_id == UNCLASSIFIED]] = False
        class_id = class_id[class_id != UNCLASSIFIED]
    return Labels(
        geometry=geometry[kept],
        class_id=class_id,
        year=years[kept].astype(np.int64) if year_field else None,
        names=names,
        class_field=fields,
        crs=", ".join(dict.fromkeys(part.crs for part in parts)),
        dropped={reason: n for reason, n in dropped.items() if n},
        repaired=sum(part.repaired for part in parts),
        weight=weights[kept].astype(np.float64) if weight_field else None,
        unused_year=next((part.unused_year for part in parts if part.unused_year), None),
    )


class _Layer(NamedTuple):
    columns: tuple[NDArray[np.object_], ...]  # geometry, class, year, weight, why it is dropped
    class_field: str
    crs: str
    repaired: int
    unused_year: str | None


def _read_layer(
    path: Path, layer: str | None, class_field: str | None, year_field: str | None, weight_field: str | None
) -> _Layer:
    """Read what one layer says, features that cannot be used included."""
    frame = read_frame(path, layer)
    fields = [str(name) for name in frame.columns if name != frame.geometry.name]
    year_name = find_field(year_field, fields, path, "--year-field") if year_field else None
    weight_name = find_field(weight_field, fields, path, "--weight-field") if weight_field else None
    others = [name for name in fields if name not in (year_name, weight_name)]
    class_name = find_field(class_field or _guess_field(others, path), fields, path, "--class-field")
    geometry, repaired = sound_geometry(frame, path)
    classes = np.array([class_value(value) for value in frame[class_name]], dtype=object)
    years = np.array([year_of(value, year_name) for value in frame[year_name]] if year_name else [0] * len(frame))
    weights = [_weight_of(value, weight_name) for value in frame[weight_name]] if weight_name else [1.0] * len(frame)
    reasons = np.full(len(frame), "", dtype=object)
    reasons[np.array(weights) == 0] = f"no weight in field {weight_name}"
    reasons[years == None] = f"no year in field {year_name}"  # noqa: E711 - elementwise
    reasons[classes == None] = f"no class in field {class_name}"  # noqa: E711 - elementwise
    reasons[shapely.is_empty(geometry) | shapely.is_missing(geometry)] = "empty geometry"
    columns = (geometry, classes, years.astype(object), np.array(weights, dtype=object), reasons)
    return _Layer(
        columns=columns,
        class_field=class_name,
        crs=frame.crs.to_string(),
        repaired=repaired,
        unused_year=None if year_name else _unused_year(others, class_name, geometry),
    )


def _unused_year(fields: Sequence[str], class_name: str, geometry: NDArray[np.object_]) -> str | None:
    """Return the field that is called like a year, where one place stands in several rows."""
    year = next((name for name in fields if name.casefold() == "year" and name != class_name), None)
    if year is None:
        return None
    there = shapely.to_wkb(geometry[~(shapely.is_empty(geometry) | shapely.is_missing(geometry))])
    return year if len(set(there.tolist())) < len(there) else None


def _weight_of(value: Any, field: str) -> float:
    """Return a weight, 0 where there is none."""
    if value is None or value != value or (isinstance(value, str) and not value.strip()):
        return 0.0
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = -1.0
    if not 0 <= weight < math.inf:
        raise LabelsError(f"got {value!r} in weight field {field}, expected a number from 0 up; correct it")
    return weight


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
