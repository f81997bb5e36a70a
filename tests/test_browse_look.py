"""Before a catalogue is browsed, one line says which of its files the server cannot give."""

import shutil
from pathlib import Path

import pytest

from stactools_esd import browse_look
from stactools_esd.browse_look import look
from stactools_esd.catalog import create_catalog
from stactools_esd.item_folder import write_item

REPOSITORY = Path(__file__).parent.parent / "catalog"


@pytest.fixture
def items(area_cog: Path, tmp_path: Path) -> Path:
    """A folder with an item."""
    write_item(area_cog, tmp_path / "items")
    return tmp_path / "items"


def test_a_whole_catalogue_has_no_warning(items: Path, tmp_path: Path) -> None:
    """Copied assets are there, and so is all of the repository's catalogue."""
    assert look(create_catalog([items], tmp_path / "whole", copy=True)) is None
    assert look(REPOSITORY / "catalog.json") is None


def test_assets_outside_are_named(items: Path, tmp_path: Path) -> None:
    """Where codes were left where they are, the line says so, and the command it names makes the catalogue whole."""
    root = create_catalog([items], tmp_path / "catalog")
    line = look(root)
    assert line is not None
    assert "outside its folder, by a look at 1 item," in line
    assert f"stac esd create-catalog {root.parent} NEW --copy-assets --allow outside" in line
    assert look(create_catalog([root.parent], tmp_path / "new", copy=True, allowed=["outside"])) is None


def test_missing_assets_are_named(items: Path, tmp_path: Path) -> None:
    """A file that is gone is counted and named."""
    root = create_catalog([items], tmp_path / "catalog", copy=True)
    gone = next(root.parent.rglob("*_visual.tif"))
    gone.unlink()
    assert f"1 missing, by a look at 1 item, such as {gone}" in str(look(root))


def test_only_the_first_items_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large catalogue starts as fast as a small one: no more documents are read than it takes."""
    shutil.copytree(REPOSITORY, tmp_path / "catalog")
    monkeypatch.setattr(browse_look, "MOST_ITEMS", 1)
    read: list[Path] = []
    read_json = browse_look.read_json
    monkeypatch.setattr(browse_look, "read_json", lambda path: read.append(path) or read_json(path))
    assert look(tmp_path / "catalog" / "catalog.json") is None
    assert sum(path.stem == path.parent.name and path.stem.startswith("esd-") for path in read) == 1


def test_a_broken_document_is_no_obstacle(tmp_path: Path) -> None:
    """What is not JSON is passed by: browsing shows it."""
    (tmp_path / "catalog.json").write_text("{")
    assert look(tmp_path / "catalog.json") is None
