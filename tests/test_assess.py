"""Assessments: intervals only where the sample allows them, and areas that meet the truth."""

import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
from rasterio import Affine
from synthetic import AREA_TRANSFORM
from tiny_classes import NAMES, truth_and_map, write_classes
from tiny_reference import MAPPED, TRUTH, answered, points, random_points, write_place

from esd_tasks.assess import Assessment, assess
from esd_tasks.assess_report import NOT_VALID, report, write_report
from stactools_esd.errors import IncomparableError, LabelsError, UsageError

TABLE = Path(__file__).parent.parent / "docs" / "tasks" / "olofsson-2014.csv"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with `map.tif`."""
    return write_place(tmp_path)


def figures(found: Assessment) -> list[float]:
    """Return the estimates as one list."""
    assert found.estimates is not None
    return [found.estimates.overall, *found.estimates.shares, found.estimates.overall_se, *found.estimates.shares_se]


def test_a_table_gives_the_worked_example() -> None:
    """The published matrix with its pixels gives 21,158 +- 6,158 ha of deforestation, in the unit asked for."""
    content = report(assess(TABLE, sampling="stratified", pixel_size=30))
    area = content["area_weighted"]["classes"][0]["area"]
    assert (round(area["estimate"]), round(area["half_width_95"])) == (21_158, 6_158)
    assert content["area_weighted"]["overall_accuracy"]["estimate"] == 0.946512
    assert content["plain"]["overall_accuracy"] == 0.917188
    square = report(assess(TABLE, sampling="stratified", pixel_size=30, area_unit="km2"))
    assert square["area_weighted"]["classes"][0]["area"]["estimate"] == pytest.approx(211.58, abs=0.01)


def test_a_drawn_sample_meets_the_truth(place: Path) -> None:
    """Design, interpretation, assessment: the true areas and accuracy lie within three standard errors."""
    found = assess(place / "map.tif", reference=answered(place))
    assert found.population.sampling == "stratified"
    assert found.record == "sample.design.json"
    assert found.plain.n == 240
    assert found.estimates is not None
    inside = TRUTH[2:]
    true = np.array([(inside == class_id).mean() for class_id in NAMES])
    assert (np.abs(found.estimates.shares - true) < 3 * found.estimates.shares_se).all()
    assert abs(found.estimates.overall - (inside == MAPPED[2:]).mean()) < 3 * found.estimates.overall_se
    assert found.population.total_area == pytest.approx(900 / 0.9996**2 * inside.size, rel=1e-5)
    assert found.population.unclassified == 320


def test_the_record_says_what_counting_says(place: Path) -> None:
    """With the record of the draw nothing is counted again; without it the user's word and a count give the same."""
    path = answered(place)
    with_record = assess(place / "map.tif", reference=path)
    path.with_name("sample.design.json").unlink()
    counted = assess(place / "map.tif", reference=path, sampling="stratified")
    assert counted.record is None
    assert np.allclose(figures(counted), figures(with_record))
    assert counted.population.pixels.tolist() == with_record.population.pixels.tolist()


def test_a_blind_sample_is_assessed_alike(place: Path) -> None:
    """Points that tell nothing of the map give the same figures as those that do."""
    seen = figures(assess(place / "map.tif", reference=answered(place)))
    assert figures(assess(place / "map.tif", reference=answered(place, blind=True))) == seen


def test_another_map_is_refused(place: Path) -> None:
    """The record is of one file: another one, even of equal size, is refused with what to do."""
    path = answered(place)
    write_classes(place / "map.tif", TRUTH)
    with pytest.raises(IncomparableError, match=r"map\.tif.*checksum.*--strata"):
        assess(place / "map.tif", reference=path)


def test_a_sample_of_one_map_assesses_another(place: Path) -> None:
    """With the map that it was drawn from as strata, a sample assesses a second map by Stehman's estimators."""
    path = answered(place)
    second = write_classes(place / "second.tif", truth_and_map(seed=0, height=120, width=160)[0])
    found = assess(second, reference=path, strata=str(place / "map.tif"))
    assert "Stehman 2014" in found.population.method
    assert found.population.corrected
    assert found.estimates is not None
    assert found.estimates.overall == 1  # the second map is the truth
    by_class = assess(place / "map.tif", reference=path)
    assert by_class.estimates is not None
    assert np.allclose(found.estimates.shares, by_class.estimates.shares, atol=1e-6)
    assert found.population.unclassified == 0
    assert found.population.no_stratum == 320


def test_strata_on_another_grid(place: Path) -> None:
    """Strata of 240 m, drawn from without a record: sizes are counted at the map's pixels."""
    strata = np.tile(np.array([[1, 2]], dtype=np.uint8), (15, 10))
    transform = AREA_TRANSFORM * Affine.scale(8)
    write_classes(place / "strata.tif", strata, transform=transform, names={1: "hills", 2: "plain"})
    path = random_points(place / "points.gpkg", 400)
    found = assess(place / "map.tif", reference=path, strata=str(place / "strata.tif"))
    assert found.population.stratum_names == {1: "hills", 2: "plain"}
    assert found.population.sizes.tolist() == [118 * 80, 118 * 80]
    assert found.estimates is not None
    true = np.array([(TRUTH[2:] == class_id).mean() for class_id in NAMES])
    assert (np.abs(found.estimates.shares - true) < 3 * found.estimates.shares_se).all()


def test_strata_of_a_field(place: Path) -> None:
    """Strata may be a field whose sizes a table tells; they equal the raster's figures where the sizes do."""
    rows, columns = np.divmod(np.random.default_rng(1).choice(np.arange(320, TRUTH.size), 300, replace=False), 160)
    halves = np.where(columns < 80, "west", "east")
    classes = [NAMES[value] for value in TRUTH[rows, columns].tolist()]
    path = points(place / "points.gpkg", rows, columns, classes, half=halves)
    (place / "sizes.csv").write_text("stratum,pixels\nwest,9440\neast,9440\n")
    found = assess(place / "map.tif", reference=path, strata="half", strata_sizes=place / "sizes.csv")
    raster = np.where(np.arange(160) < 80, 1, 2).astype(np.uint8)[None].repeat(120, axis=0)
    strata = write_classes(place / "strata.tif", raster, names=None)
    other = assess(place / "map.tif", reference=path, strata=str(strata))
    assert np.allclose(figures(found), figures(other), atol=1e-6)
    for sizes, said in [("stratum,pixels\nwest,9440\n", "east"), ("name,n\nx,1\n", "stratum and pixels")]:
        (place / "sizes.csv").write_text(sizes)
        with pytest.raises(LabelsError, match=said):
            assess(place / "map.tif", reference=path, strata="half", strata_sizes=place / "sizes.csv")
    with pytest.raises(UsageError, match="--strata-sizes"):
        assess(place / "map.tif", reference=path, strata="half")


def test_a_simple_random_sample(place: Path) -> None:
    """Weighed by map classes, or by itself; both meet the truth, and the weights make areas more certain."""
    path = random_points(place / "points.gpkg")
    post = assess(place / "map.tif", reference=path, sampling="simple")
    direct = assess(place / "map.tif", reference=path, sampling="simple", post_strata=False)
    assert post.estimates is not None
    assert direct.estimates is not None
    assert direct.estimates.overall == direct.plain.overall
    assert np.allclose(direct.estimates.users, direct.plain.users)
    assert (post.estimates.shares_se < direct.estimates.shares_se).all()
    n, whole = 300, 118 * 160
    share = direct.estimates.shares[0]
    assert direct.estimates.shares_se[0] == pytest.approx(np.sqrt(share * (1 - share) / (n - 1) * (1 - n / whole)))


def test_a_convenience_sample_has_no_intervals(place: Path) -> None:
    """Nobody said how it was drawn: plain counts, no area, no interval, and the sentence that says so."""
    content = report(assess(place / "map.tif", reference=random_points(place / "points.gpkg")))
    assert content["area_weighted"] is None
    assert content["strata"] is None
    assert content["design_based"]["valid"] is False
    assert content["design_based"]["statement"] == NOT_VALID
    assert "design-based intervals not valid" in NOT_VALID
    assert "cross-validation" in NOT_VALID
    assert content["plain"]["n"] == 300
    assert any("--sampling stratified" in note for note in content["notes"])
    assert '"interval_95"' not in json.dumps(content)


def test_an_empty_stratum_names_class_and_mend(place: Path) -> None:
    """A map class without a sample ends in an error that names it; leaving it out is a way on."""
    path = answered(place, lambda frame: frame[frame["map_class"] != "built"])
    with pytest.raises(LabelsError, match=r"class built \(1,\d{3} pixels.*esd-tasks design.*--exclude 'built'"):
        assess(place / "map.tif", reference=path)
    found = assess(place / "map.tif", reference=path, exclude=("built",))
    assert found.population.class_ids == (1, 2, 3)
    assert found.population.left_out == (MAPPED[2:] == 4).sum()
    assert found.estimates is not None
    assert found.estimates.shares.sum() == pytest.approx(1)


def test_one_sample_gives_null_and_a_message(place: Path) -> None:
    """With one sample in a class whatever hangs on it has no interval, and a note says why."""

    def single(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
        built = frame.index[frame["map_class"] == "built"]
        return frame.drop(built[1:])

    content = report(assess(place / "map.tif", reference=answered(place, single)))
    classes = content["area_weighted"]["classes"]
    assert content["area_weighted"]["overall_accuracy"]["standard_error"] is None
    assert [entry["users_accuracy"]["standard_error"] is None for entry in classes] == [False, False, False, True]
    assert any("built has one sample" in note for note in content["notes"])
    json.dumps(content, allow_nan=False)


def test_labels_may_be_a_subset_of_the_map_classes(place: Path) -> None:
    """A reference that never says crop or built is assessed: producer's accuracy undefined, area 0, no crash."""
    path = answered(place, lambda frame: frame.assign(reference=["water", "forest"] * 120))
    content = report(assess(place / "map.tif", reference=path))
    crop = content["area_weighted"]["classes"][2]
    assert crop["producers_accuracy"]["estimate"] is None
    assert crop["share"]["estimate"] == 0
    only = answered(place, lambda frame: frame.assign(reference="water"))
    assert report(assess(place / "map.tif", reference=only))["area_weighted"]["classes"][0]["share"]["estimate"] == 1


def test_a_reference_class_that_was_never_mapped(place: Path) -> None:
    """A class that only a legend knows has a column, an area and no user's accuracy; unknown ones are refused."""
    path = answered(place, lambda frame: frame.assign(reference=["wetland", *frame["reference"][1:]]))
    with pytest.raises(LabelsError, match=r"class wetland.*--legend"):
        assess(place / "map.tif", reference=path)
    rows = "\n".join(f"{class_id},{name}" for class_id, name in {**NAMES, 5: "wetland"}.items())
    (place / "legend.csv").write_text(f"class_id,class_name\n{rows}\n")
    wetland = report(assess(place / "map.tif", reference=path, legend=place / "legend.csv"))["area_weighted"][
        "classes"
    ][4]
    assert wetland["users_accuracy"]["estimate"] is None
    assert wetland["producers_accuracy"]["estimate"] == 0
    assert wetland["area"]["estimate"] > 0


def test_the_matrix_written_is_a_table_that_can_be_read(place: Path) -> None:
    """`error_matrix.csv` with counts, pixels and areas gives the same estimates again."""
    found = assess(place / "map.tif", reference=answered(place), output=place / "out")
    paths = write_report(found)
    again = assess(paths["matrix"], sampling="stratified")
    assert np.allclose(figures(again), figures(found), rtol=1e-6)
    assert again.population.total_area == pytest.approx(found.population.total_area, rel=1e-7)
