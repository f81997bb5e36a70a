"""Sources of a catalogue that nobody should believe: unknown encoders, strange addresses, secrets."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import synthetic
from click.testing import CliRunner

from esd_tasks.codes_item import one_identity
from esd_tasks.items import find_items
from stactools_esd import commands
from stactools_esd.catalog import create_catalog
from stactools_esd.cog import write_codes
from stactools_esd.errors import CatalogError, IncomparableError
from stactools_esd.item_folder import write_item
from stactools_esd.stac import create_item
from stactools_esd.validate import validate


@pytest.fixture
def source(area_cog: Path, tmp_path: Path) -> Path:
    """An item of an own tile."""
    return write_item(area_cog, tmp_path / "tiles").item


def changed(source: Path, **properties: Any) -> Path:
    """Change properties of an item, None takes one away."""
    item = json.loads(source.read_text())
    for key, value in properties.items():
        item["properties"][f"esd:{key}"] = value
    item["properties"] = {key: value for key, value in item["properties"].items() if value is not None}
    source.write_text(json.dumps(item))
    return source


@pytest.mark.parametrize("encoder", [None, "", "mystery", "Mystery-v1", "mystery v1", "../../x-v1", 5])
def test_an_encoder_that_is_none(encoder: Any, source: Path, tmp_path: Path) -> None:
    """An item that names no encoder, or none by the rule of names, is refused, and no folder is made of it."""
    with pytest.raises(CatalogError, match=r"invalid item|encoder"):
        create_catalog([changed(source, encoder=encoder)], tmp_path / "catalog")
    assert not (tmp_path / "catalog").exists()


def test_an_encoder_that_nobody_here_knows(tmp_path: Path) -> None:
    """Codes of somebody else's encoder have a collection of their own, without a model: it is not ours to describe."""
    tags = synthetic.tags("mystery-v9")
    place = {"transform": synthetic.AREA_TRANSFORM, "crs": synthetic.AREA_CRS}
    path = tmp_path / f"{tags.name.stem}.tif"
    write_codes(path, synthetic.patchy_codes(1, 16, 16), synthetic.counts(1, 16, 16), **place, tags=tags)
    root = create_catalog([path], tmp_path / "catalog").parent
    collection = json.loads((root / "esd-mystery-v9" / "collection.json").read_text())
    assert not any(link["rel"] == "emb:model" for link in collection["links"])
    assert validate(root).problems == []


def test_an_item_under_another_name(source: Path, tmp_path: Path) -> None:
    """An item whose encoder was changed has not the id of its encoder, and is refused."""
    with pytest.raises(CatalogError, match="expected the id 'esd-mystery-v9-xdemo-2020'"):
        create_catalog([changed(source, encoder="mystery-v9")], tmp_path / "catalog")


ADDRESSES = ["ftp://a.example/b.tif", "javascript:alert(1)", "file:///etc/passwd", "http://a.example/b.tif", "data:,x"]


@pytest.mark.filterwarnings("ignore::stactools_esd.errors.MissingFileWarning")
@pytest.mark.parametrize("href", ADDRESSES)
def test_unexpected_schemes_of_assets(href: str, source: Path, tmp_path: Path) -> None:
    """An item of others names its assets by expected schemes, or by those that are allowed."""
    item = json.loads(source.read_text())
    item["assets"]["visual"]["href"] = href
    source.write_text(json.dumps(item))
    with pytest.raises(CatalogError, match="with the scheme"):
        create_catalog([source], tmp_path / "catalog")
    root = create_catalog([source], tmp_path / "catalog", allowed=[href.split(":")[0]])
    assert href in next(root.parent.rglob("esd-*-2020.json")).read_text()


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "data:,x", "ftp://a.example/b", "https://a.example/?token=canary"]
)
def test_links_are_not_believed_either(href: str, source: Path, tmp_path: Path) -> None:
    """Links of an item of others have expected schemes and no secrets; pages and files it was made from may stay."""
    item = json.loads(source.read_text())
    item["links"] = [{"rel": "derived_from", "href": href}]
    source.write_text(json.dumps(item))
    with pytest.raises(CatalogError, match=r"with the scheme|with a signature") as caught:
        create_catalog([source], tmp_path / "catalog")
    assert "canary" not in str(caught.value)
    item["links"] = [
        {"rel": "about", "href": "http://a.example/"},
        {"rel": "derived_from", "href": "file:///data/a.nc"},
    ]
    source.write_text(json.dumps(item))
    create_catalog([source], tmp_path / "catalog")


@pytest.mark.parametrize(
    "query", ["X-Amz-Signature=canary", "AccessKeyId=a&Signature=canary", "sig=canary", "token=canary"]
)
def test_signatures_are_never_catalogued(query: str, source: Path, tmp_path: Path) -> None:
    """A signed address is refused, wherever it comes from, and the message does not repeat it."""
    item = json.loads(source.read_text())
    item["assets"]["visual"]["href"] = f"https://a.example/b.tif?{query}"
    source.write_text(json.dumps(item))
    for given in (source, f"https://a.example/SDC30_EBD_V001_50TMK_2020.tif?{query}"):
        with pytest.raises(CatalogError, match="signature or a password") as caught:
            create_catalog([given], tmp_path / "catalog")
        assert "canary" not in str(caught.value)
    assert not (tmp_path / "catalog").exists()


def test_a_collection_without_items(tmp_path: Path) -> None:
    """`collections` adds a collection whose items nobody has yet: the world, and no index."""
    root = create_catalog([], tmp_path / "catalog", collections=["official-v001"])
    assert validate(root).summary == "1 collection, 1 catalogue"
    content = json.loads((root.parent / "esd-official-v001" / "collection.json").read_text())
    assert content["sci:doi"].startswith("10.12436/")
    assert "assets" not in content


def test_the_picture_of_a_collection(area_cog: Path, tmp_path: Path) -> None:
    """A collection shows the thumbnail of an item of its last year, by a link that moves with it."""
    for year in (2019, 2020):
        tags = synthetic.tags(year=year)
        path = tmp_path / "codes" / f"{tags.name.stem}.tif"
        place = {"transform": synthetic.AREA_TRANSFORM, "crs": synthetic.AREA_CRS}
        write_codes(path, synthetic.patchy_codes(year, 16, 16), synthetic.counts(1, 16, 16), **place, tags=tags)
        write_item(path, tmp_path / "items")
    root = create_catalog([tmp_path / "items"], tmp_path / "catalog", copy=True).parent
    folder = root / "esd-esdnet-small-v1"
    asset = json.loads((folder / "collection.json").read_text())["assets"]["thumbnail"]
    assert asset["roles"] == ["thumbnail"]
    assert (folder / asset["href"]).is_file()
    assert "/2020/" in asset["href"]
    (tmp_path / "more").mkdir()
    create_catalog([area_cog], tmp_path / "more" / "catalog")  # without pictures there is none
    content = json.loads((tmp_path / "more" / "catalog" / folder.name / "collection.json").read_text())
    assert "thumbnail" not in content["assets"]


def test_an_item_of_a_signed_address_is_not_written(area_cog: Path) -> None:
    """`create_item` reads through a modifier, so that what is shown holds no signature."""
    item = create_item(
        "https://a.example/ESD_esdnet-small-v1_xdemo_2020.tif", read_href_modifier=lambda _: str(area_cog)
    )
    assert item.assets["embeddings"].href == "https://a.example/ESD_esdnet-small-v1_xdemo_2020.tif"


def test_the_next_command_is_one_that_works(area_cog: Path, official_tile: Path, tmp_path: Path) -> None:
    """Of several encoders a collection is named; whoever names the catalogue is told which there are."""
    place = tmp_path / "catalog"
    said = CliRunner().invoke(commands.esd, ["create-catalog", str(area_cog), str(place)])
    assert said.stdout.endswith(f"--catalog {place}\n")
    both = CliRunner().invoke(commands.esd, ["create-catalog", str(official_tile), str(place), "--append"])
    assert both.stdout.endswith(f"--catalog {place}/esd-esdnet-small-v1\n")
    items = find_items(place)
    assert one_identity(find_items(f"{place}/esd-esdnet-small-v1")).encoder.label == "esdnet-small-v1"
    with pytest.raises(IncomparableError) as caught:
        one_identity(items)
    assert f"--catalog {place}/esd-esdnet-small-v1 or {place}/esd-official-v001" in str(caught.value)
    alone = [replace(item, item_href=None) for item in items]
    with pytest.raises(IncomparableError, match="--catalog esd-esdnet-small-v1 or esd-official-v001"):
        one_identity(alone)
    there = [replace(item, item_href=f"https://h/{item.identity.encoder.collection_id}/a.json?sig=x") for item in items]
    with pytest.raises(IncomparableError, match=r"https://h/esd-official-v001/collection\.json$"):
        one_identity(there)


@pytest.mark.parametrize("arguments", [("{codes}", ""), ("", "{tmp}/catalog"), ("--check", "")])
def test_an_empty_name_is_no_folder(
    arguments: tuple[str, ...], area_cog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of the shell that is empty does not stand for the folder one happens to be in."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    given = [argument.format(codes=area_cog, tmp=tmp_path) for argument in arguments]
    refused = CliRunner().invoke(commands.esd, ["create-catalog", *given])
    assert refused.exit_code == 2
    assert "got an empty" in refused.stderr
    assert not list((tmp_path / "here").iterdir())
    assert not (tmp_path / "catalog").exists()


@pytest.mark.filterwarnings("default::stactools_esd.errors.MissingFileWarning")
@pytest.mark.parametrize("kind", ["item", "listing"])
def test_files_that_nobody_has_are_told(kind: str, source: Path, tmp_path: Path) -> None:
    """A catalogue of absent files is written, with one line on stderr: how many, the first, and what to do."""
    for path in source.parent.glob("*.*if*"):
        path.unlink()
    if kind == "listing":
        source = tmp_path / "listing.csv"
        source.write_text("tile,year,href\n50TMK,2020,a.tif\n50TNK,2020,https://a.example/b.tif\n50TPK,2020,c.tif\n")
    done = CliRunner().invoke(commands.esd, ["create-catalog", str(source), str(tmp_path / "catalog")])
    assert done.exit_code == 0
    (line,) = done.stderr.splitlines()
    first = tmp_path / "catalog" / "a.tif" if kind == "listing" else f"{source.parent}/ESD_esdnet-small-v1_xdemo_2020"
    assert line.startswith(f"Warning: got 2 assets whose files do not exist, such as {first}")
    assert "put the files there" in line
