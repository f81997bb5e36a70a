"""Layers written as GeoPackages, whole or not at all."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from esd_tasks.run_record import moment
from stactools_esd.errors import OutputError
from stactools_esd.files import atomic_path

_DATE: Final = "OGR_CURRENT_DATE"
"""Option of GDAL: the time that `gpkg_contents.last_change` states, in its way of writing times."""


def write_geopackage(path: Path, frame: Any, *, layer: str) -> None:
    """Write a geopandas frame as the one layer of a GeoPackage.

    Args:
        path: `.gpkg`; an older file is replaced when the new one is whole.
        frame: A `GeoDataFrame` with its CRS.
        layer: Name of the layer.

    Raises:
        OutputError: The file cannot be written, as where the disk is full.
        UsageError: `SOURCE_DATE_EPOCH`, which is the time that the file states where it is set, is no time.
    """
    from pyogrio.errors import DataLayerError, DataSourceError

    # By way of memory: on a full disk GDAL may leave half a file, and say that all is well.
    content = io.BytesIO()
    with _stated_time():
        try:
            frame.to_file(content, driver="GPKG", layer=layer, engine="pyogrio")
        except (DataLayerError, DataSourceError) as error:  # no line of GDAL's own
            reason = str(error).splitlines()[0]
            raise OutputError(f"cannot write {path} ({reason}); make room, or choose another output") from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


@contextmanager
def _stated_time() -> Iterator[None]:
    """Let files state the time that `run.json` does, so that a run can be repeated to the byte."""
    from pyogrio import get_gdal_config_option, set_gdal_config_options

    before = get_gdal_config_option(_DATE)
    set_gdal_config_options({_DATE: moment().strftime("%Y-%m-%dT%H:%M:%S.000Z")})
    try:
        yield
    finally:
        set_gdal_config_options({_DATE: before})
