"""Samples of a map's pixels: sizes as published, exact draws, and a record that makes them a probability sample."""

import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_classes import NAMES, truth_and_map, write_classes

from esd_tasks.design import design, make_design
from esd_tasks.design_draw import draw
from esd_tasks.design_file import read_design
from esd_tasks.design_request import DesignRequest
from esd_tasks.design_sizes import ALLOCATIONS, allocate, least, overall_standard_error, sample_size
from esd_tasks.strata_raster import ClassRaster
from stactools_esd.errors import LabelsError, OutputError, RasterError, UsageError

OLOFSSON = {"weights": (0.02, 0.015, 0.32, 0.645), "users": (0.7, 0.6, 0.9, 0.95)}
"""Strata of the worked example of Olofsson et al. 2014: deforestation, forest gain, stable forest and non-forest."""

SIZES = (200_000, 150_000, 3_200_000, 6_450_000)


@pytest.fixture(scope="module")
def class_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of four classes, 300 x 400 pixels, two rows without a class."""
    values = truth_and_map()[1]
    values[:2] = 0
    return write_classes(tmp_path_factory.mktemp("map") / "land.tif", values)


def test_the_published_sample_size() -> None:
    """A standard error of 0.01 under the expected accuracies of the worked example asks for 641 samples."""
    assert sample_size(**OLOFSSON, sizes=SIZES, standard_error=0.01) == 641


def test_the_published_allocations() -> None:
    """641 samples: alike 160 each, by area 13, 10, 205, 413, and 75 or 50 for each rare class, the rest by area."""
    share = {"total": 641, **OLOFSSON, "sizes": SIZES}
    assert sorted(allocate(**share, allocation="equal").tolist()) == [160, 160, 160, 161]
    assert allocate(**share, allocation="proportional").tolist() == [13, 10, 205, 413]
    assert allocate(**share, allocation="olofsson", minimum=75).tolist() == [75, 75, 163, 328]
    assert allocate(**share, allocation="olofsson", minimum=50).tolist() == [50, 50, 179, 362]


def test_neyman_reaches_the_wish() -> None:
    """The sample size holds for the allocation by W S; others need more for the same standard error."""
    n = sample_size(**OLOFSSON, sizes=SIZES, standard_error=0.01)
    errors = {
        rule: overall_standard_error(
            **OLOFSSON, sizes=SIZES, samples=allocate(n, **OLOFSSON, sizes=SIZES, allocation=rule)
        )
        for rule in ALLOCATIONS
    }
    assert errors["neyman"] == pytest.approx(0.01, abs=2e-5)
    assert min(errors, key=lambda rule: errors[rule]) == "neyman"


strata = st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 1)), min_size=1, max_size=12)


@given(strata, st.sampled_from(ALLOCATIONS), st.integers(2, 100), st.floats(0, 1))
def test_allocations_keep_their_promises(
    classes: list[tuple[int, float]], rule: str, minimum: int, where: float
) -> None:
    """Whatever the classes: the sum is the total, no stratum gets less than its least or more than its pixels."""
    sizes = np.array([size for size, _ in classes])
    floors = least(sizes, rule, minimum)  # type: ignore[arg-type]
    total = int(floors.sum() + where * (sizes.sum() - floors.sum()))
    found = allocate(
        total,
        sizes / sizes.sum(),
        [users for _, users in classes],
        sizes,
        allocation=rule,
        minimum=minimum,  # type: ignore[arg-type]
    )
    assert found.sum() == total
    assert (found >= floors).all()
    assert (found <= sizes).all()


def test_a_total_that_is_too_small_says_what_would_do() -> None:
    """Fewer samples than the least for every class are refused with that number."""
    with pytest.raises(UsageError, match=r"expected 200 .*--minimum"):
        allocate(100, **OLOFSSON, sizes=SIZES, minimum=50)


@pytest.mark.parametrize("block_pixels", [700, 40_000])
def test_the_draw_does_not_depend_on_blocks(class_map: Path, block_pixels: int) -> None:
    """Equal seeds draw equal pixels whatever the blocks, another seed others; none twice, all of their stratum."""
    sizes = {1: 30, 2: 50, 4: 20}
    with ClassRaster(class_map) as raster:
        found = draw(raster, sizes, seed=3, block_pixels=block_pixels)
        again, other = draw(raster, sizes, seed=3), draw(raster, sizes, seed=4)
        assert np.array_equal(raster.at(found.row, found.column), found.stratum)
    pixels = found.row * 400 + found.column
    assert np.array_equal(pixels, again.row * 400 + again.column)
    assert len(np.unique(pixels)) == 100
    assert len(np.intersect1d(pixels, other.row * 400 + other.column)) < 10
    assert {int(key): int(n) for key, n in zip(*np.unique(found.stratum, return_counts=True), strict=True)} == sizes


def test_every_pixel_is_as_likely_as_every_other(tmp_path: Path) -> None:
    """Over 2,000 seeds each pixel of a stratum is drawn as often as chance has it, and so is a pair of neighbours."""
    values = np.array([[1, 2, 1, 1], [1, 1, 2, 1]], dtype=np.uint8)
    members = np.flatnonzero(values.ravel() == 1)
    times, first = np.zeros(8), np.zeros(8)
    pairs = 0
    with ClassRaster(write_classes(tmp_path / "map.tif", values)) as raster:
        for seed in range(2000):
            found = draw(raster, {1: 2}, seed=seed)
            pixels = found.row * 4 + found.column
            times[pixels] += 1
            first[pixels[0]] += 1
            pairs += set(pixels.tolist()) == {2, 3}
    spread = np.sqrt(2000 * (1 / 3) * (2 / 3))
    assert (np.abs(times[members] - 2000 / 3) < 4 * spread).all()
    assert (np.abs(first[members] - 2000 / 6) < 4 * np.sqrt(2000 / 6)).all()
    assert abs(pairs - 2000 / 15) < 4 * np.sqrt(2000 / 15)


def test_a_census_takes_every_pixel(tmp_path: Path) -> None:
    """A stratum may be drawn whole; more pixels than there are is an error."""
    path = write_classes(tmp_path / "map.tif", np.ones((3, 4), dtype=np.uint8))
    with ClassRaster(path) as raster:
        assert len(draw(raster, {1: 12}, seed=0).row) == 12
        with pytest.raises(RasterError, match="12 pixels of class_id 1"):
            draw(raster, {1: 13}, seed=0)


def test_points_are_ready_to_be_filled_in(class_map: Path, tmp_path: Path) -> None:
    """Points stand in the middle of their pixels with stratum, class, probability, weight and an empty reference."""
    result = design(class_map, total=240, output=tmp_path / "sample.gpkg")
    frame = geopandas.read_file(result.paths["sample"])
    record = read_design(result.paths["design"])
    assert [name for name in frame.columns if name != "geometry"] == [
        "id", "stratum", "map_class", "inclusion_probability", "weight", "weight_m2", "lon", "lat",
        "reference",
    ]  # fmt: skip
    assert frame["reference"].isna().all()
    assert frame["id"].tolist() == list(range(1, 241))
    assert not frame["stratum"].is_monotonic_increasing
    assert set(frame["map_class"]) == set(NAMES.values())
    with ClassRaster(class_map) as raster:
        row, column = raster.pixels_of(frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy())
        assert np.array_equal(raster.at(row, column), frame["stratum"])
        assert record.map_checksum == raster.checksum()
    assert np.array_equal(record.stratum_at(row, column), frame["stratum"])
    assert record.stratum_at(row[:1] + 1, column[:1]).tolist() in ([0], [int(frame["stratum"][0])])
    pixels = {stratum.stratum: stratum.pixels for stratum in record.strata}
    assert frame.groupby("stratum")["weight"].sum().round(6).to_dict() == pixels
    again = geopandas.read_file(design(class_map, total=240, output=tmp_path / "again.gpkg").paths["sample"])
    assert frame.equals(again)


def test_blind_points_tell_nothing_of_the_map(class_map: Path, tmp_path: Path) -> None:
    """With blind=True neither class nor stratum nor a weight that betrays them is in the points."""
    result = design(class_map, total=240, blind=True, output=tmp_path / "sample.gpkg")
    assert set(geopandas.read_file(result.paths["sample"]).columns) == {"id", "lon", "lat", "reference", "geometry"}


def test_somebodys_work_is_not_replaced(class_map: Path, tmp_path: Path) -> None:
    """Points that exist are refused, for they may be filled in; overwrite replaces them."""
    design(class_map, total=240, output=tmp_path / "sample.gpkg")
    with pytest.raises(OutputError, match="--overwrite"):
        design(class_map, total=240, seed=1, output=tmp_path / "sample.gpkg")
    design(class_map, total=240, seed=1, overwrite=True, output=tmp_path / "sample.gpkg")
    assert read_design(tmp_path / "sample.design.json").seed == 1


def test_the_total_follows_from_the_standard_error(class_map: Path) -> None:
    """Without a total the wish for the standard error decides, and the plan says what its own allocation reaches."""
    plan = make_design(DesignRequest(map=class_map, standard_error=0.02, allocation="neyman", minimum=10))
    assert plan.wanted == sum(plan.samples)
    assert plan.expected_standard_error == pytest.approx(0.02, abs=2e-4)
    small = make_design(DesignRequest(map=class_map, standard_error=0.2))
    assert sum(small.samples) == 200
    assert any("least for every class" in note for note in small.notes)
    assert any("800 pixels without a class" in note for note in small.notes)


def test_expected_accuracies_in_any_form(tmp_path: Path) -> None:
    """One number for all, one a class, by name or id, or the accuracy.json of classify."""
    (tmp_path / "accuracy.json").write_text(
        json.dumps({"classes": [{"class_id": 1, "users_accuracy": 0.9}, {"class_id": 2, "users_accuracy": None}]})
    )
    names = {1: "water", 2: "forest"}
    wanted = {
        None: [0.8, 0.8],
        "0.7": [0.7, 0.7],
        "0.7, 0.6": [0.7, 0.6],
        "forest=0.5": [0.8, 0.5],
        "1=0.4,forest=1": [0.4, 1],
        str(tmp_path / "accuracy.json"): [0.9, 0.8],
    }
    for text, expected in wanted.items():
        assert DesignRequest(map=tmp_path, expected_accuracy=text).expected_users(names) == expected
    for text in ("85", "0.7,0.6,0.5", "tundra=0.5", "high", str(tmp_path / "absent.json")):
        with pytest.raises(UsageError, match="expected"):
            DesignRequest(map=tmp_path, expected_accuracy=text).expected_users(names)


def test_a_record_of_another_kind_is_refused(tmp_path: Path) -> None:
    """JSON that is no record of a sample ends in one line."""
    for text in ("{}", '{"kind": "map", "schema_version": "1"}', "[]", "no json"):
        (tmp_path / "sample.design.json").write_text(text)
        with pytest.raises(LabelsError, match=r"sample\.design\.json"):
            read_design(tmp_path / "sample.design.json")
