"""Weights and their cards."""

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from stactools_esd.encoder import load_encoder  # noqa: E402
from stactools_esd.encoder.cards import read_card  # noqa: E402
from stactools_esd.encoder.real_sets import REAL_SETS, names  # noqa: E402
from stactools_esd.errors import WeightsError  # noqa: E402
from stactools_esd.files import sha256_file  # noqa: E402
from stactools_esd.shipped import SHIPPED, newest, shipped, shipped_names  # noqa: E402

LABEL = "esdnet-small-v1"
MOST_MB = {"esdnet-small": 4}
"""Most that weights may weigh; 8 MB where no other promise was made."""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the shipped weights and card, to spoil."""
    for suffix in (".safetensors", ".json"):
        shutil.copy(SHIPPED / f"{LABEL}{suffix}", tmp_path)
    return tmp_path / f"{LABEL}.safetensors"


def _edit_card(weights: Path, **changes: object) -> None:
    card = weights.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | changes))


@pytest.mark.parametrize("name", shipped_names())
def test_name_without_version_is_the_newest(name: str) -> None:
    """A name and its newest label load the same weights, under an identity with their hash."""
    label = newest(name)
    identity = load_encoder(name).identity
    assert identity == load_encoder(label).identity
    assert identity.label == label
    assert identity.collection_id == f"esd-{label}"
    assert identity.weights_sha256 == sha256_file(SHIPPED / f"{label}.safetensors")


@pytest.mark.parametrize("label", shipped())
def test_shipped_weights_are_small_and_described(label: str) -> None:
    """Shipped weights are light, and their card names data, licences, configuration and figures."""
    card = read_card(SHIPPED / f"{label}.json")
    most = MOST_MB.get(card.identity.name, 8) * 1_000_000
    assert (SHIPPED / f"{label}.safetensors").stat().st_size < most
    assert card.encoder == card.training["encoder"] == label
    assert card.training["seed"] >= 0
    assert card.licence
    assert card.figures
    assert card.denoising


@pytest.mark.parametrize("label", shipped())
def test_shipped_weights_saw_open_training_sets_alone(label: str) -> None:
    """Shipped weights were trained on simulation and sets of role train, under the open licences stated there."""
    for entry in read_card(SHIPPED / f"{label}.json").data:
        assert entry["role"] == "train"
        if entry["name"] != "simulation":
            assert entry["name"] in names("train")
            assert entry["licence"] == REAL_SETS[entry["name"]].licence
        assert "evaluation only" not in entry["licence"]


def test_each_encoder_comes_with_three_files() -> None:
    """Beside the weights lie the two cards and nothing else."""
    files = {f"{label}{suffix}" for label in shipped() for suffix in (".safetensors", ".json", ".md")}
    assert {path.name for path in SHIPPED.iterdir()} == files


def test_weights_load_from_a_path(copied: Path) -> None:
    """A path works as well as a name."""
    assert load_encoder(copied).identity == load_encoder(str(copied)).identity


def test_changed_weights_are_refused(copied: Path) -> None:
    """Weights whose hash is not their card's are refused."""
    tensors = load_file(copied)
    tensors["band_mean"] = tensors["band_mean"] + 0.1
    save_file(tensors, copied, metadata={"weights_format_version": "1"})
    with pytest.raises(WeightsError, match="hash"):
        load_encoder(copied)


@pytest.mark.parametrize("where", ["card", "file"])
def test_other_format_version_is_refused(copied: Path, where: str) -> None:
    """Weights of another format version are refused, whether card or file says so."""
    if where == "card":
        _edit_card(copied, weights_format_version="99")
    else:
        save_file(load_file(copied), copied, metadata={"weights_format_version": "99"})
        _edit_card(copied, sha256=sha256_file(copied))
    with pytest.raises(WeightsError, match="format version 99"):
        load_encoder(copied)


def test_pickle_is_refused(copied: Path) -> None:
    """A pickled checkpoint under the name of weights is never unpickled."""
    torch.save({"a": torch.zeros(1)}, copied)
    _edit_card(copied, sha256=sha256_file(copied))
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load_encoder(copied)


@pytest.mark.parametrize(
    "architecture",
    [
        {"width": 8, "step_width": 8, "dilations": [1]},
        {"width": 32, "step_width": 144, "dilations": [1, 2, 4], "mixer": "tokens"},
    ],
)
def test_weights_of_another_architecture_are_refused(copied: Path, architecture: dict[str, object]) -> None:
    """Weights that do not fit the card's architecture are refused in one line."""
    _edit_card(copied, architecture=architecture)
    with pytest.raises(WeightsError, match="do not fit") as caught:
        load_encoder(copied)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["esdnet-huge", "esdnet-small-v99", "esdnet", "nowhere/w.safetensors"])
def test_unknown_encoder_is_refused(name: str) -> None:
    """A name that is not shipped, or a path without a file, is refused."""
    with pytest.raises(WeightsError):
        load_encoder(name)


def test_missing_or_broken_card_is_refused(copied: Path) -> None:
    """Weights without a card, or with one that cannot be read, are refused."""
    copied.with_suffix(".json").write_text("{}")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_encoder(copied)
    copied.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match="no card"):
        load_encoder(copied)
