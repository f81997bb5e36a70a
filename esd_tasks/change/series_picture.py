"""Pictures and styles of years: a colour for each, dark for early and bright for late."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from esd_tasks import preview
from stactools_esd.files import atomic_path

CALM: Final = (225, 225, 225, 255)
"""Pixels without a break: light grey."""

_BAND: Final = 1
"""Band of `breaks.tif` that is drawn: the year of the largest break."""


def year_colours(years: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """Return a colour for each year, from dark violet to yellow, as people of all colour visions can order them."""
    from matplotlib import colormaps

    scale = colormaps["plasma"]
    places = np.linspace(0.02, 0.93, max(len(years), 1))
    colours = {}
    for year, place in zip(years, places, strict=False):
        red, green, blue = (round(255 * part) for part in scale(place)[:3])
        colours[year] = (red, green, blue)
    return colours


def draw_breaks(
    path: Path, map_path: Path, *, years: Sequence[int], shares: Sequence[float], title: str, note: str
) -> None:
    """Draw break years, and beside them the share of pixels that broke in each year.

    Args:
        path: `.png`.
        map_path: `breaks.tif`.
        years: Years that a break may have.
        shares: Share of the mapped pixels with a break in each of them.
        title: Stands above the map.
        note: Stands below it, small.
    """
    colours = year_colours(years)

    def colour(values: NDArray[Any]) -> NDArray[np.uint8]:
        out = np.zeros((*values.shape, 4), np.uint8)
        out[values == 0] = CALM
        for year, rgb in colours.items():
            out[values == year] = (*rgb, 255)
        return out

    empty = np.empty(0)
    picture = preview.start_picture(map_path, colour, empty, empty, title=title)
    box = picture.axes.get_position()
    axes = picture.figure.add_axes((picture.right + 0.06, box.y0, 0.97 - picture.right - 0.06, box.height))
    percent = [100 * share for share in shares]
    axes.barh(range(len(years)), percent, color=[np.array(colours[year]) / 255 for year in years], height=0.8)
    axes.set_yticks(range(len(years)), [str(year) for year in years], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("% of the mapped pixels", fontsize=7)
    axes.set_title("Breaks by year", fontsize=8.5, loc="left")
    axes.tick_params(axis="x", labelsize=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    preview.finish_picture(path, picture, note)


def write_year_style(path: Path, years: Sequence[int]) -> None:
    """Write the QGIS style of `breaks.tif`: the year of the largest break by colour, pixels without one transparent."""
    root = ElementTree.Element("qgis", version="3.28.0", styleCategories="AllStyleCategories")
    pipe = ElementTree.SubElement(root, "pipe")
    renderer = ElementTree.SubElement(
        pipe, "rasterrenderer", type="paletted", band=str(_BAND), opacity="1", alphaBand="-1", nodataColor=""
    )
    ElementTree.SubElement(renderer, "rasterTransparency")
    palette = ElementTree.SubElement(renderer, "colorPalette")
    ElementTree.SubElement(palette, "paletteEntry", value="0", color="#ffffff", label="no break", alpha="0")
    for year, (red, green, blue) in year_colours(years).items():
        hexed = f"#{red:02x}{green:02x}{blue:02x}"
        ElementTree.SubElement(palette, "paletteEntry", value=str(year), color=hexed, label=str(year), alpha="255")
    ElementTree.SubElement(pipe, "rasterresampler", maxOversampling="2")
    ElementTree.SubElement(root, "blendMode").text = "0"
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    with atomic_path(path) as temporary:
        temporary.write_text(f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{text}\n", encoding="utf-8")
