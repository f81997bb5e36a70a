"""Landsat scenes found through local STAC items, and input that is no scene."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.windows import Window
from test_landsat import CORNER, grid_of, observed, whole

from stactools_esd.errors import NothingFoundError, RasterError, UsageError
from stactools_esd.sources.find import recognise
from stactools_esd.sources.landsat import LandsatSource, open_landsat
from stactools_esd.sources.landsat_writer import write_landsat
from stactools_esd.sources.source import read

KEYS = ("blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel", "qa_radsat")
OLI = "LC08_L2SP_012031_20140704_20140704_02_T1"
ETM = "LE07_L2SP_012031_20030703_20030703_02_T1"
LAYERS = {
    OLI: [*(f"SR_B{number}" for number in (2, 3, 4, 5, 6, 7)), "QA_PIXEL", "QA_RADSAT"],
    ETM: [*(f"SR_B{number}" for number in (1, 2, 3, 4, 5, 7)), "QA_PIXEL", "QA_RADSAT"],
}


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """A folder of one scene each of Landsat 7 and 8, 60 x 50 pixels."""
    write_landsat(
        observed(1, ["2003-07-03", "2014-07-04"]), tmp_path / "data", missions=["LE07", "LC08"], path_row="012031"
    )
    return tmp_path / "data"


def opened(path: Path, **options: Any) -> LandsatSource:
    """Open a folder on the grid of its scenes."""
    return open_landsat(path, grid_of(observed()), **options)


def item(scene: str, href: Callable[[str], str], *, id: str = "", **blue: Any) -> dict[str, Any]:
    """An item of a scene, with the hrefs that a function makes of file names."""
    assets = {key: {"href": href(f"{scene}_{layer}.TIF")} for key, layer in zip(KEYS, LAYERS[scene], strict=True)}
    assets["blue"] |= blue
    return {"type": "Feature", "id": id or scene, "properties": {}, "assets": assets}


def write(path: Path, content: Any) -> Path:
    """Write JSON, and the folder for it."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("id", "href"),
    [
        (f"{OLI}_SR", lambda folder: lambda name: f"../data/{OLI}/{name}"),  # USGS
        ("LC08_L2SP_012031_20140704_02_T1", lambda folder: lambda name: str(folder / OLI / name)),  # Planetary Computer
        (OLI, lambda folder: lambda name: (folder / OLI / name).as_uri()),
    ],
    ids=["usgs", "planetary-computer", "file-uri"],
)
def test_items_name_the_files(scenes: Path, id: str, href: Any) -> None:
    """Items of USGS and of the Planetary Computer give what their files give, under the full name of the scene."""
    path = write(
        scenes.parent / "items" / "item.json",
        item(OLI, href(scenes), id=id, **{"raster:bands": [{"scale": 2.75e-5, "offset": -0.2}]}),
    )
    source = opened(path)
    assert source.names == (OLI,)
    np.testing.assert_array_equal(whole(source).reflectance[0], whole(opened(scenes)).reflectance[1])


def test_a_folder_of_items_is_read(scenes: Path) -> None:
    """Items, collections of items and one folder an item are found; other JSON and temperature items are left alone."""
    items = scenes.parent / "items"
    write(items / "collection.json", {"type": "Collection", "id": "landsat-c2-l2"})
    write(items / "temperature.json", {"type": "Feature", "id": f"{OLI}_ST", "assets": {}})
    write(items / "mtl.json", ["anything"])
    write(
        items / "all.json", {"type": "FeatureCollection", "features": [item(OLI, lambda name: f"../data/{OLI}/{name}")]}
    )
    write(items / ETM / "item.json", item(ETM, lambda name: f"../../data/{ETM}/{name}"))
    assert opened(items).names == (ETM, OLI)


def test_items_beside_scene_files_are_left_alone(scenes: Path) -> None:
    """The items that USGS delivers with the files point to its servers; the files are there."""
    write(scenes / OLI / f"{OLI}_SR_stac.json", item(OLI, lambda name: f"https://landsatlook.usgs.gov/data/{name}"))
    assert opened(scenes).names == (ETM, OLI)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda it: it["assets"].pop("qa_radsat"), "without QA_RADSAT"),
        (lambda it: it["assets"]["red"].update(href="https://a.org/r?sig=secret"), "remote file https://a.org/r in"),
        (lambda it: it["assets"]["red"].update(href="nowhere.TIF"), "without SR_B4"),
        (lambda it: it["assets"]["red"].update({"raster:bands": [{"scale": 0.0001, "offset": 0}]}), "scale 0.0001"),
        (lambda it: it.update(id="S2A_T50TMK_20200704"), "got S2A_T50TMK_20200704, expected a Collection 2"),
    ],
    ids=["missing", "remote", "gone", "scale", "sentinel"],
)  # fmt: skip
def test_bad_items_are_refused(scenes: Path, change: Any, message: str) -> None:
    """An item that lacks a file, points elsewhere or is of something else ends in one line that says so."""
    content = item(OLI, lambda name: f"../data/{OLI}/{name}")
    change(content)
    path = write(scenes.parent / "items" / "item.json", content)
    with pytest.raises(RasterError, match=message) as caught:
        opened(path)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def truncate(file: Path) -> None:
    """Cut the second half of a file off."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def rewrite(file: Path, **profile: Any) -> None:
    """Write a file again with another profile."""
    with rasterio.open(file) as dataset:
        values, options = dataset.read(1), dataset.profile | profile
        scales = options.pop("scales", None)
    with rasterio.open(file, "w", **options) as dataset:
        dataset.write(values.astype(options["dtype"]), 1)
        if scales:
            dataset.scales = scales


BLUE = f"{OLI}_SR_B2.TIF"
DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda folder: (folder / BLUE).unlink(), f"scene {OLI} without SR_B2, expected SR_B2"),
    "no image": (lambda folder: (folder / BLUE).write_bytes(b"II*\0junk"), BLUE),
    "empty": (lambda folder: (folder / BLUE).write_bytes(b""), BLUE),
    "type": (lambda folder: rewrite(folder / BLUE, dtype="int16", nodata=None), "got int16"),
    "scale": (lambda folder: rewrite(folder / BLUE, scales=(0.0001,)), "scale 0.0001"),
    "grid": (
        lambda folder: rewrite(folder / f"{OLI}_QA_PIXEL.TIF", transform=CORNER * Affine.scale(2)),
        "another grid",
    ),
    "no crs": (lambda folder: rewrite(folder / BLUE, crs=None), "without a coordinate reference system"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_bad_scenes_are_refused_or_skipped(scenes: Path, case: str) -> None:
    """A scene that is not whole ends in one line that names it, or with `skip_bad` among the bad ones."""
    damage, message = DAMAGE[case]
    damage(scenes / OLI)
    with pytest.raises(RasterError, match=message) as caught:
        opened(scenes)
    assert "\n" not in str(caught.value)
    source = opened(scenes, skip_bad=True)
    assert (source.names, source.bad) == ((ETM,), (OLI,))
    shutil.rmtree(scenes / ETM)
    with pytest.raises(NothingFoundError, match=f"1 were bad, first {OLI}"):
        opened(scenes, skip_bad=True)


@pytest.mark.parametrize(
    ("stem", "message"),
    [
        ("LC08_L1TP_012031_20140704_20200910_02_T1_B2", r"Level-1 \(L1TP\)"),
        ("LC08_L1TP_012031_20140704_20170304_01_T1_sr_band2", "Collection 1"),
        ("LC80120312014185LGN00_sr_band2", "LC80120312014185LGN00_sr_band2, expected a Collection 2"),
        ("LM05_L2SP_012031_19860704_20200910_02_T2_SR_B2", "LM05"),
        ("LC08_L2SP_012031_20140230_20200910_02_T1_SR_B2", "date 20140230"),
    ],
)
def test_other_collections_and_levels_are_refused_or_skipped(scenes: Path, stem: str, message: str) -> None:
    """Level-1, Collection 1 and older names are not read as if they were surface reflectance of Collection 2."""
    shutil.copy(scenes / OLI / BLUE, scenes / f"{stem}.TIF")
    with pytest.raises(RasterError, match=message):
        opened(scenes)
    source = opened(scenes, skip_bad=True)
    assert len(source.names) == 2
    assert len(source.bad) == 1


@pytest.mark.parametrize("layer", ["SR_B2", "SR_B7", "QA_PIXEL", "QA_RADSAT"])
def test_truncated_files_are_named(scenes: Path, layer: str) -> None:
    """A file whose header is whole and whose data are not ends in one line that names it, or is skipped and named."""
    file = scenes / OLI / f"{OLI}_{layer}.TIF"
    rewrite(file, compress="none", predictor=1)
    truncate(file)
    source = opened(scenes)
    window = Window(0, 0, 50, 60)
    with pytest.raises(RasterError, match=file.name) as caught:
        source.read_image(1, window)
    assert "\n" not in str(caught.value)
    observations, bad = read(source, window, [0, 1], skip_bad=True)
    assert bad == (OLI,)
    assert observations.valid[0].any()
    assert not observations.valid[1].any()


def test_files_that_vanish_are_named(scenes: Path) -> None:
    """A file that is gone when its window is read ends in an error too, never in missing values."""
    source = opened(scenes)
    (scenes / OLI / BLUE).unlink()
    with pytest.raises(RasterError, match=BLUE):
        source.read_image(1, Window(0, 0, 5, 5))


def test_a_scene_processed_twice_is_refused(scenes: Path) -> None:
    """Of two processings of one scene both are named, with `skip_bad` too: which one is meant nobody can tell."""
    later = OLI.replace("20140704_02", "20200910_02")
    for file in (scenes / OLI).iterdir():
        shutil.copy(file, scenes / file.name.replace(OLI, later))
    for skip_bad in (False, True):
        with pytest.raises(RasterError, match=f"{OLI} and {later}"):
            opened(scenes, skip_bad=skip_bad)


def test_a_file_that_is_there_twice_is_refused(scenes: Path) -> None:
    """One file in two folders is one scene twice."""
    shutil.copytree(scenes / OLI, scenes / "copy")
    with pytest.raises(RasterError, match=r"_02_T1_QA_PIXEL\.TIF twice"):
        opened(scenes)


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    """No path, no scene and no JSON end in one line each; options that do not exist are a matter of usage."""
    with pytest.raises(RasterError, match="check the path"):
        opened(tmp_path / "nowhere")
    (tmp_path / "dem.tif").write_bytes(b"")
    with pytest.raises(RasterError, match="got no Landsat scene"):
        opened(tmp_path)
    (tmp_path / "item.json").write_text("{")
    with pytest.raises(RasterError, match=r"item\.json"):
        opened(tmp_path)
    with pytest.raises(UsageError, match="'tm'"):
        opened(tmp_path, harmonise="tm")
    with pytest.raises(UsageError, match="'haze'"):
        opened(tmp_path, unusable=["haze"])


def test_paths_may_hold_odd_characters(tmp_path: Path) -> None:
    """Ampersands, angles, quotes, spaces and umlauts in a path harm nobody."""
    written = observed(2, ["2014-07-04"])
    write_landsat(written, tmp_path / 'a & b <c> "d" ü')
    back = whole(opened(tmp_path / 'a & b <c> "d" ü'))
    np.testing.assert_array_equal(back.valid, written.valid)


def test_scenes_that_are_still_packed_are_named(scenes: Path) -> None:
    """A .tar as USGS delivers it is an error that says so, is passed over by name, and nothing once it is unpacked."""
    (scenes / f"{OLI}.tar").touch()
    (scenes / "LC08_L1TP_012031_20140720_20140720_02_T1.tar").touch()  # another product
    assert opened(scenes).names == (ETM, OLI)
    shutil.rmtree(scenes / OLI)
    with pytest.raises(RasterError, match=f"{OLI}.tar, which is packed"):
        opened(scenes)
    found = opened(scenes, skip_bad=True)
    assert (found.names, found.bad) == ((ETM,), (OLI,))
    shutil.rmtree(scenes / ETM)
    assert recognise(scenes) == "landsat"
    with pytest.raises(RasterError, match="unpack it"):
        opened(scenes)
