"""What an ablation is judged by: parts of the development sets, simulated noise, and two tasks; never a test set."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.encoder_tasks import change, identity, inputs, landcover
from esd_tasks.encoder_tasks.samples import PixelYears
from stactools_esd.encoder import data
from stactools_esd.encoder.baselines import impute_bands, training_years
from stactools_esd.encoder.inference import Encoder
from stactools_esd.encoder.left_out import LeftOut
from stactools_esd.encoder.metrics import reconstruction
from stactools_esd.simulation import simulate_pixels
from stactools_esd.simulation.frozen_noise import add_frozen_noise

SETS: Final = ("rondonia_a", "matogrosso", "romania")
"""Development sets whose years are rebuilt."""

ROWS: Final = 900
"""Pixel-years of a set, at most."""

NOISY: Final = 700
"""Simulated pixel-years; their seed is that of no training."""

IDENTITY_ROW: Final = "harvard_first_150"
"""Row of pixels whose second half gives no pairs of years to the training."""

PAIRED: Final = 75
"""Pixels of the row that give pairs."""

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Years:
    """What is encoded, what should come back, and terrain."""

    given: Floats
    truth: Floats
    terrain: Floats


class Judge:
    """The parts of sets, read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        training = training_years(folder)
        rng = np.random.default_rng(5)
        self._sets = {name: _some(*_read(folder, name, training), rng) for name in SETS}
        self._left_out = {name: _left_out(folder, name, training, rng) for name in ("matogrosso", "romania")}
        pixels = simulate_pixels(NOISY, 770_003)
        self._clean = Years(given=pixels.clean, truth=pixels.clean, terrain=pixels.terrain)
        self._noisy = {
            level: replace(self._clean, given=add_frozen_noise(pixels.clean, 773, level=level)) for level in (1.0, 2.0)
        }

    def judge(self, encoder: Encoder) -> dict[str, float]:
        """Measure an encoder; names of figures as in the table of the decision."""
        found: dict[str, float] = {}
        edges = []
        for name, years in self._sets.items():
            rebuilt = _rebuilt(encoder, years)
            score = reconstruction(years.truth, rebuilt)
            found |= {f"{key}.{name}": score[key] for key in ("mae", "rmse", "cc_b")}
            edges.append(_edge_ratio(years.truth, rebuilt))
        found["edge_ratio"] = float(np.mean(edges))
        for name, years in self._left_out.items():
            lines = reconstruction(years.truth, years.given)["mae"]
            found[f"leftout_ratio.{name}"] = reconstruction(years.truth, _rebuilt(encoder, years))["mae"] / lines
        found["mae.simulated"] = reconstruction(self._clean.truth, _rebuilt(encoder, self._clean))["mae"]
        for level, years in self._noisy.items():
            noise = reconstruction(years.truth, years.given)["mae"]
            found[f"denoise_ratio.{level:g}"] = reconstruction(years.truth, _rebuilt(encoder, years))["mae"] / noise
        return found | self._tasks(encoder)

    def _tasks(self, encoder: Encoder) -> dict[str, float]:
        """Area under the curve of dated clearings and of identity across years, and gains over raw series."""
        windows, detection, untouched = inputs.read_change(self._folder, [encoder])
        deter = change.scores(windows, change.find_pairs(windows, detection, untouched))
        row = _second_half(inputs.read_row(self._folder, IDENTITY_ROW, [encoder]))
        same = identity.scores(row, identity.draw_triples(row, apart=40))
        gains = {
            f"oa_gain.{name}": landcover.gain(
                [landcover.judge(inputs.read_labelled(self._folder, name, [encoder]), repeats=2)]
            ).value
            for name in ("rondonia_a", "matogrosso")
        }
        return {"auc.deter": deter["codes"].auc, "auc.identity": same["codes"].auc, **gains}


def _read(folder: Path, name: str, training: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    years = data.read_years(folder, name)
    return impute_bands(years.reflectance, training), years.reflectance, years.terrain


def _left_out(folder: Path, name: str, training: NDArray[np.float32], rng: np.random.Generator) -> Years:
    dates = LeftOut(folder, name, training)
    return _some(dates.given, dates.truth, dates.terrain, rng)


def _some(given: Floats, truth: Floats, terrain: Floats, rng: np.random.Generator) -> Years:
    """Draw the pixel-years that are judged."""
    sound = np.flatnonzero(~np.isnan(given).any(axis=(1, 2)))
    rows = rng.permutation(sound)[:ROWS]
    return Years(given=given[rows], truth=truth[rows], terrain=terrain[rows])


def _rebuilt(encoder: Encoder, years: Years) -> NDArray[np.float32]:
    return encoder.decode(encoder.encode(years.given, years.terrain))


def _edge_ratio(truth: Floats, rebuilt: Floats) -> float:
    """Error of the days of steps 1, 2, 11 and 12 over that of the days between."""
    error = np.nanmean(np.abs(rebuilt - truth), axis=(0, 2))
    outer = np.concatenate([error[:61], error[-61:]])
    return float(outer.mean() / error[61:-61].mean())


def _second_half(row: PixelYears) -> PixelYears:
    """Keep the pixels of a row that gave no pairs."""
    kept = row.pixel >= PAIRED
    columns: dict[str, Any] = {}
    for field in fields(row):
        value = getattr(row, field.name)
        if isinstance(value, np.ndarray) and len(value) == len(kept):
            columns[field.name] = value[kept]
    return replace(row, **columns, codes=tuple(codes[kept] for codes in row.codes))
