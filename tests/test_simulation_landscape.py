"""Simulated landscapes with truth."""

import numpy as np
import pytest

from stactools_esd.errors import ObservationsError
from stactools_esd.observations import YearWindow
from stactools_esd.seamless import prepare
from stactools_esd.simulation import CHANGES, CLASS_NAMES, Landscape
from stactools_esd.simulation.noise import generator, smooth_noise, split_parcels

SIZE = (72, 80)


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    """Three years of a small landscape."""
    return Landscape(5, size=SIZE, years=(2019, 2020, 2021))


def test_rows_equal_those_of_the_whole(landscape: Landscape) -> None:
    """Any rows, drawn alone by another object, are bit for bit those of the whole."""
    whole = landscape.observations(2020)
    rows = Landscape(5, size=SIZE, years=(2019, 2020, 2021)).observations(2020, slice(17, 40))
    np.testing.assert_array_equal(rows.reflectance, whole.reflectance[:, :, 17:40])
    np.testing.assert_array_equal(rows.valid, whole.valid[:, :, 17:40])
    assert rows.transform == whole.window(slice(17, 40)).transform


def test_the_seed_decides_the_landscape() -> None:
    """Another seed gives another map."""
    one, other = Landscape(1, size=(40, 40)), Landscape(2, size=(40, 40))
    assert not np.array_equal(one.class_map(2019), other.class_map(2019))


def test_the_grid_is_that_of_the_product(landscape: Landscape) -> None:
    """Pixels of 30 m whose corners lie on the half-pixel grid of the tiles."""
    assert landscape.transform.a == 30
    assert landscape.transform.c % 30 == 15
    assert landscape.transform.f % 30 == 15
    assert landscape.crs.to_epsg() == 32631
    assert 50 < landscape.latitude < 51.5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_classes_in_patches(seed: int) -> None:
    """A landscape holds at least eight classes, and neighbours are mostly of one class."""
    classes = Landscape(seed, size=(96, 96)).class_map(2020)
    assert len(np.unique(classes)) >= 8
    assert classes.max() < len(CLASS_NAMES)
    assert (classes[:, 1:] == classes[:, :-1]).mean() > 0.8


def test_changes_agree_with_the_maps(landscape: Landscape) -> None:
    """Cut forest was forest, new buildings are impervious, burnt land is bare; where nothing happened classes stay."""
    before, after, change = landscape.class_map(2019), landscape.class_map(2020), landscape.change_map(2020)
    assert (before[change == CHANGES.index("clear-cut")] <= 2).all()
    assert (after[change == CHANGES.index("new buildings")] == CLASS_NAMES.index("impervious")).all()
    assert (after[change == CHANGES.index("fire")] == CLASS_NAMES.index("bare")).all()
    assert (before[change == 0] == after[change == 0]).all()
    for kind in ("clear-cut", "new buildings", "rotation"):
        assert (change == CHANGES.index(kind)).any()
    assert not landscape.change_map(2019).any()


def test_changes_have_their_day(landscape: Landscape) -> None:
    """Cuts, fires and buildings come on one day a parcel, when the series changes class; rotations have no day."""
    change, day = landscape.change_map(2020), landscape.change_day(2020)
    np.testing.assert_array_equal(day > 0, change >= CHANGES.index("clear-cut"))
    assert day[day > 0].min() >= 20
    assert day.max() < 110
    for parcel in np.unique(landscape.parcels[day > 0])[:5]:
        (when,) = np.unique(day[landscape.parcels == parcel])
        clean = landscape.clean(2020, np.array([when - 2, when - 1, when, when + 1]))[:, :, landscape.parcels == parcel]
        jump = np.abs(clean[2] - clean[1]).mean()
        assert jump > 2 * np.abs(clean[1] - clean[0]).mean()
        assert jump > 2 * np.abs(clean[3] - clean[2]).mean()


def test_southern_landscapes_have_southern_seasons() -> None:
    """Deciduous forest south of the equator is greener in January than in July."""
    landscape = Landscape(5, size=(48, 48), crs="EPSG:32721", origin=(520005.0, 6120015.0))
    assert landscape.latitude < -30
    forest = landscape.class_map(2019) == CLASS_NAMES.index("deciduous forest")
    clean = landscape.clean(2019, np.array([15, 197]))[:, :, forest]
    ndvi = (clean[:, 3] - clean[:, 2]) / (clean[:, 3] + clean[:, 2])
    assert np.median(ndvi[0]) > np.median(ndvi[1]) + 0.1


def test_changed_gathers_years_and_leaves_out_rotations(landscape: Landscape) -> None:
    """`changed` is the union of the years between, without rotations, whichever way it is asked."""
    union = (landscape.change_map(2020) > 1) | (landscape.change_map(2021) > 1)
    np.testing.assert_array_equal(landscape.changed(2019, 2021), union)
    np.testing.assert_array_equal(landscape.changed(2021, 2019), union)
    assert not landscape.changed(2020, 2020).any()


def test_a_change_shows_in_the_series(landscape: Landscape) -> None:
    """Before its day a changed parcel looks like last year, afterwards like this one."""
    built = landscape.change_map(2020) == CHANGES.index("new buildings")
    days = np.array([5, 150, 180])
    ndvi = [
        (clean[:, 3][:, built] - clean[:, 2][:, built]) / (clean[:, 3][:, built] + clean[:, 2][:, built])
        for clean in (landscape.clean(2019, days), landscape.clean(2020, days))
    ]
    assert ndvi[1][1:].mean() < ndvi[0][1:].mean() - 0.1


def test_unchanged_forest_is_itself_in_both_years(landscape: Landscape) -> None:
    """The same forest pixels correlate over the years far more than different ones do."""
    same = (landscape.class_map(2019) <= 2) & (landscape.change_map(2020) == 0)
    summer = np.array([200])
    first = landscape.clean(2019, summer)[0, 3][same]
    second = landscape.clean(2020, summer)[0, 3][same]
    assert np.corrcoef(first, second)[0, 1] > 0.8


def test_observations_are_between_clouds(landscape: Landscape) -> None:
    """Thirty to forty-six passes every eight days or so, partly under clouds that hang together, sometimes clear."""
    observations = landscape.observations(2020)
    assert 25 <= len(observations.dates) <= 46
    assert (np.diff(observations.dates).astype(int) % 8 == 0).all()
    np.testing.assert_array_equal(observations.dates, landscape.dates(2020))
    clear = observations.valid[:, 0]
    shares = clear.mean(axis=(1, 2))
    assert 0.3 < shares.mean() < 0.8
    assert shares.max() > 0.95
    assert (clear[:, 1:] == clear[:, :-1]).mean() > 0.95
    assert (observations.valid.all(axis=1) == observations.valid.any(axis=1)).all()


def test_valid_observations_are_near_the_truth(landscape: Landscape) -> None:
    """What is marked valid differs from the clean series by noise and thin edges of clouds only."""
    observations = landscape.observations(2021)
    days = (observations.dates - YearWindow(year=2021).days[0]).astype(int)
    error = np.abs(observations.reflectance - landscape.clean(2021, days))[observations.valid]
    assert np.median(error) < 0.006
    assert error.mean() < 0.015


def test_every_pixel_can_be_prepared(landscape: Landscape) -> None:
    """A year of a landscape becomes gap-free pixel-years with a useful number of observations."""
    reflectance, clear_obs = prepare(landscape.observations(2020, slice(0, 16)), YearWindow(year=2020))
    assert reflectance.shape == (16 * SIZE[1], 365, 6)
    assert np.isfinite(reflectance).all()
    assert clear_obs.min() >= 5


def test_sampled_points_lie_inside_their_class(landscape: Landscape) -> None:
    """Points are pixel centres whose eight neighbours are of the same class, at most n a class, by the seed."""
    x, y, class_id = landscape.sample_points(12, 2020, 1)
    columns, rows = ~landscape.transform * (x, y)
    assert np.allclose(columns % 1, 0.5)
    classes = landscape.class_map(2020)
    for row, column, expected in zip(rows.astype(int), columns.astype(int), class_id, strict=True):
        assert (classes[row - 1 : row + 2, column - 1 : column + 2] == expected).all()
    assert np.bincount(class_id).max() <= 12
    assert len(set(zip(x, y, strict=True))) == len(x)
    np.testing.assert_array_equal(landscape.sample_points(12, 2020, 1)[0], x)
    assert not np.array_equal(landscape.sample_points(12, 2020, 2)[0], x)


def test_terrain_falls_towards_its_aspect(landscape: Landscape) -> None:
    """Aspect is the downhill direction, clockwise from north; NaN where flat."""
    elevation, slope, aspect = landscape.terrain
    steep = np.argwhere(slope[2:-2, 2:-2] > np.nanpercentile(slope, 80))[::7] + 2
    lower = [
        elevation[round(r - 2 * np.cos(np.deg2rad(aspect[r, c]))), round(c + 2 * np.sin(np.deg2rad(aspect[r, c])))]
        < elevation[r, c]
        for r, c in steep
    ]
    assert np.mean(lower) > 0.95
    assert np.isnan(aspect[slope < 0.5]).all()


def test_impossible_landscapes_are_refused(landscape: Landscape) -> None:
    """Too small an area, years with a gap, and a year that is not there end in one line."""
    with pytest.raises(ObservationsError, match="32 x 32 or more"):
        Landscape(1, size=(8, 40))
    with pytest.raises(ObservationsError, match="consecutive"):
        Landscape(1, size=(40, 40), years=(2018, 2020))
    with pytest.raises(ObservationsError, match=r"expected one of \[2019, 2020, 2021"):
        landscape.class_map(2022)


def test_noise_is_standard_and_smooth() -> None:
    """Smooth noise has about zero mean and unit deviation; neighbours are alike."""
    field = smooth_noise([1], (400, 400), 20.0)
    assert abs(field.mean()) < 0.2
    assert 0.8 < field.std() < 1.2
    assert np.corrcoef(field[:, 1:].ravel(), field[:, :-1].ravel())[0, 1] > 0.97


def test_keys_of_noise_do_not_collide() -> None:
    """A key and the same key with a zero behind it are different sources of chance."""
    assert generator(1, 2).random() != generator(1, 2, 0).random()


def test_parcels_nest() -> None:
    """Fewer splits give parcels that are whole unions of finer ones."""
    fine = split_parcels([3], (50, 60), 8)
    assert len(np.unique(fine)) > 80
    coarse = fine >> 3
    assert all(len(np.unique(coarse[fine == parcel])) == 1 for parcel in np.unique(fine)[:40])
