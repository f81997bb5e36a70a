"""Files that meet are of one encoder, one recipe and one calendar, and are what others say of them."""

import ast
import json
import shlex
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tiny_map
from item_server import write_catalog
from typer.testing import CliRunner

from esd_tasks import cli

ROOT = Path(__file__).parent.parent

COMMANDS = (
    "pull --catalog codes --bbox 2.9,50.4,3.4,50.8",
    "classify --catalog codes --labels labels.gpkg --year 2020 --year-field year",
    "few-shot --catalog codes --labels labels.gpkg --year 2020 --year-field year",
    "learning-curve --catalog codes --labels labels.gpkg --year 2020 --year-field year",
    "change pair 2019 2020 --catalog codes --expected-rate 0.1",
    "change series --catalog codes",
    "migrate-labels --catalog codes --labels labels.gpkg --year-field year",
)
"""Commands that bring codes of several years together."""

DIFFERENCES: dict[str, tuple[dict[str, Any], str]] = {
    "encoder": ({"encoder": "esdnet-large-v2"}, "esdnet-large-v2"),
    "weights": ({"weights_sha256": "cd" * 32}, "weights"),
    "recipe": ({"source": "landsat"}, "recipe"),
    "calendar": ({"window_start": date(2020, 7, 1)}, "start on 2 different days"),
}
"""Tags of the second year, and what is said of them."""


def refused(words: str) -> str:
    """Run a command that is refused, and return its one line; nothing is left."""
    before = sorted(Path().rglob("*"))
    output = "out.gpkg" if words.startswith("migrate-labels") else "out"
    result = CliRunner().invoke(cli.app, [*shlex.split(words), "-o", output])
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert sorted(Path().rglob("*")) == before
    return line


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_codes_that_cannot_be_compared_never_meet(
    difference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command that reads two years says what differs, before anything is written."""
    monkeypatch.chdir(tmp_path)
    tags, said = DIFFERENCES[difference]
    tiny_map.write_place(Path("codes"), year=2019)
    tiny_map.write_place(Path("codes"), year=2020, **tags)
    tiny_map.write_labels(Path("labels.gpkg"), n=40, years=np.repeat([2019, 2020], 20))
    for words in COMMANDS:
        assert said in refused(words), words


def test_codes_of_a_format_from_the_future_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot know what codes mean does not read them: the version is named, by every command."""
    monkeypatch.chdir(tmp_path)
    tiny_map.write_place(Path("codes"), year=2019)
    with rasterio.open(tiny_map.write_place(Path("codes"), year=2020), "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.update_tags(ESD_FORMAT_VERSION="2")
    tiny_map.write_labels(Path("labels.gpkg"), n=40, years=np.repeat([2019, 2020], 20))
    for words in COMMANDS:
        assert "format version '2'" in refused(words), words


LIES = {
    "year": (("properties", "start_datetime"), "2018-01-01T00:00:00Z"),
    "tile": (("properties", "esd:tile"), "31UDS"),
    "grid": (("properties", "grid:code"), "MGRS-31UDS"),
    "encoder": (("properties", "esd:weights_sha256"), "cd" * 32),
    "size": (("assets", "embeddings", "file:size"), 12_345),
    "place": (("assets", "embeddings", "proj:shape"), [20, 21]),
}
"""What an item may say that its file does not."""


@pytest.mark.parametrize("lie", LIES)
def test_an_item_must_say_what_its_file_says(lie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Year, tile, weights, size and pixels of an item that are not those of its file end every read in one line."""
    monkeypatch.chdir(tmp_path)
    catalog = write_catalog(Path("place"), index=False)
    path = next(catalog.rglob("esd-*-31ues-2020.json"))
    content = json.loads(path.read_text())
    keys, value = LIES[lie]
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    assert keys[-1] in inner
    inner[keys[-1]] = value
    path.write_text(json.dumps(content))
    line = refused(f"pull --catalog {path} --bbox 4.4,50.8,4.401,50.801")
    assert "31UES" in line or "31ues" in line


def test_codes_are_opened_in_one_place() -> None:
    """Tasks open codes through their item alone, which compares the two; plain files make their own item."""
    importers = set()
    for path in (ROOT / "esd_tasks").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and any(name.name == "open_codes" for name in node.names):
                importers.add(path.relative_to(ROOT).as_posix())
    assert importers == {"esd_tasks/codes_item.py", "esd_tasks/item_sources/files.py"}
