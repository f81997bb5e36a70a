"""Codes are held against the checksums of their items where somebody asks for it."""

import json
from pathlib import Path

import pytest
from item_server import serving, write_catalog
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.checksums import see_checksums
from esd_tasks.items import find_items
from stactools_esd.errors import CatalogError


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A catalogue with its codes, each item with size and checksum."""
    return write_catalog(tmp_path / "place", index=False)


def rot(catalog: Path) -> Path:
    """Change one byte of a file, which stays a raster of the same size; return it."""
    path = sorted(catalog.rglob("*31UES_2020.tif"))[0]
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    return path


def test_one_changed_bit_is_found_by_name(catalog: Path) -> None:
    """Sound files pass; a file with one other bit is named with both checksums."""
    items = find_items(catalog)
    see_checksums(items)
    path = rot(catalog)
    with pytest.raises(CatalogError, match=rf"{path.name} with the checksum 1220.*expected 1220"):
        see_checksums(items)


def test_an_item_that_states_none_cannot_be_verified(catalog: Path) -> None:
    """To verify what nobody stated is refused, with the way out."""
    path = next(catalog.rglob("esd-*-31ues-2020.json"))
    content = json.loads(path.read_text())
    del content["assets"]["embeddings"]["file:checksum"]
    path.write_text(json.dumps(content))
    with pytest.raises(CatalogError, match="states no SHA-256"):
        see_checksums(find_items(path))


def test_files_behind_a_url_are_verified_too(catalog: Path) -> None:
    """The server's bytes count; a file that is gone is one line."""
    with serving(catalog) as (url, _):
        items = find_items(f"{url}/files/catalog.json", years=[2020])
        assert all(item.href.startswith(url) for item in items)
        see_checksums(items)
        path = rot(catalog)
        with pytest.raises(CatalogError, match="with the checksum"):
            see_checksums(items)
        path.unlink()
        with pytest.raises(CatalogError, match="got status 404"):
            see_checksums(items)


def test_a_command_verifies_when_asked(catalog: Path, tmp_path: Path) -> None:
    """`--verify` refuses before anything is written, in one line; without it the run is as ever."""
    words = ["pull", "--catalog", str(catalog), "--bbox", "4.4,50.8,4.401,50.801", "--year", "2020"]
    sound = CliRunner().invoke(cli.app, [*words, "--verify", "-o", str(tmp_path / "sound")])
    assert sound.exit_code == 0, sound.output
    rot(catalog)
    refused = CliRunner().invoke(cli.app, [*words, "--verify", "-o", str(tmp_path / "refused")])
    assert refused.exit_code == 1
    (line,) = refused.stderr.splitlines()
    assert "expected 1220" in line
    assert not (tmp_path / "refused").exists()
