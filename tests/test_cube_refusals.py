"""Cubes that cannot be read as they are, each refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cube_files import FORMATS, H, T, W, deep, flat, numbers, write
from rasterio.windows import Window

from stactools_esd.errors import ObservationsError, RasterError
from stactools_esd.product import BANDS
from stactools_esd.sources.cube import open_cube
from stactools_esd.sources.cube_options import CubeOptions
from stactools_esd.sources.source import read

WHOLE = Window(0, 0, W, H)


def sound() -> Any:
    """A cube that can be read."""
    return deep((numbers() * 0.0001).astype(np.float32))


def without_crs() -> Any:
    """A cube that does not say where it lies."""
    dataset = sound()
    del dataset.attrs["crs"]
    return dataset


def moved(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A sound cube with other coordinates."""
    dataset = sound()
    attributes = dataset[name].attrs
    return dataset.assign_coords({name: (name, change(dataset[name].values.copy()), attributes)})


def irregular(values: np.ndarray) -> np.ndarray:
    """Move one coordinate by a third of a pixel."""
    values[2] += 10
    return values


def twice(times: np.ndarray) -> np.ndarray:
    """Give two images one time."""
    times[1] = times[0]
    return times


def in_kilometres() -> Any:
    """Coordinates as geostationary products have them."""
    dataset = moved("x", lambda x: x / 1000)
    dataset["x"].attrs["units"] = "km"
    return dataset


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a band is missing": (lambda: flat(numbers() * 0.1).drop_vars("swir2"), "got the bands blue, green, nir, red"),
    "bands without names": (
        lambda: deep(numbers() * 0.1, labels=("1", "2", "3", "4", "5", "6")), "got the bands 1, 2, 3, 4, 5, 6 in"
    ),
    "no time": (lambda: sound().isel(time=0), "got 0 dimensions of time"),
    "two dimensions of time": (
        lambda: sound().assign_coords(band=("band", [*BANDS], {"axis": "T"})), "got 2 dimensions of time"
    ),
    "no coordinates": (lambda: sound().drop_vars("x"), "got 0 dimensions of columns"),
    "a time twice": (lambda: moved("time", twice), "got 2020-01-15T10:00:00 twice"),
    "times that are numbers": (lambda: moved("time", lambda _: np.arange(T)), "got time of type int64"),
    "irregular columns": (lambda: moved("x", irregular), "got irregular coordinates of x"),
    "irregular rows": (lambda: moved("y", lambda y: y - np.arange(H) ** 2), "got irregular coordinates of y"),
    "rows in one place": (lambda: moved("y", np.zeros_like), "got irregular coordinates of y"),
    "one column": (lambda: sound().isel(x=slice(1)), "got 1 coordinates of x"),
    "kilometres": (in_kilometres, "got x in 'km'"),
    "no CRS": (without_crs, "without a coordinate reference system"),
    "an unknown CRS": (lambda: sound().assign_attrs(crs="nowhere"), "got the CRS 'nowhere'"),
    "integers without a scale": (lambda: deep(numbers()), "got int16 without a scale for reflectance"),
    "two cubes of bands": (lambda: sound().assign(other=sound()["reflectance"]), "in each of other, reflectance"),
    "two kinds of flags": (
        lambda: sound().assign({name: (("time", "y", "x"), np.ones((T, H, W), bool)) for name in ("valid", "clear")}),
        "got clear and valid",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_cubes_that_cannot_be_read_say_why(tmp_path: Path, case: str) -> None:
    """What is missing, ambiguous or irregular is named with the cube, in one line, when it is opened."""
    make, said = REFUSED[case]
    with pytest.raises(RasterError) as caught:
        open_cube(write(make(), tmp_path / "cube.zarr"))
    assert said in str(caught.value)
    assert "cube.zarr" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"variable": "other"}, "got no variable other"),
        ({"quality": "other"}, "got no quality other in .* expected one of blue, green"),
        ({"time": "other"}, "got no dimension other .* one of .*time.* source option time"),
        ({"y": "band"}, "got the bands none in"),
        ({"bands": {"blue": "B02"}}, "got labels for blue"),
        ({"bands": {band: f"{band}_sr" for band in BANDS}}, "got the bands blue, green"),
        ({"crs": "EPSG:0"}, "got the CRS 'EPSG:0'"),
        ({"scale": 0.0}, "got scale 0 and offset 0"),
        ({"scale": float("nan")}, "got scale nan"),
        ({"offset": -0.1}, "got an offset without a scale"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    """An option that names nothing in the cube, or no number, is refused."""
    with pytest.raises(RasterError, match=said):
        open_cube(write(sound(), tmp_path / "cube.zarr"), options=CubeOptions(**options))


def test_what_is_missing_can_be_said(tmp_path: Path) -> None:
    """The CRS, the variable and the scale can be given where the cube lacks them."""
    dataset = deep(numbers()).assign(other=deep(numbers(2))["reflectance"])
    del dataset.attrs["crs"]
    path = write(dataset, tmp_path / "cube.zarr")
    source = open_cube(path, options=CubeOptions(crs=32631, variable="other", scale=0.0001))
    assert source.crs.to_epsg() == 32631
    np.testing.assert_allclose(source.read_image(1, WHOLE)[0], numbers(2)[1] * 0.0001, atol=1e-6)


def test_a_scale_is_not_applied_twice(tmp_path: Path) -> None:
    """A scale for a cube that has its own is refused; floats of 0-10000 are refused with the factor when read."""
    path = write(sound(), tmp_path / "cube.zarr", dtype="int16", scale_factor=0.0001)
    with pytest.raises(RasterError, match=r"got a scale for reflectance .* which has its own"):
        open_cube(path, options=CubeOptions(scale=0.0001))
    source = open_cube(write(deep(numbers() * np.float32(1)), tmp_path / "floats.zarr"))
    with pytest.raises(ObservationsError, match=r"0\.0001"):
        read(source, WHOLE, [0])


def test_damaged_chunks_are_named_and_not_observed_when_asked(tmp_path: Path) -> None:
    """A chunk that cannot be decoded is an error that names the cube, or an image that is missing where asked."""
    path = write(sound(), tmp_path / "cube.zarr", chunks=(1, 6, H, W))
    source = open_cube(path)
    (path / "reflectance" / "c" / "1" / "0" / "0" / "0").write_bytes(b"no chunk")
    with pytest.raises(RasterError, match=r"cannot read .*cube\.zarr") as caught:
        read(source, WHOLE, [0, 1, 2])
    assert "\n" not in str(caught.value)
    observations, bad = read(source, WHOLE, [0, 1, 2], skip_bad=True)
    assert bad == ("cube_20200214",)
    assert observations.valid.any(axis=(1, 2, 3)).tolist() == [True, False, True]


@pytest.mark.parametrize("name", FORMATS)
def test_files_that_are_no_cubes_are_named(tmp_path: Path, name: str) -> None:
    """An empty folder, other bytes, and a file cut short end in one line each."""
    path = tmp_path / name
    if path.suffix == ".zarr":
        path.mkdir()
    else:
        write(sound(), path)
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(RasterError, match=f"cannot read .*{name}") as caught:
        open_cube(path)
    assert "\n" not in str(caught.value)
