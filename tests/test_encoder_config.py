"""Training configurations."""

from dataclasses import MISSING, asdict, fields
from pathlib import Path

import pytest

pytest.importorskip("torch")

from stactools_esd.encoder.cards import read_card
from stactools_esd.encoder.config import TrainingConfig, read_config
from stactools_esd.encoder.model import Architecture
from stactools_esd.errors import ConfigError
from stactools_esd.shipped import SHIPPED, newest, shipped_names

CONFIGS = SHIPPED.parent / "configs"
MINIMUM = "encoder: tiny-v1\nseed: 1\nsteps: 4\nsimulated_years: 10\n"


def _read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return read_config(path)


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_configuration_is_that_of_the_card(name: str) -> None:
    """The configuration in the package is the one that the newest weights of its name were trained with, seed included.

    Cards that are older than a key do not say it: then its default holds.
    """
    training = read_card(SHIPPED / f"{newest(name)}.json").training
    architecture = asdict(Architecture()) | training["architecture"]
    defaults = {entry.name: entry.default for entry in fields(TrainingConfig) if entry.default is not MISSING}
    said = defaults | training | {"architecture": architecture | {"dilations": list(architecture["dilations"])}}
    assert read_config(CONFIGS / f"{name}.yaml").as_dict() == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINIMUM + "learning_rat: 0.1\n", "unknown key learning_rat"),
        (MINIMUM + "augmentation:\n  glitter: 1\n", "unknown key augmentation.glitter"),
        ("encoder: tiny-v1\nseed: 1\nsteps: 4\n", "simulated_years"),
        (MINIMUM + "learning_rate: fast\n", "learning_rate"),
        (MINIMUM + "steps: 1.5\n", "steps"),
        (MINIMUM + "real_share: 2\n", "real_share"),
        (MINIMUM + "device: abacus\n", "device"),
        (MINIMUM + "checkpoint_every: 30\nlog_every: 20\n", "checkpoint_every"),
        (MINIMUM + "architecture:\n  dilations: [0]\n", "architecture.dilations"),
        (MINIMUM + "architecture: 8\n", "architecture"),
        (MINIMUM + "architecture:\n  mixer: blender\n", "architecture.mixer.*one of convolution, tokens"),
        (MINIMUM + "architecture: {mixer: tokens, step_width: 20}\n", "architecture"),
        (MINIMUM.replace("tiny-v1", "tiny"), "version"),
        ("- 1\n", "keys and values"),
        ("a: [", "not YAML"),
        ("a: &a [1, 1]\nb: [*a, *a]\n", "an alias"),
        ("encoder: 2020-13-45\n", "not YAML"),
    ],
)
def test_wrong_configuration_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """Unknown and missing keys, wrong types, impossible values and broken YAML are each named."""
    with pytest.raises(ConfigError, match=words) as caught:
        _read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_missing_configuration_is_refused(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(ConfigError, match="no configuration"):
        read_config(tmp_path / "none.yaml")


def test_integers_serve_as_floats(tmp_path: Path) -> None:
    """`real_share: 0` is as good as `0.0`."""
    assert _read(tmp_path, MINIMUM + "real_share: 0\n").real_share == 0.0  # type: ignore[attr-defined]
