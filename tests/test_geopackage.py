"""GeoPackages of ours: reproducible where a time is stated."""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas
import pyogrio
import pytest
import shapely

from esd_tasks.geopackage import write_geopackage
from stactools_esd.errors import OutputError, UsageError

OPTION = "OGR_CURRENT_DATE"


class FullDisk:
    """A frame that cannot be written."""

    def to_file(self, *_: Any, **__: Any) -> None:
        """Say what SQLite says of a full disk."""
        raise pyogrio.errors.DataSourceError("no such table: gpkg_contents")


def written(path: Path) -> Path:
    """Write a point."""
    frame = geopandas.GeoDataFrame({"class": ["water"]}, geometry=[shapely.Point(4, 50)], crs=4326)
    write_geopackage(path, frame, layer="points")
    return path


def last_change(path: Path) -> str:
    """Return what the file says of when it was written."""
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("SELECT last_change FROM gpkg_contents").fetchone()[0])


def test_a_stated_time_is_the_time_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With SOURCE_DATE_EPOCH two files are the same bytes and say that time, also in place of an older file."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    written(tmp_path / "b.gpkg")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first, again = written(tmp_path / "a.gpkg"), written(tmp_path / "b.gpkg")
    assert first.read_bytes() == again.read_bytes()
    assert last_change(first) == "2023-11-14T22:13:20.000Z"


def test_what_the_user_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL's option is afterwards as it was, also where writing fails; a time that is none is one line."""
    pyogrio.set_gdal_config_options({OPTION: "2001-02-03T04:05:06.000Z"})
    try:
        written(tmp_path / "a.gpkg")
        with pytest.raises(OutputError, match="no such table"):
            write_geopackage(tmp_path / "b.gpkg", FullDisk(), layer="points")
        assert pyogrio.get_gdal_config_option(OPTION) == "2001-02-03T04:05:06.000Z"
    finally:
        pyogrio.set_gdal_config_options({OPTION: None})
    written(tmp_path / "a.gpkg")
    assert pyogrio.get_gdal_config_option(OPTION) is None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH='yesterday'"):
        written(tmp_path / "c.gpkg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gpkg"]


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is put on the disk by us, who hear of a full one, and not by GDAL, which may not tell."""

    def full(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:5000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"cannot write .*a\.gpkg \(No space left on device\); make room"):
        written(tmp_path / "a.gpkg")
    assert list(tmp_path.iterdir()) == []
