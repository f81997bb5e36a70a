"""Maps in degrees: pixels shrink towards the poles, and estimates are of the land all the same."""

from pathlib import Path

import geopandas
import numpy as np
import pytest
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from tiny_classes import write_classes

from esd_tasks.assess import Assessment, assess
from esd_tasks.assess_report import report
from esd_tasks.design import design, make_design
from esd_tasks.design_request import DesignRequest
from esd_tasks.estimates import Z_95, Moments, estimate
from esd_tasks.strata_area import PixelAreas
from stactools_esd.blocks import Block
from stactools_esd.errors import UsageError

WGS84 = CRS.from_epsg(4326)
DEGREES = Affine(0.25, 0, 10, 0, -0.25, 70)
"""From 70 degrees north to 10 degrees south."""

SHAPE = (320, 40)
NAMES = {1: "forest", 2: "crop"}


def truth_and_map() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a truth with forest in the north, and a map whose errors are in the north."""
    generator = np.random.default_rng(4)
    north = np.linspace(1, 0, SHAPE[0])[:, None]
    truth = np.where(generator.random(SHAPE) < 0.1 + 0.7 * north, 1, 2)
    wrong = generator.random(SHAPE) < 0.05 + 0.4 * north
    return truth.astype(np.uint8), np.where(wrong, 3 - truth, truth).astype(np.uint8)


TRUTH, MAPPED = truth_and_map()
AREAS = np.broadcast_to(
    PixelAreas(crs=WGS84, transform=DEGREES).of(Block(row=0, column=0, height=320, width=40)), SHAPE
)


def true_figures() -> NDArray[np.float64]:
    """Return overall accuracy, shares, user's and producer's accuracies of the land."""
    joint = np.array([[AREAS[(i == MAPPED) & (j == TRUTH)].sum() for j in (1, 2)] for i in (1, 2)]) / AREAS.sum()
    hits = joint.diagonal()
    return np.array([hits.sum(), *joint.sum(axis=0), *hits / joint.sum(axis=1), *hits / joint.sum(axis=0)])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the map in degrees."""
    write_classes(tmp_path / "map.tif", MAPPED, names=NAMES, transform=DEGREES, crs=WGS84)
    return tmp_path


def answer(points: Path) -> geopandas.GeoDataFrame:
    """Fill the truth into a drawn sample, and return it."""
    frame = geopandas.read_file(points)
    columns, rows = ~DEGREES * (frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy())
    classes = TRUTH[rows.astype(int), columns.astype(int)]
    frame = frame.assign(reference=[NAMES[int(value)] for value in classes])
    frame.to_file(points, layer="sample")
    return frame


def shares(found: Assessment) -> NDArray[np.float64]:
    """Return estimated shares."""
    assert found.estimates is not None
    return found.estimates.shares


def test_estimates_of_a_known_population_are_unbiased() -> None:
    """Of 600 stratified samples by pixel estimates meet the truth of the land, and intervals hold it as they say.

    Counted without the areas of pixels the same samples miss it: the population is one where that matters.
    """
    generator, expected = np.random.default_rng(0), true_figures()
    strata = [np.flatnonzero(MAPPED.ravel() == k) for k in (1, 2)]
    weights = np.array([AREAS.ravel()[members].sum() for members in strata]) / AREAS.sum()
    truth, n, figures, naive, held = TRUTH.ravel() - 1, 150, [], [], np.zeros(len(expected))
    for _ in range(600):
        counts, sums, squares = (np.zeros((2, 2, 2)) for _ in range(3))
        for k, members in enumerate(strata):
            drawn = generator.choice(members, n, replace=False)
            for cube, values in ((counts, 1.0), (sums, AREAS.ravel()[drawn]), (squares, AREAS.ravel()[drawn] ** 2)):
                np.add.at(cube[k, k], truth[drawn], values)
        found = estimate(counts, weights, moments=Moments(first=sums, second=squares), possible=np.eye(2, dtype=bool))
        figures.append([found.overall, *found.shares, *found.users, *found.producers])
        errors = [found.overall_se, *found.shares_se, *found.users_se, *found.producers_se]
        held += np.abs(figures[-1] - expected) <= Z_95 * np.array(errors)
        plain = estimate(counts, weights, possible=np.eye(2, dtype=bool))
        naive.append([plain.overall, *plain.shares, *plain.users, *plain.producers])
    spread = np.std(figures, axis=0)
    assert (np.abs(np.mean(figures, axis=0) - expected) < 4 * spread / np.sqrt(600) + 0.002).all()
    assert ((held > 0.925 * 600) & (held < 0.98 * 600)).all(), held / 600
    assert np.abs(np.mean(naive, axis=0) - expected)[:3].min() > 5 * (spread / np.sqrt(600)).max()


def test_equal_areas_change_nothing() -> None:
    """With all pixels of one area, whatever the unit, the estimates are those without areas."""
    counts = np.array([[[30, 5], [0, 0]], [[0, 0], [8, 40]]])
    one = estimate(counts, [0.3, 0.7])
    other = estimate(counts, [0.3, 0.7], moments=Moments(first=counts * 7.0, second=counts * 49.0))
    for name in one.__dataclass_fields__:
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=1e-12), name


def test_weights_of_the_points_are_the_areas_that_assess_estimates(place: Path) -> None:
    """Sums of weight_m2 by reference class, in any table program, are the estimated areas; both meet the truth."""
    points = design(place / "map.tif", total=400, output=place / "sample.gpkg").paths["sample"]
    frame = answer(points)
    found = assess(place / "map.tif", reference=points)
    assert found.estimates is not None
    assert found.population.by_area
    by_class = frame.groupby("reference")["weight_m2"].sum()
    assert by_class.sum() == pytest.approx(AREAS.sum(), rel=1e-9)
    total = found.population.total_area
    assert [by_class["forest"], by_class["crop"]] == pytest.approx((shares(found) * total).tolist(), rel=1e-9)
    assert (np.abs(shares(found) - true_figures()[1:3]) < 3 * found.estimates.shares_se).all()
    assert "Cochran" in report(found)["protocol"]["method"]
    assert any("true area of its pixel" in note for note in found.notes)


def test_without_the_record_the_pixels_still_count(place: Path) -> None:
    """A sample by other means is weighted from the map's grid; one drawn by area is not, and says so."""
    points = design(place / "map.tif", total=400, output=place / "sample.gpkg").paths["sample"]
    answer(points)
    drawn = assess(place / "map.tif", reference=points)
    with pytest.raises(UsageError, match="--drawn-by area"):
        assess(place / "map.tif", reference=points, drawn_by="area")
    points.with_name("sample.design.json").unlink()
    told = assess(place / "map.tif", reference=points, sampling="stratified")
    assert np.allclose(shares(told), shares(drawn))
    by_area = assess(place / "map.tif", reference=points, sampling="stratified", drawn_by="area")
    assert not by_area.population.by_area
    assert shares(by_area)[0] > shares(told)[0] + 0.02


def test_strata_of_a_field_have_the_areas_of_their_samples(place: Path) -> None:
    """Where only pixels of the strata are known, their areas follow from the pixels that were drawn."""
    points = design(place / "map.tif", total=400, output=place / "sample.gpkg").paths["sample"]
    answer(points)
    drawn = assess(place / "map.tif", reference=points)
    by_field = assess(place / "map.tif", reference=points, strata="stratum")
    assert by_field.population.weights == pytest.approx(drawn.population.weights, abs=0.03)
    by_pixels = by_field.population.sizes / by_field.population.sizes.sum()
    truth = drawn.population.weights
    assert abs(by_field.population.weights[0] - truth[0]) < abs(by_pixels[0] - truth[0])


def test_equal_pixels_are_left_alone(place: Path) -> None:
    """A map of a tenth of a degree is counted as Olofsson et al. do, without a word of areas."""
    narrow = Affine(0.0003, 0, 10, 0, -0.0003, 50)
    write_classes(place / "map.tif", MAPPED, names=NAMES, transform=narrow, crs=WGS84)
    plan = make_design(DesignRequest(map=place / "map.tif", total=400))
    assert not any("times the area" in note for note in plan.notes)
