"""The catalogue of a listing: items without rasters, what is added later, and what a check finds."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import synthetic
from click.testing import CliRunner, Result

from esd_tasks.items import find_items
from esd_tasks.places import bbox_geometry
from stactools_esd import commands, grid, parquet_index
from stactools_esd.catalog import Layout, create_catalog
from stactools_esd.catalog_check import check_catalog
from stactools_esd.catalog_listing import catalog_of_listing
from stactools_esd.errors import CatalogError, IncomparableError, MissingExtraError
from stactools_esd.item_folder import write_item
from stactools_esd.listing import Entry, write_listing
from stactools_esd.signing import archive_href
from stactools_esd.stac import create_item
from stactools_esd.validate import validate

TILES = ("50TMK", "50TNK", "01KAB", "60KYF", "21HUB")
"""Two neighbours, two at the antimeridian, one in the south."""


def listing(path: Path, tiles: tuple[str, ...] = TILES, years: tuple[int, ...] = (2019, 2020), size: int = 100) -> Path:
    """Write a listing of official tiles."""
    entries = []
    for year in years:
        for tile in tiles:
            href = archive_href(f"SDC30_EBD_V001/{year}", f"SDC30_EBD_V001_{tile}_{year}.tif")
            entries.append(Entry(tile=tile, year=year, href=href, size=size))
    write_listing(path, entries)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(*arguments: str | Path) -> Result:
    """Run `stac esd` in this process."""
    return CliRunner().invoke(commands.esd, [str(argument) for argument in arguments])


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """The folder of a catalogue of ten items."""
    return catalog_of_listing(listing(tmp_path / "listing.csv"), tmp_path / "catalog").parent


def test_it_is_sound_and_found(catalog: Path) -> None:
    """Every document is valid, and place and year find items through the index, also at the antimeridian."""
    report = validate(catalog)
    assert report.problems == []
    assert report.counts["item"] == 10
    found = find_items(catalog, geometry=bbox_geometry(179.0, -18.0, -179.0, -17.0), years=[2020])
    assert {item.tile for item in found} <= {"01KAB", "60KYF"}
    assert {item.tile for item in find_items(catalog, years=[2019])} == set(TILES)


def test_an_item_is_that_of_its_raster(tmp_path: Path) -> None:
    """What a listing derives is what the raster on the tile's own grid says, but for where it is known from."""
    raster = tmp_path / "SDC30_EBD_V001_50TMK_2020.tif"
    codes, counts = synthetic.patchy_codes(1, 16, 16), synthetic.counts(1, 16, 16)
    synthetic.write_official(raster, codes, counts, transform=grid.tile("50TMK").transform, crs="EPSG:32650")
    seen = create_item(raster).to_dict(False, False)
    root = catalog_of_listing(listing(tmp_path / "listing.csv", ("50TMK",), (2020,)), tmp_path / "catalog").parent
    (path,) = root.rglob(f"{seen['id']}.json")
    item = json.loads(path.read_text())
    assert item["properties"].pop("esd:geometry_source") == "derived"
    assert item["properties"].pop("auth:schemes")["iearth"]["type"] == "signedUrl"
    assert seen["properties"].pop("esd:geometry_source") == "raster"
    assert item["properties"].pop("proj:bbox") == list(grid.tile("50TMK").bounds)
    del seen["properties"]["proj:bbox"]
    assert item["properties"] == seen["properties"]
    asset, other = item["assets"]["embeddings"], seen["assets"]["embeddings"]
    assert (asset["file:size"], asset["auth:refs"], asset["proj:shape"]) == (100, ["iearth"], [3600, 3600])
    assert {key: asset[key] for key in ("bands", "esd:fsq", "proj:transform", "type", "roles")} == {
        key: other[key] for key in ("bands", "esd:fsq", "proj:transform", "type", "roles")
    }
    assert item["geometry"] == grid.footprint(32650, grid.tile("50TMK").bounds)


def test_bytes_know_neither_processes_nor_order(catalog: Path, tmp_path: Path) -> None:
    """Two processes, and a catalogue that grew tile by tile, end in the same bytes, the index among them."""
    catalog_of_listing(tmp_path / "listing.csv", tmp_path / "two", layout=Layout(workers=2))
    assert contents(tmp_path / "two") == contents(catalog)
    for number, tiles in enumerate((TILES[3:], TILES[:2], TILES[2:4])):
        part = listing(tmp_path / f"part{number}.csv", tiles)
        catalog_of_listing(part, tmp_path / "grown", layout=Layout(append=True))
    assert contents(tmp_path / "grown") == contents(catalog)


def test_what_did_not_change_is_not_touched(catalog: Path, tmp_path: Path) -> None:
    """Another year is added: of what was there only the collection changes, whatever time it is."""
    before = {path: path.stat().st_mtime_ns for path in catalog.rglob("*") if path.is_file()}
    catalog_of_listing(listing(tmp_path / "more.csv", years=(2021,)), catalog, layout=Layout(append=True))
    changed = {path.name for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert changed == {"collection.json"}
    assets = json.loads((catalog / "esd-official-v001" / "collection.json").read_text())["assets"]
    counts = {key: asset["esd:item_count"] for key, asset in assets.items()}
    assert counts == {"items-2019": 5, "items-2020": 5, "items-2021": 5}
    assert check_catalog(catalog).lines == []
    assert validate(catalog).problems == []


def test_a_changed_line_changes_its_item_alone(catalog: Path, tmp_path: Path) -> None:
    """With `append`, an item whose size changed is written anew, with the part of its year and the collection."""
    before = contents(catalog)
    one = listing(tmp_path / "one.csv", ("50TMK",), (2020,), size=101)
    catalog_of_listing(one, catalog, layout=Layout(append=True))
    after = contents(catalog)
    assert {Path(name).name for name in after if after[name] != before.get(name)} == {
        "esd-official-v001-50tmk-2020.json",
        "part-0.parquet",
        "collection.json",
    }


def test_items_are_not_dropped_by_chance(catalog: Path, tmp_path: Path) -> None:
    """A shorter listing is refused, unless items shall be dropped; then part and leaves go, too."""
    short = listing(tmp_path / "short.csv", TILES[:2], (2020,))
    with pytest.raises(CatalogError, match="say --append to keep them, or --replace"):
        catalog_of_listing(short, catalog)
    catalog_of_listing(short, catalog, layout=Layout(replace=True))
    catalog_of_listing(short, tmp_path / "fresh")
    assert contents(catalog) == contents(tmp_path / "fresh")


def test_files_join_a_listing(catalog: Path, area_cog: Path, tmp_path: Path) -> None:
    """Own tiles are appended to the archive's catalogue: two collections, each with its index."""
    create_catalog([area_cog], catalog, append=True)
    assert validate(catalog).problems == []
    assert len(find_items(catalog)) == 11
    others = synthetic.tags(year=2021, weights_sha256="cd" * 32)
    from stactools_esd.cog import write_codes

    place = {"transform": synthetic.AREA_TRANSFORM, "crs": synthetic.AREA_CRS}
    path = tmp_path / "other" / f"{others.name.stem}.tif"
    write_codes(path, synthetic.patchy_codes(1, 16, 16), synthetic.counts(1, 16, 16), **place, tags=others)
    with pytest.raises(IncomparableError):
        create_catalog([path], catalog, append=True)


@pytest.mark.filterwarnings("ignore::stactools_esd.errors.MissingFileWarning")
def test_tiles_like_an_item(area_cog: Path, tmp_path: Path) -> None:
    """A listing of another encoder takes weights and recipe from an item of it."""
    like = write_item(area_cog, tmp_path / "tiles").item
    path = tmp_path / "listing.csv"
    path.write_text("tile,year,href\n31UES,1999,ESD_esdnet-small-v1_31UES_1999.tif\n")
    made = run("create-catalog", path, tmp_path / "catalog", "--like", like)
    assert made.exit_code == 0, made.output
    (item,) = find_items(tmp_path / "catalog")
    assert item.identity.encoder.weights_sha256 == synthetic.WEIGHTS_SHA256
    assert item.href == str(tmp_path / "catalog" / "ESD_esdnet-small-v1_31UES_1999.tif")


def test_without_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow nothing is written unless the index is renounced; then all is there but the index."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    path = listing(tmp_path / "listing.csv")
    with pytest.raises(MissingExtraError, match=r"stactools-esd\[catalog\]"):
        catalog_of_listing(path, tmp_path / "catalog")
    assert not (tmp_path / "catalog").exists()
    catalog = catalog_of_listing(path, tmp_path / "catalog", layout=Layout(index=False)).parent
    monkeypatch.undo()
    assert not list(catalog.rglob("*.parquet"))
    assert "assets" not in json.loads((catalog / "esd-official-v001" / "collection.json").read_text())
    assert len(find_items(catalog)) == 10
    catalog_of_listing(path, catalog)
    catalog_of_listing(path, tmp_path / "other")
    assert contents(catalog) == contents(tmp_path / "other")


def item_path(catalog: Path, tile: str = "50tmk", year: int = 2020) -> Path:
    """Return the document of an item."""
    (path,) = catalog.rglob(f"esd-official-v001-{tile}-{year}.json")
    return path


def _lose(catalog: Path) -> None:
    item_path(catalog).unlink()


def _change(catalog: Path) -> None:
    path = item_path(catalog)
    path.write_text(path.read_text().replace("3600", "3599"))


def _orphan(catalog: Path) -> None:
    path = item_path(catalog).parent
    shutil.copytree(path, path.with_name("stray"))
    (path.with_name("stray") / item_path(catalog, "50tnk").name).unlink(missing_ok=True)
    (next(path.with_name("stray").iterdir())).rename(path.with_name("stray") / "stray.json")


def _twice(catalog: Path) -> None:
    path = item_path(catalog).parent
    shutil.copytree(path, path.parent.parent / "21" / path.name)


def _cut_link(catalog: Path) -> None:
    path = item_path(catalog).parent.parent / "catalog.json"
    content = json.loads(path.read_text())
    content["links"] = [link for link in content["links"] if "50tmk" not in link["href"]]
    path.write_text(json.dumps(content))


def _break_link(catalog: Path) -> None:
    path = catalog / "esd-official-v001" / "2020" / "catalog.json"
    path.write_text(path.read_text().replace("./50/", "./51/"))


def _lead_away(catalog: Path) -> None:
    path = catalog / "esd-official-v001" / "2020" / "catalog.json"
    path.write_text(path.read_text().replace("./50/catalog.json", "../../../elsewhere/catalog.json"))


def _old_index(catalog: Path) -> None:
    part = parquet_index.part_path(catalog / "esd-official-v001", 2020)
    pq.write_table(pq.read_table(part).slice(0, 3).replace_schema_metadata({"esd:items_sha256": "0"}), part)


FINDINGS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (_lose, "missing .*50tmk-2020.json"),
    "changed": (_change, "changed .*50tmk-2020.json"),
    "orphaned": (_orphan, "orphaned .*stray.json"),
    "duplicate": (_twice, "duplicate esd-official-v001-50tmk-2020: "),
    "not linked": (_cut_link, "orphaned .*50tmk-2020.json, which no leaf links"),
    "broken link": (_break_link, "missing .*/2020/51/catalog.json"),
    "escaping link": (_lead_away, "orphaned link to .*elsewhere/catalog.json, which leaves"),
    "index of other items": (_old_index, "index .*part-0.parquet is not that of its collection"),
}


@pytest.mark.parametrize("case", FINDINGS)
@pytest.mark.parametrize("against", ["index", "listing"])
def test_a_check_finds_it(case: str, against: str, catalog: Path, tmp_path: Path) -> None:
    """What is missing, orphaned, changed, twice there or out of date is listed, and the command leaves with 1."""
    harm, expected = FINDINGS[case]
    sources = [tmp_path / "listing.csv"] if against == "listing" else []
    assert run("create-catalog", "--check", *sources, catalog).exit_code == 0
    harm(catalog)
    before = contents(catalog)
    done = run("create-catalog", "--check", *sources, catalog)
    assert done.exit_code == 1
    assert any(__import__("re").match(expected, line) for line in done.stdout.splitlines()), done.stdout
    assert "build the catalogue again" in done.stderr
    assert contents(catalog) == before


def test_a_catalogue_that_was_moved_is_whole(catalog: Path, tmp_path: Path) -> None:
    """All links are relative: at another place everything is sound, the index among it."""
    moved = Path(shutil.move(catalog, tmp_path / "far" / "away"))
    assert check_catalog(moved).lines == []
    assert validate(moved).problems == []
    assert len(find_items(moved)) == 10


def test_a_link_that_leads_away_is_not_followed(catalog: Path) -> None:
    """A child outside the folder of its parent is a problem, wherever it leads."""
    (catalog.parent / "elsewhere").mkdir()
    (catalog.parent / "elsewhere" / "catalog.json").write_text("{}")
    _lead_away(catalog)
    problems = validate(catalog).problems
    assert any("which leads out of the folder" in problem for problem in problems)
    assert not any(problem.startswith(str(catalog.parent / "elsewhere")) for problem in problems)


def test_what_is_not_asked_together(catalog: Path, tmp_path: Path) -> None:
    """A listing beside other sources, and options of listings without one, are usage errors."""
    for arguments in ((tmp_path / "listing.csv", catalog, catalog), (catalog, catalog, "--like", "x.json"), (catalog,)):
        assert run("create-catalog", *arguments).exit_code == 2
