"""Maps of a quantity as files that open finished: COG of floats, QGIS style with a colour ramp, picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

import numpy as np
import rasterio
from numpy.typing import NDArray

from esd_tasks.fonts import families, legible
from esd_tasks.maps import Pieces, write_raster
from esd_tasks.preview import finish_picture, start_picture
from stactools_esd.files import atomic_path

if TYPE_CHECKING:
    from esd_tasks.pull import Grid

NODATA: Final = -9999.0
"""Value of pixels without a value."""

DTYPE: Final = "float32"
"""Data type of all bands."""

_RAMP: Final = "viridis"
"""Colours of a quantity: even to the eye, also with a colour vision deficiency, and in grey."""

_STOPS: Final = 9
_MOST_SIDE: Final = 1200
_PERCENTILES: Final = (2, 98)


def write_value_map(
    path: Path,
    pieces: Pieces,
    *,
    grid: "Grid",
    bands: Sequence[str],
    unit: str,
    tags: Mapping[str, str],
) -> None:
    """Write quantities, block by block: overviews by mean, nodata -9999, the unit with each band.

    Args:
        path: `.tif`.
        pieces: Blocks with their values, (h, w) or (bands, h, w).
        grid: Georeference and size.
        bands: Name of each band.
        unit: Unit of all bands; empty where nobody said.
        tags: Tags of the dataset.
    """
    write_raster(
        path,
        pieces,
        grid=grid,
        dtype=DTYPE,
        bands=bands,
        nodata=NODATA,
        tags=tags,
        overview_resampling="average",
        units=[unit] * len(bands),
        predictor="FLOATING_POINT",
    )


def value_fields(bands: Sequence[str], unit: str) -> dict[str, Any]:
    """Return what the asset of a map of quantities says of its bands."""
    told = {"data_type": DTYPE, "nodata": NODATA} | ({"unit": unit} if unit else {})
    return {"bands": [{"name": name, **told} for name in bands]}


def value_range(path: Path) -> tuple[float, float]:
    """Return the 2nd and 98th percentile of the first band, read small; 0 and 1 where it has no value."""
    with rasterio.open(path) as dataset:
        shrink = max(1.0, max(dataset.width, dataset.height) / _MOST_SIDE)
        shape = (max(1, round(dataset.height / shrink)), max(1, round(dataset.width / shrink)))
        values = dataset.read(1, out_shape=shape)
    values = values[values != NODATA]
    if not values.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, _PERCENTILES))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def write_ramp_style(path: Path, low: float, high: float, unit: str) -> None:
    """Write the QGIS style of a map of quantities: a colour ramp between two values.

    Args:
        path: The map's path with the suffix `.qml`.
        low: Value of the first colour.
        high: Value of the last colour.
        unit: Stands behind the values.
    """
    root = ElementTree.Element("qgis", version="3.28.0", styleCategories="AllStyleCategories")
    pipe = ElementTree.SubElement(root, "pipe")
    renderer = ElementTree.SubElement(
        pipe,
        "rasterrenderer",
        type="singlebandpseudocolor",
        band="1",
        opacity="1",
        alphaBand="-1",
        nodataColor="",
        classificationMin=f"{low:.6g}",
        classificationMax=f"{high:.6g}",
    )
    ElementTree.SubElement(renderer, "rasterTransparency")
    shader = ElementTree.SubElement(
        ElementTree.SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        minimumValue=f"{low:.6g}",
        maximumValue=f"{high:.6g}",
    )
    for share, (red, green, blue, _) in zip(
        np.linspace(0, 1, _STOPS), ramp(np.linspace(0, 1, _STOPS)).tolist(), strict=True
    ):
        value = low + share * (high - low)
        ElementTree.SubElement(
            shader,
            "item",
            value=f"{value:.6g}",
            color=f"#{red:02x}{green:02x}{blue:02x}",
            label=f"{value:.3g} {unit}".strip(),
            alpha="255",
        )
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    with atomic_path(path) as temporary:
        temporary.write_text(f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{text}\n", encoding="utf-8")


def ramp(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the colours of shares 0..1 of the ramp, alpha included, one axis of four longer."""
    from matplotlib import colormaps

    return np.asarray(colormaps[_RAMP](np.clip(shares, 0, 1), bytes=True), dtype=np.uint8)


def write_value_picture(
    path: Path,
    map_path: Path,
    *,
    low: float,
    high: float,
    name: str,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    dots: str,
    title: str,
    note: str,
) -> None:
    """Draw the first band of a map of quantities as PNG, with its colour ramp.

    Args:
        path: `.png`.
        map_path: The map.
        low: Value of the first colour.
        high: Value of the last colour.
        name: Stands above the ramp: quantity and unit.
        x: Places in the CRS of the map, drawn as small dots.
        y: The same, northing.
        dots: What the places are.
        title: Stands above the map.
        note: Stands below it, small.
    """

    def colour(values: NDArray[Any]) -> NDArray[np.uint8]:
        colours = ramp((values - low) / (high - low))
        colours[values == NODATA] = 0
        return colours

    picture = start_picture(map_path, colour, x, y, title=title)
    top = picture.axes.get_position().y1
    axes = picture.figure.add_axes((picture.right + 0.005, max(top - 0.42, 0.2), 0.022, min(0.36, top - 0.26)))
    axes.imshow(ramp(np.linspace(1, 0, 256))[:, None], extent=(0, 1, low, high), aspect="auto")
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.tick_params(labelsize=8, length=2)
    for spine in axes.spines.values():
        spine.set_linewidth(0.4)
    picture.figure.text(picture.right, top, legible(name), fontsize=8.5, va="top", parse_math=False, family=families())
    if len(x):
        picture.figure.text(picture.right, max(top - 0.47, 0.12), f"○  {dots}", fontsize=8.5, va="top")
    finish_picture(path, picture, note)
