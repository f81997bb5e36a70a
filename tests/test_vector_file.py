"""Vector files as people have them: on a server, or as a table with two columns of degrees."""

from pathlib import Path

import geopandas
import pytest
import shapely
from item_server import serving_apart

from esd_tasks.area import read_area
from esd_tasks.labels import read_labels
from esd_tasks.vector_file import read_frame
from stactools_esd.errors import LabelsError, UsageError

SQUARE = shapely.box(3.0, 50.5, 3.1, 50.6)


@pytest.mark.parametrize("name", ["area.gpkg", "area.geojson", "area.shp"])
def test_an_area_may_be_on_a_server(name: str, tmp_path: Path) -> None:
    """The file behind a signed URL, which answers GET alone, is the area that the file itself is."""
    geopandas.GeoDataFrame({"n": [1]}, geometry=[SQUARE], crs=4326).to_file(tmp_path / name)
    with serving_apart(tmp_path) as url:
        found = read_area(Path(f"{url}/files/{name}{'' if name.endswith('.shp') else '?sig=secret'}"))
    assert found.equals(read_area(tmp_path / name))


def test_what_a_server_does_not_have_is_one_line_without_the_signature(tmp_path: Path) -> None:
    """A missing file, and one that is no vector data, are named; nobody reads the signature in a message."""
    (tmp_path / "words.gpkg").write_text("hello")
    with serving_apart(tmp_path) as url:
        for name in ("absent.gpkg", "words.gpkg"):
            with pytest.raises(LabelsError, match=name) as caught:
                read_area(Path(f"{url}/files/{name}?sig=secret"))
            assert "secret" not in str(caught.value)
            assert "\n" not in str(caught.value)


def test_labels_on_a_server_are_to_be_downloaded() -> None:
    """What decides a model is hashed, so it has to lie here; the line says what to do, without the signature."""
    with pytest.raises(UsageError, match=r"got labels https://example\.org/a\.gpkg, .*download it first"):
        read_labels(Path("https://example.org/a.gpkg?sig=secret"))


@pytest.mark.parametrize(("lon", "lat"), [("lon", "lat"), ("Longitude", "Latitude"), ("LON", "LAT")])
def test_a_table_with_degrees_is_a_layer_of_points(lon: str, lat: str, tmp_path: Path) -> None:
    """Columns of longitude and latitude, in any case, make points in WGS84; rows without a number have no place."""
    path = tmp_path / "plots.csv"
    path.write_text(f"{lon},{lat},class,year\n3.25,50.5,water,2019\n-70.5,-33.25,forêt,2020\n,,bare,2020\n", "utf-8")
    labels = read_labels(path, year_field="year")
    assert shapely.get_coordinates(labels.geometry).tolist() == [[3.25, 50.5], [-70.5, -33.25]]
    assert list(labels.names.values()) == ["forêt", "water"]
    assert labels.year is not None
    assert labels.year.tolist() == [2019, 2020]
    assert labels.dropped == {"empty geometry": 1}


def test_a_table_without_degrees_says_how_to_make_a_layer(tmp_path: Path) -> None:
    """Nobody guesses what x and y are: the line names the columns that would do, and the way by QGIS."""
    (tmp_path / "plots.csv").write_text("x,y,class\n500000,5600000,water\n")
    with pytest.raises(LabelsError, match=r"columns lon and lat.*Add Delimited Text Layer"):
        read_frame(tmp_path / "plots.csv", None)
