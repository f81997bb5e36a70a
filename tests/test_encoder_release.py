"""Putting weights into the package."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from stactools_esd.encoder import load_encoder, release
from stactools_esd.encoder.cards import read_card
from stactools_esd.errors import WeightsError
from stactools_esd.files import sha256_file
from stactools_esd.shipped import SHIPPED, shipped

LABEL = "esdnet-small-v1"


@pytest.mark.parametrize("label", shipped())
def test_shipped_card_for_people_is_made_from_the_other(label: str) -> None:
    """The Markdown card is generated: it says what the JSON card says, and nothing was typed into it."""
    card = read_card(SHIPPED / f"{label}.json")
    assert (SHIPPED / f"{label}.md").read_text(encoding="utf-8") == release.card_text(card)
    assert card.sha256 in release.card_text(card)


def _report(sha256: str) -> dict[str, Any]:
    """What `stac esd evaluate --json` prints, of one set."""
    value = {"mae": 0.01, "rmse": 0.02, "cc_a": 0.9, "cc_b": 0.9, "cc_c": 0.9, "cc_d": 0.9}
    ratio = {"value": 0.98, "interval": [0.9, 1.1]}
    left_out = {"role": "test", "n": 7, "dates": 9, "linear_mae": 0.02, "decoded_mae": 0.0196, "ratio": ratio}
    pond = {"role": "test", "n": 7, "bands": ["blue"], "methods": {"mine": value}, "left_out": left_out}
    levels = {"1": {"noisy_mae": 0.02, "decoded_mae": 0.0196, "ratio": ratio, "baselines": {}}}
    denoising = {"role": "simulated", "n": 5, "noise_sha256": "ab" * 32, "levels": levels}
    return {"encoders": [{"sha256": sha256, "sets": {"pond": pond}, "denoising": denoising}]}


def test_released_weights_load_and_carry_their_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights, both cards and figures arrive together; every figure stands beside its split and n."""
    weights = SHIPPED / f"{LABEL}.safetensors"
    report = _report(sha256_file(weights))
    (tmp_path / "report.json").write_text(json.dumps(report))
    output = tmp_path / "shipped"
    release.main([str(weights), "--figures", str(tmp_path / "report.json"), "-o", str(output)])
    encoder = load_encoder(output / f"{LABEL}.safetensors")
    assert encoder.card.figures == report["encoders"][0]["sets"]
    assert encoder.card.denoising == report["encoders"][0]["denoising"]
    text = (output / f"{LABEL}.md").read_text(encoding="utf-8")
    assert "| pond | test | 7 | mine | 0.0100 |" in text
    assert "| pond | test | 7 | 9 | 0.0200 | 0.0196 | 0.980 [0.900, 1.100] |" in text
    assert "| 1 | 0.0200 | 0.0196 | 0.980 [0.900, 1.100] |" in text
    assert encoder.card.sha256 in capsys.readouterr().out


def test_figures_of_other_weights_are_refused(tmp_path: Path) -> None:
    """A card never carries what was measured of another training."""
    with pytest.raises(WeightsError, match="does not judge"):
        release.release(SHIPPED / f"{LABEL}.safetensors", [_report("0" * 64)], tmp_path)
    assert not list(tmp_path.iterdir())
