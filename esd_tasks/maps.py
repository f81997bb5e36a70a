"""Class maps as files that open finished: COG with colour table and class names, quality COG, QGIS style.

`map.tif` has one band, for a GeoTIFF keeps a colour table only in a file of one band; confidence and clear
observations are the bands of `quality.tif`. Class names stand in a tag of the band, as GDAL categories in
`map.tif.aux.xml`, and in the QGIS style `map.qml`, which QGIS loads by itself.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray

from esd_tasks.legend import UNCLASSIFIED, Legend
from stactools_esd.blocks import Block
from stactools_esd.errors import OutputError
from stactools_esd.files import atomic_path, scratch_path
from stactools_esd.gdal import quiet_gdal

if TYPE_CHECKING:
    from esd_tasks.pull import Grid

CLASS_BAND: Final = "class"
"""Name of the band of `map.tif`."""

QUALITY_BANDS: Final = ("confidence", "clear_obs")
"""Bands of `quality.tif`: probability of the mapped class in percent, and count of clear observations."""

QUALITY_NODATA: Final = 65_535
"""Value of `quality.tif` where a band has none: no class, or no data."""

_TILE: Final = 256
_COG: Final = {"driver": "COG", "compress": "DEFLATE", "level": "4", "blocksize": str(_TILE), "bigtiff": "IF_SAFER"}
"""DEFLATE, for readers in browsers have no ZSTD; level 9 saves a seventh of the bytes and takes nine times as long."""

_UNCLASSIFIED_NAME: Final = "unclassified"

Pieces = Iterable[tuple[Block, NDArray[Any]]]
"""Blocks of a raster with their values, (h, w) or (bands, h, w)."""


def write_class_map(path: Path, pieces: Pieces, *, grid: "Grid", legend: Legend, tags: Mapping[str, str]) -> None:
    """Write a class map, block by block: overviews by mode, nodata 0.

    Args:
        path: `.tif`; the class names go to `<path>.aux.xml` beside it.
        pieces: Blocks with their class_id, (h, w); what no block covers stays unclassified.
        grid: Georeference and size.
        legend: Every class of the map.
        tags: Tags of the dataset.
    """
    names = {str(class_id): name for class_id, name in legend.by_id.items()}
    colours = {UNCLASSIFIED: (0, 0, 0, 0)} | {entry.class_id: (*entry.rgb, 255) for entry in legend.classes}
    write_raster(
        path,
        pieces,
        grid=grid,
        dtype=legend.dtype,
        bands=(CLASS_BAND,),
        nodata=UNCLASSIFIED,
        tags=tags,
        band_tags={"CLASS_NAMES": json.dumps(names, ensure_ascii=False)},
        colours=colours,
        overview_resampling="mode",
    )
    with atomic_path(path.with_name(path.name + ".aux.xml")) as temporary:
        temporary.write_text(_categories(legend), encoding="utf-8")


def write_quality_map(
    path: Path,
    pieces: Pieces,
    *,
    grid: "Grid",
    tags: Mapping[str, str],
    bands: Sequence[str] = QUALITY_BANDS,
) -> None:
    """Write confidence in percent and clear observations, block by block: nodata 65535.

    Pixels with too few clear observations have a count and no confidence.

    Args:
        path: `.tif`.
        pieces: Blocks with their two bands, (2, h, w).
        grid: Georeference and size.
        tags: Tags of the dataset.
        bands: Names of the two bands.
    """
    write_raster(
        path,
        pieces,
        grid=grid,
        dtype="uint16",
        bands=bands,
        nodata=QUALITY_NODATA,
        tags=tags,
        overview_resampling="average",
    )


def write_style(path: Path, legend: Legend) -> None:
    """Write the QGIS style of a class map: a paletted renderer with names and colours.

    Args:
        path: The map's path with the suffix `.qml`.
        legend: Classes to show.
    """
    root = ElementTree.Element("qgis", version="3.28.0", styleCategories="AllStyleCategories")
    pipe = ElementTree.SubElement(root, "pipe")
    renderer = ElementTree.SubElement(
        pipe, "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1", nodataColor=""
    )
    ElementTree.SubElement(renderer, "rasterTransparency")
    palette = ElementTree.SubElement(renderer, "colorPalette")
    for entry in legend.classes:
        ElementTree.SubElement(
            palette, "paletteEntry", value=str(entry.class_id), color=entry.colour, label=entry.name, alpha="255"
        )
    ElementTree.SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    ElementTree.SubElement(pipe, "huesaturation", saturation="0", grayscaleMode="0", colorizeOn="0")
    ElementTree.SubElement(pipe, "rasterresampler", maxOversampling="2")
    ElementTree.SubElement(root, "blendMode").text = "0"
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    with atomic_path(path) as temporary:
        temporary.write_text(f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{text}\n", encoding="utf-8")


def count_classes(path: Path, legend: Legend) -> dict[int, int]:
    """Count the pixels of each class of a class map, row of tiles by row of tiles.

    Returns:
        Pixels by class_id, classes without pixels included, unclassified ones not.
    """
    counts = np.zeros(legend.ids[-1] + 1, dtype=np.int64)
    with rasterio.open(path) as dataset:
        for row in range(0, dataset.height, _TILE):
            window = rasterio.windows.Window(0, row, dataset.width, min(_TILE, dataset.height - row))
            counts += np.bincount(dataset.read(1, window=window).ravel(), minlength=counts.size)
    return {class_id: int(counts[class_id]) for class_id in legend.ids}


def write_raster(
    path: Path,
    pieces: Pieces,
    *,
    grid: "Grid",
    dtype: str,
    bands: Sequence[str],
    nodata: float | None,
    tags: Mapping[str, str],
    overview_resampling: str,
    band_tags: Mapping[str, str] | None = None,
    colours: Mapping[int, tuple[int, int, int, int]] | None = None,
    units: Sequence[str] | None = None,
    **creation: str,
) -> None:
    """Fill a tiled GeoTIFF block by block, then copy it to a COG, in the memory of a block.

    The first one is not compressed: that would take as long as half of the copy, for a file that soon goes.

    Args:
        path: `.tif`.
        pieces: Blocks with their values, (h, w) or (bands, h, w); what no block covers has no data.
        grid: Georeference and size.
        dtype: Data type of all bands.
        bands: Name of each band.
        nodata: Value without meaning; None where no value of a band alone says that.
        tags: Tags of the dataset.
        overview_resampling: How overviews are made.
        band_tags: Tags of the first band.
        colours: Red, green, blue and alpha of the values of the only band.
        units: Unit of each band.
        **creation: Further creation options of GDAL's COG driver.
    """
    profile = {
        "driver": "GTiff",
        "count": len(bands),
        "dtype": dtype,
        "height": grid.height,
        "width": grid.width,
        "transform": grid.transform,
        "crs": grid.crs,
        "nodata": nodata,
        "tiled": True,
        "blockxsize": _TILE,
        "blockysize": _TILE,
        "photometric": "minisblack",
        "bigtiff": "IF_SAFER",
    }
    with atomic_path(path) as final, scratch_path(final) as raw, quiet_gdal(f"write {path}", error=OutputError):
        with rasterio.open(raw, "w", **profile) as dataset:
            dataset.update_tags(**tags)
            dataset.update_tags(1, **(band_tags or {}))
            dataset.descriptions = tuple(bands)
            if units is not None:
                dataset.units = tuple(units)
            if colours is not None:
                dataset.write_colormap(1, colours)
            for block, values in pieces:
                whole = values.reshape(len(bands), block.height, block.width).astype(dtype)
                dataset.write(whole, window=block.window)
        rasterio.shutil.copy(raw, final, overview_resampling=overview_resampling, **_COG | creation)


def _categories(legend: Legend) -> str:
    """Return class names as GDAL's auxiliary file: one category for each value from 0 to the largest id."""
    names = {UNCLASSIFIED: _UNCLASSIFIED_NAME} | legend.by_id
    root = ElementTree.Element("PAMDataset")
    band = ElementTree.SubElement(root, "PAMRasterBand", band="1")
    categories = ElementTree.SubElement(band, "CategoryNames")
    for value in range(legend.ids[-1] + 1):
        ElementTree.SubElement(categories, "Category").text = names.get(value, "")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
