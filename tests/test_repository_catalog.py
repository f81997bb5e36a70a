"""The catalogue in the repository is sound, small, says that it is simulated, and is what the commands make today."""

import filecmp
import importlib
import json
import re
import shutil
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio

from stactools_esd.catalog import create_catalog
from stactools_esd.catalog_check import check_catalog
from stactools_esd.cog import open_codes
from stactools_esd.collection import create_collection
from stactools_esd.encoder import load_encoder
from stactools_esd.files import sha256_file
from stactools_esd.fsq import codes_to_level_indices
from stactools_esd.item_folder import write_encoded
from stactools_esd.product import EncoderIdentity
from stactools_esd.shipped import SHIPPED, shipped
from stactools_esd.validate import validate

ROOT = Path(__file__).parent.parent
CATALOG = ROOT / "catalog"
CODES = sorted(CATALOG.rglob("ESD_*_????.tif"))
PINNED = f"\nrasterio=={version('rasterio')}\n" in (ROOT / "constraints.txt").read_text()
"""Whether GDAL is the one that wrote the files; another may compress them otherwise."""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the script that `make catalog` runs."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("build_catalog")


def test_it_is_valid() -> None:
    """Every document, link, checksum and code of the repository's catalogue holds."""
    assert validate(CATALOG).problems == []


def test_it_is_small() -> None:
    """A clone stays light: all but weights has at most 5 MB, and weights are byte for byte those of the package.

    So a clone fetches them once, however often they lie in its tree. Most bytes are weights, as its README says.
    """
    weights = list(CATALOG.rglob("*.safetensors"))
    rest = sum(path.stat().st_size for path in CATALOG.rglob("*") if path.is_file() and path not in weights)
    assert rest <= 5_000_000
    assert sum(path.stat().st_size for path in weights) > rest
    assert len(weights) == len(shipped())
    for path in weights:
        assert sha256_file(path) == sha256_file(SHIPPED / path.name)


def test_it_goes_without_weights(tmp_path: Path) -> None:
    """Published without `*.safetensors` it lacks nothing but the asset `weights` of the encoders' items."""
    light = tmp_path / "catalog"
    shutil.copytree(CATALOG, light, ignore=shutil.ignore_patterns("*.safetensors"))
    problems = sorted(map(str, validate(light).problems))
    assert len(problems) == len(shipped())
    for label, problem in zip(shipped(), problems, strict=True):
        assert f"got asset weights at ./{label}.safetensors, which does not exist" in problem
    assert check_catalog(light).lines == []


def test_its_codes_are_of_the_shipped_encoders() -> None:
    """When new weights ship, `make catalog` is due: each encoder of the package has codes of both years."""
    found: dict[EncoderIdentity, int] = {}
    for path in CODES:
        with open_codes(path) as file:
            assert path.is_relative_to(CATALOG / file.identity.encoder.collection_id)
            found[file.identity.encoder] = found.get(file.identity.encoder, 0) + 1
    assert found == {load_encoder(label).identity: 2 for label in shipped()}


@pytest.mark.parametrize("label", shipped())
def test_it_says_that_it_is_simulated(label: str) -> None:
    """A collection says so in its first words and by a keyword, and who licenses it; an item says what it is of."""
    collection = json.loads((CATALOG / f"esd-{label}" / "collection.json").read_text())
    assert collection["description"].startswith("Simulated, not observed: ")
    assert "simulated" in collection["keywords"]
    authors = re.findall(r"^  - name: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    licensors = [one["name"] for one in collection["providers"] if {"producer", "licensor"} <= set(one["roles"])]
    assert licensors == authors[:1]
    for path in (CATALOG / f"esd-{label}").rglob("esd-*-xsimulated-????.json"):
        lineage = json.loads(path.read_text())["properties"]["processing:lineage"]
        assert lineage == "Encoded from simulated landscape, seed 11"


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (["simulated", "simulated"], "Simulated, not observed: "),
        (["simulated guided by MOD09GA", "landsat"], "Items whose `esd:input_recipe` has "),
        (["landsat", "landsat"], "Embedded Seamless Data made by "),
    ],
)
def test_only_collections_of_simulated_items_say_so(sources: list[str], said: str) -> None:
    """What the input recipes name as source decides; a guide beside it makes no observation of a simulation."""
    items = [json.loads(path.read_text()) for path in sorted(CATALOG.rglob("esd-esdnet-small-v1-xsimulated-????.json"))]
    for item, source in zip(items, sources, strict=True):
        item["properties"]["esd:input_recipe"]["source"] = source
    collection = create_collection("esdnet-small-v1", items)
    assert collection.description.startswith(said)
    assert ("simulated" in (collection.keywords or [])) == ("simulated" in sources[0])


def test_its_structure_has_not_drifted(tmp_path: Path, script: ModuleType) -> None:
    """Its documents are, byte for byte, what `create-catalog` makes of its items today, and so are the index's rows."""
    items = [path for path in CATALOG.rglob("*.json") if path.stem.startswith("esd-") and path.stem == path.parent.name]
    create_catalog(items, tmp_path / "catalog", copy=True, collections=["official-v001"])
    script.name_producer(tmp_path / "catalog")
    documents = [path.relative_to(CATALOG) for path in CATALOG.rglob("*.json") if path.parent.name != "extension"]
    assert len(documents) >= 10
    _, different, failed = filecmp.cmpfiles(CATALOG, tmp_path / "catalog", [str(path) for path in documents], False)
    assert (different, failed) == ([], [])
    parts = [path.relative_to(CATALOG) for path in CATALOG.rglob("*.parquet")]
    assert len(parts) == 2 * len(shipped())
    for part in parts:  # bytes name the version of pyarrow
        kept, made = (pq.ParquetFile(folder / part) for folder in (CATALOG, tmp_path / "catalog"))
        assert kept.read().equals(made.read(), check_metadata=True)
        assert kept.metadata.num_row_groups == made.metadata.num_row_groups


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # a thumbnail
@pytest.mark.parametrize("codes", CODES, ids=lambda path: path.stem)
def test_its_files_have_not_drifted(codes: Path, tmp_path: Path) -> None:
    """Codes COG, pictures and item are what is written today of the same codes."""
    with open_codes(codes) as file:
        windows = list(file.strips())
        blocks = [file.read(window) for window in windows]
        pieces = [(window, block.codes, block.clear_obs) for window, block in zip(windows, blocks, strict=True)]
        place = {"shape": (file.height, file.width), "transform": file.transform, "crs": file.crs}
        made = write_encoded(tmp_path, pieces, tags=file.tags, **place)
    compare(codes.parent, made.item.parent)


def compare(kept: Path, made: Path) -> None:
    """See that the folders of two items hold the same; byte for byte where GDAL is the same."""
    names = sorted(path.name for path in kept.iterdir())
    assert names == sorted(path.name for path in made.iterdir())
    rasters = [name for name in names if not name.endswith(".json")]
    assert len(rasters) == 3
    for name in rasters:
        assert content(kept / name) == content(made / name), name
        assert not PINNED or filecmp.cmp(kept / name, made / name, shallow=False), name
    assert document(kept, with_bytes=PINNED) == document(made, with_bytes=PINNED)


def content(path: Path) -> dict[str, Any]:
    """Return what a raster holds, with its layout, whatever its bytes are."""
    with rasterio.open(path) as file:
        said = {"tags": file.tags(), "structure": file.tags(ns="IMAGE_STRUCTURE"), "names": file.descriptions}
        said |= {"overviews": file.overviews(1), "dataset_mask": file.dataset_mask().tobytes()}
        return {**file.profile, **said, "pixels": file.read().tobytes()}


def document(folder: Path, *, with_bytes: bool) -> dict[str, Any]:
    """Return the item of a folder without its place in a catalogue, with or without the facts of its files' bytes."""
    item = json.loads((folder / f"{folder.name}.json").read_text())
    for asset in item["assets"].values():
        for fact in () if with_bytes else ("file:size", "file:checksum"):
            del asset[fact]
    return {key: value for key, value in item.items() if key not in ("links", "collection")}


@pytest.mark.slow
def test_its_codes_have_not_drifted(tmp_path: Path, script: ModuleType) -> None:
    """A landscape drawn anew and encoded anew gives the same tags, item and codes.

    Another processor may move a level whose latent lies on a rounding edge, by one; so few, no code may move otherwise.
    """
    label, year = "esdnet-small-v1", 2020
    script.encode(script.write_images(year, tmp_path), tmp_path / "tiles", label)
    [kept] = [path for path in CODES if path.stem == f"ESD_{label}_xsimulated_{year}"]
    folder = tmp_path / "tiles" / kept.parent.name
    assert document(kept.parent, with_bytes=False) == document(folder, with_bytes=False)
    older, newer = content(kept), content(folder / kept.name)
    older.pop("pixels"), newer.pop("pixels")
    assert older == newer
    with open_codes(kept) as one, open_codes(folder / kept.name) as other:
        before, after = one.read(), other.read()
    np.testing.assert_array_equal(before.clear_obs, after.clear_obs)
    pairs = (codes_to_level_indices(block.codes).astype(int) for block in (before, after))
    moved = np.abs(np.subtract(*pairs))
    assert moved.max() <= 1
    assert moved.mean() <= 2e-4


def test_it_is_what_should_be_there() -> None:
    """Nothing is missing, orphaned, changed or twice there, and the index is of these items."""
    assert check_catalog(CATALOG).lines == []


def test_the_extension_is_that_of_the_package() -> None:
    """The schema and its README are published as the package has them."""
    package = files("stactools_esd").joinpath("schemas")
    for name, published in (("esd.json", "schema.json"), ("README.md", "README.md")):
        assert (CATALOG / "extension" / published).read_bytes() == package.joinpath(name).read_bytes()
