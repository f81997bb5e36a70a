"""Whether codes keep the land and lose the noise: simulated years that no encoder was trained on, with noise."""

from typing import Any, Final

import numpy as np

from stactools_esd.encoder.baselines import Baseline
from stactools_esd.encoder.bootstrap import PixelBootstrap
from stactools_esd.encoder.inference import Encoder
from stactools_esd.encoder.metrics import Score
from stactools_esd.simulation import simulate_pixels
from stactools_esd.simulation.frozen_noise import FROZEN_NOISE_SHA256, add_frozen_noise

YEARS: Final = 3_000
"""Simulated pixel-years."""

TRUTH_SEED: Final = 770_001
"""Seed of the simulation. Training simulates from even seeds alone (`batches`), so no year of it can come again."""

NOISE_SEED: Final = 771
"""Seed of the noise."""

LEVELS: Final = (0.5, 1.0, 2.0)
"""Sizes of the noise, as multiples of the frozen noise."""


class Denoising:
    """Noisy years with their truth, and what the baselines make of them."""

    def __init__(self, baselines: list[Baseline]) -> None:
        pixels = simulate_pixels(YEARS, TRUTH_SEED)
        self.clean, self.terrain = pixels.clean, pixels.terrain
        self.bootstrap = PixelBootstrap.of(np.arange(YEARS))
        self.noisy = {level: add_frozen_noise(self.clean, NOISE_SEED, level=level) for level in LEVELS}
        self.errors = {level: Score.of(self.clean, noisy, self.bootstrap) for level, noisy in self.noisy.items()}
        self.baselines = {
            level: {
                baseline.key: Score.of(self.clean, baseline(noisy), self.bootstrap).ratio(self.errors[level])
                for baseline in baselines
            }
            for level, noisy in self.noisy.items()
        }

    def judge(self, encoder: Encoder) -> dict[str, Any]:
        """Encode and decode the noisy years; all errors are against the truth.

        Returns:
            `n`; `noise_sha256`; `clean_mae`, of the truth itself encoded and decoded; and by level the MAE of the
            noisy input, of what was decoded, the `ratio` of the second to the first, and the same ratio of baselines.
        """
        decoded = encoder.decode(encoder.encode(self.clean, self.terrain))
        levels = {}
        for level, noisy in self.noisy.items():
            errors = Score.of(self.clean, encoder.decode(encoder.encode(noisy, self.terrain)), self.bootstrap)
            levels[f"{level:g}"] = {
                "noisy_mae": self.errors[level].mae,
                "decoded_mae": errors.mae,
                "ratio": errors.ratio(self.errors[level]),
                "baselines": self.baselines[level],
            }
        return {
            "role": "simulated",
            "n": YEARS,
            "noise_sha256": FROZEN_NOISE_SHA256,
            "clean_mae": Score.of(self.clean, decoded, self.bootstrap).mae,
            "levels": levels,
        }
