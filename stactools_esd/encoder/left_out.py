"""Dates that the encoder was not shown: does decoding say more about them than straight lines between the others?"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder import data
from stactools_esd.encoder.baselines import impute_bands
from stactools_esd.encoder.bootstrap import PixelBootstrap
from stactools_esd.encoder.inference import Encoder
from stactools_esd.encoder.metrics import Score
from stactools_esd.encoder.real_sets import REAL_SETS
from stactools_esd.seamless import fill_linear

SHARE: Final = 0.25
"""Share of the clear dates of a pixel-year that is left out; at least one date."""

SEED: Final = 4
"""Seed of the dates that are left out."""


class LeftOut:
    """Pixel-years of a set whose dates are observations, without a quarter of them.

    Clouds are screened by all dates, before some are left out: what is asked for is the land. The dates that are kept
    are joined by straight lines, which is what the encoder is given and what it is judged against.
    """

    def __init__(self, folder: Path, name: str, training: NDArray[np.float32]) -> None:
        parts = []
        for number, years in enumerate(data.iterate_observed(folder, name)):
            held = choose_dates(years.reflectance, np.random.default_rng([SEED, number]))
            kept = np.where(held[:, :, None], np.float32(np.nan), years.reflectance)
            truth = np.where(held[:, :, None], years.reflectance, np.float32(np.nan))
            parts.append((replace(years, reflectance=fill_linear(kept)), truth))
        years = data.join_years([part[0] for part in parts], name)
        truth = np.concatenate([part[1] for part in parts])
        given = impute_bands(years.reflectance, training)
        sound = ~np.isnan(given).any(axis=(1, 2))
        self.role = REAL_SETS[name].role
        self.given, self.terrain, self.truth = given[sound], years.terrain[sound], truth[sound]
        self.dates = int((~np.isnan(self.truth)).any(axis=2).sum())
        self.bootstrap = PixelBootstrap.of(years.pixel[sound])
        self.linear = Score.of(self.truth, self.given, self.bootstrap)

    def judge(self, encoder: Encoder) -> dict[str, Any]:
        """Encode and decode what was kept.

        Returns:
            `n` pixel-years of `pixels`; `dates` left out; the MAE of straight lines and of what was decoded at those
            dates; `ratio` of the second to the first.
        """
        decoded = encoder.decode(encoder.encode(self.given, self.terrain))
        errors = Score.of(self.truth, decoded, self.bootstrap)
        return {
            "role": self.role,
            "n": len(self.given),
            "pixels": self.bootstrap.draws.shape[1],
            "dates": self.dates,
            "linear_mae": self.linear.mae,
            "decoded_mae": errors.mae,
            "ratio": errors.ratio(self.linear),
        }


def choose_dates(observed: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose a quarter of the observed days of each pixel-year, at least one, never all.

    Args:
        observed: Reflectance (n, 365, 6), NaN where nothing was observed.
        rng: Source of chance.

    Returns:
        The days that are left out, (n, 365).
    """
    seen = ~np.isnan(observed).all(axis=2)
    count = seen.sum(axis=1)
    wanted = np.minimum(np.maximum(np.rint(SHARE * count), 1), count - 1)
    order = np.where(seen, rng.random(seen.shape), 2.0)
    rank = np.argsort(np.argsort(order, axis=1), axis=1)
    held: NDArray[np.bool_] = (rank < wanted[:, None]) & seen
    return held
