"""What training draws from: pools of pixel-years, and the batch of each step."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from tqdm import tqdm

from stactools_esd.encoder import augment
from stactools_esd.encoder.config import TrainingConfig
from stactools_esd.encoder.data import read_pentads
from stactools_esd.encoder.model import terrain_features
from stactools_esd.encoder.pentads import PENTAD_DAYS, PENTADS, to_pentads
from stactools_esd.encoder.real_sets import REAL_SETS, names
from stactools_esd.product import DAYS
from stactools_esd.simulation import simulate_pixels

PHENOLOGY_TARGETS: Final = 9
"""Sine and cosine of three days of the year, and three amounts."""

_SIMULATION_CHUNK: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Pixel-years to draw batches from."""

    name: str
    """`simulation`, or a key of `data.REAL_SETS`."""

    pentads: NDArray[np.float32]
    """Shape (n, 73, 6)."""

    present: NDArray[np.float32]
    """Share of days present, (n, 73, 6)."""

    terrain: NDArray[np.float32]
    """`terrain_features`, (n, 5)."""

    class_id: NDArray[np.int64]
    """Class for the head (n,); -1 where unlabelled."""

    phenology: NDArray[np.float32]
    """Truth as the simulator gives it (n, 6); NaN where unknown."""

    pixel: NDArray[np.int64]
    """Pixel that a calendar year belongs to, (n,); -1 where that is not known."""

    share: float
    """Share of a batch that comes from here; all shares sum to 1."""

    licence: str
    """Licence of the data."""

    @cached_property
    def sha256(self) -> str:
        """Hash of everything that batches are drawn from: tells whether data or simulator have changed since."""
        digest = hashlib.sha256()
        for column in (self.pentads, self.present, self.terrain, self.class_id, self.phenology, self.pixel):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()

    @cached_property
    def repeated(self) -> list[NDArray[np.intp]]:
        """Rows of each pixel that has two calendar years or more."""
        pixels, counts = np.unique(self.pixel[self.pixel >= 0], return_counts=True)
        return [np.flatnonzero(self.pixel == pixel) for pixel in pixels[counts > 1]]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One step's worth of pixel-years, as tensors; shapes as in `Pool`."""

    clean: Tensor
    """What the decoder should return."""

    seen: Tensor
    """What the encoder is shown."""

    known: Tensor
    """Where `clean` may be believed, 0..1."""

    present: Tensor
    """What share of the days the encoder is shown."""

    terrain: Tensor
    """Terrain features, zeros where dropped."""

    class_id: Tensor
    """-1 where unlabelled."""

    phenology: Tensor
    """Targets (n, 9), NaN where unknown."""

    pixel: Tensor
    """Equal in the two rows that show one pixel in two years; -1 where a row is alone, (n,)."""


def gather(settings: TrainingConfig, folder: Path | None) -> list[Pool]:
    """Simulate, and read the real training sets where a folder is given."""
    real_share = settings.real_share if folder is not None else 0.0
    pools = [_simulated_pool(settings, 1 - real_share)]
    if folder is not None and real_share > 0:
        entries = [REAL_SETS[name] for name in names("train")]
        total = sum(entry.share for entry in entries)
        for entry in tqdm(entries, desc="read", unit="set", disable=None):
            years = read_pentads(folder, entry.name)
            n = len(years.pentads)
            pools.append(
                Pool(
                    name=entry.name,
                    pentads=years.pentads,
                    present=years.present,
                    terrain=terrain_features(years.terrain, n),
                    class_id=np.full(n, -1),
                    phenology=np.full((n, 6), np.nan, dtype=np.float32),
                    pixel=years.pixel,
                    share=real_share * entry.share / total,
                    licence=entry.licence,
                )
            )
    return pools


def _simulated_pool(settings: TrainingConfig, share: float) -> Pool:
    """Simulate in chunks that keep only pentads: daily series of a whole pool would fill the memory."""
    parts: list[tuple[NDArray[Any], ...]] = []
    firsts = range(0, settings.simulated_years, _SIMULATION_CHUNK)
    for first in tqdm(firsts, desc="simulate", unit="chunk", disable=None):
        n = min(_SIMULATION_CHUNK, settings.simulated_years - first)
        pixels = simulate_pixels(n, settings.simulation_seed * 1_000_000 + first)
        pentads, present = to_pentads(pixels.clean)
        parts.append((pentads, present, terrain_features(pixels.terrain, n), pixels.class_id, pixels.phenology))
    pentads, present, terrain, class_id, phenology = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Pool(
        name="simulation",
        pentads=pentads,
        present=present,
        terrain=terrain,
        class_id=class_id.astype(np.int64),
        phenology=phenology.astype(np.float32),
        pixel=np.full(len(pentads), -1),
        share=share,
        licence="Apache-2.0",
    )


def draw_batch(pools: list[Pool], settings: TrainingConfig, step: int) -> Batch:
    """Draw and corrupt the batch of one step; the same arguments give the same batch."""
    rng = np.random.default_rng([settings.seed, step])
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    origin = rng.choice(len(pools), settings.batch_size, p=[pool.share for pool in pools])
    picks = [(pools[i], rng.integers(len(pools[i].pentads), size=int((origin == i).sum()))) for i in np.unique(origin)]
    alone = _drawn(picks, settings, rng, generator)
    if not settings.identity_weight or not any(pool.repeated for pool in pools):
        return alone
    paired = _drawn_pairs(pools, settings, rng, generator)
    return Batch(**{name: torch.cat([value, getattr(paired, name)]) for name, value in vars(alone).items()})


def _drawn(
    picks: list[tuple[Pool, NDArray[np.intp]]], settings: TrainingConfig, rng: np.random.Generator, generator: Generator
) -> Batch:
    """Move, resample, corrupt and hide the rows that were picked."""
    clean, known, terrain, class_id, phenology = _collect(picks)
    strength = settings.augmentation
    n = len(clean)
    shift = torch.from_numpy(np.where(rng.random(n) < strength.rolled, rng.integers(PENTADS, size=n), 0))
    clean, known = augment.roll(clean, shift), augment.roll(known, shift)
    seen = augment.corrupt(clean, strength, generator)
    if rng.random() < strength.resampled:
        every = int(rng.choice([2, 3, 6]))
        joined_by_lines = augment.resampling_matrix(every, int(rng.integers(every)))
        clean = joined_by_lines @ clean
        # Errors of the dates last from one to the next where gap filling drew lines between them.
        lasting = rng.random() < strength.lasting
        seen = joined_by_lines @ seen if lasting else augment.corrupt(clean, strength, generator)
    kept_terrain = torch.from_numpy(rng.random((n, 1)) >= strength.terrain_dropped)
    return Batch(
        clean=clean,
        seen=seen,
        known=known,
        present=augment.hide(known, strength, generator),
        terrain=terrain * kept_terrain,
        class_id=class_id,
        phenology=phenology_targets(phenology, shift),
        pixel=torch.full((n,), -1),
    )


def _drawn_pairs(pools: list[Pool], settings: TrainingConfig, rng: np.random.Generator, generator: Generator) -> Batch:
    """Draw pixels of one set in two calendar years each; without terrain, which would tell them apart."""
    several = [pool for pool in pools if pool.repeated]
    shares = np.array([pool.share for pool in several])
    pool = several[int(rng.choice(len(several), p=shares / shares.sum()))]
    pixels = rng.choice(len(pool.repeated), min(settings.identity_pairs, len(pool.repeated)), replace=False)
    rows = np.concatenate([rng.choice(pool.repeated[pixel], 2, replace=False) for pixel in pixels])
    clean, known, terrain, class_id, phenology = _collect([(pool, rows)])
    return Batch(
        clean=clean,
        seen=augment.corrupt(clean, settings.augmentation, generator),
        known=known,
        present=known,
        terrain=torch.zeros_like(terrain),
        class_id=class_id,
        phenology=phenology_targets(phenology, torch.zeros(len(rows))),
        pixel=torch.arange(len(pixels)).repeat_interleave(2),
    )


def _collect(picks: list[tuple[Pool, NDArray[np.intp]]]) -> Iterator[Tensor]:
    """Yield pentads, share present, terrain, class and phenology of the rows that were picked."""
    for column in ("pentads", "present", "terrain", "class_id", "phenology"):
        yield torch.from_numpy(np.concatenate([getattr(pool, column)[rows] for pool, rows in picks]))


def phenology_targets(phenology: Tensor, shift: Tensor) -> Tensor:
    """Turn truth (n, 6) into targets (n, 9) of like size: days become angles, which have no jump at the year's end.

    Args:
        phenology: Start, peak and end of season in days, largest LAI, amplitude and mean of NDVI.
        shift: How many pentads later the window starts, (n,).
    """
    angle = 2 * math.pi / DAYS * (phenology[:, :3] - PENTAD_DAYS * shift[:, None])
    amounts = phenology[:, 3:] * torch.tensor([0.25, 2.0, 2.0])
    return torch.cat([torch.sin(angle), torch.cos(angle), amounts], dim=1).float()
