"""`--copy-assets` copies what the user named, and what the item says it is: nothing else is published by chance."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stactools_esd import commands
from stactools_esd.catalog import create_catalog
from stactools_esd.errors import CatalogError, OutputError
from stactools_esd.files import multihash_file
from stactools_esd.item_folder import write_item
from stactools_esd.validate import validate

SECRET = b"a key of somebody"


@pytest.fixture
def tiles(area_cog: Path, tmp_path: Path) -> Path:
    """A folder with an item and its assets."""
    write_item(area_cog, tmp_path / "tiles")
    return tmp_path / "tiles"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A file of this machine that nobody named."""
    path = tmp_path / "home" / "private_key"
    path.parent.mkdir()
    path.write_bytes(SECRET)
    return path


def name_thumbnail(tiles: Path, **asset: Any) -> None:
    """Change the thumbnail of the item; None takes a field away."""
    (path,) = tiles.rglob("esd-*.json")
    item = json.loads(path.read_text())
    thumbnail = item["assets"]["thumbnail"] | asset
    item["assets"]["thumbnail"] = {field: value for field, value in thumbnail.items() if value is not None}
    path.write_text(json.dumps(item))


def holds_secret(folder: Path) -> bool:
    """Tell whether any file below a folder holds the key."""
    return any(SECRET in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def said_of(path: Path) -> dict[str, Any]:
    """Return size and checksum of a file as an item states them."""
    return {"file:size": path.stat().st_size, "file:checksum": multihash_file(path)}


@pytest.mark.parametrize(
    "way", ["absolute", "relative", "symbolic link", "linked folder", "link to nowhere", "circle", "hidden"]
)
@pytest.mark.parametrize("source", ["folder", "item"])
@pytest.mark.parametrize("stated", [False, True])
def test_a_foreign_file_is_not_copied(
    way: str, source: str, stated: bool, tiles: Path, key: Path, tmp_path: Path
) -> None:
    """However an item names a file outside the sources, with its true checksum or none, nothing is written."""
    (leaf,) = tiles.iterdir()
    hrefs = {"absolute": str(key), "relative": "../../home/private_key", "linked folder": "./below/private_key"}
    if way == "hidden":
        (leaf / ".env").write_bytes(SECRET)
    targets = {"symbolic link": key, "linked folder": key.parent, "link to nowhere": tmp_path / "gone"}
    if way in targets or way == "circle":
        name = "below" if way == "linked folder" else "link.png"
        (leaf / name).symlink_to(targets.get(way, leaf / name))
    href = hrefs.get(way, "./.env" if way == "hidden" else "./link.png")
    said = said_of(key) if stated else {"file:size": None, "file:checksum": None}
    name_thumbnail(tiles, href=href, **said)
    given = tiles if source == "folder" else next(tiles.rglob("esd-*.json"))
    if way == "circle":  # it leads to itself, so nowhere: there is nothing to copy
        with pytest.raises(OutputError, match=r"link\.png") as caught:
            create_catalog([given], tmp_path / "catalog", copy=True)
    else:
        with pytest.raises(CatalogError, match="--allow outside") as caught:
            create_catalog([given], tmp_path / "catalog", copy=True)
        assert not (tmp_path / "catalog").exists()
    assert "\n" not in str(caught.value)


def test_pictures_beside_codes_are_not_believed_either(area_cog: Path, key: Path, tmp_path: Path) -> None:
    """A codes COG without an item has the pictures of its name; one that is a link to elsewhere is refused."""
    area_cog.with_name(f"{area_cog.stem}_thumbnail.png").symlink_to(key)
    for given in (area_cog.parent, area_cog):
        with pytest.raises(CatalogError, match="--allow outside"):
            create_catalog([given], tmp_path / "catalog", copy=True)
    assert not (tmp_path / "catalog").exists()


def test_what_is_meant_is_said(tiles: Path, key: Path, tmp_path: Path) -> None:
    """`--allow outside` copies it, and the command names that word; without a copy the item only names its place."""
    name_thumbnail(tiles, href=str(key), **said_of(key))

    def run(*options: str) -> Any:
        given = ["create-catalog", str(tiles), str(tmp_path / "catalog"), *options]
        return CliRunner().invoke(commands.esd, given)

    refused = run("--copy-assets")
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)
    assert "--allow outside" in refused.stderr
    assert run().exit_code == 0
    assert not holds_secret(tmp_path / "catalog")
    assert run("--copy-assets", "--allow", "outside").exit_code == 0
    assert holds_secret(tmp_path / "catalog")


def test_a_folder_that_is_named_may_be_copied(tiles: Path, area_cog: Path, tmp_path: Path) -> None:
    """Items that leave the codes where they are: naming that folder, too, is enough, by a link to it as well."""
    item = write_item(area_cog, tmp_path / "items", copy=False).item
    with pytest.raises(CatalogError, match="--allow outside"):
        create_catalog([item], tmp_path / "catalog", copy=True)
    (tmp_path / "linked").symlink_to(area_cog.parent)
    root = create_catalog([item, tmp_path / "linked"], tmp_path / "catalog", copy=True)
    assert validate(root).problems == []
    standing = create_catalog([tiles], tmp_path / "standing").parent
    whole = create_catalog([standing, tiles], tmp_path / "whole", copy=True)
    assert validate(whole).problems == []
    assert len(list(whole.parent.rglob("*.tif"))) == 2


@pytest.mark.parametrize("field", ["file:size", "file:checksum"])
def test_a_file_that_is_not_what_its_item_says_is_not_copied(field: str, tiles: Path, tmp_path: Path) -> None:
    """A thumbnail that was exchanged gets no final name in the catalogue; once it is back, the same command goes on."""
    (picture,) = tiles.rglob("*.png")
    content = picture.read_bytes()
    picture.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if field == "file:checksum" else content + b"\0")
    with pytest.raises(CatalogError, match=r"that its item states; restore the file"):
        create_catalog([tiles], tmp_path / "catalog", copy=True)
    assert not list((tmp_path / "catalog").rglob("*.png"))
    picture.write_bytes(content)
    root = create_catalog([tiles], tmp_path / "catalog", copy=True)
    assert validate(root).problems == []


def test_a_copy_that_was_damaged_is_made_again(tiles: Path, tmp_path: Path) -> None:
    """A copy is left alone where it is what the item says, and no longer."""
    root = create_catalog([tiles], tmp_path / "catalog", copy=True)
    (picture,) = root.parent.rglob("*.png")
    content = picture.read_bytes()
    picture.write_bytes(b"\0" * len(content))
    create_catalog([tiles], tmp_path / "catalog", copy=True)
    assert picture.read_bytes() == content
