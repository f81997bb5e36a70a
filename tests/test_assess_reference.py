"""Reference points: each is used or told, and what cannot be assessed is refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
import tiny_map
from synthetic import AREA_CRS, AREA_TRANSFORM
from tiny_reference import answered, pixels_of, points, random_points, write_place

from esd_tasks.assess import assess
from esd_tasks.assess_sample import TRAINED
from esd_tasks.classifier import TreeParameters
from esd_tasks.classify import classify
from esd_tasks.design import design
from stactools_esd.errors import EsdError, LabelsError, NothingFoundError, UsageError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with `map.tif`."""
    return write_place(tmp_path)


def test_every_point_that_is_not_used_is_told(place: Path) -> None:
    """Outside the map, on nodata, empty, without a class, twice, contradicting: counted by reason."""
    rows = [50, 50, 60, 60, 0, 500, 70, 80]
    columns = [10, 10, 20, 20, 5, 5, 30, 40]
    classes = ["water", "water", "water", "forest", "crop", "crop", None, "Forest "]
    path = points(place / "points.gpkg", rows, columns, classes)
    frame = geopandas.read_file(path)
    frame.loc[8] = ["crop", shapely.Point()]
    frame.to_file(path)
    found = assess(place / "map.tif", reference=path)
    assert found.plain.n == 2
    assert found.left_out == {
        "empty geometry": 1,
        "same pixel and class as another point": 1,
        "same pixel as a point of another class": 2,
        "on a pixel without a class": 1,
        "outside the map": 1,
        "no reference class filled in": 1,
    }
    assert any("1 point left out: outside the map" in note for note in found.notes)


def test_points_that_were_not_drawn_do_not_count(place: Path) -> None:
    """Points added to a drawn sample, or moved, are no part of it: left out, and told."""

    def add(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
        drawn = set(zip(*(part.tolist() for part in pixels_of(frame)), strict=True))
        free = next(column for column in range(160) if (60, column) not in drawn)
        frame.loc[0, "geometry"] = shapely.Point(AREA_TRANSFORM * (free + 0.5, 60.5))
        return frame

    found = assess(place / "map.tif", reference=answered(place, add))
    assert found.left_out == {"in a pixel that was not drawn": 1}
    assert found.plain.n == 239


def test_samples_that_trained_a_map_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No accuracy for samples that the model saw, as the map's record tells; others are assessed, in any case."""
    monkeypatch.setattr("esd_tasks.plan.TreeParameters", lambda seed: TreeParameters(rounds=5, seed=seed))
    tiny_map.write_place(tmp_path / "catalog")
    trained = tiny_map.write_labels(tmp_path / "samples.gpkg")
    folder = classify(trained, catalog=str(tmp_path / "catalog")).folder
    with pytest.raises(LabelsError, match="never saw"):
        assess(folder, reference=trained)
    path = design(folder, total=150).paths["sample"]
    assert path == tmp_path / "samples-map-sample.gpkg"
    frame = geopandas.read_file(path)
    rows, columns = pixels_of(frame)
    truth = tiny_map.class_map(0)[rows, columns]
    frame.assign(reference=[tiny_map.NAMES[value].upper() for value in truth.tolist()]).to_file(path, layer="sample")
    found = assess(folder, reference=path)
    assert set(found.names.values()) == set(tiny_map.NAMES.values())
    assert found.plain.n + sum(found.left_out.values()) == 150
    assert set(found.left_out) <= {TRAINED}
    assert found.plain.overall > 0.5


def polygons(folder: Path) -> Path:
    """Write polygons."""
    frame = geopandas.read_file(random_points(folder / "points.gpkg"))
    frame.to_crs(AREA_CRS).set_geometry(frame.to_crs(AREA_CRS).buffer(15)).to_file(folder / "polygons.gpkg")
    return folder / "polygons.gpkg"


def far(folder: Path) -> Path:
    """Write points elsewhere."""
    return points(folder / "far.gpkg", [9000], [9000], ["water"])


def two_fields(folder: Path) -> Path:
    """Write points with two fields that may be the class."""
    return points(folder / "two.gpkg", [50], [50], ["water"], label="forest")


def some_points(folder: Path) -> Path:
    """Write points that can be used."""
    return random_points(folder / "points.gpkg")


FAULTS: dict[str, tuple[Callable[[Path], Path | None], dict[str, Any], type[EsdError], str]] = {
    "polygons": (polygons, {}, LabelsError, "expected points, for the samples are pixels"),
    "elsewhere": (far, {}, NothingFoundError, "outside the map: 1"),
    "which field": (two_fields, {}, UsageError, "--class-field"),
    "no reference": (lambda folder: None, {}, UsageError, "--reference"),
    "unfilled": (
        lambda folder: design(folder / "map.tif", output=folder / "s.gpkg").paths["sample"],
        {},
        NothingFoundError,
        "fill in field reference",
    ),
    "simple by record": (answered, {"sampling": "simple"}, UsageError, "stratified"),
    "unknown class": (some_points, {"exclude": ("x",)}, UsageError, "--exclude x"),
    "no post strata": (some_points, {"post_strata": False}, UsageError, "--sampling simple"),
    "strata of nobody": (some_points, {"strata": "county"}, UsageError, "county"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_end_in_one_line(fault: str, place: Path) -> None:
    """What cannot be assessed is refused with a message that says what to do."""
    prepare, options, error, said = FAULTS[fault]
    with pytest.raises(error, match=said):
        assess(place / "map.tif", reference=prepare(place), **options)
