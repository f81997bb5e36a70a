"""Units: the polygons of a panel, each with a name of its own."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.panel.request import PanelRequest
from esd_tasks.places_file import read_places
from esd_tasks.shard import shard_of
from esd_tasks.vector_file import find_field
from stactools_esd.errors import LabelsError

UNIT: Final = "unit"
"""Name of the column of units where no field names them."""


@dataclass(frozen=True, kw_only=True)
class Units:
    """Polygons in the order of the file, n of them: those of a shard."""

    geometry: NDArray[np.object_]
    """In WGS84, shape (n,); empty where the file has none that is sound."""

    fields: Any
    """Arrow table of every field of the file, and of `unit_field`; n rows."""

    unit_field: str
    """Column that names the units."""

    outline: shapely.Geometry
    """All units of the file as one geometry, those of other shards too: tiles and years depend on no shard."""

    notes: tuple[str, ...]
    """What the user should know of the reading, a line each."""


def read_units(request: PanelRequest) -> Units:
    """Read the units of a request, those of its shard.

    Raises:
        LabelsError: A unit has no name, or a name comes twice.
        UsageError: The file or the field cannot be used.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    places = read_places(request.units, request.layer, dimension=2, option="--units")
    fields = places.fields
    if request.unit_field is None:
        field = UNIT if UNIT not in fields.column_names else f"{UNIT}_number"
        numbers = pa.table({field: np.arange(1, len(places.geometry) + 1)})
        for name in fields.column_names:  # a table without a column has no rows that another could join
            numbers = numbers.append_column(name, fields[name])
        fields = numbers
    else:
        field = find_field(request.unit_field, fields.column_names, request.units, "--unit-field")
    names = fields[field]
    if names.null_count:
        raise LabelsError(f"got {names.null_count} units without a value in {field}, expected a name for each")
    counted = pc.value_counts(names).to_pylist()
    if twice := [str(entry["values"]) for entry in counted if entry["counts"] > 1]:
        raise LabelsError(
            f"got unit {', '.join(twice[:5])} in {field} more than once, expected one feature a unit; "
            "dissolve the file by this field"
        )
    kept = np.array(shard_of(range(len(places.geometry)), request.shard), dtype=np.int64)
    outline = shapely.geometrycollections(places.geometry[~shapely.is_empty(places.geometry)])
    return Units(
        geometry=places.geometry[kept],
        fields=fields.take(kept),
        unit_field=field,
        outline=outline,
        notes=places.notes,
    )
