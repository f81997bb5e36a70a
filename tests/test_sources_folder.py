"""A folder of dated six-band GeoTIFFs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from test_observations import TRANSFORM, make

from stactools_esd.errors import ObservationsError, RasterError
from stactools_esd.observations import Observations
from stactools_esd.product import BANDS
from stactools_esd.sources.folder import open_folder, read_folder, write_folder


def random_observations(seed: int, dates: list[str], shape: tuple[int, int]) -> Observations:
    """Observations with a third of the values missing, band by band."""
    rng = np.random.default_rng(seed)
    size = (len(dates), 6, *shape)
    return make(
        dates, shape=shape, reflectance=rng.uniform(-0.1, 1.2, size).astype(np.float32), valid=rng.random(size) > 0.3
    )


def write_image(path: Path, numbers: np.ndarray, *, names: tuple[str, ...] = (), **profile: Any) -> None:
    """Write one raster as another program might."""
    options: dict[str, Any] = {
        "driver": "GTiff",
        "count": numbers.shape[0],
        "height": numbers.shape[1],
        "width": numbers.shape[2],
        "dtype": numbers.dtype,
        "crs": "EPSG:32631",
        "transform": TRANSFORM,
    }
    scales, offsets = profile.pop("scales", None), profile.pop("offsets", None)
    with rasterio.open(path, "w", **options | profile) as dataset:
        dataset.write(numbers)
        if names:
            dataset.descriptions = names
        if scales:
            dataset.scales, dataset.offsets = (scales,) * dataset.count, (offsets,) * dataset.count


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Values come back within half a step of the scale, and missing ones stay missing, band by band."""
    written = random_observations(1, ["2020-01-01", "2020-02-29", "2020-02-29", "2021-01-01"], (19, 33))
    files = write_folder(written, tmp_path)
    read = read_folder(tmp_path)
    assert [file.name for file in files] == [
        "SR_20200101.tif", "SR_20200229.tif", "SR-2_20200229.tif", "SR_20210101.tif",
    ]  # fmt: skip
    np.testing.assert_array_equal(read.dates, written.dates)
    np.testing.assert_array_equal(read.valid, written.valid)
    np.testing.assert_allclose(read.reflectance[read.valid], written.reflectance[written.valid], atol=0.000051)
    assert read.transform == written.transform
    assert read.crs == written.crs


def test_rows_equal_those_of_the_whole(tmp_path: Path) -> None:
    """Reading by rows gives the same values, with the transform of those rows."""
    write_folder(random_observations(2, ["2020-01-01", "2020-05-01"], (20, 12)), tmp_path)
    source = open_folder(tmp_path)
    part, whole = source.read(slice(7, 12)), source.read().window(slice(7, 12))
    np.testing.assert_array_equal(part.reflectance, whole.reflectance)
    np.testing.assert_array_equal(part.valid, whole.valid)
    assert part.transform == whole.transform
    assert source.shape == (20, 12)


def test_some_images_can_be_read_alone(tmp_path: Path) -> None:
    """Only the images asked for are read."""
    write_folder(random_observations(3, ["2020-01-01", "2020-05-01", "2020-09-01"], (4, 4)), tmp_path)
    source = open_folder(tmp_path)
    (tmp_path / "SR_20200101.tif").unlink()
    assert [str(day) for day in source.read(positions=[1, 2]).dates] == ["2020-05-01", "2020-09-01"]


def test_two_sensors_share_a_day(tmp_path: Path) -> None:
    """What stands before the date is free, so both images of a day are read."""
    one = make(["2017-08-04"])
    write_folder(one, tmp_path, prefix="S2")
    write_folder(one, tmp_path, prefix="L8")
    source = open_folder(tmp_path)
    assert source.names == ("L8_20170804.tif", "S2_20170804.tif")
    assert len(source.read().dates) == 2


def test_days_of_the_year_are_dates_too(tmp_path: Path) -> None:
    """`*_YYYYDDD.tif` names the day of the year from 1."""
    write_image(tmp_path / "CSDC30_50TMK_2020060.tif", np.full((6, 2, 2), 1500, np.int16))
    observations = read_folder(tmp_path)
    assert str(observations.dates[0]) == "2020-02-29"
    assert observations.reflectance[0, 0, 0, 0] == pytest.approx(0.15)


def test_scale_and_offset_of_the_file_are_used(tmp_path: Path) -> None:
    """Landsat's scale 0.0000275 and offset -0.2 give reflectance."""
    numbers = np.full((6, 2, 2), 10000, np.uint16)
    write_image(tmp_path / "LC08_20200501.tif", numbers, scales=0.0000275, offsets=-0.2)
    assert read_folder(tmp_path).reflectance[0, 0, 0, 0] == pytest.approx(0.075)


def test_bands_are_found_by_name(tmp_path: Path) -> None:
    """Named bands may stand in another order, among others."""
    names = ("nir", "red", "green", "blue", "quality", "swir1", "swir2")
    numbers = (np.arange(1, 8)[:, None, None] * np.ones((7, 2, 2)) * 100).astype(np.int16)
    write_image(tmp_path / "x_20200501.tif", numbers, names=names)
    values = read_folder(tmp_path).reflectance[0, :, 0, 0]
    assert values == pytest.approx([0.04, 0.03, 0.02, 0.01, 0.06, 0.07])


def test_a_border_of_zeros_is_missing_where_the_file_has_no_nodata(tmp_path: Path) -> None:
    """SDC30 writes 0 in all bands outside its scene; a single 0 is a value."""
    numbers = np.full((6, 1, 3), 500, np.int16)
    numbers[:, 0, 0] = 0
    numbers[0, 0, 1] = 0
    write_image(tmp_path / "SDC30_V003_50TMK_20200501.tif", numbers)
    assert read_folder(tmp_path).valid[0, 0, 0].tolist() == [False, True, True]


def test_nodata_counts_band_by_band(tmp_path: Path) -> None:
    """The file's nodata value marks single bands as missing; NaN does in floats."""
    numbers = np.full((6, 1, 2), 500, np.int16)
    numbers[2, 0, 1] = -9999
    write_image(tmp_path / "a_20200501.tif", numbers, nodata=-9999)
    floats = np.full((6, 1, 2), 0.05, np.float32)
    floats[4, 0, 0] = np.nan
    write_image(tmp_path / "b_20200601.tif", floats)
    valid = read_folder(tmp_path).valid
    assert not valid[0, 2, 0, 1]
    assert not valid[1, 4, 0, 0]
    assert valid.sum() == 22


def test_terrain_is_read_beside_the_images(tmp_path: Path) -> None:
    """`terrain.tif` gives (n, 3), NaN where the aspect is undefined; without it there is None."""
    observations = make(["2020-05-01"])
    write_folder(observations, tmp_path)
    assert open_folder(tmp_path).read_terrain() is None
    terrain = np.arange(18, dtype=np.float32).reshape(3, 2, 3)
    terrain[2, 0, 0] = np.nan
    write_folder(observations, tmp_path, terrain=terrain)
    source = open_folder(tmp_path)
    np.testing.assert_array_equal(source.read_terrain(slice(0, 1)), terrain[:, 0].T)
    assert len(source.images) == 1


def test_missing_folders_and_empty_ones_are_refused(tmp_path: Path) -> None:
    """No folder and no raster end in one line each."""
    with pytest.raises(RasterError, match="expected a folder"):
        open_folder(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(RasterError, match="got no raster"):
        open_folder(tmp_path)


@pytest.mark.parametrize("name", ["image.tif", "image_2020.tif", "image_20201301.tif", "image_2020366x.tif"])
def test_names_without_a_date_are_refused(tmp_path: Path, name: str) -> None:
    """An image without a date cannot be placed in time, and is not passed over in silence."""
    write_image(tmp_path / name, np.full((6, 2, 2), 500, np.int16))
    with pytest.raises(RasterError, match="YYYYMMDD"):
        open_folder(tmp_path)


def test_missing_bands_are_refused(tmp_path: Path) -> None:
    """Five nameless bands, or names without one of the six, end in an error that lists what is missing."""
    write_image(tmp_path / "a_20200501.tif", np.full((5, 2, 2), 500, np.int16))
    with pytest.raises(RasterError, match="got 5 bands without names"):
        open_folder(tmp_path)
    write_image(tmp_path / "a_20200501.tif", np.full((5, 2, 2), 500, np.int16), names=BANDS[1:])
    with pytest.raises(RasterError, match="without blue"):
        open_folder(tmp_path)


@pytest.mark.parametrize(
    "profile",
    [{"crs": "EPSG:32632"}, {"transform": TRANSFORM * Affine.translation(0.5, 0)}],
)
def test_two_grids_are_refused(tmp_path: Path, profile: dict[str, Any]) -> None:
    """Images on another CRS or shifted by half a pixel do not mix."""
    write_image(tmp_path / "a_20200501.tif", np.full((6, 2, 2), 500, np.int16))
    write_image(tmp_path / "b_20200601.tif", np.full((6, 2, 2), 500, np.int16), **profile)
    with pytest.raises(RasterError, match="another grid"):
        open_folder(tmp_path)


def test_unknown_scales_are_refused(tmp_path: Path) -> None:
    """8-bit numbers without a scale might be anything; floats of 0-10000 are refused when read."""
    write_image(tmp_path / "a_20200501.tif", np.full((6, 2, 2), 200, np.uint8))
    with pytest.raises(RasterError, match="unknown scale"):
        open_folder(tmp_path)
    write_image(tmp_path / "a_20200501.tif", np.full((6, 2, 2), 1500, np.float32))
    with pytest.raises(ObservationsError, match=r"0\.0001"):
        read_folder(tmp_path)


def test_images_without_georeference_are_refused(tmp_path: Path) -> None:
    """A raster without CRS has no place."""
    write_image(tmp_path / "a_20200501.tif", np.full((6, 2, 2), 500, np.int16), crs=None)
    with pytest.raises(RasterError, match="without a coordinate reference system"):
        open_folder(tmp_path)


def test_truncated_images_are_refused(tmp_path: Path) -> None:
    """A file that is cut off in its data, or in its last tags, ends in an error that names it."""
    write_folder(random_observations(4, ["2020-05-01"], (64, 64)), tmp_path)
    file = tmp_path / "SR_20200501.tif"
    content = file.read_bytes()
    source = open_folder(tmp_path)
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(RasterError, match="SR_20200501"):
        source.read()
    file.write_bytes(content[:-24])  # names and scales of bands stand at the end
    with pytest.raises(RasterError, match=r"cannot read all tags of .*SR_20200501"):
        open_folder(tmp_path)
    file.write_bytes(b"not an image")
    with pytest.raises(RasterError, match="cannot open"):
        open_folder(tmp_path)
