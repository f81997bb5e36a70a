"""MODIS surface reflectance on a finer grid."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from coarse_files import CELLS, CLEAR_LAND, GRID, MODIS_VALUES, modis_layers, place, whole, write_band, write_layers
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import reproject
from rasterio.windows import Window

from stactools_esd.errors import GridError, RasterError
from stactools_esd.sources.coarse import CoarseSource
from stactools_esd.sources.modis import MODIS_PRODUCTS, open_modis
from stactools_esd.sources.nearest import find_nearest
from stactools_esd.sources.sinusoidal import sinusoidal
from stactools_esd.sources.source import Source, TargetGrid, read

OUR_ORDER = pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05, 0.06])
"""Reflectance of `MODIS_VALUES` in the order of `product.BANDS`."""

SAME_CELLS = TargetGrid(crs=sinusoidal(), transform=place(), shape=(CELLS, CELLS))
"""The coarse grid itself: each pixel is a cell."""

CELL_NUMBERS = np.arange(CELLS * CELLS, dtype=np.int16).reshape(CELLS, CELLS)


def centres(grid: TargetGrid) -> tuple[np.ndarray, np.ndarray]:
    """Return the coarse row and column under each pixel's centre, by PROJ alone."""
    columns, rows = np.meshgrid(np.arange(grid.shape[1]) + 0.5, np.arange(grid.shape[0]) + 0.5)
    x, y = grid.transform * (columns, rows)
    across, down = ~place() * Transformer.from_crs(grid.crs, sinusoidal().to_wkt(), always_xy=True).transform(x, y)
    return np.floor(down).astype(int), np.floor(across).astype(int)


def test_bands_come_in_our_order(tmp_path: Path) -> None:
    """b03, b04, b01, b02, b06 and b07 are blue, green, red, nir, swir1 and swir2, of scale 0.0001."""
    files = write_layers(tmp_path, modis_layers())
    source: Source = open_modis(tmp_path, GRID)
    reflectance, valid = source.read_image(0, Window(0, 0, 50, 40))
    assert valid.all()
    assert reflectance[:, 0, 0] == OUR_ORDER
    assert (source.names, str(source.dates[0]), source.bad) == (("MOD09A1.A2020185",), "2020-07-03", ())
    assert set(source.files[0]) == set(files)
    assert (source.crs, source.transform, source.shape) == (GRID.crs, GRID.transform, GRID.shape)
    assert source.harmonisation == "none"


def test_pixels_take_the_coarse_pixel_under_their_centre(tmp_path: Path) -> None:
    """GDAL's nearest neighbour by WarpedVRT is what PROJ says pixel by pixel, and what rasterio's warp gives."""
    write_layers(tmp_path, modis_layers(sur_refl_b03=CELL_NUMBERS))
    blue = whole(open_modis(tmp_path, GRID))[0][0]
    rows, columns = centres(GRID)
    np.testing.assert_array_equal(blue, (CELL_NUMBERS[rows, columns] * 0.0001).astype(np.float32))
    warped = np.full(GRID.shape, -1, np.int16)
    reproject(
        CELL_NUMBERS, warped, src_transform=place(), src_crs=sinusoidal(), dst_transform=GRID.transform,
        dst_crs=GRID.crs, tolerance=1e-9,
    )  # fmt: skip
    np.testing.assert_array_equal(blue, (warped * 0.0001).astype(np.float32))


@pytest.fixture(scope="module")
def patchy(tmp_path_factory: pytest.TempPathFactory) -> CoarseSource:
    """An image whose numbers and clouds differ from pixel to pixel."""
    folder = tmp_path_factory.mktemp("modis")
    clouds = np.where(CELL_NUMBERS % 3 == 0, CLEAR_LAND | 1, CLEAR_LAND)
    write_layers(folder, modis_layers(sur_refl_b03=CELL_NUMBERS, sur_refl_b07=CELL_NUMBERS + 500, state=clouds))
    return open_modis(folder, GRID)


@settings(max_examples=25)
@given(row=st.integers(0, 39), column=st.integers(0, 49), data=st.data())
def test_windows_equal_the_same_part_of_the_whole(
    patchy: CoarseSource, row: int, column: int, data: st.DataObject
) -> None:
    """A window gives exactly what the whole grid gives there, valid or not."""
    height, width = data.draw(st.integers(1, 40 - row)), data.draw(st.integers(1, 50 - column))
    reflectance, valid = whole(patchy)
    part, part_valid = patchy.read_image(0, Window(column, row, width, height))
    rows, columns = slice(row, row + height), slice(column, column + width)
    np.testing.assert_array_equal(part, reflectance[:, rows, columns])
    np.testing.assert_array_equal(part_valid, valid[:, rows, columns])


STATES = {
    0b00: True,  # clear
    0b01: False,  # cloudy
    0b10: False,  # mixed
    0b11: True,  # not set, assumed clear
    1 << 2: False,  # cloud shadow
    7 << 3: True,  # deep ocean
    1 << 6: True,  # aerosol low
    3 << 6: True,  # aerosol high
    1 << 8: True,  # cirrus small
    2 << 8: False,  # cirrus average
    3 << 8: False,  # cirrus high
    1 << 10: False,  # internal cloud
    1 << 11: True,  # fire
    1 << 12: True,  # snow or ice
    1 << 15: True,  # internal snow
    1 << 12 | 1 << 15: True,  # snow by both
    1 << 12 | 1: False,  # snow under cloud
    1 << 13: False,  # adjacent to cloud
    1 << 14: True,  # salt pan, BRDF correction in older files
    65535: False,  # fill
}
"""Values of the state layer, and whether a pixel with them is used."""

QUALITIES = {code: code in (0, 7, 12) for code in (0, 7, 8, 9, 10, 11, 12, 13, 14, 15)}
"""Codes of a band's quality, and whether a band with them is used."""


def test_state_bits_decide(tmp_path: Path) -> None:
    """Clouds, shadow, thick cirrus and their neighbours drop all bands; snow, aerosol, fire and water keep them."""
    state = np.full(CELLS * CELLS, CLEAR_LAND)
    state[: len(STATES)] = list(STATES)
    expected = np.array([*STATES.values(), *(CELLS * CELLS - len(STATES)) * [True]])
    write_layers(tmp_path, modis_layers(state=state.reshape(CELLS, CELLS)))
    reflectance, valid = whole(open_modis(tmp_path, SAME_CELLS))
    np.testing.assert_array_equal(valid.reshape(6, -1), np.broadcast_to(expected, (6, expected.size)))
    assert not reflectance[~valid].any()


@pytest.mark.parametrize(("number", "position"), [(1, 2), (2, 3), (3, 0), (4, 1), (5, None), (6, 4), (7, 5)])
def test_band_quality_decides_band_by_band(tmp_path: Path, number: int, position: int | None) -> None:
    """Four bits a band, from bit 2: interpolated, faulty, missing, out of bounds and low sun drop that band alone."""
    codes = np.array([0xC0000001 | code << (2 + 4 * (number - 1)) for code in QUALITIES])
    write_layers(tmp_path, modis_layers(qc=np.broadcast_to(codes, (CELLS, CELLS))))
    expected = np.ones((6, CELLS), bool)
    if position is not None:
        expected[position] = list(QUALITIES.values())
    np.testing.assert_array_equal(whole(open_modis(tmp_path, SAME_CELLS))[1][:, 3], expected)


def test_what_was_not_produced_for_cloud_is_dropped(tmp_path: Path) -> None:
    """MODLAND quality 2 drops all bands; without a quality layer the state decides alone."""
    write_layers(tmp_path / "a", modis_layers(qc=0xC0000002))
    assert not whole(open_modis(tmp_path / "a", GRID))[1].any()
    write_layers(tmp_path / "b", modis_layers(qc=None))
    assert whole(open_modis(tmp_path / "b", GRID))[1].all()


def test_fill_and_range_count_band_by_band(tmp_path: Path) -> None:
    """Fill, a number out of -100..16000, and what the file itself calls missing drop one band of a pixel."""
    numbers = {-100: True, 16000: True, 0: True, -101: False, 16001: False, -28672: False, 77: False, 32767: False}
    green = np.full((CELLS, CELLS), 200)
    green[4, : len(numbers)] = list(numbers)
    write_layers(tmp_path, modis_layers(sur_refl_b04=green), nodata=77)
    reflectance, valid = whole(open_modis(tmp_path, SAME_CELLS))
    assert valid[1, 4, : len(numbers)].tolist() == list(numbers.values())
    assert np.delete(valid, 1, axis=0).all()
    assert reflectance[1, 4, :4].tolist() == pytest.approx([-0.01, 1.6, 0, 0])


def test_tags_of_quality_layers_mean_nothing(tmp_path: Path) -> None:
    """A quality of 0 is a quality, even where somebody tagged 0 as missing."""
    write_layers(tmp_path, modis_layers(state=0, qc=0), nodata=0)
    assert whole(open_modis(tmp_path, GRID))[1].all()


def test_daily_states_of_1_km_rule_over_500_m(tmp_path: Path) -> None:
    """MOD09GA has its state at 1 km, and names the day's first observation _1."""
    layers = {
        f"{name}_1": value for name, value in modis_layers(sur_refl_b03=CELL_NUMBERS, state=None, qc=None).items()
    }
    state = np.full((CELLS // 2, CELLS // 2), CLEAR_LAND, np.uint16)
    state[1:, 3] |= 1 << 10
    write_layers(
        tmp_path, layers | {"state_1km_1": state, "QC_500m_1": modis_layers()["sur_refl_qc_500m"]}, product="MOD09GA"
    )
    reflectance, valid = whole(open_modis(tmp_path, GRID))
    rows, columns = centres(GRID)
    cloudy = (rows // 2 >= 1) & (columns // 2 == 3)
    assert 0 < cloudy.sum() < cloudy.size
    np.testing.assert_array_equal(valid, np.broadcast_to(~cloudy, valid.shape))
    expected = np.where(cloudy, 0, CELL_NUMBERS[rows, columns] * 0.0001)
    np.testing.assert_array_equal(reflectance[0], expected.astype(np.float32))


def test_composites_with_days_become_dated_images(tmp_path: Path) -> None:
    """Each pixel is in the image of the day on which it was seen; the last composite runs into the next year."""
    days = np.full((CELLS, CELLS), 361)
    days[:, 2], days[:, 3], days[:, 5] = 366, 2, 65535
    write_layers(tmp_path, modis_layers(days=days), day="2020361")
    source = open_modis(tmp_path, GRID)
    assert [str(day) for day in source.dates] == [f"2020-12-{day}" for day in range(26, 32)] + [
        "2021-01-01",
        "2021-01-02",
    ]
    assert source.names[0] == "MOD09A1.A2020361.day361"
    assert source.names[-1] == "MOD09A1.A2020361.day002"
    seen = np.array([whole(source, position)[1][0] for position in range(8)])
    columns = centres(GRID)[1]
    np.testing.assert_array_equal(seen[5], columns == 2)
    np.testing.assert_array_equal(seen[7], columns == 3)
    np.testing.assert_array_equal(seen[0], ~np.isin(columns, (2, 3, 5)))
    assert not seen[[1, 2, 3, 4, 6]].any()
    assert len(open_modis(tmp_path, GRID, observed_days=False).dates) == 1


def test_the_record_begins_with_terra(tmp_path: Path) -> None:
    """The composite that the first day falls into is dated by that day; earlier days are refused."""
    write_layers(tmp_path / "a", modis_layers(), day="2000049")
    assert str(open_modis(tmp_path / "a", GRID).dates[0]) == "2000-02-24"
    write_layers(tmp_path / "b", modis_layers(days=55), day="2000049")
    assert [str(day) for day in open_modis(tmp_path / "b", GRID).dates] == ["2000-02-24", "2000-02-25"]
    write_layers(tmp_path / "c", modis_layers(), day="2000041")
    with pytest.raises(RasterError, match=r"MOD09A1\.A2000041.*expected a day from 2000-02-24"):
        open_modis(tmp_path / "c", GRID)


def test_aqua_has_no_swir1(tmp_path: Path) -> None:
    """Band 6 of Aqua is damaged: it is not read, need not be there, and swir1 is missing."""
    write_layers(tmp_path, modis_layers(sur_refl_b06=None), product="MYD09A1")
    source = open_modis(tmp_path, GRID)
    assert whole(source)[1][:, 0, 0].tolist() == [True, True, True, True, False, True]
    assert source.names == ("MYD09A1.A2020185",)
    assert set(MODIS_PRODUCTS) == {"MOD09A1", "MOD09GA", "MYD09A1", "MYD09GA", "MCD43A4"}


def test_tiles_of_a_day_are_put_together(tmp_path: Path) -> None:
    """A grid across the edge of two sinusoidal tiles takes each pixel from the tile it lies on."""
    edge = place(row=2400 - CELLS // 2)
    grid = TargetGrid(crs=sinusoidal(), transform=edge * Affine.scale(0.25), shape=(4 * CELLS, 4 * CELLS))
    half = np.full((CELLS // 2, CELLS), 1, np.int16)
    for tile, value, row in (("h26v04", 700, 2400 - CELLS // 2), ("h26v05", 900, 0)):
        layers = {name: (half * value).astype(np.uint16) for name in MODIS_VALUES}
        layers["sur_refl_state_500m"] = (half * CLEAR_LAND).astype(np.uint16)
        write_layers(tmp_path, layers, tile=tile, transform=place(tile, row=row))
    write_layers(tmp_path, modis_layers(), tile="h00v08", transform=place("h00v08"))
    source = open_modis(tmp_path, grid)
    assert source.names == ("MOD09A1.A2020185",)
    assert len(source.files[0]) == 14
    reflectance, valid = whole(source)
    assert valid.all()
    assert np.unique(reflectance[:, : 2 * CELLS]).tolist() == [pytest.approx(0.07)]
    assert np.unique(reflectance[:, 2 * CELLS :]).tolist() == [pytest.approx(0.09)]


@pytest.mark.parametrize("stamp", ["2020185", "2020185000000"])
def test_appeears_files_are_read_in_their_projection(tmp_path: Path, stamp: str) -> None:
    """AppEEARS names the layer before the day, and resamples to geographic coordinates where it is asked to."""
    degrees = Affine(0.0045, 0.0, 115.98, 0.0, -0.0045, 45.02)
    for name, numbers in modis_layers().items():
        path = tmp_path / f"MOD09A1.061_{name}_doy{stamp}_aid0001.tif"
        write_band(path, np.tile(numbers, (2, 2)), degrees, crs=CRS.from_epsg(4326), nodata=None)
    source = open_modis(tmp_path, GRID)
    reflectance, valid = whole(source)
    assert valid.all()
    assert reflectance[:, 5, 5] == OUR_ORDER
    assert str(source.dates[0]) == "2020-07-03"


def test_one_file_may_hold_all_layers(tmp_path: Path) -> None:
    """Bands are found by their descriptions, in any order and among others."""
    layers = modis_layers(qc=None, sur_refl_b05=9999)
    names = sorted(layers, reverse=True)
    stack = np.stack([layers[name].astype(np.int32) for name in names])
    path = tmp_path / "MOD09A1.A2020185.h26v04.061.2020200123456.tif"
    write_band(path, stack, place(), names=names)
    reflectance, valid = whole(open_modis(tmp_path, GRID))
    assert valid.all()
    assert reflectance[:, 0, 0] == OUR_ORDER


def test_outside_the_images_nothing_is_valid(tmp_path: Path) -> None:
    """A grid that reaches beyond the granules is missing there; a window that leaves the grid is refused."""
    write_layers(tmp_path, modis_layers())
    grid = TargetGrid(crs=GRID.crs, transform=GRID.transform * Affine.translation(-150, -120), shape=(160, 300))
    source = open_modis(tmp_path, grid)
    valid = whole(source)[1]
    assert not valid[:, :10].any()
    assert valid[:, 120:, 150:200].all()
    assert not source.read_image(0, Window(0, 0, 300, 5))[1].any()
    with pytest.raises(GridError, match="inside"):
        source.read_image(0, Window(0, 0, 301, 5))


def test_places_are_found_once(tmp_path: Path) -> None:
    """All layers and dates of one grid share the places that were found for a window, and sources can be pickled."""
    for day in ("2020177", "2020185"):
        write_layers(tmp_path, modis_layers(), day=day)
    source = pickle.loads(pickle.dumps(open_modis(tmp_path, GRID)))
    coarse = source.images[0].granules[0].layers["sur_refl_b01"].grid
    window = Window(0, 0, 50, 40)
    found = find_nearest(coarse, GRID, window)
    assert len(read(source, window, [0, 1])[0].dates) == 2
    assert find_nearest(coarse, GRID, window) is found
