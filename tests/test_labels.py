"""Labels are read as they are meant, or refused in one line; nothing is dropped without being counted."""

from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import pytest
import shapely

from esd_tasks.labels import Labels, read_labels
from stactools_esd.errors import EsdError, LabelsError, NothingFoundError, UsageError

POINTS = [shapely.Point(4.4, 50.8), shapely.Point(4.41, 50.81), shapely.Point(4.42, 50.82), shapely.Point(4.43, 50.83)]


def write(path: Path, geometry: Any = None, *, crs: Any = 4326, layer: str | None = None, **fields: Any) -> Path:
    """Write labels, four points if no geometry is given."""
    frame = geopandas.GeoDataFrame(fields, geometry=POINTS if geometry is None else geometry, crs=crs)
    options = {"layer": layer} if layer else {}
    frame.to_file(path, engine="pyogrio", **options)
    return path


@pytest.fixture
def gpkg(tmp_path: Path) -> Path:
    """Where labels are written."""
    return tmp_path / "samples.gpkg"


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp"])
def test_formats_give_the_same_labels(suffix: str, tmp_path: Path) -> None:
    """GeoPackage, GeoJSON and Shapefile are one to the reader."""
    labels = read_labels(write(tmp_path / f"labels{suffix}", **{"class": ["b", "a", "b", "a"]}))
    assert labels.names == {1: "a", 2: "b"}
    assert labels.class_id.tolist() == [2, 1, 2, 1]
    assert labels.class_id.dtype == np.uint16
    assert shapely.get_x(labels.geometry).tolist() == [4.4, 4.41, 4.42, 4.43]
    assert (labels.class_field, labels.crs, labels.year, labels.dropped) == ("class", "EPSG:4326", None, {})


def test_places_come_in_wgs84(gpkg: Path) -> None:
    """Projected labels are moved to longitude and latitude, in this order, without heights."""
    points = geopandas.GeoSeries(POINTS, crs=4326).to_crs(32631)
    lifted = [shapely.Point(point.x, point.y, 99.0) for point in points]
    labels = read_labels(write(gpkg, lifted, crs=32631, label=["a", "b", "a", "b"]))
    assert np.allclose(shapely.get_coordinates(labels.geometry), shapely.get_coordinates(np.array(POINTS)), atol=1e-9)
    assert not shapely.has_z(labels.geometry).any()
    assert labels.crs == "EPSG:32631"


def test_longitudes_beyond_180_are_brought_back(gpkg: Path) -> None:
    """Files that count longitudes from 0 to 360 name the same places; a polygon over 180 degrees has two parts."""
    places = [shapely.Point(350, 50), shapely.box(350.1, 50, 350.2, 50.1), shapely.box(179.5, 50, 180.5, 51)]
    labels = read_labels(write(gpkg, places, label=["a", "b", "b"]))
    expected = [[-10, 50, -10, 50], [-9.9, 50, -9.8, 50.1], [-180, 50, 180, 51]]
    assert np.allclose(shapely.bounds(labels.geometry), expected)
    assert shapely.area(labels.geometry[2]) == pytest.approx(1.0)


def test_integers_keep_their_ids(gpkg: Path) -> None:
    """Integer classes are ids in the map, whatever they are and however large (CORINE has 312)."""
    labels = read_labels(write(gpkg, class_id=[312, 1, 523, 1]))
    assert labels.class_id.tolist() == [312, 1, 523, 1]
    assert labels.names == {1: "1", 312: "312", 523: "523"}


@pytest.mark.parametrize("values", [["10", "2", "10", "1"], ["10.0", "2", "10", " 1 "], [10.0, 2.0, 10.0, 1.0]])
def test_classes_named_like_numbers_are_numbers(values: list[Any], gpkg: Path) -> None:
    """`"10"` is class 10, not the second name in the alphabet."""
    labels = read_labels(write(gpkg, **{"class": values}))
    assert labels.class_id.tolist() == [10, 2, 10, 1]
    assert labels.names == {1: "1", 2: "2", 10: "10"}


def test_names_of_any_script_are_classes(gpkg: Path) -> None:
    """Names are trimmed, composed, and sorted; a letter written in two ways is one letter."""
    labels = read_labels(write(gpkg, **{"class": ["森林", "Forêt ", "Fore\u0302t", "水田"]}))
    assert set(labels.names.values()) == {"森林", "Forêt", "水田"}
    assert labels.class_id[1] == labels.class_id[2]


def test_a_legend_rules_the_ids(gpkg: Path) -> None:
    """With a legend, names and ids in the field both mean its classes, and its ids stay."""
    legend = {40: "crop", 10: "tree", 80: "water"}
    labels = read_labels(write(gpkg, **{"class": ["tree", "crop", "10", "tree"]}), legend=legend)
    assert labels.class_id.tolist() == [10, 40, 10, 10]
    assert labels.names == {10: "tree", 40: "crop", 80: "water"}
    with pytest.raises(LabelsError, match=r"got class forest in field class.*10 tree, 40 crop"):
        read_labels(write(gpkg, **{"class": ["tree", "forest", "crop", "tree"]}), legend=legend)


def test_a_class_without_name_in_the_legend_is_not_shifted(gpkg: Path) -> None:
    """An integer that the legend lacks is an error that names it, never the next class."""
    with pytest.raises(LabelsError, match="got class 3"):
        read_labels(write(gpkg, **{"class": [1, 2, 3, 1]}), legend={1: "a", 2: "b"})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0, 1, 2, 1], "0 is kept for unclassified"),
        (["0", "1", "2", "1"], "0 is kept for unclassified"),
        ([-1, 1, 2, 1], "got class -1"),
        ([70_000, 1, 2, 1], "got class 70000"),
        ([0.5, 1.0, 2.0, 1.0], "fractions"),
        (["a", "a", "a", "a"], "one class only"),
        ([None, None, None, None], "no class in field class: 4"),
    ],
    ids=["zero", "zero as text", "negative", "too large", "fractions", "one class", "all null"],
)
def test_classes_that_cannot_be_mapped(values: list[Any], said: str, gpkg: Path) -> None:
    """Zero would be taken for unclassified, and a single class cannot be learnt: each is one line."""
    with pytest.raises(LabelsError, match=said) as caught:
        read_labels(write(gpkg, **{"class": values}))
    assert "\n" not in str(caught.value)


def test_too_many_classes_are_a_wrong_field(gpkg: Path) -> None:
    """A field of identifiers taken for the class is noticed."""
    points = [shapely.Point(4 + k / 1000, 50) for k in range(300)]
    with pytest.raises(LabelsError, match="300 classes"):
        read_labels(write(gpkg, points, label=[f"plot {k}" for k in range(300)]))


def test_features_without_class_or_place_are_counted(gpkg: Path) -> None:
    """Null classes and empty geometries are left out and counted, the rest is used."""
    geometry = [*POINTS, shapely.Point(), None]
    labels = read_labels(write(gpkg, geometry, **{"class": ["a", "b", None, "  ", "a", "b"]}))
    assert len(labels.class_id) == 2
    assert labels.dropped == {"no class in field class": 2, "empty geometry": 2}
    assert len(labels.notes) == 2


def test_all_empty_is_an_error(gpkg: Path) -> None:
    """A layer of empty geometries is one line, not an empty map."""
    with pytest.raises(NothingFoundError, match="empty geometry"):
        read_labels(write(gpkg, [shapely.Point(), shapely.Point()], **{"class": ["a", "b"]}))


def test_invalid_polygons_are_mended(gpkg: Path) -> None:
    """A bow tie becomes its two triangles and is counted; no line or point is left over."""
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    spike = shapely.Polygon([(2, 0), (3, 0), (3, 1), (3, 2), (3, 1), (2, 1)])
    labels = read_labels(write(gpkg, [bow_tie, spike, shapely.box(5, 5, 6, 6)], **{"class": ["a", "a", "b"]}))
    assert labels.repaired == 2
    assert shapely.is_valid(labels.geometry).all()
    assert {shape.geom_type for shape in labels.geometry} <= {"Polygon", "MultiPolygon"}
    assert shapely.area(labels.geometry).round(3).tolist() == [0.5, 1.0, 1.0]
    assert any("mended" in note for note in labels.notes)


def test_mixed_points_and_polygons_are_taken(tmp_path: Path) -> None:
    """Points, multipoints, polygons and multipolygons may stand in one layer."""
    shapes = [
        POINTS[0],
        shapely.MultiPoint(POINTS[:2]),
        shapely.box(4, 50, 4.1, 50.1),
        shapely.MultiPolygon([shapely.box(5, 50, 5.1, 50.1), shapely.box(6, 50, 6.1, 50.1)]),
    ]
    labels = read_labels(write(tmp_path / "mixed.geojson", shapes, **{"class": ["a", "b", "a", "b"]}))
    assert len(labels.geometry) == 4


@pytest.mark.parametrize(
    "shape",
    [
        shapely.LineString([(0, 0), (1, 1)]),
        shapely.GeometryCollection([POINTS[0], shapely.LineString([(0, 0), (1, 1)])]),
    ],
    ids=["line", "collection"],
)
def test_lines_are_refused(shape: shapely.Geometry, tmp_path: Path) -> None:
    """A line names no pixel: the message says to buffer it."""
    with pytest.raises(LabelsError, match="buffer"):
        read_labels(write(tmp_path / "lines.geojson", [POINTS[0], shape], **{"class": ["a", "b"]}))


def test_several_layers_must_be_chosen(gpkg: Path) -> None:
    """The first of several layers is never taken silently."""
    write(gpkg, layer="field_2019", **{"class": ["a", "b", "a", "b"]})
    write(gpkg, layer="field_2020", **{"class": ["c", "d", "c", "d"]})
    with pytest.raises(UsageError, match=r"field_2019, field_2020.*--layer"):
        read_labels(gpkg)
    with pytest.raises(UsageError, match="field_2018"):
        read_labels(gpkg, layer="field_2018")
    assert set(read_labels(gpkg, layer="field_2020").names.values()) == {"c", "d"}


def test_the_class_field_is_named_or_obvious(gpkg: Path) -> None:
    """A field called like a class, in any capitals, is taken; with two of them the user chooses."""
    values = ["a", "b", "a", "b"]
    assert read_labels(write(gpkg, LandCover=values, plot=[1, 2, 3, 4])).class_field == "LandCover"
    assert read_labels(write(gpkg, kind=values)).class_field == "kind"
    assert read_labels(write(gpkg, kind=values, plot=[1, 2, 3, 4]), class_field="KIND").class_field == "kind"
    with pytest.raises(UsageError, match=r"choose one of label, class with --class-field"):
        read_labels(write(gpkg, label=values, **{"class": values}))
    with pytest.raises(UsageError, match="kind, plot"):
        read_labels(write(gpkg, kind=values, plot=[1, 2, 3, 4]))
    with pytest.raises(UsageError, match=r"--class-field crop.*kind, plot"):
        read_labels(write(gpkg, kind=values, plot=[1, 2, 3, 4]), class_field="crop")


@pytest.mark.parametrize(
    "years",
    [
        [2019, 2020, 2019, 2020],
        ["2019", "2020-05-01", "2019/07/01", "2020"],
        [2019.0, 2020.0, 2019.0, 2020.0],
        [date(2019, 1, 1), date(2020, 12, 31), date(2019, 6, 1), date(2020, 1, 1)],
        pandas.to_datetime(["2019-01-01", "2020-12-31", "2019-06-01", "2020-01-01"]),
    ],
    ids=["integers", "texts", "floats", "dates", "times"],
)
def test_years_may_be_dates(years: Any, gpkg: Path) -> None:
    """A year field holds years or dates, however they are stored."""
    labels = read_labels(write(gpkg, when=years, **{"class": ["a", "b", "a", "b"]}), year_field="when")
    assert labels.year is not None
    assert labels.year.tolist() == [2019, 2020, 2019, 2020]


def test_years_that_were_not_named_are_pointed_out(gpkg: Path) -> None:
    """Rows of one place in several years, as migrate-labels writes them, want --year-field; other files are let be."""
    twice = [*POINTS[:2], *POINTS[:2]]
    path = write(gpkg, twice, label=["a", "b", "a", "a"], year=[2019, 2019, 2020, 2020])
    (note,) = read_labels(path, class_field="label").notes
    assert note.endswith("say --year-field year")
    assert not read_labels(path, class_field="label", year_field="year").notes
    alone = write(gpkg.with_name("alone.gpkg"), label=["a", "b", "a", "a"], year=[2019, 2019, 2020, 2020])
    assert not read_labels(alone, class_field="label").notes


def test_bad_years(gpkg: Path) -> None:
    """A label without year is counted; a year that is none is an error, and so is a field that is not there."""
    values = ["a", "b", "a", "b"]
    labels = read_labels(write(gpkg, when=["2019", None, "", "2020"], **{"class": values}), year_field="when")
    assert labels.dropped == {"no year in field when": 2}
    with pytest.raises(LabelsError, match="summer"):
        read_labels(write(gpkg, when=["2019", "summer", "2019", "2020"], **{"class": values}), year_field="when")
    with pytest.raises(UsageError, match=r"--year-field date.*when"):
        read_labels(write(gpkg, when=["2019"] * 4, **{"class": values}), year_field="date")


def test_labels_without_crs_are_refused(tmp_path: Path) -> None:
    """Without a CRS nobody knows where the labels are; they are not taken for degrees."""
    path = write(tmp_path / "nowhere.shp", **{"class": ["a", "b", "a", "b"]})
    path.with_suffix(".prj").unlink()
    with pytest.raises(LabelsError, match="CRS"):
        read_labels(path)


def test_a_plan_without_place_on_earth_is_refused(gpkg: Path) -> None:
    """A local engineering CRS is no CRS on Earth."""
    wkt = 'LOCAL_CS["plan",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
    with pytest.raises(LabelsError, match="CRS on Earth"):
        read_labels(write(gpkg, crs=wkt, **{"class": ["a", "b", "a", "b"]}))


def test_places_off_the_earth_are_counted(gpkg: Path) -> None:
    """Coordinates that no place on Earth has are left out, not clipped."""
    points = [*POINTS[:3], shapely.Point(4.0, 5_600_000.0)]
    labels = read_labels(write(gpkg, points, **{"class": ["a", "b", "a", "b"]}))
    assert (len(labels.geometry), labels.dropped) == (3, {"empty geometry": 1})


@pytest.mark.parametrize(("name", "content"), [("labels.gpkg", b"no database"), ("labels.csv", b"a,b\n1,2\n")])
def test_files_that_are_no_layers(name: str, content: bytes, tmp_path: Path) -> None:
    """Neither a damaged file nor a table without places is a traceback."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LabelsError) as caught:
        read_labels(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    """A path that does not exist, and a folder where a file should be, is one line."""
    with pytest.raises(EsdError, match=r"samples\.gpkg"):
        read_labels(tmp_path / "samples.gpkg")
    with pytest.raises(UsageError, match="is a folder"):
        read_labels(tmp_path)


def test_the_envelope_is_the_area_of_a_map(gpkg: Path) -> None:
    """Around labels is the smallest box; labels on both sides of the antimeridian make two, not the whole world."""
    labels: Labels = read_labels(write(gpkg, **{"class": ["a", "b", "a", "b"]}))
    assert labels.envelope.bounds == (4.4, 50.8, 4.43, 50.83)
    sides = [shapely.Point(179.9, -17), shapely.Point(-179.9, -17.1), shapely.Point(179.8, -17.2)]
    fiji = read_labels(write(gpkg, sides, **{"class": ["a", "b", "a"]})).envelope
    assert shapely.area(fiji) == pytest.approx(0.3 * 0.2)
    assert shapely.intersects(fiji, shapely.Point(180, -17.1))
