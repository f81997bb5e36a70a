"""VIIRS surface reflectance on a finer grid."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from coarse_files import CELLS, GRID, place, structure, whole, write_band, write_layers
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.errors import RasterError
from stactools_esd.product import BANDS
from stactools_esd.sources.sinusoidal import sinusoidal
from stactools_esd.sources.source import Source, TargetGrid
from stactools_esd.sources.viirs import VIIRS_PRODUCTS, open_viirs

HALF = CELLS // 2
"""Rows and columns of 1 km in a test image."""

SAME_CELLS = TargetGrid(crs=sinusoidal(), transform=place(), shape=(CELLS, CELLS))
"""The grid of 500 m itself: each pixel is a cell."""

DAILY = {"M3": 100, "M4": 200, "I1": 300, "I2": 400, "I3": 500, "M11": 600}
COMPOSITE = {"M3": 100, "M4": 200, "M5": 300, "M7": 400, "M10": 500, "M11": 600}
"""Numbers such that the bands in our order are 0.01, 0.02, .. 0.06."""

CLEAR = {"QF1": 3, "QF2": 1, "QF3": 0, "QF4": 0, "QF5": 0, "QF6": 0, "QF7": 4}
"""Quality of a clear pixel by day: a cloud mask of high quality, land, low aerosol."""


def full(value: Any, side: int, kind: type) -> np.ndarray:
    """Return an image of one value, or of the values given."""
    return np.broadcast_to(np.asarray(value), (side, side)).astype(kind)


def daily(suffix: str = "_1", **changes: Any) -> dict[str, np.ndarray]:
    """Return the layers of a clear VNP09GA image: I bands at 500 m, the rest at 1 km; None leaves a layer out."""
    values = {**DAILY, **CLEAR, **changes}
    return {
        f"SurfReflect_{name}{suffix}": full(
            value, CELLS if name.startswith("I") else HALF, np.uint8 if name.startswith("QF") else np.int16
        )
        for name, value in values.items()
        if value is not None
    }


def composite(**changes: Any) -> dict[str, np.ndarray]:
    """Return the layers of a clear VNP09A1 image of 1 km."""
    values = {**COMPOSITE, "State": 8, **changes}
    kinds = {"State": np.uint16, "Day_Of_Year": np.uint16}
    return {f"SurfReflect_{name}": full(value, HALF, kinds.get(name, np.int16)) for name, value in values.items()}


def test_daily_bands_of_two_resolutions(tmp_path: Path) -> None:
    """Blue, green and swir2 come from M bands of 1 km, red, nir and swir1 from I bands of 500 m."""
    numbers = np.arange(CELLS * CELLS).reshape(CELLS, CELLS)
    coarse = np.arange(HALF * HALF).reshape(HALF, HALF)
    write_layers(tmp_path, daily(I1=numbers, M3=coarse), product="VNP09GA", collection="002")
    source: Source = open_viirs(tmp_path, SAME_CELLS)
    reflectance, valid = source.read_image(0, Window(0, 0, CELLS, CELLS))
    assert valid.all()
    np.testing.assert_allclose(reflectance[2], numbers * 0.0001, atol=1e-7)
    np.testing.assert_allclose(reflectance[0], np.kron(coarse, np.ones((2, 2))) * 0.0001, atol=1e-7)
    assert reflectance[[1, 3, 4, 5], 0, 0] == pytest.approx([0.02, 0.04, 0.05, 0.06])
    assert (source.names, str(source.dates[0])) == (("VNP09GA.A2020185",), "2020-07-03")


@pytest.mark.parametrize(
    ("layer", "bits"),
    {
        "QF1": {
            3 | 1 << 2: True,  # probably clear
            3 | 2 << 2: False,  # probably cloudy
            3 | 3 << 2: False,  # confidently cloudy
            3 | 1 << 4: False,  # night
            3 | 1 << 5: True,  # low sun
            3 | 3 << 6: True,  # sun glint
            255: False,  # fill
        },
        "QF2": {
            5: True,  # coast
            1 << 3: False,  # shadow
            1 << 4: False,  # heavy aerosol
            1 << 5: True,  # snow or ice
            1 << 6: False,  # thin cirrus, reflective
            1 << 7: False,  # thin cirrus, emissive
            255: False,  # fill
        },
        "QF7": {1 << 0: True, 1 << 1: False, 3 << 2: True, 1 << 4: False},  # snow, beside cloud, aerosol, cirrus
    }.items(),
)
def test_daily_flags_decide(tmp_path: Path, layer: str, bits: dict[int, bool]) -> None:
    """Clouds, their shadows and neighbours, night, cirrus and heavy aerosol drop all bands; snow keeps them."""
    values = np.full(HALF * HALF, CLEAR[layer])
    values[: len(bits)] = list(bits)
    expected = np.ones(HALF * HALF, bool)
    expected[: len(bits)] = list(bits.values())
    write_layers(tmp_path, daily(**{layer: values.reshape(HALF, HALF)}), product="VNP09GA", collection="002")
    valid = whole(open_viirs(tmp_path, SAME_CELLS))[1]
    for band in range(6):
        np.testing.assert_array_equal(valid[band, ::2, ::2].ravel(), expected)


@pytest.mark.parametrize(
    ("layer", "bit", "band"),
    [
        ("QF3", 2, "blue"), ("QF3", 3, "green"), ("QF4", 1, "red"), ("QF4", 2, "nir"), ("QF4", 3, "swir1"),
        ("QF4", 0, "swir2"), ("QF5", 4, "blue"), ("QF5", 5, "green"), ("QF6", 3, "red"), ("QF6", 4, "nir"),
        ("QF6", 5, "swir1"), ("QF6", 2, "swir2"), ("QF3", 0, None), ("QF4", 4, None), ("QF5", 2, None),
        ("QF6", 0, None),
    ],
)  # fmt: skip
def test_bad_bands_are_dropped_alone(tmp_path: Path, layer: str, bit: int, band: str | None) -> None:
    """Bad input or quality of a band drops that band; bits of bands that are not read drop nothing."""
    write_layers(tmp_path, daily(**{layer: 1 << bit}), product="VNP09GA", collection="002")
    assert whole(open_viirs(tmp_path, SAME_CELLS))[1][:, 0, 0].tolist() == [name != band for name in BANDS]


def test_composites_have_the_states_of_modis(tmp_path: Path) -> None:
    """VNP09A1 is of 1 km throughout; its state drops clouds and keeps snow, its days date the pixels."""
    state = full(8, HALF, np.uint16)
    state[0, 0], state[0, 1], state[0, 2] = 8 | 1, 8 | 1 << 15, 65535
    write_layers(tmp_path / "a", composite(State=state), product="VNP09A1", collection="002")
    reflectance, valid = whole(open_viirs(tmp_path / "a", SAME_CELLS))
    assert valid[0, 0, ::2].tolist() == [False, True, False, True, True]
    assert reflectance[:, -1, -1] == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05, 0.06])
    write_layers(tmp_path / "b", composite(Day_Of_Year=188), product="VNP09A1", collection="002")
    source = open_viirs(tmp_path / "b", SAME_CELLS)
    assert [whole(source, position)[1].all() for position in range(8)] == [day == 188 for day in range(185, 193)]


def test_imagery_composites_have_three_bands(tmp_path: Path) -> None:
    """VNP09H1 has red, nir and swir1 only; the other bands are missing."""
    layers = {f"SurfReflect_{name}": full(DAILY[name], CELLS, np.int16) for name in ("I1", "I2", "I3")}
    layers["SurfReflect_State_500m"] = full(8, CELLS, np.uint16)
    write_layers(tmp_path, layers, product="VNP09H1", collection="001")
    assert whole(open_viirs(tmp_path, GRID))[1][:, 0, 0].tolist() == [False, False, True, True, True, False]


def test_appeears_files_are_read(tmp_path: Path) -> None:
    """AppEEARS names the layer with its observation before the day."""
    for name, numbers in daily().items():
        path = tmp_path / f"VNP09GA.002_{name}_doy2020185000000_aid0007.tif"
        write_band(path, numbers, place(cells=CELLS // numbers.shape[0]))
    assert whole(open_viirs(tmp_path, GRID))[1].all()


def test_later_satellites_are_one_entry_each(tmp_path: Path) -> None:
    """NOAA-20 and NOAA-21 have the same products under their own names, from their launch on."""
    assert {name[3:] for name in VIIRS_PRODUCTS} == {"09A1", "09GA", "09H1", "43IA4", "43MA4"}
    write_layers(tmp_path / "a", daily(), product="VJ109GA", collection="002")
    assert open_viirs(tmp_path / "a", GRID).names == ("VJ109GA.A2020185",)
    write_layers(tmp_path / "b", daily(), product="VJ209GA", collection="002")
    with pytest.raises(RasterError, match="expected a day from 2022-11-10"):
        open_viirs(tmp_path / "b", GRID)


@pytest.mark.parametrize(
    ("layers", "options", "match"),
    [
        (daily(QF2=None), {}, "without SurfReflect_QF2"),
        (daily(M11=None), {}, "without SurfReflect_M11"),
        (daily(), {"collection": "003"}, "expected 001 or 002"),
        (daily(), {"product": "MOD09GA", "collection": "061"}, "expected one of the products VNP09A1"),
        (daily(), {"day": "2011365"}, "expected a day from 2012-01-17"),
        (daily() | {"SurfReflect_I2_1": np.ones((CELLS, CELLS), np.float32)}, {}, "got float32 numbers"),
    ],
)
def test_unknown_files_are_refused(
    tmp_path: Path, layers: dict[str, np.ndarray], options: dict[str, Any], match: str
) -> None:
    """Missing layers, unknown collections, products, days and numbers end in one line."""
    write_layers(tmp_path, layers, **({"product": "VNP09GA", "collection": "002"} | options))
    with pytest.raises(RasterError, match=match):
        open_viirs(tmp_path, GRID)


def test_missing_flags_of_bands_are_done_without(tmp_path: Path) -> None:
    """QF1 and QF2 must be there; the others are used where they are there."""
    layers = daily(QF3=None, QF4=None, QF5=None, QF6=None, QF7=None)
    write_layers(tmp_path, layers, product="VNP09GA", collection="002")
    assert whole(open_viirs(tmp_path, GRID))[1].all()


def test_truncated_files_are_skipped_on_request(tmp_path: Path) -> None:
    """A damaged file is named; with skip_bad its image is left out."""
    files = write_layers(tmp_path, daily(), product="VNP09GA", collection="002")
    write_layers(tmp_path, daily(), product="VNP09GA", collection="002", day="2020186")
    files[0].write_bytes(files[0].read_bytes()[:100])
    with pytest.raises(RasterError, match=files[0].name):
        open_viirs(tmp_path, GRID)
    source = open_viirs(tmp_path, GRID, skip_bad=True)
    assert (source.bad, source.names) == (("VNP09GA.A2020185.h26v04",), ("VNP09GA.A2020186",))


NAME = "VNP09GA.A2020185.h26v04.002.2020200123456.h5"


def test_hdf5_is_read_where_rasterio_reads_it(tmp_path: Path) -> None:
    """The archive's own file gives what its layers give as GeoTIFFs; a truncated one is named."""
    library = pytest.importorskip("h5py")
    layers = daily()
    sides = {"VIIRS_Grid_500m_2D": CELLS, "VIIRS_Grid_1km_2D": HALF}
    fields = {grid: [name for name in layers if layers[name].shape[0] == side] for grid, side in sides.items()}
    grids = {grid: (place(cells=CELLS // side), (side, side), fields[grid]) for grid, side in sides.items()}
    with library.File(tmp_path / NAME, "w") as file:
        file["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_(structure(grids, "HE5_").ljust(32000, "\x00"))
        for grid, names in fields.items():
            for name in names:
                file[f"HDFEOS/GRIDS/{grid}/Data Fields/{name}"] = layers[name]
    write_layers(tmp_path / "tif", layers, product="VNP09GA", collection="002")
    source = open_viirs(tmp_path, GRID)
    for mine, other in zip(whole(source), whole(open_viirs(tmp_path / "tif", GRID)), strict=True):
        np.testing.assert_array_equal(mine, other)
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes()[:2000])
    with pytest.raises(RasterError, match=NAME):
        whole(source)


def test_hdf5_without_its_driver_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of rasterio without HDF5 ends in one line that says what to do; so does a file that is none."""
    (tmp_path / NAME).write_bytes(b"not an image")
    with pytest.raises(RasterError, match=rf"cannot open .*{NAME}"):
        open_viirs(tmp_path, GRID)
    monkeypatch.setattr(rasterio.Env, "drivers", lambda self: {"GTiff": "rw"})
    with pytest.raises(RasterError, match="reads no HDF5; convert its layers to GeoTIFF"):
        open_viirs(tmp_path, GRID)


def test_grids_in_any_projection(tmp_path: Path) -> None:
    """The grid may be in geographic coordinates too."""
    write_layers(tmp_path, daily(), product="VNP09GA", collection="002")
    west, north = (round(number, 2) for number in (116.02, 44.985))
    grid = TargetGrid(
        crs=CRS.from_epsg(4326), transform=rasterio.Affine(0.0003, 0, west, 0, -0.0003, north), shape=(20, 30)
    )
    assert whole(open_viirs(tmp_path, grid))[1].all()
