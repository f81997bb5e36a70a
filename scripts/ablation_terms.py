"""What ablations add to the loss, and what they do to batches and weights: one change each."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from ablation_networks import WarmQuantiser
from torch import Tensor, nn

from stactools_esd.encoder import augment
from stactools_esd.encoder.batches import Batch
from stactools_esd.encoder.config import TrainingConfig
from stactools_esd.encoder.model import ESDNet


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a term may look at."""

    network: ESDNet
    decoded: Tensor
    """Pentads that the network made (n, 73, 6)."""

    vectors: Tensor
    """Their vectors (n, 12, 6)."""

    batch: Batch
    settings: TrainingConfig
    number: int


Term = Callable[[Step], Tensor]
"""What the loss of a step gains."""

VIEWS: Final = 32
"""Pixel-years of a batch that are seen a second time."""


def correlation(weight: float) -> Term:
    """Ask for the shape of each band over the year: 1 - Pearson's r, where a band varies by more than .01."""

    def term(now: Step) -> Tensor:
        x, y = (value - value.mean(dim=1, keepdim=True) for value in (now.batch.clean, now.decoded))
        varies = (x.std(dim=1) > 0.01) & (now.batch.known > 0).all(dim=1)
        r = (x * y).sum(dim=1) / (x.square().sum(dim=1) * y.square().sum(dim=1) + 1e-8).sqrt()
        return weight * ((1 - r) * varies).sum() / varies.sum().clamp(min=1)

    return term


def two_views(weight: float) -> Term:
    """Ask that a pixel-year corrupted in two ways has the same latents, in units of levels."""

    def term(now: Step) -> Tensor:
        generator = torch.Generator().manual_seed(1_000_003 * now.settings.seed + now.number)
        clean, known = now.batch.clean[:VIEWS], now.batch.known[:VIEWS]
        seen = augment.corrupt(clean, now.settings.augmentation, generator)
        present = augment.hide(known, now.settings.augmentation, generator)
        other = now.network.quantiser(now.network.encode(seen, present, now.batch.terrain[:VIEWS]))
        return weight * (now.vectors[:VIEWS] - other).square().mean()

    return term


def decorrelated(weight: float) -> Term:
    """Ask that the 72 values have nothing in common over a batch: mean square of their correlations (Cogswell 2016)."""

    def term(now: Step) -> Tensor:
        values = now.vectors[now.batch.pixel < 0].flatten(1)
        values = values - values.mean(dim=0)
        unit = values / (values.square().sum(dim=0) + 1e-6).sqrt()
        # Of unrelated values the square of the correlation is 1 / (n - 1) by chance.
        square = (unit.T @ unit).square() - 1 / (len(values) - 1)
        return weight * (square.sum() - square.diagonal().sum()) / values.shape[1]

    return term


def warm_up(share: float) -> Term:
    """Round only after a share of the steps."""

    def term(now: Step) -> Tensor:
        if isinstance(now.network.quantiser, WarmQuantiser):
            now.network.quantiser.rounds = now.number >= share * now.settings.steps
        return now.decoded.new_zeros(())

    return term


def mixed_pixels(share: float, spread: float, amplitude: float) -> Callable[[Batch, TrainingConfig, int], Batch]:
    """Widen what is trained on: mixtures of two pixel-years, other brightness of bands, other amplitude of seasons.

    Args:
        share: Share of the rows that are mixed with the next row, evenly from 0 to a half.
        spread: Standard deviation of a factor on each band of a row.
        amplitude: Standard deviation of a factor on what differs from the mean of the year.
    """

    def changed(batch: Batch, settings: TrainingConfig, step: int) -> Batch:
        rng = np.random.default_rng([settings.seed, step, 7])
        n = len(batch.clean)
        alone = (batch.pixel < 0).numpy()
        part = torch.from_numpy(np.where(alone & (rng.random(n) < share), rng.random(n) / 2, 0)).float()[:, None, None]
        factor = torch.from_numpy(np.exp(spread * rng.standard_normal((n, 1, 6)))).float()
        swing = torch.from_numpy(np.exp(amplitude * rng.standard_normal((n, 1, 1)))).float()
        swing[~torch.from_numpy(alone)] = 1

        def reshaped(x: Tensor, mean: Tensor) -> Tensor:
            return (mean + (x - mean) * swing) * factor

        clean = (1 - part) * batch.clean + part * batch.clean.roll(1, 0)
        seen = (1 - part) * batch.seen + part * batch.seen.roll(1, 0)
        mean = clean.mean(dim=1, keepdim=True)
        mixed = part[:, 0, 0] > 0
        both = torch.where(mixed[:, None, None], torch.minimum(batch.known, batch.known.roll(1, 0)), batch.known)
        shown = torch.where(mixed[:, None, None], torch.minimum(batch.present, batch.present.roll(1, 0)), batch.present)
        return replace(
            batch,
            clean=reshaped(clean, mean),
            seen=reshaped(seen, mean),
            known=both,
            present=shown,
            class_id=torch.where(mixed, torch.full_like(batch.class_id, -1), batch.class_id),
            phenology=torch.where(mixed[:, None], torch.full_like(batch.phenology, float("nan")), batch.phenology),
        )

    return changed


def spliced(share: float) -> Callable[[Batch, TrainingConfig, int], Batch]:
    """Let a share of the rows go on as the next row from a drawn pentad: land that changes within the year."""

    def changed(batch: Batch, settings: TrainingConfig, step: int) -> Batch:
        rng = np.random.default_rng([settings.seed, step, 11])
        n, pentads = batch.clean.shape[:2]
        breaks = torch.from_numpy(rng.random(n) < share) & (batch.pixel < 0)
        after = torch.arange(pentads) >= torch.from_numpy(rng.integers(6, pentads - 6, n))[:, None]
        other = (after & breaks[:, None])[:, :, None]
        columns = {name: getattr(batch, name) for name in ("clean", "seen", "known", "present")}
        return replace(
            batch,
            **{name: torch.where(other, value.roll(1, 0), value) for name, value in columns.items()},
            class_id=torch.where(breaks, torch.full_like(batch.class_id, -1), batch.class_id),
            phenology=torch.where(breaks[:, None], torch.full_like(batch.phenology, float("nan")), batch.phenology),
        )

    return changed


class Average:
    """Running mean of weights, which is judged in place of the last ones."""

    def __init__(self, network: nn.Module, memory: float) -> None:
        self._memory = memory
        self._mean = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def update(self, network: nn.Module) -> None:
        """Move the mean a little towards the weights."""
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self._mean[name].lerp_(value, 1 - self._memory)
            else:
                self._mean[name].copy_(value)

    def put(self, network: nn.Module) -> None:
        """Give the mean to the network."""
        network.load_state_dict(self._mean)
