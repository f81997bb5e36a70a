"""The page of every report: text stays text, pictures have words, colours are legible, nothing is fetched."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio import open as rasterio_open
from rasterio.io import MemoryFile
from report_reader import ReportReader
from synthetic import AREA_CRS, AREA_TRANSFORM

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.legend import Legend, LegendClass, legend_of
from esd_tasks.maps import write_class_map
from esd_tasks.pull import Grid
from esd_tasks.report_axes import Axis
from esd_tasks.report_chart import Point, Series, bar, curves, scatter, stack
from esd_tasks.report_map import _png, class_map_figure
from esd_tasks.report_style import STYLE
from stactools_esd.blocks import Block

HOSTILE = "<script>alert('1')</script> \"quoted\" & 水 </td><b>"
"""A name as nobody should give it."""


def write(folder: Path, *sections: str, title: str = "a run") -> ReportReader:
    """Write a page and read it."""
    page.write_page(folder, title=title, lead="of something", parts=sections)
    return ReportReader.of(folder / page.REPORT)


@given(said=st.text(st.characters(codec="utf-8"), max_size=40))
def test_whatever_is_said_is_read_as_said(tmp_path_factory: pytest.TempPathFactory, said: str) -> None:
    """Names, notes, captions, heads, cells and words of pictures are text, whatever is in them."""
    series = [Series(name=said, points=[Point(x=0, y=0)]), Series(name=said, points=[])]
    axis = Axis(label=said, low=0, high=1)
    reader = write(
        tmp_path_factory.mktemp("page"),
        page.section(said, page.paragraph(said), page.note(said), page.facts({said: said})),
        page.table([said, said], [[said, said]], caption=said),
        page.listing([said]),
        page.details(said, said),
        curves(series, x=axis, y=axis, alt=said or "picture", caption=said, level=(0.5, said), diagonal=said),
        said,
        title=said,
    )
    shown = " ".join("".join(sign if sign.isprintable() or sign in "\u200c\u200d" else " " for sign in said).split())
    assert reader.text.count(shown) >= 12


def test_hostile_names_stand_in_tables_as_they_are(tmp_path: Path) -> None:
    """Markup in a class name neither runs nor breaks the table."""
    legend = Legend((LegendClass(class_id=1, name=HOSTILE, colour="#112233"),))
    matrix = parts.matrix_table([HOSTILE], [[3]], caption=HOSTILE)
    reader = write(tmp_path, parts.legend_table(legend, {1: 5}), matrix, parts.caveats([HOSTILE]))
    assert reader.text.count(HOSTILE) == 5
    assert reader.tags.count("b") == 0


def test_matrices_are_shaded_by_the_share_of_the_row_and_many_classes_have_numbers() -> None:
    """A deeper shade is a larger share, agreements and errors differ in hue, and twenty names do not fill the head."""
    two = parts.matrix_table(["a", "b"], [[90, 10], [0, 0]], caption="c")
    shades = re.findall(r"rgba\(([\d,]+),([\d.]+)\)", two)
    assert [hue for hue, _ in shades] == ["0,114,178", "213,94,0"]
    assert [float(depth) for _, depth in shades] == pytest.approx([0.9 * 0.45, 0.1 * 0.45], abs=0.006)
    names = [f"class {k}" for k in range(20)]
    many = parts.matrix_table(names, np.eye(20, dtype=int).tolist(), caption="c", numbers=range(30, 50))
    assert '<th scope="col">49</th>' in many
    assert '<th scope="row">49  class 19</th>' in many


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rgb` or `#rrggbb` (WCAG 2.2)."""
    full = colour[1:] if len(colour) == 7 else "".join(2 * one for one in colour[1:])
    shares = np.array([int(full[k : k + 2], 16) for k in (0, 2, 4)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_colours_are_legible_on_light_and_dark_paper() -> None:
    """Text has a contrast of 4.5 or more on every ground, series 3 or more (WCAG 2.2, AA)."""
    themes = [dict(re.findall(r"--(\w+):(#\w+)", block)) for block in STYLE.split("@media screen")[:2]]
    assert len(themes[0]) == len(themes[1]) == 15

    def contrast(one: str, other: str) -> float:
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    for theme in themes:
        for ground in ("paper", "faint", "warn"):
            assert contrast(theme["ink"], theme[ground]) > 7
        assert contrast(theme["soft"], theme["paper"]) > 4.5
        for number in range(8):
            assert contrast(theme[f"s{number}"], theme["paper"]) > 3
        for tint in ((0, 114, 178), (213, 94, 0)):
            paper = [int(theme["paper"].replace("#fff", "#ffffff")[k : k + 2], 16) for k in (1, 3, 5)]
            mixed = [round(0.55 * under + 0.45 * over) for under, over in zip(paper, tint, strict=True)]
            assert contrast(theme["ink"], "#{:02x}{:02x}{:02x}".format(*mixed)) > 4.5


def test_charts_draw_what_they_are_given(tmp_path: Path) -> None:
    """Points lie where they belong, NaN is left out, dots are thinned, bars end where their value is."""
    axis = Axis(label="x", low=0, high=1)
    one = curves(
        [Series(name="a", points=[Point(x=0, y=0), Point(x=1, y=float("nan")), Point(x=1, y=1, low=0.5, high=1)])],
        x=axis, y=axis, alt="a", caption="c",
    )  # fmt: skip
    assert len(re.findall("<circle", one)) == 2
    many = scatter({"a": [(k / 9000, 0.5) for k in range(9000)]}, x=axis, y=axis, alt="a", caption="c")
    assert len(re.findall("<circle", many)) == 3000
    assert "One dot in 3" in many
    assert 'width="75.0"' in bar(0.5)
    assert bar(None) == bar(float("nan")) == ""
    piled = stack([0, 1], [("#ff0000", [60, 50]), ("#00ff00", [40, 50])], x=axis,
                  y=Axis(label="%", low=0, high=100), alt="a", caption="c")  # fmt: skip
    assert piled.count('Z" fill=') == 2
    write(tmp_path, one, many, piled)
    assert [said for _, said in Axis(label="", low=-0.3, high=0.31).marks] == ["-0.2", "0", "0.2"]


@pytest.mark.parametrize("n_colours", [3, 1000])
def test_pictures_of_maps_have_the_colours_of_the_pixels(n_colours: int) -> None:
    """The picture in the page decodes to the pixels that went in, with a palette and without."""
    generator = np.random.default_rng(0)
    colours = generator.integers(0, 256, (n_colours, 4), dtype=np.uint8)
    pixels = colours[generator.integers(0, n_colours, (37, 53))]
    with MemoryFile(_png(pixels)) as file:
        with pytest.warns(match="no geotransform"):
            dataset = file.open()
        values = dataset.read()
        table = dataset.colormap(1) if dataset.count == 1 else {}
        dataset.close()
    if table:
        found = np.array([table[value] for value in values.ravel().tolist()]).reshape(pixels.shape)
    else:
        found = np.moveaxis(values, 0, -1)
    np.testing.assert_array_equal(found, pixels)


def large_map(path: Path) -> NDArray[np.uint8]:
    """Write a class map of 3000 x 2000 pixels with overviews."""
    values = np.repeat(np.arange(1, 4, dtype=np.uint8), 1000)[:, None] * np.ones((1, 2000), np.uint8)
    grid = Grid(crs=AREA_CRS, transform=AREA_TRANSFORM, width=2000, height=3000)
    blocks = [
        (Block(row=row, column=0, height=500, width=2000), values[row : row + 500]) for row in range(0, 3000, 500)
    ]
    write_class_map(path, blocks, grid=grid, legend=legend_of({1: "a", 2: "b", 3: "c"}), tags={})
    return values


def test_large_maps_are_read_from_overviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A map is read small, whatever its size, and places are drawn on it."""
    large_map(tmp_path / "map.tif")
    shapes = []

    class Watched:
        """A dataset that notes how much is read of it."""

        def __init__(self, path: Path) -> None:
            self.dataset = rasterio_open(path)

        def __enter__(self) -> "Watched":
            return self

        def __exit__(self, *_: object) -> None:
            self.dataset.close()

        def __getattr__(self, name: str) -> object:
            return getattr(self.dataset, name)

        def read(self, band: int, *, out_shape: tuple[int, int]) -> NDArray[np.uint8]:
            shapes.append(out_shape)
            return np.asarray(self.dataset.read(band, out_shape=out_shape))

    monkeypatch.setattr("esd_tasks.preview.rasterio.open", Watched)
    legend = legend_of({1: "a", 2: HOSTILE, 3: "c"})
    x, y = AREA_TRANSFORM * (np.array([10.0, 1000.0]), np.array([10.0, 2000.0]))
    figure = class_map_figure(tmp_path / "map.tif", legend, alt="map", caption="c", x=x, y=y, dots="samples")
    assert shapes == [(1000, 667)]
    assert len(figure) < 20_000
    assert figure.count('r="3"') == 3
    assert write(tmp_path, figure).text.count(HOSTILE) == 1
