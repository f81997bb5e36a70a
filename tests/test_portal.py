"""The official archive: its listing becomes a catalogue, its files are read by addresses signed for the user."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fake_portal import SIGNATURE, TOKEN, Portal, running
from typer.testing import CliRunner as TyperRunner

from esd_tasks.cli import app
from esd_tasks.items import find_items
from stactools_esd import commands, grid, signing, web
from stactools_esd.cog import open_codes
from stactools_esd.errors import CatalogError, EsdError, NothingFoundError, RasterError, UsageError
from stactools_esd.listing import Entry
from stactools_esd.portal import list_archive
from stactools_esd.signing import archive_href, signed
from stactools_esd.validate import validate
from stactools_esd.web import check_server, post_json


def row(gid: int, tile: str, year: int, size: Any = 200_000_000, variant: str = "V001") -> dict[str, Any]:
    """Return a file as the portal lists it, with a box through two corners."""
    coords = [[116.0, 39.6], [117.3, 39.6], [117.3, 40.6], [116.0, 40.6]]
    return {"gid": gid, "file": f"SDC30_EBD_{variant}_{tile}_{year}.tif", "size": size, "coords": coords}


@pytest.fixture
def portal(official_tile: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Portal]]:
    """A portal that lists two tiles of two years, and has one of them."""
    monkeypatch.setattr(web, "BACKOFF_SECONDS", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    signing._kept.clear()
    files = {
        f"SDC30_EBD_V001/{year}": [row(1, "50TMK", year, official_tile.stat().st_size), row(2, "50TNK", year)]
        for year in (2019, 2020)
    }
    with running(files, official_tile.parent) as (url, state):
        monkeypatch.setenv("ESD_PORTAL_URL", url)
        yield url, state


@pytest.fixture
def _user(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with an account's credentials."""
    for name, value in (("ESD_PORTAL_TOKEN", TOKEN), ("ESD_PORTAL_USER", "somebody"), ("ESD_PORTAL_USER_ID", "7")):
        monkeypatch.setenv(name, value)


def texts(folder: Path) -> str:
    """Return everything below a folder as one text."""
    return "".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())


def run(*arguments: str | Path) -> Any:
    """Run `stac esd` in this process."""
    return CliRunner().invoke(commands.esd, [str(argument) for argument in arguments])


def test_a_listing_becomes_a_catalogue(portal: tuple[str, Portal], tmp_path: Path) -> None:
    """Two commands, no login: items with the portal's sizes, true outlines, and how to be allowed to read them."""
    listed = run("list-portal", tmp_path / "listing.csv", "--years", "2019-2020", "--bbox", "116,39,117,40")
    assert listed.exit_code == 0, listed.output
    assert listed.stdout.splitlines()[0] == "4 tiles and years"
    asked = [body["params"] for _, _, body in portal[1].questions]
    assert [entry["path"] for entry in asked] == ["SDC30_EBD_V001/2019", "SDC30_EBD_V001/2020"]
    assert asked[0]["polygon"] == "POLYGON ((116 39, 117 39, 117 40, 116 40, 116 39))"
    made = run("create-catalog", tmp_path / "listing.csv", tmp_path / "catalog")
    assert made.exit_code == 0, made.output
    assert validate(tmp_path / "catalog").problems == []
    (path,) = (tmp_path / "catalog").rglob("esd-official-v001-50tnk-2020.json")
    item = json.loads(path.read_text())
    asset = item["assets"]["embeddings"]
    assert asset["href"] == archive_href("SDC30_EBD_V001/2020", "SDC30_EBD_V001_50TNK_2020.tif")
    assert (asset["file:size"], asset["auth:refs"]) == (200_000_000, ["iearth"])
    scheme = item["properties"]["auth:schemes"]["iearth"]
    assert scheme["flows"]["authorizationCode"]["responseField"] == "signedUrl"
    assert item["properties"]["esd:geometry_source"] == "derived"
    assert item["geometry"] == grid.footprint(32650, grid.tile("50TNK").bounds)


@pytest.mark.usefixtures("_user")
def test_codes_are_read_by_signed_addresses(
    portal: tuple[str, Portal], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An item of the archive opens by GET alone; neither token nor signature comes into a file, a log or a name."""
    caplog.set_level(logging.DEBUG)
    run("list-portal", tmp_path / "listing.csv", "--years", "2020")
    made = run("create-catalog", tmp_path / "listing.csv", tmp_path / "catalog")
    (item,) = (item for item in find_items(tmp_path / "catalog") if item.tile == "50TMK")
    with item.open() as codes:
        assert codes.read().codes.shape == (12, 40, 40)
        assert SIGNATURE not in codes.path
    methods = {method for method, _, _ in portal[1].questions}
    assert methods == {"GET", "POST"}
    with open_codes(item.href):
        pass
    signings = [path for _, path, _ in portal[1].questions if path.endswith("downloadResource")]
    assert len(signings) == 1  # an address serves as long as it lasts
    for secret in (TOKEN, SIGNATURE):
        assert secret not in texts(tmp_path) + caplog.text + made.output + repr(item)


@pytest.mark.usefixtures("_user")
def test_a_failing_read_shows_no_signature(
    portal: tuple[str, Portal], official_tile: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that is gone is one line without the signature, in the traceback and the log, too."""
    import traceback

    caplog.set_level(logging.DEBUG)
    official_tile.unlink()
    with pytest.raises(RasterError) as caught:
        open_codes(archive_href("SDC30_EBD_V001/2020", "SDC30_EBD_V001_50TMK_2020.tif"))
    shown = "".join(traceback.format_exception(caught.value))
    assert SIGNATURE not in shown + caplog.text
    assert TOKEN not in shown + caplog.text


def test_without_an_account(portal: tuple[str, Portal], tmp_path: Path) -> None:
    """Reading asks for the credentials by name; listing and cataloguing never do."""
    href = archive_href("SDC30_EBD_V001/2020", "SDC30_EBD_V001_50TMK_2020.tif")
    with pytest.raises(UsageError, match="ESD_PORTAL_TOKEN, ESD_PORTAL_USER, ESD_PORTAL_USER_ID"):
        open_codes(href)
    assert portal[1].questions == []
    assert signed("https://other.example/a.tif") == "https://other.example/a.tif"


@pytest.mark.parametrize("places", [(), ("--tiles", "all"), ("--resolution", "60")])
def test_a_dry_run_opens_nothing(places: tuple[str, ...], portal: tuple[str, Portal], tmp_path: Path) -> None:
    """What a pull would read and write is known from the listing alone: no account, and no file is asked for."""
    run("list-portal", tmp_path / "listing.csv", "--years", "2020")
    run("create-catalog", tmp_path / "listing.csv", tmp_path / "catalog")
    portal[1].questions.clear()
    asked = ["pull", "--catalog", str(tmp_path / "catalog"), "--bbox", "116.3,39.8,116.4,39.9", "--years", "2020"]
    done = TyperRunner().invoke(app, [*asked, *places, "--dry-run", "--json"])
    assert done.exit_code == 0, done.output
    cost = json.loads(done.stdout)
    assert (cost["crs"], cost["pixels"] > 10_000) == ("EPSG:32650", True)
    assert portal[1].questions == []


@pytest.mark.usefixtures("_user")
@pytest.mark.parametrize("case", ["expired", "in the clear", "down"])
def test_no_address_is_one_line(case: str, portal: tuple[str, Portal], monkeypatch: pytest.MonkeyPatch) -> None:
    """An expired token, a server without TLS and one that does not answer: one line, without the token."""
    if case == "expired":
        monkeypatch.setenv("ESD_PORTAL_TOKEN", "canary-old")
    elif case == "in the clear":
        monkeypatch.setenv("ESD_PORTAL_URL", "http://portal.example")
    else:
        portal[1].failures = 99
    with pytest.raises(EsdError) as caught:
        signed(archive_href("SDC30_EBD_V001/2020", "a.tif"))
    assert "\n" not in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_stall_is_tried_again(portal: tuple[str, Portal]) -> None:
    """The portal fails twice and is asked a third time."""
    portal[1].failures = 2
    assert len(list(list_archive("2020"))) == 2


def test_a_box_across_the_antimeridian_is_two_questions(portal: tuple[str, Portal]) -> None:
    """Each side is asked for; a tile that both answer is listed once."""
    entries = list(list_archive("2020", box=(170.0, -20.0, -170.0, 20.0)))
    assert len(portal[1].questions) == 2
    assert [entry.tile for entry in entries] == ["50TMK", "50TNK"]


def test_tiles_of_the_other_recipe(portal: tuple[str, Portal]) -> None:
    """`V001CHN` is listed by its own folder and marked as another recipe."""
    portal[1].files["SDC30_EBD_V001CHN/2020"] = [row(3, "50TMK", 2020, 5, "V001CHN")]
    (entry,) = list_archive("2020", variant="V001CHN")
    href = archive_href("SDC30_EBD_V001CHN/2020", "SDC30_EBD_V001CHN_50TMK_2020.tif")
    assert entry == Entry(tile="50TMK", year=2020, href=href, size=5, china=True)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ([], NothingFoundError),
        ([{"gid": 1}], CatalogError),
        ([row(1, "50TMK", 2019)], CatalogError),
        ([row(1, "50TMK", 2020, -1)], CatalogError),
        ([row(1, "50TMK", 2020) | {"file": "../../x.tif"}], CatalogError),
        ({"success": False, "error": "no"}, CatalogError),
    ],
)
def test_a_strange_answer_is_refused(answer: Any, error: type[EsdError], portal: tuple[str, Portal]) -> None:
    """Nothing, another year, impossible sizes or names, and refusals of the portal end in one line."""
    portal[1].files["SDC30_EBD_V001/2020"] = answer
    with pytest.raises(error) as caught:
        list(list_archive("2020"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [("--years", "1999"), ("--years", "now"), ("--bbox", "1,2,3"), ("--bbox", "0,5,1,4")]
)
def test_impossible_questions_are_usage_errors(arguments: tuple[str, str], tmp_path: Path) -> None:
    """Years that the archive does not have and boxes that are none are never asked."""
    assert run("list-portal", tmp_path / "listing.csv", *arguments, "--url", "http://127.0.0.1:1").exit_code == 2


@pytest.mark.usefixtures("portal")
def test_a_server_that_is_not_there_is_one_line() -> None:
    """The address is named without its query, and nothing of what was posted."""
    with pytest.raises(CatalogError, match=r"cannot reach http://127.0.0.1:1/a after 5 tries") as refused:
        post_json("http://127.0.0.1:1/a?token=canary", {"password": "canary"})
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("url", ["https://[", "https://[::1", "http://[v1.x]/a?token=secret"])
def test_what_is_no_address_is_one_line(url: str) -> None:
    """Brackets that nothing closes, or around what is no address: said without the query."""
    with pytest.raises(EsdError, match=r"which is no address|expected https://HOST") as refused:
        check_server(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a", ""])
def test_a_name_is_looked_at_before_the_portal_is_asked(name: str, portal: tuple[str, Portal], tmp_path: Path) -> None:
    """A listing that could not be written in the end costs no question."""
    refused = run("list-portal", tmp_path / name if name else "", "--years", "2020")
    assert refused.exit_code == 2
    assert "expected a name that ends in .csv or .parquet" in refused.stderr
    assert portal[1].questions == []
