"""Putting weights into the package."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from stactools_esd.encoder import load_encoder, release
from stactools_esd.encoder.cards import SHIPPED, read_card

LABEL = "esdnet-small-v1"


def test_shipped_card_for_people_is_made_from_the_other() -> None:
    """The Markdown card is generated: it says what the JSON card says, and nothing was typed into it."""
    card = read_card(SHIPPED / f"{LABEL}.json")
    assert (SHIPPED / f"{LABEL}.md").read_text(encoding="utf-8") == release.card_text(card)
    assert card.sha256 in release.card_text(card)


def test_released_weights_load_and_carry_their_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights, both cards and figures arrive together; every figure stands beside its split and n."""
    value = {"mae": 0.01, "rmse": 0.02, "cc_a": 0.9, "cc_b": 0.9, "cc_c": 0.9, "cc_d": 0.9}
    figures = {"pond": {"role": "test", "n": 7, "bands": ["blue"], "methods": {"mine": value}}}
    (tmp_path / "figures.json").write_text(json.dumps(figures))
    output = tmp_path / "shipped"
    release.main(
        [str(SHIPPED / f"{LABEL}.safetensors"), "--figures", str(tmp_path / "figures.json"), "-o", str(output)]
    )
    encoder = load_encoder(output / f"{LABEL}.safetensors")
    assert encoder.card.figures == figures
    assert "| pond | test | 7 | mine | 0.0100 |" in (output / f"{LABEL}.md").read_text(encoding="utf-8")
    assert encoder.card.sha256 in capsys.readouterr().out
