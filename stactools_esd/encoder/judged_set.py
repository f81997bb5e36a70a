"""One real set, made ready to judge encoders on: its years, and what the baselines make of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder import data
from stactools_esd.encoder.baselines import Baseline, fit_baselines, impute_bands
from stactools_esd.encoder.bootstrap import PixelBootstrap
from stactools_esd.encoder.code_use import code_use
from stactools_esd.encoder.inference import Encoder
from stactools_esd.encoder.metrics import Score
from stactools_esd.encoder.real_sets import REAL_SETS
from stactools_esd.errors import NothingFoundError
from stactools_esd.product import BANDS

HALVES_SEED: Final = 0
"""Seed of the halves of a set's pixels: baselines fitted on one are judged on the other."""


@dataclass(frozen=True, kw_only=True)
class Half:
    """Judging on half of the pixels of a set what was fitted on the other half."""

    rows: NDArray[np.int64]
    """Pixel-years that judge."""

    fitted: int
    """Number of pixel-years that were fitted on."""

    bootstrap: PixelBootstrap
    """Draws of the pixels that judge."""

    scores: dict[str, Score]
    """What each baseline reached, by its name."""


class JudgedSet:
    """Pixel-years of a set, their truth, and what the baselines reach.

    Where a set lacks bands altogether, everybody is given what a linear regression on the others predicts, fitted on
    the training pixels, and all are compared on the bands that were measured.
    """

    def __init__(self, folder: Path, name: str, training: NDArray[np.float32], baselines: list[Baseline]) -> None:
        """Read a set, judge baselines fitted on others, and fit more of them on half of the set's own pixels.

        Args:
            folder: Folder of real series.
            name: Key of `real_sets.REAL_SETS`.
            training: What `baselines` were fitted on, (m, 365, 6).
            baselines: Fitted on the training sets.

        Raises:
            NothingFoundError: The set's file is not there, or holds no usable window.
        """
        years = data.read_years(folder, name)
        given = impute_bands(years.reflectance, training)
        sound = ~np.isnan(given).any(axis=(1, 2))
        self.role = REAL_SETS[name].role
        self.measured = [not np.isnan(years.reflectance[..., band]).all() for band in range(len(BANDS))]
        self.without_some_band = int((~sound).sum())
        self.given, self.truth = given[sound], years.reflectance[sound]
        self.terrain, self.pixel = years.terrain[sound], years.pixel[sound]
        self.bootstrap = PixelBootstrap.of(self.pixel)
        self.keys = {baseline.name: baseline.key for baseline in baselines}
        rebuilt = {baseline.name: baseline(self.given) for baseline in baselines}
        self.scores = {key: Score.of(self.truth, years, self.bootstrap) for key, years in rebuilt.items()}
        self.against_given = self.scores
        if not all(self.measured):
            self.against_given = {key: Score.of(self.given, years, self.bootstrap) for key, years in rebuilt.items()}
        self.half = self._halved()

    def _halved(self) -> Half:
        """Fit baselines on one half of the pixels and judge them on the other."""
        pixels = np.random.default_rng(HALVES_SEED).permutation(np.unique(self.pixel))
        fitting = np.isin(self.pixel, pixels[: (len(pixels) + 1) // 2])
        rows = np.flatnonzero(~fitting)
        if not rows.size:
            raise NothingFoundError("got a set of one pixel, expected two or more; choose a larger set")
        bootstrap = PixelBootstrap.of(self.pixel[rows])
        scores = {
            baseline.name: Score.of(self.truth[rows], baseline(self.given[rows]), bootstrap)
            for baseline in fit_baselines(self.given[fitting])
        }
        return Half(rows=rows, fitted=int(fitting.sum()), bootstrap=bootstrap, scores=scores)

    def judge(self, encoder: Encoder) -> dict[str, Any]:
        """Rebuild every pixel-year by an encoder and put its figures beside the baselines'.

        Returns:
            Role; `n` pixel-years of `pixels`; bands compared; `methods`, by name a key and `Score.as_dict`;
            `mae_ratio`, the encoder's MAE over that of each baseline, by key; `in_domain`, the same on one half of
            the pixels with baselines fitted on the other; `codes`, how the codebook is used; where bands are missing
            also the encoder given them as missing, and `against_given`, methods compared over six bands with the
            imputed series.
        """
        label = encoder.identity.label
        codes = encoder.encode(self.given, self.terrain)
        rebuilt = encoder.decode(codes)
        half = self.half
        entry: dict[str, Any] = {
            "role": self.role,
            "n": len(self.truth),
            "pixels": self.bootstrap.draws.shape[1],
            "left_out_without_some_band": self.without_some_band,
            "bands": [band for band, there in zip(BANDS, self.measured, strict=True) if there],
            **self._beside(label, Score.of(self.truth, rebuilt, self.bootstrap), self.scores),
            "in_domain": {
                "n": len(half.rows),
                "fitted": half.fitted,
                **self._beside(label, Score.of(self.truth[half.rows], rebuilt[half.rows], half.bootstrap), half.scores),
            },
            "codes": code_use(codes),
        }
        if not all(self.measured):
            bare = Score.of(self.truth, encoder.decode(encoder.encode(self.truth, self.terrain)), self.bootstrap)
            entry["methods"][f"{label}, bands missing"] = {"key": "encoder_bare", **bare.as_dict()}
            own = Score.of(self.given, rebuilt, self.bootstrap)
            entry["against_given"] = self._beside(label, own, self.against_given)
        return entry

    def _beside(self, label: str, own: Score, others: dict[str, Score]) -> dict[str, Any]:
        """Put what an encoder reached beside what the baselines reached on the same draws of pixels."""
        methods = {label: {"key": "encoder", **own.as_dict()}}
        methods |= {name: {"key": self.keys[name], **score.as_dict()} for name, score in others.items()}
        return {"methods": methods, "mae_ratio": {self.keys[name]: own.ratio(score) for name, score in others.items()}}
