"""Map files: they open finished, block by block, and hold names in any script."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rio_cogeo.cogeo import cog_validate
from synthetic import AREA_CRS, AREA_TRANSFORM

from esd_tasks.legend import Legend, legend_of
from esd_tasks.maps import QUALITY_NODATA, count_classes, write_class_map, write_quality_map, write_style
from esd_tasks.pull import Grid
from stactools_esd.blocks import Block, plan_blocks

NAMES = {1: "water", 4: 'crop & "grain" <dry>', 9: "水田"}
SIZE = (700, 600)


def grid(height: int, width: int) -> Grid:
    """Return a grid of this size."""
    return Grid(crs=AREA_CRS, transform=AREA_TRANSFORM, width=width, height=height)


def classes(legend: Legend, seed: int = 0) -> NDArray[np.int64]:
    """Return class_ids in large patches, with an unclassified corner."""
    ids = np.random.default_rng(seed).choice(legend.ids, size=(7, 6)).repeat(100, axis=0).repeat(100, axis=1)
    ids[:100, :100] = 0
    return ids


def pieces(values: NDArray[np.int64], size: int = 256) -> Iterator[tuple[Block, NDArray[np.int64]]]:
    """Cut values into blocks."""
    for block in plan_blocks(values.shape[-2], values.shape[-1], size):
        yield block, values[..., block.row : block.row + block.height, block.column : block.column + block.width]


@pytest.fixture(scope="module")
def class_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class map of three classes."""
    path = tmp_path_factory.mktemp("map") / "map.tif"
    legend = legend_of(NAMES)
    write_class_map(path, pieces(classes(legend)), grid=grid(*SIZE), legend=legend, tags={"YEAR": "2020"})
    return path


def test_class_map_is_a_cog_with_overviews_and_nodata(class_map: Path) -> None:
    """The map is a valid COG of bytes, DEFLATE for browsers, 0 where there is no class."""
    valid, errors, warnings = cog_validate(class_map, strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(class_map) as dataset:
        assert (dataset.count, dataset.dtypes, dataset.nodata) == (1, ("uint8",), 0)
        assert dataset.compression.name == "deflate"
        assert dataset.overviews(1)
        assert dataset.tags()["YEAR"] == "2020"
        assert np.array_equal(dataset.read(1), classes(legend_of(NAMES)))


def test_overviews_hold_classes_only(class_map: Path) -> None:
    """Overviews are made by mode: they hold ids of the legend, never values in between."""
    with rasterio.open(class_map, overview_level=0) as dataset:
        assert set(np.unique(dataset.read(1)).tolist()) <= {0, *NAMES}


def test_colours_and_names_are_read_back(class_map: Path) -> None:
    """The colour table, the tag of the band and GDAL's categories say what the legend says, in any script."""
    legend = legend_of(NAMES)
    with rasterio.open(class_map) as dataset:
        assert dataset.colorinterp[0].name == "palette"
        table = dataset.colormap(1)
        assert all(table[entry.class_id][:3] == entry.rgb for entry in legend.classes)
        assert json.loads(dataset.tags(1)["CLASS_NAMES"]) == {str(key): name for key, name in NAMES.items()}
        assert dataset.descriptions == ("class",)
    vrt = class_map.with_name("map.vrt")
    rasterio.shutil.copy(class_map, vrt, driver="VRT")
    names = [element.text or "" for element in ElementTree.parse(vrt).iter("Category")]
    assert names == ["unclassified", "water", "", "", NAMES[4], "", "", "", "", NAMES[9]]


def test_ids_beyond_a_byte_are_kept(tmp_path: Path) -> None:
    """Agency ids such as CORINE's 523 make a 16-bit map, still with a colour table."""
    legend = legend_of({111: "urban", 523: "sea"})
    path = tmp_path / "map.tif"
    write_class_map(path, pieces(classes(legend)), grid=grid(*SIZE), legend=legend, tags={})
    with rasterio.open(path) as dataset:
        assert dataset.dtypes == ("uint16",)
        assert dataset.colormap(1)[523][:3] == legend.classes[1].rgb
        assert np.array_equal(dataset.read(1), classes(legend))


def test_block_size_leaves_no_trace(class_map: Path, tmp_path: Path) -> None:
    """A map put together from other blocks has the same bytes, and a folder holds nothing but the map."""
    path = tmp_path / "map.tif"
    legend = legend_of(NAMES)
    write_class_map(path, pieces(classes(legend), 512), grid=grid(*SIZE), legend=legend, tags={"YEAR": "2020"})
    assert path.read_bytes() == class_map.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["map.tif", "map.tif.aux.xml"]


def test_a_failed_map_leaves_nothing(tmp_path: Path) -> None:
    """When a block cannot be had, no file is left, neither whole nor half."""

    def broken() -> Iterator[tuple[Block, NDArray[np.int64]]]:
        yield from list(pieces(np.ones(SIZE, dtype=np.int64)))[:2]
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_class_map(tmp_path / "map.tif", broken(), grid=grid(*SIZE), legend=legend_of(NAMES), tags={})
    assert list(tmp_path.iterdir()) == []


def test_pixels_are_counted_by_class(class_map: Path) -> None:
    """Counts hold every class of the legend, also without pixels, and never the unclassified."""
    legend = legend_of(NAMES | {200: "never mapped"})
    truth = classes(legend_of(NAMES))
    expected = {class_id: int((truth == class_id).sum()) for class_id in NAMES} | {200: 0}
    assert count_classes(class_map, legend) == expected


def test_quality_map_says_where_nothing_is(tmp_path: Path) -> None:
    """Confidence and clear observations stand in named 16-bit bands; 65535 is nodata, 0 is a count."""
    values = np.stack([np.full((40, 50), 87), np.zeros((40, 50), dtype=np.int64)])
    values[:, :5] = QUALITY_NODATA
    path = tmp_path / "quality.tif"
    write_quality_map(path, pieces(values), grid=grid(40, 50), tags={})
    with rasterio.open(path) as dataset:
        assert dataset.descriptions == ("confidence", "clear_obs")
        assert dataset.nodata == QUALITY_NODATA
        assert np.array_equal(dataset.read(), values)
        assert dataset.read_masks(2)[10, 10] == 255


def test_style_is_a_paletted_renderer_with_names(tmp_path: Path) -> None:
    """QGIS gets every class with value, colour and label; names are escaped, whatever they hold."""
    path = tmp_path / "map.qml"
    legend = legend_of(NAMES)
    write_style(path, legend)
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    renderer = root.find("pipe/rasterrenderer")
    assert renderer is not None
    assert (renderer.get("type"), renderer.get("band")) == ("paletted", "1")
    entries = [(int(e.get("value", 0)), e.get("label"), e.get("color")) for e in renderer.iter("paletteEntry")]
    assert entries == [(entry.class_id, entry.name, entry.colour) for entry in legend.classes]
