"""What happens to a clean pixel-year before a network sees it: haze, clouds, gaps, sparse revisits, other calendars.

All functions take pentads (n, 73, 6) with the share of days present (n, 73, 6), and draw from the generator they are
given, so that a step of training can be repeated exactly.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Generator, Tensor

from stactools_esd.encoder.pentads import PENTADS


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How strong each corruption is; 0 everywhere leaves the series alone."""

    gain: float = 0.02
    """Standard deviation of a factor on each band of a pixel-year: calibration and correction of the atmosphere."""

    offset: float = 0.002
    """Standard deviation of an offset on each band of a pixel-year, reflectance."""

    haze: float = 0.02
    """Largest relative standard deviation, in one pentad, of noise that all bands share."""

    noise: float = 0.004
    """Largest standard deviation, in one pentad, of noise of each band, reflectance."""

    clouds: float = 0.06
    """Largest share of pentads with a missed cloud or shadow."""

    gaps: float = 0.25
    """Share of pixel-years with one long gap of 2-11 pentads."""

    thinned: float = 0.25
    """Share of pixel-years that lose up to 70 % of their pentads."""

    lost_bands: float = 0.1
    """Share of pixel-years that lose one to three bands altogether."""

    resampled: float = 0.5
    """Share of batches that are interpolated anew from every second, third or sixth pentad, target included."""

    lasting: float = 0.25
    """Share of the resampled batches whose errors are interpolated too, and so last from date to date."""

    rolled: float = 0.5
    """Share of pixel-years whose window starts on another day, target included."""

    terrain_dropped: float = 0.2
    """Share of pixel-years whose terrain is hidden."""


def roll(values: Tensor, shift: Tensor) -> Tensor:
    """Start each window `shift` pentads later, and close the circle.

    Args:
        values: Shape (n, 73, k).
        shift: Pentads 0..72, shape (n,).
    """
    source = (torch.arange(PENTADS)[None, :] + shift[:, None]) % PENTADS  # (n, 73)
    return torch.gather(values, 1, source[:, :, None].expand_as(values))


def resampling_matrix(every: int, first: int) -> Tensor:
    """Linear, circular interpolation of 73 pentads from those at `first`, `first + every`, ..: shape (73, 73)."""
    kept = torch.arange(first, PENTADS, every).tolist()
    knots = [kept[-1] - PENTADS, *kept, kept[0] + PENTADS]
    matrix = torch.zeros(PENTADS, PENTADS)
    for before, after in pairwise(knots):
        for step in range(max(before, 0), min(after, PENTADS)):
            share = (step - before) / (after - before)
            matrix[step, before % PENTADS] += 1 - share
            matrix[step, after % PENTADS] += share
    return matrix


def corrupt(pentads: Tensor, strength: Augmentation, generator: Generator) -> Tensor:
    """Add calibration errors, haze, noise, and missed clouds and shadows; the shape (n, 73, 6) stays."""
    n = len(pentads)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    x = pentads * (1 + strength.gain * normal(n, 1, 6)) + strength.offset * normal(n, 1, 6)
    x = x + normal(n, PENTADS, 1) * (strength.haze * x + 0.1 * strength.haze) * uniform(n, 1, 1)
    x = x + normal(n, PENTADS, 6) * strength.noise * uniform(n, 1, 1)
    covered = uniform(n, PENTADS, 1) < strength.clouds * uniform(n, 1, 1)
    opacity = 0.35 * uniform(n, PENTADS, 1)
    # Six in ten are thin cloud of reflectance 0.55, the rest shadow.
    brightness = torch.where(uniform(n, PENTADS, 1) < 0.6, 0.55, 0.0)
    return torch.where(covered, x * (1 - opacity) + opacity * brightness, x)


def hide(present: Tensor, strength: Augmentation, generator: Generator) -> Tensor:
    """Take days away: one long gap, a sparse revisit, whole bands; the shape (n, 73, 6) stays."""
    n = len(present)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    step = torch.arange(PENTADS)[None, :]  # (1, 73)
    first = torch.randint(0, PENTADS, (n, 1), generator=generator)
    length = torch.randint(2, 12, (n, 1), generator=generator)
    fate = uniform(n, 1)
    gap = (fate < strength.gaps) & (step >= first) & (step < first + length)
    sparse = (fate >= strength.gaps) & (fate < strength.gaps + strength.thinned)
    thinned = sparse & (uniform(n, PENTADS) < 0.7 * uniform(n, 1))
    loses_bands = uniform(n, 1) < strength.lost_bands
    lost = loses_bands & (uniform(n, 6).argsort(dim=1) < torch.randint(1, 4, (n, 1), generator=generator))
    return present * ~(gap | thinned)[:, :, None] * ~lost[:, None, :]
