"""Items that describe encoders, and the links to them."""

import json
import subprocess
import sys
import warnings
from importlib.resources import files
from pathlib import Path

import pytest
import synthetic
from golden_files import Golden

from stactools_esd import model_item
from stactools_esd.catalog import create_catalog
from stactools_esd.cog import write_codes
from stactools_esd.errors import NothingFoundError
from stactools_esd.files import sha256_file
from stactools_esd.model_item import MODEL_RELATION, create_model_item
from stactools_esd.schema import schema_problems
from stactools_esd.shipped import shipped
from stactools_esd.validate import validate

LABEL = "esdnet-small-v1"
MODEL = "esd-esdnet-small-v1/model-esdnet-small-v1/model-esdnet-small-v1.json"
TINY = {
    "encoder": "esdnet-tiny-v3",
    "architecture": {"width": 4, "dilations": [1, 2]},
    "parameters": 1234,
    "licence": "Apache-2.0",
    "training": {"encoder": "esdnet-tiny-v3", "seed": 2, "steps": 10, "learning_rate": 0.003, "architecture": {}},
    "data": [{"name": "simulation", "role": "train", "licence": "Apache-2.0", "pixel_years": 60, "sha256": "00"}],
}


def write_codes_of(folder: Path, weights_sha256: str, name: str = "xdemo") -> Path:
    """Write a codes COG that names weights."""
    path = folder / f"ESD_{LABEL}_{name}_2020.tif"
    arrays = synthetic.patchy_codes(1, 16, 16), synthetic.counts(1, 16, 16)
    tags = synthetic.tags(tile=name, weights_sha256=weights_sha256)
    write_codes(path, *arrays, transform=synthetic.AREA_TRANSFORM, crs=synthetic.AREA_CRS, tags=tags)
    return path


@pytest.fixture
def shipped_sha256() -> str:
    """Hash of the weights in the package."""
    return sha256_file(Path(create_model_item(LABEL).assets["weights"].href))


def test_the_item_of_a_small_encoder(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card gives one item: inputs, outputs, size, licence, training; the same each time."""
    (tmp_path / "esdnet-tiny-v3.json").write_text(json.dumps(TINY))
    (tmp_path / "esdnet-tiny-v3.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(model_item, "SHIPPED", tmp_path)
    item = create_model_item("esdnet-tiny-v3").to_dict(False, False)
    for asset in item["assets"].values():
        asset["href"] = Path(asset["href"]).name
    assert list(schema_problems(item)) == []
    golden("model_item", item)


def test_token_mixing_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that mixes tokens has blocks and no dilations; the name of its kind says how it mixes."""
    card = TINY | {"architecture": {"width": 4, "step_width": 8, "dilations": [1, 2, 4], "mixer": "tokens"}}
    (tmp_path / "esdnet-tiny-v3.json").write_text(json.dumps(card))
    (tmp_path / "esdnet-tiny-v3.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(model_item, "SHIPPED", tmp_path)
    item = create_model_item("esdnet-tiny-v3").to_dict(False, False)
    assert list(schema_problems(item)) == []
    said = item["properties"]["mlm:hyperparameters"]
    assert (said["mixer"], said["blocks"], "dilations" in said) == ("tokens", 3, False)
    assert "token mixing" in item["properties"]["mlm:architecture"]


@pytest.mark.parametrize("label", shipped())
def test_models_follow_best_practices(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """stac-check takes the world for a box across the antimeridian, and has nothing else to say."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from stac_check.lint import Linter
    monkeypatch.setattr(Linter, "validate_file", lambda *_: {"valid_stac": True, "version": "1.1.0"})
    config = files("stactools_esd").joinpath("schemas", "stac-check.config.yml")
    item = create_model_item(label).to_dict(False, False)
    assert set(Linter(item, config_file=str(config)).create_best_practices_dict()) <= {"check_bbox_antimeridian"}


@pytest.mark.parametrize("label", shipped())
def test_a_shipped_encoder_has_an_item(label: str) -> None:
    """The item of an encoder of the package is valid, at most twenty properties long, and names weights and card."""
    item = create_model_item(label).to_dict(False, False)
    assert list(schema_problems(item)) == []
    assert len(item["properties"]) <= 20
    assert set(item["assets"]) == {"weights", "card", "readme"}
    card = json.loads(Path(item["assets"]["card"]["href"]).read_text())
    assert item["assets"]["weights"]["file:checksum"] == f"1220{card['sha256']}"
    assert item["properties"]["mlm:total_parameters"] == card["parameters"]


@pytest.mark.parametrize(
    ("key", "value"), [("mlm:tasks", ["guess"]), ("mlm:input", []), ("mlm:name", ""), ("mlm:colour", "red")]
)
def test_what_the_extension_forbids_is_found(key: str, value: object) -> None:
    """Tasks, inputs, names and fields that MLM does not know are problems."""
    item = create_model_item(LABEL).to_dict(False, False)
    item["properties"][key] = value
    assert list(schema_problems(item))


def test_describing_a_model_needs_no_torch() -> None:
    """The card is read without the encoder and its libraries."""
    code = (
        "import sys; from stactools_esd.model_item import create_model_item; create_model_item('esdnet-small-v1');"
        "print(*[name for name in ('torch', 'safetensors', 'stactools_esd.encoder') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_an_unknown_encoder_is_refused() -> None:
    """The error names the encoders that there are."""
    with pytest.raises(NothingFoundError, match="esdnet-small-v1"):
        create_model_item("esdnet-huge-v9")


def test_a_catalogue_links_codes_to_their_model(shipped_sha256: str, tmp_path: Path) -> None:
    """Collection and items link to the model's item, whose files lie beside it; the whole is valid and can be moved."""
    write_codes_of(tmp_path / "codes", shipped_sha256)
    root = create_catalog([tmp_path / "codes"], tmp_path / "catalog", copy=True)
    moved = (tmp_path / "catalog").rename(tmp_path / "moved")
    report = validate(moved)
    assert report.problems == []
    assert report.counts["model"] == 1
    assert report.counts["item"] == 1
    found = {}
    for path in moved.rglob("*.json"):
        for link in json.loads(path.read_text()).get("links", []):
            if link["rel"] == MODEL_RELATION:
                found[path.name] = (path.parent / link["href"]).resolve()
    assert set(found) == {"collection.json", "esd-esdnet-small-v1-xdemo-2020.json"}
    assert set(found.values()) == {(moved / MODEL).resolve()}
    weights = json.loads((moved / MODEL).read_text())["assets"]["weights"]["href"]
    assert sha256_file((moved / MODEL).parent / weights) == shipped_sha256
    assert not root.exists()


def test_a_second_run_keeps_the_model_as_it_is(shipped_sha256: str, tmp_path: Path) -> None:
    """Making a catalogue again, from itself or with more codes, touches neither the model nor its files."""
    write_codes_of(tmp_path / "codes", shipped_sha256)
    create_catalog([tmp_path / "codes"], tmp_path / "catalog")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "catalog").rglob("*") if path.is_file()}
    create_catalog([tmp_path / "catalog"], tmp_path / "catalog")
    assert {path: path.stat().st_mtime_ns for path in times} == times
    write_codes_of(tmp_path / "codes", shipped_sha256, "xmore")
    create_catalog([tmp_path / "codes"], tmp_path / "catalog")
    model = tmp_path / "catalog" / MODEL
    assert model.stat().st_mtime_ns == times[model]
    assert validate(tmp_path / "catalog").problems == []


def test_codes_of_other_weights_have_no_model(tmp_path: Path) -> None:
    """Weights of the same name and another hash are not the package's: nothing is claimed of them."""
    write_codes_of(tmp_path / "codes", "ab" * 32)
    create_catalog([tmp_path / "codes"], tmp_path / "catalog")
    assert not (tmp_path / "catalog" / MODEL).exists()
    assert MODEL_RELATION not in (tmp_path / "catalog" / "esd-esdnet-small-v1" / "collection.json").read_text()


def test_a_model_that_was_tampered_with_is_found(shipped_sha256: str, tmp_path: Path) -> None:
    """`validate` compares the weights with the checksum of the model's item."""
    write_codes_of(tmp_path / "codes", shipped_sha256)
    create_catalog([tmp_path / "codes"], tmp_path / "catalog")
    weights = (tmp_path / "catalog" / MODEL).with_name(f"{LABEL}.safetensors")
    weights.write_bytes(bytes(weights.stat().st_size))
    assert any("checksum" in problem for problem in validate(tmp_path / "catalog").problems)
