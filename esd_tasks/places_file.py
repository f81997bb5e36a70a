"""Places that a user gives, points or polygons, with every field of theirs kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.vector_file import read_frame, sound_geometry
from stactools_esd.errors import LabelsError


@dataclass(frozen=True, kw_only=True)
class PlacesFile:
    """Places of a file, n of them, in its order."""

    geometry: NDArray[np.object_]
    """In WGS84, shape (n,); empty where the file has none that is sound."""

    fields: Any
    """Arrow table of the other columns, n rows."""

    notes: tuple[str, ...]
    """What the user should know of the reading, a line each."""

    def kept_fields(self, taken: set[str]) -> Any:
        """Return the fields, those with names that a result uses itself called `<name>_given`."""
        names = [f"{name}_given" if name in taken else name for name in self.fields.column_names]
        return self.fields.rename_columns(names)


def read_places(path: Path, layer: str | None, *, dimension: int, option: str) -> PlacesFile:
    """Read places with all their fields.

    Args:
        path: GeoPackage, GeoJSON, Shapefile or whatever else GDAL reads.
        layer: Its layer, where there are several.
        dimension: 0 for points, 2 for polygons.
        option: Option that named the file, for messages.

    Raises:
        UsageError: There is no such file.
        LabelsError: The file cannot be read, has no CRS, or holds places of another kind.
        NothingFoundError: It holds no place.
    """
    import pyarrow as pa

    frame = read_frame(path, layer, called=option)
    geometry, repaired = sound_geometry(frame, path)
    empty = shapely.is_empty(geometry) | shapely.is_missing(geometry)
    geometry[empty] = shapely.Point() if dimension == 0 else shapely.Polygon()
    single = shapely.get_type_id(geometry) == shapely.GeometryType.POINT
    wrong = ~empty & (~single if dimension == 0 else shapely.get_dimensions(geometry) != 2)
    if wrong.any():
        kinds = ", ".join(sorted({place.geom_type for place in geometry[wrong]}))
        expected = "one point a feature" if dimension == 0 else "polygons"
        mend = "take --geometry or --units for polygons" if dimension == 0 else "take --points for points"
        raise LabelsError(f"got {option} {path.name} with {kinds}, expected {expected}; {mend}")
    notes = [f"{_counted(int(empty.sum()), 'feature')} without a sound geometry"] if empty.any() else []
    notes += [f"{_counted(repaired, 'invalid polygon')} mended"] if repaired else []
    plain = frame.drop(columns=frame.geometry.name)
    return PlacesFile(geometry=geometry, fields=pa.Table.from_pandas(plain, preserve_index=False), notes=tuple(notes))


def _counted(count: int, noun: str) -> str:
    """Return a count in words."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
