"""Labels of bands, and what stands without xarray."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stactools_esd.errors import MissingExtraError, RasterError
from stactools_esd.product import BANDS
from stactools_esd.sources.cube import open_cube
from stactools_esd.sources.cube_bands import COMMON_NAMES, SENTINEL_2, checked_bands, find_bands


@pytest.mark.parametrize("names", [COMMON_NAMES, SENTINEL_2])
@given(data=st.data())
def test_bands_are_found_in_any_order_and_case(names: dict[str, tuple[str, ...]], data: st.DataObject) -> None:
    """One label for each band is enough, wherever it stands and whatever stands beside it."""
    labels = [data.draw(st.sampled_from(names[band])) for band in BANDS]
    mixed = data.draw(st.permutations([*labels, "scl", "B05", "coastal"]))
    written = [label.upper() if data.draw(st.booleans()) else label for label in mixed]
    found = find_bands(written, None, "a cube")
    assert found is not None
    assert [mixed[place] for place in found] == labels


@pytest.mark.parametrize(
    "labels",
    [
        BANDS[1:],
        ("B2", "B3", "B4", "B5", "B6", "B7"),
        ("B02", "B03", "B04", "B05", "B06", "B07"),
        ("B02", "B03", "B04", "B05", "B11", "B12"),
        ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"),
        (),
    ],
)
def test_numbers_that_may_be_of_several_sensors_are_not_guessed(labels: tuple[str, ...]) -> None:
    """Band numbers of Landsat mean other bands from sensor to sensor, and HLS has its own: they are not taken."""
    assert find_bands(labels, None, "a cube") is None


@pytest.mark.parametrize(
    ("labels", "twice"),
    [
        ((*BANDS, "nir08"), "nir and nir08 for nir"),
        ((*BANDS, "swir16"), "swir1 and swir16 for swir1"),
        ((*BANDS, "blue"), "blue and blue for blue"),
        (("B02", "B03", "B04", "B08", "B8A", "B11", "B12"), "b08 and b8a for nir"),
    ],
)
def test_a_band_with_two_labels_is_refused_until_it_is_said(labels: tuple[str, ...], twice: str) -> None:
    """Two labels for a band end in an error that names both; labels that are given decide."""
    with pytest.raises(RasterError, match=f"got {twice} in a cube"):
        find_bands(labels, None, "a cube")
    given = dict(zip(BANDS, ("B02", "B03", "B04", "B8A", "B11", "B12") if "B02" in labels else BANDS, strict=True))
    if labels.count("blue") < 2:
        found = find_bands(labels, given, "a cube")
        assert found is not None
        assert [labels[place] for place in found] == list(given.values())


def test_labels_are_given_for_the_six_bands() -> None:
    """A band without a label and a label for no band are refused."""
    with pytest.raises(RasterError, match="got labels for blue, expected blue, green"):
        checked_bands({"blue": "B02"})
    with pytest.raises(RasterError, match="got labels for"):
        checked_bands(dict.fromkeys((*BANDS, "thermal"), "x"))


@pytest.mark.parametrize("missing", ["xarray", "zarr"])
def test_what_must_be_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Without xarray, or what it reads a cube with, one line says what to install."""
    if missing != "xarray":
        pytest.importorskip("xarray")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=rf"expected {missing} to be installed; .*stactools-esd\[cube\]"):
        open_cube(tmp_path)


def test_netcdf_needs_a_library_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is read through netCDF4 or h5netcdf; without both, one line says so."""
    pytest.importorskip("xarray")
    monkeypatch.setattr("stactools_esd.sources.cube_file.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "cube.nc").write_bytes(b"")
    with pytest.raises(MissingExtraError, match=r"expected h5py to be installed"):
        open_cube(tmp_path / "cube.nc")


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """A cube that is not there ends in one line."""
    with pytest.raises(RasterError, match=r"cannot read .*none\.zarr .No such file"):
        open_cube(tmp_path / "none.zarr")
