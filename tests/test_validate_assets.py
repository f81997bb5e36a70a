"""Validation of what documents name: schemes, files outside the folder, and the index beside its items."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from stactools_esd import commands, parquet_index
from stactools_esd.catalog import create_catalog
from stactools_esd.item_folder import write_item
from stactools_esd.validate import validate

Json = dict[str, Any]
UNEXPECTED = ("ftp://h/x.tif", "/vsicurl/http://h/x.tif", "file:///etc/passwd", "javascript:alert(1)", "data:,x")


@pytest.fixture
def items(area_cog: Path, tmp_path: Path) -> Path:
    """A folder with an item and its assets."""
    write_item(area_cog, tmp_path / "items")
    return tmp_path / "items"


@pytest.fixture
def whole(items: Path, tmp_path: Path) -> Path:
    """A catalogue that is one folder."""
    return create_catalog([items], tmp_path / "whole", copy=True).parent


def item_of(catalog: Path) -> Path:
    """Return the document of the one item."""
    (path,) = catalog.rglob("esd-esdnet-small-v1-xdemo-2020.json")
    return path


def change(path: Path, edit: Callable[[Json], Any]) -> None:
    """Edit a document."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("href", UNEXPECTED)
@pytest.mark.parametrize("where", ["item", "collection"])
def test_unexpected_schemes_are_problems(href: str, where: str, whole: Path) -> None:
    """An asset by another scheme, or by a path of GDAL, is one line that names it; it is not looked for as a file."""
    path = item_of(whole) if where == "item" else whole / "esd-esdnet-small-v1" / "collection.json"
    change(path, lambda content: content["assets"]["thumbnail"].update(href=href))
    lines = [line for line in validate(whole).problems if "asset thumbnail" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"{path}: asset thumbnail: got the address ")
    if not href.startswith("/vsi"):
        scheme = href.split(":")[0]
        assert f"say --allow {scheme} if it is meant" in lines[0]
        allowed = validate(whole, allowed=[scheme]).problems
        assert not any("with the scheme" in line for line in allowed)


@pytest.mark.parametrize("href", ["https://h/x.png", "http://h/x.png", "s3://b/x.png", "gs://b/x.png"])
def test_servers_and_buckets_are_expected(href: str, items: Path) -> None:
    """URLs that every reader here takes are no problem, and are not fetched."""
    change(item_of(items), lambda item: item["assets"]["thumbnail"].update(href=href))
    assert validate(item_of(items)).problems == []


def test_links_have_schemes_too(items: Path) -> None:
    """A script, or a signed address, is a problem; pages, and `file:` for what a copy was made of, are not."""
    links = ["javascript:alert(1)", "https://h/a?sig=canary", "http://h/a", "file:///data/a.nc"]
    edit = lambda item: item.update(links=[{"rel": "via", "href": href} for href in links])  # noqa: E731
    change(item_of(items), edit)
    problems = validate(item_of(items)).problems
    assert len(problems) == 2
    assert all("link rel=via: got the address " in line for line in problems)
    assert not any("canary" in line for line in problems)


def test_assets_outside_the_folder_are_noted(items: Path, whole: Path, tmp_path: Path) -> None:
    """A catalogue whose codes lie where they were is valid; the command says so, and notes what stays behind."""
    root = create_catalog([items], tmp_path / "catalog").parent
    report = validate(root)
    assert report.problems == []
    (note,) = report.notes
    assert note.startswith(f"4 assets lie outside {root}, such as ")  # three of the item, one of its collection
    done = CliRunner().invoke(commands.esd, ["validate", str(root)])
    assert done.exit_code == 0
    assert done.stdout == f"valid: {report.summary}\n"
    assert done.stderr == f"Note: {note}\n"
    assert validate(whole).notes == []
    assert validate(item_of(root)).notes == []


def test_a_symbolic_link_out_of_the_folder_is_noted(whole: Path, tmp_path: Path) -> None:
    """What lies in the folder by its name alone stays behind as well; a folder may be named by a link."""
    (picture,) = whole.rglob("*.png")
    picture.rename(tmp_path / "elsewhere.png")
    picture.symlink_to(tmp_path / "elsewhere.png")
    assert "such as" in validate(whole).notes[0]
    picture.unlink()
    (tmp_path / "elsewhere.png").rename(picture)
    (tmp_path / "by-link").symlink_to(whole)
    assert validate(tmp_path / "by-link").notes == []


def _edit_item(catalog: Path) -> None:
    change(item_of(catalog), lambda item: item["properties"].update(description="another"))


def _lose_item(catalog: Path) -> None:
    leaf = item_of(catalog).parent
    change(leaf.parent / "catalog.json", lambda zone: zone["links"].pop())
    shutil.rmtree(leaf)


def _of_other_year(catalog: Path) -> None:
    edit = lambda content: content["assets"].update({"items-2019": content["assets"].pop("items-2020")})  # noqa: E731
    change(catalog / "esd-esdnet-small-v1" / "collection.json", edit)


def _old_part(catalog: Path) -> None:
    part = parquet_index.part_path(catalog / "esd-esdnet-small-v1", 2020)
    pq.write_table(pq.read_table(part).replace_schema_metadata({"esd:items_sha256": "0"}), part)


def _no_part(catalog: Path) -> None:
    parquet_index.part_path(catalog / "esd-esdnet-small-v1", 2020).unlink()


def _malformed(catalog: Path) -> None:
    path = catalog / "esd-esdnet-small-v1" / "collection.json"
    change(path, lambda content: content["assets"]["items-2020"].pop("esd:items_sha256"))


STALE: dict[str, tuple[Callable[[Path], None], str]] = {
    "an item was edited": (_edit_item, "collection.json: got an index of 2020 of other items than lie there"),
    "an item went": (_lose_item, "collection.json: got an index of 2020 of other items than lie there"),
    "an index of another year": (_of_other_year, "collection.json: got an index of 2020 of other items than lie there"),
    "an older part": (_old_part, "part-0.parquet: got an index that is not that of its collection"),
    "no part": (_no_part, "got asset items-2020 at ./index/year=2020/part-0.parquet, which does not exist"),
    "no digest": (_malformed, "'esd:items_sha256' is a required property"),
}


@pytest.mark.parametrize("case", STALE)
@pytest.mark.parametrize("relative", [False, True])
def test_an_index_of_other_items_is_a_problem(
    case: str, relative: bool, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `create-catalog --check` finds of an index, `validate` finds too; building again mends it."""
    harm, expected = STALE[case]
    monkeypatch.chdir(whole.parent)
    target = Path(whole.name) if relative else whole
    assert validate(target).problems == []
    harm(whole)
    assert any(expected in line for line in validate(target).problems), validate(target).problems
    create_catalog(["items"], whole, copy=True)
    assert validate(target).problems == []


def test_items_without_pyarrow(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base install compares the items with what the collection says, and notes that it opened no part."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    report = validate(whole)
    assert report.problems == []
    assert report.notes == ["the parts of the index were not opened: pip install 'stactools-esd[catalog]' for that"]
    _edit_item(whole)
    assert any("of other items than lie there" in line for line in validate(whole).problems)


def test_a_catalogue_without_an_index_is_valid(items: Path, tmp_path: Path) -> None:
    """`--no-index` leaves nothing to be older than the items."""
    root = create_catalog([items], tmp_path / "catalog", index=False, copy=True)
    assert validate(root).problems == []
    assert validate(root).notes == []
