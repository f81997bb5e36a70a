"""Cubes through xarray."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cube_files import CRS_TEXT, FORMATS, TRANSFORM, H, T, W, deep, flat, numbers, write, xarray
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.errors import NothingFoundError, RasterError
from stactools_esd.product import BANDS
from stactools_esd.sources import cube as module
from stactools_esd.sources import cube_file
from stactools_esd.sources.cube import open_cube
from stactools_esd.sources.cube_options import CubeOptions
from stactools_esd.sources.source import Source, TargetGrid, read

WHOLE = Window(0, 0, W, H)
SCALED = {"dtype": "int16", "scale_factor": 0.0001, "_FillValue": -9999}


def shares(seed: int = 1) -> np.ndarray:
    """The same reflectance as shares of 1, NaN where missing."""
    values = (numbers(seed) * 0.0001).astype(np.float32)
    values[np.random.default_rng(seed).random(values.shape) < 0.2] = np.nan
    return values


def assert_holds(source: Source, expected: np.ndarray) -> None:
    """Compare all images of a source with reflectance that is NaN where missing."""
    for position, image in enumerate(expected):
        reflectance, valid = source.read_image(position, Window(0, 0, expected.shape[3], expected.shape[2]))
        np.testing.assert_array_equal(valid, ~np.isnan(image))
        np.testing.assert_allclose(reflectance, np.nan_to_num(image), atol=1e-6)
        assert (reflectance.dtype, valid.dtype) == (np.float32, np.bool_)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("encoding", [{}, SCALED], ids=["floats", "integers"])
@pytest.mark.parametrize("order", ["tbyx", "yxtb", "xbyt", "flat", "flat-xty"])
def test_what_is_written_is_read_in_any_layout(tmp_path: Path, name: str, encoding: dict[str, Any], order: str) -> None:
    """Order of dimensions, one variable or six, floats or scaled integers, Zarr or NetCDF: reflectance is the same."""
    values = shares()
    if order.startswith("flat"):
        dataset = flat(values).transpose(*({"x": "x", "t": "time", "y": "y"}[one] for one in order[5:] or "tyx"))
    else:
        dataset = deep(values).transpose(*({"t": "time", "b": "band", "y": "y", "x": "x"}[one] for one in order))
    source = open_cube(write(dataset, tmp_path / name, **encoding))
    assert (source.shape, source.transform, source.crs) == ((H, W), TRANSFORM, CRS.from_string(CRS_TEXT))
    assert_holds(source, values)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_window_is_the_crop_of_the_whole(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any window of any images holds what the whole holds there, however rows and columns run and chunks are cut."""
    south_up, east_first = data.draw(st.booleans()), data.draw(st.booleans())
    chunk = data.draw(st.integers(1, T))
    path = tmp_path_factory.getbasetemp() / f"crop-{south_up}-{east_first}-{chunk}.zarr"
    if not path.exists():
        dataset = deep(shares()).isel(y=slice(None, None, -1 if south_up else 1))
        dataset = dataset.isel(x=slice(None, None, -1 if east_first else 1))
        write(dataset, path, chunks=(chunk, 6, 3, 4))
    source = open_cube(path)
    assert source.transform == TRANSFORM
    row, column = data.draw(st.integers(0, H - 1)), data.draw(st.integers(0, W - 1))
    height, width = data.draw(st.integers(1, H - row)), data.draw(st.integers(1, W - column))
    positions = data.draw(st.lists(st.integers(0, T - 1), unique=True).map(sorted))
    part, _ = read(source, Window(column, row, width, height), positions)
    expected = shares()[positions, :, row : row + height, column : column + width]
    np.testing.assert_array_equal(part.valid, ~np.isnan(expected))
    np.testing.assert_allclose(part.reflectance, np.nan_to_num(expected), atol=1e-6)


def test_only_the_chunks_of_a_window_are_read(tmp_path: Path) -> None:
    """A window of one image needs no chunk outside it: the others may be damaged."""
    path = write(deep(shares()), tmp_path / "cube.zarr", chunks=(1, 6, 4, 5))
    files = [file for file in (path / "reflectance" / "c").rglob("*") if file.is_file()]
    for file in files:
        if file.relative_to(path / "reflectance" / "c").parts != ("1", "0", "0", "1"):
            file.write_bytes(b"damaged")
    reflectance, valid = open_cube(path).read_image(1, Window(5, 0, 4, 4))
    np.testing.assert_allclose(reflectance, np.nan_to_num(shares()[1, :, :4, 5:9]), atol=1e-6)
    assert valid.any()


def test_images_that_are_stored_together_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of a chunk of many images is decoded once for all of them, within the memory that may be held."""
    source = open_cube(write(deep(shares()), tmp_path / "cube.zarr", chunks=(4, 6, H, W)))
    cube_file.read_part.cache_clear()
    for position in range(T):
        source.read_image(position, WHOLE)
    assert cube_file.read_part.cache_info().misses == 2
    monkeypatch.setattr(module, "HELD_BYTES", 2 * 6 * H * W * module._VALUE_BYTES)
    cube_file.read_part.cache_clear()
    assert_holds(source, shares())
    assert cube_file.read_part.cache_info().misses == 3


def test_images_stand_in_order_of_time_with_names_of_their_own(tmp_path: Path) -> None:
    """Images are sorted by time; the time is named where a day has two."""
    values = shares()
    shuffled = [3, 0, 4, 2, 1]
    source = open_cube(write(deep(values).isel(time=shuffled), tmp_path / "cube.zarr", chunks=(2, 6, H, W)))
    assert [str(day) for day in source.dates] == ["2020-01-15", "2020-02-14", "2020-05-04", "2020-05-04", "2020-12-31"]
    assert source.names == (
        "cube_20200115", "cube_20200214", "cube_20200504T100000", "cube_20200504T103000", "cube_20201231",
    )  # fmt: skip
    assert source.files == ((tmp_path / "cube.zarr",),) * T
    assert (source.harmonisation, source.bad) == ("none", ())
    assert_holds(source, values)
    assert_holds(pickle.loads(pickle.dumps(source)), values)


@pytest.mark.parametrize(
    "labels",
    [
        ("blue", "green", "red", "nir08", "swir16", "swir22"),
        ("Blue", "GREEN", "red", "nir", "swir16", "swir2"),
        ("B02", "B03", "B04", "B8A", "B11", "B12"),
    ],
)
def test_bands_are_found_by_their_names_among_others(tmp_path: Path, labels: tuple[str, ...]) -> None:
    """Names of this project, of STAC and of Sentinel-2 are known, in any order, with other bands beside them."""
    order = [4, 1, 0, 5, 2, 3]
    values = shares()
    mixed = np.concatenate([values[:, order[:3]], values[:, :1] * 0, values[:, order[3:]]], axis=1)
    names = [*(labels[place] for place in order[:3]), "coastal", *(labels[place] for place in order[3:])]
    for dataset in (deep(mixed, labels=tuple(names)), flat(mixed, labels=tuple(names))):
        assert_holds(open_cube(write(dataset, tmp_path / "cube.zarr")), values)


def test_bands_are_found_by_other_coordinates_and_attributes(tmp_path: Path) -> None:
    """Common names along the bands, or as an attribute of each variable, tell where their own names do not."""
    values = shares()
    dataset = deep(values, labels=tuple(f"SR_B{number}" for number in (2, 3, 4, 5, 6, 7)))
    common = ["blue", "green", "red", "nir08", "swir16", "swir22"]
    path = write(dataset.assign_coords(common_name=("band", common)), tmp_path / "cube.zarr")
    assert_holds(open_cube(path), values)
    dataset = flat(values, labels=("a", "b", "c", "d", "e", "f"))
    for name, one in zip("abcdef", common, strict=True):
        dataset[name].attrs["common_name"] = one
    assert_holds(open_cube(write(dataset, tmp_path / "flat.zarr")), values)
    given = dict(zip(BANDS, "abcdef", strict=True))
    given["red"], given["nir"] = given["nir"], given["red"]
    assert_holds(open_cube(tmp_path / "flat.zarr", options=CubeOptions(bands=given)), values[:, [0, 1, 3, 2, 4, 5]])


@pytest.mark.parametrize("name", FORMATS)
def test_dimensions_are_found_by_cf_attributes(tmp_path: Path, name: str) -> None:
    """Names that nobody knows do, where coordinates say what they are; labels along bands do for any name."""
    dataset = deep(shares()).rename(time="when", x="i", y="j", band="wavelength")
    dataset["when"].attrs["standard_name"] = "time"
    dataset["i"].attrs["axis"] = "X"
    dataset["j"].attrs["standard_name"] = "projection_y_coordinate"
    assert_holds(open_cube(write(dataset, tmp_path / name)), shares())


def crs_carriers() -> dict[str, Any]:
    """Ways in which cubes say their CRS."""
    wkt = CRS.from_string(CRS_TEXT).to_wkt()
    plain = deep(shares())
    del plain.attrs["crs"]
    mapped = plain.assign(utm=((), 0, {"crs_wkt": wkt}))
    mapped["reflectance"].attrs["grid_mapping"] = "utm"
    cf = plain.assign(projection=((), 0, {
        "grid_mapping_name": "transverse_mercator", "latitude_of_projection_origin": 0.0, "false_northing": 0.0,
        "longitude_of_central_meridian": 3.0, "scale_factor_at_central_meridian": 0.9996, "false_easting": 500000.0,
        "reference_ellipsoid_name": "WGS 84", "horizontal_datum_name": "World Geodetic System 1984",
    }))  # fmt: skip
    cf["reflectance"].attrs["grid_mapping"] = "projection"
    return {
        "grid mapping": mapped,
        "CF parameters": cf,
        "spatial_ref": plain.assign_coords(spatial_ref=((), 0, {"spatial_ref": wkt})),
        "proj:epsg": plain.assign_coords({"proj:epsg": 32631}),
        "proj:code": plain.assign_coords({"proj:code": CRS_TEXT}),
        "attribute": plain.assign(reflectance=plain["reflectance"].assign_attrs(crs="epsg:32631")),
    }


@pytest.mark.parametrize("carrier", crs_carriers())
def test_the_crs_is_found_wherever_cubes_put_it(tmp_path: Path, carrier: str) -> None:
    """Grid mappings as text or CF's parameters, scalar coordinates and attributes all say the CRS."""
    source = open_cube(write(crs_carriers()[carrier], tmp_path / "cube.zarr"))
    projection = source.crs.to_dict()
    assert (projection["proj"], str(projection.get("zone", projection.get("lon_0")))) in {("utm", "31"), ("tmerc", "3")}
    assert_holds(source, shares())


@pytest.mark.parametrize("file", FORMATS)
def test_unusable_values_are_missing(tmp_path: Path, file: str) -> None:
    """Boolean flags apply to all bands of a pixel, or to each where they lie along the bands."""
    values, rng = shares(), np.random.default_rng(5)
    for name, dims in (("valid", ("y", "time", "x")), ("clear", ("time", "y", "band", "x"))):
        dataset = deep(values)
        flags = rng.random([dataset.sizes[dim] for dim in dims]) > 0.5
        dataset[name] = (dims, flags)
        axes = (
            xarray.DataArray(flags, dims=dims).transpose(*(d for d in ("time", "band", "y", "x") if d in dims)).values
        )
        usable = axes if axes.ndim == 4 else axes[:, None]
        assert_holds(open_cube(write(dataset, tmp_path / f"{name}-{file}")), np.where(usable, values, np.nan))
    renamed = open_cube(
        write(dataset.rename(clear="sure"), tmp_path / f"sure-{file}"), options=CubeOptions(quality="sure", clear=(1,))
    )
    assert_holds(renamed, np.where(usable, values, np.nan))


@pytest.mark.parametrize("name", FORMATS)
def test_nodata_and_borders_of_integers_are_missing(tmp_path: Path, name: str) -> None:
    """The attribute `nodata` counts before scaling; without any nodata value zeros in all six bands are missing."""
    values = numbers()
    values[0, :, 0, 0] = values[1, 2, 3, 3] = 0
    expected = (values * 0.0001 - 0.1).astype(np.float32)
    border = expected.copy()
    border[0, :, 0, 0] = np.nan
    source = open_cube(write(deep(values), tmp_path / "border.zarr"), options=CubeOptions(scale=0.0001, offset=-0.1))
    assert_holds(source, border)
    expected[values == 0] = np.nan
    source = open_cube(
        write(deep(values, nodata=0), tmp_path / "nodata.zarr"), options=CubeOptions(scale=0.0001, offset=-0.1)
    )
    assert_holds(source, expected)
    scaled = deep((values * 0.0001).astype(np.float32))
    path = write(scaled, tmp_path / name, dtype="int16", scale_factor=0.0001)
    assert_holds(open_cube(path), border + np.float32(0.1))


def test_a_grid_on_the_same_pixels_is_a_crop(tmp_path: Path) -> None:
    """A grid within the cube on its pixels holds the cube's values there."""
    path = write(deep(shares()), tmp_path / "cube.zarr")
    grid = TargetGrid(crs=CRS.from_string(CRS_TEXT), transform=TRANSFORM * Affine.translation(2, 1), shape=(4, 5))
    source = open_cube(path, grid)
    assert (source.transform, source.shape, source.begins) == (grid.transform, (4, 5), (1, 2))
    assert_holds(source, shares()[:, :, 1:5, 2:7])


def test_other_pixels_take_the_one_that_holds_their_middle(tmp_path: Path) -> None:
    """On a finer grid that leaves the cube, values are looked up and nothing is known outside."""
    path = write(deep(shares()), tmp_path / "cube.zarr")
    transform = TRANSFORM * Affine.translation(-1, 0) * Affine.scale(0.5)
    source = open_cube(path, TargetGrid(crs=CRS.from_string(CRS_TEXT), transform=transform, shape=(2 * H, 2 * W)))
    expected = np.full((T, 6, 2 * H, 2 * W), np.nan, np.float32)
    expected[..., 2:] = shares().repeat(2, axis=2).repeat(2, axis=3)[..., : 2 * W - 2]
    assert_holds(source, expected)
    part = source.read_image(2, Window(3, 4, 6, 5))
    np.testing.assert_array_equal(part[1], ~np.isnan(expected[2, :, 4:9, 3:9]))
    with pytest.raises(RasterError, match=r"average the cube"):
        open_cube(path, TargetGrid(crs=source.crs, transform=TRANSFORM * Affine.scale(2), shape=(3, 4)))
    with pytest.raises(NothingFoundError, match="does not touch the grid"):
        open_cube(path, TargetGrid(crs=source.crs, transform=TRANSFORM * Affine.translation(50, 0), shape=(3, 4)))


@pytest.mark.parametrize("name", FORMATS)
def test_a_cube_that_is_written_anew_is_read_anew(tmp_path: Path, name: str) -> None:
    """What is remembered of a cube is forgotten with it."""
    path = tmp_path / name
    for seed in (1, 2):
        if path.is_file():
            path.unlink()  # HDF5 does not write where it reads
        assert_holds(open_cube(write(deep(shares(seed)), path)), shares(seed))


def test_a_name_in_another_folder_is_another_cube(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is known by where it lies, not by how it was called."""
    for seed in (1, 2):
        path = write(deep(shares(seed)), tmp_path / str(seed) / "cube.zarr")
        os.utime(path, (0, 0))
        monkeypatch.chdir(path.parent)
        source = open_cube("cube.zarr")
        assert_holds(source, shares(seed))
        assert source.files[0] == (Path("cube.zarr"),)
