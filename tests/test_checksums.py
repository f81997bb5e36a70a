"""Codes are held against the checksums of their items where somebody asks for it."""

import json
from dataclasses import replace
from pathlib import Path

import geopandas
import pytest
import tiny_map
from item_server import serving, write_catalog
from test_what_hurts_commands import TASKS
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.checksums import see_checksums
from esd_tasks.classifier import TreeParameters
from esd_tasks.classify import run_plan
from esd_tasks.items import find_items
from esd_tasks.plan import make_plan
from esd_tasks.request import ClassifyRequest
from stactools_esd.catalog import create_catalog
from stactools_esd.errors import CatalogError


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A catalogue with its codes, each item with size and checksum."""
    return write_catalog(tmp_path / "place", index=False)


def rot(catalog: Path, tile: str = "31UES") -> Path:
    """Change one byte of a file, which stays a raster of the same size; return it."""
    path = sorted(catalog.rglob(f"*{tile}_2020.tif"))[0]
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


READERS = {
    name: {parameter.name for parameter in command.params}
    for name, command in TASKS.items()
    if any("--catalog" in parameter.opts for parameter in command.params)
}
"""Commands that read codes of a catalogue, with their parameters."""

BOX = ("--bbox", "3.007,50.536,3.033,50.549")
LABELS = ("--labels", "samples.gpkg")
ARGUMENTS = {
    "pull": (*BOX, "--year", "2020"),
    "classify": (*LABELS, "--class-field", "class", "--year", "2020"),
    "predict": ("model", "--year", "2020"),
    "few-shot": (*LABELS, "--class-field", "class", "--year", "2020"),
    "learning-curve": (*LABELS, "--class-field", "class", "--year", "2020"),
    "similar": ("--examples", "samples.gpkg", "--year", "2020"),
    "regress": (*LABELS, "--target-field", "height", "--year", "2020"),
    "cluster": (*BOX, "--year", "2020"),
    "migrate-labels": (*LABELS, "--class-field", "class", "--label-year", "2020"),
    "change pair": ("2019", "2020", "--expected-rate", "0.02"),
    "change series": (),
    "change train": ("samples.gpkg", "--class-field", "changed"),
    "change land-cover": ("model",),
}
"""What makes each of them read the codes of 2020 of one place."""


@pytest.fixture(scope="module")
def rotten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with labels of every kind, a model and a catalogue of six years, one of which has another byte."""
    folder = tmp_path_factory.mktemp("rotten")
    for year in range(2015, 2021):
        tiny_map.write_place(folder / "codes", year=year)
    places = geopandas.read_file(tiny_map.write_labels(folder / "samples.gpkg"))
    places["height"] = places.index * 0.1
    places["changed"] = places.index % 2
    places["year1"], places["year2"] = 2019, 2020
    places.to_file(folder / "samples.gpkg")
    create_catalog([folder / "codes"], folder / "catalog", copy=True, index=False)
    request = ClassifyRequest(
        labels=folder / "samples.gpkg", class_field="class", catalog=str(folder / "codes"), year=2019,
        output=folder / "model",
    )  # fmt: skip
    run_plan(replace(make_plan(request), parameters=TreeParameters(rounds=2)))
    rot(folder / "catalog", "xdemo")
    return folder


def test_every_command_that_reads_codes_verifies_them() -> None:
    """A new command that takes a catalogue has `--verify`, and stands in the test below."""
    assert set(READERS) == set(ARGUMENTS)
    assert [name for name, parameters in READERS.items() if "verify" not in parameters] == []


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_command_verifies_when_asked(name: str, rotten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--verify` refuses before anything is written, in one line that names the file, with exit code 1."""
    monkeypatch.chdir(rotten)
    words = [*name.split(), *ARGUMENTS[name], "--catalog", "catalog", "--verify", "-o", "refused.gpkg"]
    refused = CliRunner().invoke(cli.app, words)
    assert refused.exit_code == 1, refused.output
    (line,) = refused.stderr.splitlines()
    assert "xdemo_2020.tif with the checksum 1220" in line
    assert "expected 1220" in line
    assert not Path("refused.gpkg").exists()


def test_sound_files_are_no_hindrance(catalog: Path, tmp_path: Path) -> None:
    """Where every file has its checksum, a run with `--verify` is as ever; nothing is verified unless asked."""
    words = ["pull", "--catalog", str(catalog), "--bbox", "4.4,50.8,4.401,50.801", "--year", "2020", "--json"]
    told = []
    for more in (["--verify"], []):
        result = CliRunner().invoke(cli.app, [*words, *more, "-o", str(tmp_path / f"out{len(more)}")])
        assert result.exit_code == 0, result.output
        told.append(json.loads(result.stdout)["valid"])
    assert told[0] == told[1]
