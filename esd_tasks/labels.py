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
from esd_tasks.places import bbox_geometry, unwrap_longitudes, wrap_longitudes
from stactools_esd.errors import LabelsError, UsageError

CLASS_FIELDS: Final = (
    "class", "class_id", "class_name", "classname", "label", "label_id", "landcover", "land_cover", "lc", "category",
)  # fmt: skip
"""Field names, in lower case, that are taken for the class where none is named."""

MOST_CLASSES: Final = 254
"""Classes that one model and one map may have."""

_POINTS = ("Point", "MultiPoint")
_POLYGONS = ("Polygon", "MultiPolygon")


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
        whole = unwrap_longitudes(shapely.geometrycollections(self.geometry))
        west, south, east, north = whole.bounds
        return (
            bbox_geometry(west, south, east - 360.0, north) if east > 180.0 else shapely.box(west, south, east, north)
        )


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
    frame = _read_frame(path, layer)
    fields = [str(name) for name in frame.columns if name != frame.geometry.name]
    year_name = _field(year_field, fields, path, "--year-field") if year_field else None
    others = [name for name in fields if name != year_name]
    class_name = _field(class_field, fields, path, "--class-field") if class_field else _guess_field(others, path)
    geometry, repaired = _sound_geometry(frame, path)
    classes = np.array([_class_value(value) for value in frame[class_name]], dtype=object)
    years = np.array([_year(value, year_name) for value in frame[year_name]] if year_name else [0] * len(frame))
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


def _read_frame(path: Path, layer: str | None) -> Any:
    """Read one layer as a geopandas frame that has a CRS on Earth."""
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    if not path.exists():
        raise LabelsError(f"got labels {path}, which does not exist; expected a GeoPackage, GeoJSON or Shapefile")
    if path.is_dir() and path.suffix != ".gdb":
        raise LabelsError(
            f"got labels {path}, which is a folder; expected a GeoPackage, GeoJSON or Shapefile, name the file in it"
        )
    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        if layer is not None and layer not in layers:
            raise UsageError(f"got --layer {layer}, expected one of {', '.join(layers)}; choose one of them")
        if layer is None and len(layers) > 1:
            raise UsageError(f"got {path.name} with layers {', '.join(layers)}; choose one with --layer")
        if not layers:
            raise LabelsError(f"got {path.name} without a layer of places, expected points or polygons; give another")
        frame = pyogrio.read_dataframe(path, layer=layer or layers[0])
    except (DataSourceError, DataLayerError) as error:
        reason = str(error).splitlines()[0].partition(";")[0].rstrip(".")  # GDAL's advice is not for users
        raise LabelsError(
            f"got {path.name}, which cannot be read as vector data ({reason}), "
            "expected a GeoPackage, GeoJSON or Shapefile"
        ) from error
    if frame.crs is None or not (frame.crs.is_geographic or frame.crs.is_projected or frame.crs.is_bound):
        raise LabelsError(
            f"got labels {path.name} without a CRS on Earth, expected one such as EPSG:4326; "
            "set the layer's CRS (QGIS: Layer > Set CRS, then export)"
        )
    return frame


def _field(name: str, fields: list[str], path: Path, option: str) -> str:
    """Return a field that the file has, spelt as in the file."""
    if name in fields:
        return name
    if len(alike := [field for field in fields if field.casefold() == name.casefold()]) == 1:
        return alike[0]
    raise LabelsError(f"got {option} {name}, expected a field of {path.name}; it has {', '.join(fields) or 'none'}")


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


def _sound_geometry(frame: Any, path: Path) -> tuple[NDArray[np.object_], int]:
    """Return valid 2-D geometries in WGS84 (empty where there is nothing to save), and how many were mended."""
    geometry = shapely.force_2d(frame.geometry.to_numpy())
    kinds = {str(kind) for kind in frame.geometry.geom_type.dropna()} - {*_POINTS, *_POLYGONS}
    if kinds - {"GeometryCollection"} or any(
        {part.geom_type for part in shapely.get_parts([collection])} - {*_POINTS, *_POLYGONS}
        for collection in geometry[frame.geometry.geom_type == "GeometryCollection"]
    ):
        raise LabelsError(
            f"got {', '.join(sorted(kinds))} in {path.name}, expected points or polygons; "
            "buffer lines to polygons, or give only the layer of points or polygons"
        )
    invalid = ~shapely.is_valid(geometry) & ~shapely.is_missing(geometry)
    mended = np.array([_areal_or_points(part) for part in shapely.make_valid(geometry[invalid])], dtype=object)
    geometry[invalid] = mended
    in_wgs84: NDArray[np.object_] = shapely.force_2d(frame.set_geometry(geometry).to_crs(4326).geometry.to_numpy())
    bounds = shapely.bounds(in_wgs84)
    nowhere = ~np.isfinite(bounds).all(axis=1) | (np.abs(bounds[:, [1, 3]]) > 90).any(axis=1)
    in_wgs84[nowhere] = shapely.Point()
    beyond = (np.abs(bounds[:, [0, 2]]) > 180).any(axis=1) & ~nowhere  # files that count longitudes from 0 to 360
    in_wgs84[beyond] = [wrap_longitudes(place) for place in in_wgs84[beyond]]
    return in_wgs84, int((invalid & ~nowhere).sum())


def _areal_or_points(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of what mending a polygon gave, without the lines and points that it left over."""
    parts = shapely.get_parts(geometry)
    polygons = parts[
        np.isin(shapely.get_type_id(parts), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    ]
    return shapely.union_all(polygons) if len(polygons) else shapely.Polygon()


def _class_value(value: Any) -> Any:
    """Return a class value with blanks trimmed and Unicode composed, or None where there is none."""
    if value is None or value != value:  # NaN and NaT differ from themselves
        return None
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip() or None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return value.item() if isinstance(value, np.generic) else value


def _year(value: Any, field: str | None) -> int | None:
    """Return the year of an integer, a date or a text that starts with one, or None where there is none."""
    if value is None or value != value or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(year := getattr(value, "year", None), int):
        return year
    if match := re.fullmatch(r"\s*(\d{4})(?:\.0+|[-/].*)?\s*", str(value)):
        return int(match[1])
    raise LabelsError(
        f"got {value!r} in year field {field}, expected a year such as 2019 or a date such as 2019-07-01; correct it"
    )


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
