"""Names that somebody else gave stand in XML, HTML, JSON, tables and terminals as text, and do nothing there."""

import csv
import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import geopandas
import numpy as np
import pytest
import shapely
import tiny_map
from click.testing import CliRunner as ClickRunner
from rasterio.crs import CRS
from report_reader import ReportReader
from synthetic import AREA_CRS, AREA_TRANSFORM
from typer.testing import CliRunner as TyperRunner

from esd_tasks import cli, maps
from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.assess_table import write_matrix
from esd_tasks.commands.frame import messages
from esd_tasks.geopackage import write_geopackage
from esd_tasks.labels import read_labels
from esd_tasks.legend import Legend, LegendClass, legend_of, plain_name
from esd_tasks.map_item import class_fields
from esd_tasks.model_facts import legend_of_model
from stactools_esd import commands
from stactools_esd.errors import LabelsError
from stactools_esd.sources.landsat import _stack

NAMES = {
    1: "</script><script>alert(1)</script>",
    2: '"><svg onload=alert(1)>',
    3: "a & b &amp; ]]> <!-- -->",
    4: '=HYPERLINK("//host.example";"x")',
    5: "'; DROP TABLE labels; --",
    6: "+1-2@SUM(A1)",
    7: "森林 غابة लकड़ी",
}
"""Names that are legal, and that a writer which pastes texts together would be broken by."""

CONTROLS = "line\nbreak\r\x1b[2J\x1b]0;title\x07\x00\u202egpj.exe\ud800"
"""Signs that move cursors, end lines, turn the direction of writing, or are none."""


def shown(text: str) -> bool:
    """Tell whether a text is a line without signs that do something."""
    return all(sign.isprintable() for sign in text.removesuffix("\n"))


@pytest.fixture(scope="module")
def legend() -> Legend:
    """A legend of hostile names."""
    return legend_of(NAMES)


def test_styles_hold_names_as_attributes(legend: Legend, tmp_path: Path) -> None:
    """The style of QGIS is well-formed XML whose labels are the names."""
    maps.write_style(tmp_path / "map.qml", legend)
    text = (tmp_path / "map.qml").read_text(encoding="utf-8").partition("\n")[2]
    assert [entry.get("label") for entry in ElementTree.fromstring(text).iter("paletteEntry")] == list(NAMES.values())


def test_category_names_are_elements(legend: Legend) -> None:
    """GDAL's auxiliary file is well-formed XML with a category for each name, and no more."""
    categories = [entry.text for entry in ElementTree.fromstring(maps._categories(legend)).iter("Category")]
    assert categories[1:] == list(NAMES.values())


def test_pages_show_names(legend: Legend, tmp_path: Path) -> None:
    """A report loads nothing and runs nothing, whatever classes, titles and notes are called."""
    hostile = list(NAMES.values())
    page.write_page(
        tmp_path,
        title=hostile[0],
        lead=hostile[1],
        parts=[
            parts.legend_table(legend, dict.fromkeys(NAMES, 5)),
            parts.matrix_table(hostile, np.eye(len(hostile), dtype=int).tolist(), caption=hostile[1]),
            parts.caveats(hostile),
            page.facts({hostile[1]: hostile[2]}),
        ],
    )
    reader = ReportReader.of(tmp_path / page.REPORT)
    assert reader.faults == []
    assert not {"script", "iframe", "object", "embed"} & set(reader.tags)


def test_items_hold_names_as_json(legend: Legend) -> None:
    """Classes in an item are JSON texts; the identifiers beside them are of plain letters."""
    fields = json.loads(json.dumps(class_fields(legend, dict.fromkeys(NAMES, 1))))
    classes = fields["classification:classes"][1:]
    assert [entry["title"] for entry in classes] == list(NAMES.values())
    assert all(re.fullmatch(r"[0-9A-Za-z-_]+", entry["name"]) for entry in classes)


def test_geopackages_hold_names_as_values(tmp_path: Path) -> None:
    """Names with quotes and semicolons are values of a layer, not SQL; they are read back as labels."""
    places = [shapely.Point(4 + step / 100, 50) for step in range(len(NAMES))]
    frame = geopandas.GeoDataFrame({"class": list(NAMES.values())}, geometry=places, crs=4326)
    write_geopackage(tmp_path / "labels.gpkg", frame, layer="labels")
    assert sorted(read_labels(tmp_path / "labels.gpkg").names.values()) == sorted(NAMES.values())


def test_tables_hold_names_unchanged(tmp_path: Path) -> None:
    """A CSV is data: a name that a spreadsheet would take for a formula is quoted where CSV wants it, not changed."""
    write_matrix(tmp_path / "matrix.csv", list(NAMES), NAMES, np.eye(len(NAMES)))
    with (tmp_path / "matrix.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[2:] == list(NAMES.values())
    assert [row[1] for row in rows] == list(NAMES.values())


def test_virtual_rasters_hold_paths_as_text() -> None:
    """The XML that stacks the files of a scene holds their paths, whatever the folder is called."""
    file = Path("/data/<SourceFilename>&\"']]>/a.tif")
    scene: Any = SimpleNamespace(grid=(AREA_CRS, AREA_TRANSFORM, (2, 3)), files=[file])
    found = ElementTree.fromstring(_stack(scene))
    assert [entry.text for entry in found.iter("SourceFilename")] == [str(file)]
    assert CRS.from_wkt(found.findtext("SRS") or "") == AREA_CRS


def test_names_have_no_signs_that_do_something() -> None:
    """Controls, turns of direction and halves of signs become spaces wherever a legend comes from; joiners stay."""
    entry = LegendClass(class_id=1, name=CONTROLS, colour="#112233")
    assert shown(entry.name)
    assert entry.name.startswith("line break")
    entry.name.encode("utf-8")
    assert plain_name("می\u200cخواهم") == "می\u200cخواهم"
    model = {"legend": [{"class_id": 1, "class_name": CONTROLS, "colour": "#000000"}]}
    assert legend_of_model(model).names == (entry.name,)


@pytest.mark.parametrize("colour", ["red", "#12345", '#000000"><script>', "url(http://host.example)", "#00000G"])
def test_colours_are_colours(colour: str) -> None:
    """What stands in a style attribute is six hexadecimal digits."""
    with pytest.raises(LabelsError, match="#rrggbb"):
        LegendClass(class_id=1, name="a", colour=colour)


def test_errors_and_logs_are_one_line_that_moves_no_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names from files of others come to a terminal without escapes and line breaks, in both programs and in logs."""
    labels = tiny_map.write_labels(tmp_path / "labels.gpkg", n=30)
    frame = geopandas.read_file(labels)
    frame.assign(**{"class": "x\x1b[2J\x07y\x9b31m"}).to_file(labels)
    legend = tmp_path / "legend.csv"
    legend.write_text("class_id,class_name\n1,\x1b[31mred\n2,blue\n")
    line = ["classify", "--labels", str(labels), "--legend", str(legend), "--catalog", str(tmp_path), "--year", "2020"]
    tiny_map.write_place(tmp_path)
    result = TyperRunner().invoke(cli.app, line)
    assert result.exit_code == 1, result.output
    (said,) = result.stderr.splitlines()
    assert shown(said)
    item = {"type": "Feature", "stac_version": "1.1.0", "id": CONTROLS[:20], "properties": {"esd:tile": CONTROLS[:20]}}
    (tmp_path / "item.json").write_text(json.dumps(item))
    for command in (
        ["create-catalog", tmp_path / "item.json", tmp_path / "catalog"],
        ["validate", tmp_path / "item.json"],
    ):
        result = ClickRunner().invoke(commands.esd, [str(word) for word in command])
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        assert all(shown(said) for said in result.output.splitlines())
    capsys.readouterr()
    with messages(verbose=True, quiet=False):
        logging.getLogger("esd_tasks").warning("an item %s", CONTROLS[:-1])
    (said,) = capsys.readouterr().err.splitlines()
    assert shown(said)
