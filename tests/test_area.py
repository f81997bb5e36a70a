"""Areas: boxes in words and polygons in files, in WGS84."""

from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely

from esd_tasks.area import parse_bbox, read_area
from stactools_esd.errors import LabelsError, NothingFoundError, UsageError

SQUARE = shapely.box(3.0, 50.5, 3.1, 50.6)


def written(path: Path, geometry: list[Any], crs: Any = 4326, **options: Any) -> Path:
    """Write geometries to a file."""
    geopandas.GeoDataFrame({"n": range(len(geometry))}, geometry=geometry, crs=crs).to_file(path, **options)
    return path


@pytest.mark.parametrize("text", ["3,50.5,3.1,50.6", " 3.0, 50.5, 3.1, 50.6 ", "3 50.5 3.1 50.6"])
def test_boxes_are_west_south_east_north(text: str) -> None:
    """Commas or blanks part the four numbers."""
    assert parse_bbox(text).equals(SQUARE)


def test_west_beyond_east_crosses_the_antimeridian() -> None:
    """Such a box has two parts, one on either side."""
    assert [part.bounds for part in parse_bbox("179,-17,-179,-16").geoms] == [
        (179, -17, 180, -16),
        (-180, -17, -179, -16),
    ]


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,x", "1,5,2,4", "1,2,1,3", "-200,0,1,1", "nan,0,1,1", "1,2,3,4,5"])
def test_other_boxes_are_usage_errors(text: str) -> None:
    """Too few numbers, words, south above north, no width and impossible longitudes are refused."""
    with pytest.raises(UsageError, match="expected"):
        parse_bbox(text)


@pytest.mark.parametrize("name", ["area.gpkg", "area.geojson"])
def test_polygons_become_one_area(tmp_path: Path, name: str) -> None:
    """All polygons of the file count; a projected file is brought to WGS84."""
    other = shapely.box(3.3, 50.5, 3.4, 50.6)
    area = read_area(written(tmp_path / name, [SQUARE, other]))
    assert area.equals(shapely.union(SQUARE, other))
    projected = geopandas.GeoSeries([SQUARE], crs=4326).to_crs(32631)
    there = read_area(written(tmp_path / f"utm_{name}", list(projected), crs=32631))
    assert there.symmetric_difference(SQUARE).area < 1e-6


def test_invalid_polygons_are_mended(tmp_path: Path) -> None:
    """A bow tie keeps both its wings."""
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    assert read_area(written(tmp_path / "bow.gpkg", [bow])).area == pytest.approx(0.5)


@pytest.mark.parametrize(
    "geometry",
    [[shapely.Point(3, 50)], [shapely.Polygon()], [None], [], [shapely.LineString([(0, 0), (1, 1)])]],
    ids=["point", "empty", "missing", "no feature", "line"],
)
def test_what_has_no_area_is_refused(tmp_path: Path, geometry: list[Any]) -> None:
    """Points, lines, empty and missing geometries map nothing: one line says so."""
    frame = geopandas.GeoDataFrame({"n": range(len(geometry))}, geometry=geometry, crs=4326)
    frame.to_file(tmp_path / "area.gpkg", geometry_type="Unknown")
    with pytest.raises((LabelsError, NothingFoundError), match=r"any area|empty geometry|without a feature"):
        read_area(tmp_path / "area.gpkg")


def test_a_file_without_crs_is_refused(tmp_path: Path) -> None:
    """Nobody guesses where such polygons lie; GeoJSON is WGS84 by its standard."""
    with pytest.warns(UserWarning, match="crs"):
        path = written(tmp_path / "area.gpkg", [SQUARE], crs=None)
    with pytest.raises(LabelsError, match="without a CRS"):
        read_area(path)


def test_unreadable_files_and_several_layers_are_refused(tmp_path: Path) -> None:
    """Absent files, files of another kind and a choice of layers end in one line."""
    with pytest.raises(UsageError, match="does not exist"):
        read_area(tmp_path / "nothing.gpkg")
    (tmp_path / "text.gpkg").write_text("no geopackage")
    with pytest.raises(LabelsError, match="cannot be read"):
        read_area(tmp_path / "text.gpkg")
    written(tmp_path / "two.gpkg", [SQUARE], layer="a")
    written(tmp_path / "two.gpkg", [SQUARE], layer="b")
    with pytest.raises(UsageError, match="layers a, b"):
        read_area(tmp_path / "two.gpkg")
