"""MODIS in HDF4, through pyhdf or something that behaves like it."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from coarse_files import CELLS, CLEAR_LAND, GRID, modis_layers, place, structure, whole, write_layers

from stactools_esd.errors import MissingExtraError, NothingFoundError, RasterError
from stactools_esd.sources.modis import open_modis
from stactools_esd.sources.sinusoidal import grids_of_fields, is_sinusoidal, tile_corner
from stactools_esd.sources.source import Source

NAME = "MOD09GA.A2020185.h26v04.061.2020200123456.hdf"
FIELDS = {f"sur_refl_b{number:02d}_1": number * 100 for number in range(1, 8)}


class FakeDataSet:
    """A data set of pyhdf: attributes and hyperslabs."""

    def __init__(self, numbers: np.ndarray, attributes: dict[str, Any]) -> None:
        self.numbers, self.values = numbers, attributes

    def attributes(self) -> dict[str, Any]:
        """What the data set says of itself."""
        return self.values

    def get(self, start: tuple[int, int], count: tuple[int, int]) -> np.ndarray:
        """A hyperslab."""
        rows, columns = (slice(first, first + number) for first, number in zip(start, count, strict=True))
        part = self.numbers[rows, columns]
        assert part.shape == count
        return part

    def endaccess(self) -> None:
        """Close it."""
        self.numbers = None


class HDF4Error(Exception):
    """What pyhdf raises."""


class FakeFile:
    """A file of pyhdf; the files are a dictionary by path."""

    files: dict[str, tuple[dict[str, Any], dict[str, np.ndarray], dict[str, Any]]] = {}  # noqa: RUF012

    def __init__(self, path: str, mode: int) -> None:
        if path not in self.files:
            raise HDF4Error("SD (50): Error opening file")
        self.texts, self.data, self.of_data = self.files[path]

    def attributes(self) -> dict[str, Any]:
        """The file's texts."""
        return self.texts

    def datasets(self) -> dict[str, tuple[tuple[str, str], tuple[int, int], int, int]]:
        """Name to dimensions, shape, type and number."""
        return {name: (("y", "x"), numbers.shape, 22, 0) for name, numbers in self.data.items()}

    def select(self, name: str) -> FakeDataSet:
        """Open a data set."""
        return FakeDataSet(self.data[name], self.of_data if name in FIELDS else {"_FillValue": 65535})

    def end(self) -> None:
        """Close it."""
        self.data = {}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeFile]:
    """Put a library of our own in the place of pyhdf."""
    package, error, data = ModuleType("pyhdf"), ModuleType("pyhdf.error"), ModuleType("pyhdf.SD")
    error.HDF4Error = HDF4Error  # type: ignore[attr-defined]
    data.SD, data.SDC = FakeFile, SimpleNamespace(READ=1)  # type: ignore[attr-defined]
    for module in (package, error, data):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(FakeFile, "files", {})
    return FakeFile


def daily() -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, Any]]:
    """Return attributes and data sets of a MOD09GA file: bands at 500 m, the state at 1 km, cloudy in one corner."""
    numbers = {name: np.full((CELLS, CELLS), value, np.int16) for name, value in FIELDS.items()}
    state = np.full((CELLS // 2, CELLS // 2), CLEAR_LAND, np.uint16)
    state[2:, 2:] |= 1
    grids = {
        "MODIS_Grid_1km_2D": (place(cells=2), state.shape, ["state_1km_1", "SensorZenith_1"]),
        "MODIS_Grid_500m_2D": (place(), (CELLS, CELLS), list(FIELDS)),
    }
    text = structure(grids)
    attributes = {"StructMetadata.0": text[:500], "StructMetadata.1": text[500:] + "\x00" * 9, "CoreMetadata.0": "x"}
    of_data = {"scale_factor": 0.0001, "add_offset": 0.0, "_FillValue": -28672}
    return attributes, {**numbers, "state_1km_1": state}, of_data


def expected(tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return what the same layers give as GeoTIFFs."""
    _, data, _ = daily()
    write_layers(tmp_path / "tif", data, product="MOD09GA")
    return whole(open_modis(tmp_path / "tif", GRID))


def test_hdf4_gives_what_geotiffs_give(tmp_path: Path, fake: type[FakeFile]) -> None:
    """Layers on two grids are placed by the file's own metadata, which may be cut into parts."""
    path = tmp_path / NAME
    path.touch()
    fake.files[str(path)] = daily()
    source: Source = open_modis(tmp_path, GRID)
    assert source.files == ((path,),)
    assert source.names == ("MOD09GA.A2020185",)
    for mine, other in zip(whole(source), expected(tmp_path), strict=True):  # type: ignore[arg-type]
        np.testing.assert_array_equal(mine, other)


def test_hdf4_through_pyhdf_itself(tmp_path: Path) -> None:
    """The same from a real HDF4 file, where pyhdf is installed."""
    library = pytest.importorskip("pyhdf.SD")
    path = tmp_path / NAME
    attributes, data, of_data = daily()
    file = library.SD(str(path), library.SDC.WRITE | library.SDC.CREATE)
    for name, value in attributes.items():
        setattr(file, name, value)
    for name, numbers in data.items():
        kind = library.SDC.INT16 if numbers.dtype == np.int16 else library.SDC.UINT16
        each = file.create(name, kind, numbers.shape)
        each[:] = numbers
        if name in FIELDS:
            each.scale_factor, each._FillValue = of_data["scale_factor"], -28672
        each.endaccess()
    file.end()
    source = open_modis(tmp_path, GRID)
    for mine, other in zip(whole(source), expected(tmp_path), strict=True):
        np.testing.assert_array_equal(mine, other)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(RasterError, match=NAME):
        whole(source)


def test_damaged_hdf4_is_named(tmp_path: Path, fake: type[FakeFile]) -> None:
    """A file that pyhdf cannot open ends in one line that names it, or is skipped on request."""
    (tmp_path / NAME).touch()
    with pytest.raises(RasterError, match=rf"cannot read .*{NAME} \(SD \(50\): Error opening file\)"):
        open_modis(tmp_path, GRID)
    with pytest.raises(NothingFoundError, match="1 of them damaged"):
        open_modis(tmp_path, GRID, skip_bad=True)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"state_1km_1": np.zeros((3, 3), np.uint16)}, r"got state_1km_1 of \(3, 3\) pixels"),
        ({"sur_refl_b03_1": np.zeros((CELLS, CELLS), np.float32)}, "got float32 numbers of sur_refl_b03"),
    ],
)
def test_hdf4_of_another_layout_is_refused(
    tmp_path: Path, fake: type[FakeFile], change: dict[str, np.ndarray], match: str
) -> None:
    """Data sets that do not fit their grid, or of other numbers, are named."""
    attributes, data, of_data = daily()
    (tmp_path / NAME).touch()
    fake.files[str(tmp_path / NAME)] = (attributes, data | change, of_data)
    with pytest.raises(RasterError, match=match):
        open_modis(tmp_path, GRID)


def test_missing_pyhdf_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra an HDF4 file ends in one line, even where damaged files are skipped; GeoTIFFs need no pyhdf."""
    for name in ("pyhdf", "pyhdf.SD", "pyhdf.error"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / NAME).touch()
    for skip_bad in (False, True):
        with pytest.raises(MissingExtraError, match=r"stactools-esd\[hdf4\]"):
            open_modis(tmp_path, GRID, skip_bad=skip_bad)
    write_layers(tmp_path / "tif", modis_layers())
    assert open_modis(tmp_path / "tif", GRID).names


def test_grids_come_from_the_structure(tmp_path: Path) -> None:
    """Corners are outer edges: a tile's fields lie where the tile lies."""
    west, north = tile_corner("h26v04")
    assert (west, north) == pytest.approx((8895604.157333, 5559752.598333), abs=1e-3)
    text = structure({"A": (place(row=0, column=0), (2400, 2400), ["one", "two"])}, prefix="HE5_")
    grids = grids_of_fields(tmp_path, text)
    assert set(grids) == {"one", "two"}
    assert grids["one"].transform.almost_equals(place(row=0, column=0), 1e-3)
    assert grids["one"].shape == (2400, 2400)
    assert is_sinusoidal(grids["one"].crs)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("GCTP_SNSOID", "GCTP_UTM", "expected the sinusoidal one"),
        ("(6371007.181000,0,0,0,0,", "(6371007.181000,0,0,0,9000000,", "cannot be placed"),
        ("XDim=10", "XDim=0", "cannot be placed"),
        ("LowerRightMtrs", "LowerRight", "cannot be placed"),
        ("DataFieldName", "Field", "got no grid"),
    ],
)
def test_structures_that_place_nothing_are_refused(tmp_path: Path, old: str, new: str, match: str) -> None:
    """Another projection, another meridian or a missing number ends in an error that names the file."""
    text = structure({"A": (place(), (CELLS, CELLS), ["one"])})
    assert old in text
    with pytest.raises(RasterError, match=match) as caught:
        grids_of_fields(tmp_path / NAME, text.replace(old, new))
    assert NAME in str(caught.value)
