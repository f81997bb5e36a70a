"""Layers written as GeoPackages, whole or not at all."""

from pathlib import Path
from typing import Any

from stactools_esd.errors import OutputError
from stactools_esd.files import atomic_path


def write_geopackage(path: Path, frame: Any, *, layer: str) -> None:
    """Write a geopandas frame as the one layer of a GeoPackage.

    Args:
        path: `.gpkg`; an older file is replaced when the new one is whole.
        frame: A `GeoDataFrame` with its CRS.
        layer: Name of the layer.

    Raises:
        OutputError: The file cannot be written, as where the disk is full.
    """
    from pyogrio.errors import DataLayerError, DataSourceError

    with atomic_path(path) as temporary:
        try:
            frame.to_file(temporary, driver="GPKG", layer=layer)
        except (DataLayerError, DataSourceError) as error:  # SQLite says of a full disk that tables are missing
            reason = str(error).splitlines()[0]
            raise OutputError(f"cannot write {path} ({reason}); make room, or choose another output") from error
