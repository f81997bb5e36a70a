"""Denoising against the truth."""

import numpy as np
import pytest

pytest.importorskip("torch")

from stactools_esd.encoder import batches, denoising, load_encoder
from stactools_esd.simulation.frozen_noise import FROZEN_NOISE_SHA256


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few years."""
    monkeypatch.setattr(denoising, "YEARS", 50)


class Mirror:
    """Compresses nothing."""

    key = name = "mirror"

    def __call__(self, years: np.ndarray) -> np.ndarray:
        """Return the years."""
        return years


def test_errors_are_against_the_truth() -> None:
    """What gives its noisy input back has the ratio 1; noise grows with its level; the noise is named by its hash."""
    judged = denoising.Denoising([Mirror()])
    entry = judged.judge(load_encoder())
    assert entry["noise_sha256"] == FROZEN_NOISE_SHA256
    assert (entry["role"], entry["n"]) == ("simulated", 50)
    noise = [value["noisy_mae"] for value in entry["levels"].values()]
    assert noise[0] < noise[1] < noise[2]
    ratios = [value["ratio"]["value"] for value in entry["levels"].values()]
    assert ratios[0] > ratios[1] > ratios[2]
    for value in entry["levels"].values():
        assert value["baselines"]["mirror"]["value"] == 1
        assert value["ratio"]["value"] == pytest.approx(value["decoded_mae"] / value["noisy_mae"], rel=1e-2)


def test_no_year_of_it_can_be_trained_on() -> None:
    """Training simulates chunks whose seeds are even; the truth here has an odd one."""
    assert denoising.TRUTH_SEED % 2 == 1
    assert batches._SIMULATION_CHUNK % 2 == 0
