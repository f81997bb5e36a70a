"""Nadir reflectance of MODIS and VIIRS on a finer grid."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coarse_files import CELLS, GRID, place, structure, whole, write_band, write_layers

from stactools_esd.errors import RasterError
from stactools_esd.product import BANDS
from stactools_esd.sources.coarse import CoarseSource
from stactools_esd.sources.find import find_source, recognise
from stactools_esd.sources.modis import open_modis
from stactools_esd.sources.viirs import open_viirs

NUMBERS = {"blue": 100, "green": 200, "red": 300, "nir": 400, "swir1": 500, "swir2": 600}
"""Numbers of each band, such that reflectance in our order is 0.01, 0.02, .. 0.06."""

SUFFIXES: dict[str, dict[str, str]] = {
    "MCD43A4": dict(zip(BANDS, ("Band3", "Band4", "Band1", "Band2", "Band6", "Band7"), strict=True)),
    "VNP43MA4": dict(zip(BANDS, ("M3", "M4", "M5", "M7", "M10", "M11"), strict=True)),
    "VNP43IA4": {"red": "I1", "nir": "I2", "swir1": "I3"},
}
"""Ends of the layers' names by product and band, as the product pages list them."""

OPENERS: dict[str, Callable[[str | Path, Any], CoarseSource]] = {
    "MCD43A4": open_modis,
    "VNP43MA4": open_viirs,
    "VNP43IA4": open_viirs,
}
COLLECTIONS = {"MCD43A4": "061", "VNP43MA4": "002", "VNP43IA4": "002"}


def layers(product: str, **changes: Any) -> dict[str, np.ndarray]:
    """Return the layers of an image of full inversions; changes are by layer, None leaves it out."""
    side = CELLS // 2 if product == "VNP43MA4" else CELLS
    values: dict[str, Any] = {}
    for band, suffix in SUFFIXES[product].items():
        values[f"Nadir_Reflectance_{suffix}"] = NUMBERS[band]
        values[f"BRDF_Albedo_Band_Mandatory_Quality_{suffix}"] = 0
    return {
        name: np.broadcast_to(np.asarray(value), (side, side)).astype(np.uint8 if "Quality" in name else np.int16)
        for name, value in (values | changes).items()
        if value is not None
    }


def written(folder: Path, product: str, content: Mapping[str, np.ndarray], **options: Any) -> CoarseSource:
    """Write layers under the archive's names and open them."""
    write_layers(folder, dict(content), product=product, collection=COLLECTIONS[product], **options)
    return OPENERS[product](folder, GRID)


@pytest.mark.parametrize("product", SUFFIXES)
def test_bands_come_in_our_order(tmp_path: Path, product: str) -> None:
    """Each band is found under its sensor's number, of scale 0.0001; bands that a product lacks are missing."""
    source = written(tmp_path, product, layers(product))
    reflectance, valid = whole(source)
    there = [band in SUFFIXES[product] for band in BANDS]
    assert valid[:, 0, 0].tolist() == there
    assert reflectance[there, 5, 5] == pytest.approx([NUMBERS[band] * 0.0001 for band in SUFFIXES[product]])
    assert (source.names, str(source.dates[0])) == ((f"{product}.A2020185",), "2020-07-03")
    assert len(source.files[0]) == 2 * len(SUFFIXES[product])


@pytest.mark.parametrize("product", SUFFIXES)
def test_only_full_inversions_are_taken_band_by_band(tmp_path: Path, product: str) -> None:
    """A magnitude inversion, fill or anything unknown in the quality of a band drops that band and no other."""
    red = f"BRDF_Albedo_Band_Mandatory_Quality_{SUFFIXES[product]['red']}"
    for quality, kept in ((0, True), (1, False), (2, False), (255, False)):
        source = written(tmp_path / str(quality), product, layers(product, **{red: quality}))
        expected = [band in SUFFIXES[product] and (kept or band != "red") for band in BANDS]
        assert whole(source)[1][:, 0, 0].tolist() == expected


@pytest.mark.parametrize("product", SUFFIXES)
def test_fill_and_range_are_those_of_nadir_reflectance(tmp_path: Path, product: str) -> None:
    """32767 is missing, not -28672 alone; below 0 nothing is valid; 0 and 32766 are."""
    nir = f"Nadir_Reflectance_{SUFFIXES[product]['nir']}"
    for number, kept in ((32767, False), (-1, False), (-28672, False), (0, True), (32766, True)):
        source = written(tmp_path / str(number), product, layers(product, **{nir: number}))
        assert whole(source)[1][3].all() == kept


@pytest.mark.parametrize("product", SUFFIXES)
def test_a_missing_quality_layer_is_named(tmp_path: Path, product: str) -> None:
    """Without its quality a band could be anything: the image is incomplete."""
    missing = f"BRDF_Albedo_Band_Mandatory_Quality_{SUFFIXES[product]['swir1']}"
    with pytest.raises(RasterError, match=rf"{product}\.A2020185\.h26v04 .*without {missing}"):
        written(tmp_path, product, layers(product, **{missing: None}))


@pytest.mark.parametrize(("product", "day"), [("MCD43A4", "2000046"), ("VNP43MA4", "2012016")])
def test_the_record_has_a_first_day(tmp_path: Path, product: str, day: str) -> None:
    """A day before the record is a mistake in the name."""
    with pytest.raises(RasterError, match="expected a day from"):
        written(tmp_path, product, layers(product), day=day)


def test_appeears_files_are_read(tmp_path: Path) -> None:
    """AppEEARS names the layer with its band before the day."""
    for name, numbers in layers("MCD43A4").items():
        write_band(tmp_path / f"MCD43A4.061_{name}_doy2020185000000_aid0001.tif", numbers, place())
    assert whole(open_modis(tmp_path, GRID))[1].all()


@pytest.mark.parametrize("product", SUFFIXES)
def test_products_name_themselves(tmp_path: Path, product: str) -> None:
    """A folder is known by its files' names, and the recipe says the product."""
    written(tmp_path, product, layers(product))
    assert recognise(tmp_path) == ("modis" if product == "MCD43A4" else "viirs")
    assert find_source(tmp_path, "xfield", grid=GRID).name == product


def test_hdf5_of_viirs_is_read(tmp_path: Path) -> None:
    """The archive's own file, one grid of 1 km named VIIRS_Grid_BRDF, gives what its layers give as GeoTIFFs."""
    library = pytest.importorskip("h5py")
    content = layers("VNP43MA4")
    side = CELLS // 2
    text = structure({"VIIRS_Grid_BRDF": (place(cells=2), (side, side), list(content))}, "HE5_")
    with library.File(tmp_path / "VNP43MA4.A2020185.h26v04.002.2020200123456.h5", "w") as file:
        file["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_(text.ljust(32000, "\x00"))
        for name, numbers in content.items():
            file[f"HDFEOS/GRIDS/VIIRS_Grid_BRDF/Data Fields/{name}"] = numbers
    mine = whole(open_viirs(tmp_path, GRID))
    for one, other in zip(mine, whole(written(tmp_path / "tif", "VNP43MA4", content)), strict=True):
        np.testing.assert_array_equal(one, other)
