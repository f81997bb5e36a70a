"""Networks that ablations compare with ESDNet: each changes one part, and trains in the same loop."""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from stactools_esd.encoder.model import Architecture, ESDNet, Residual
from stactools_esd.encoder.pentads import PENTAD_DAYS, PENTADS
from stactools_esd.encoder.quantiser import Quantiser
from stactools_esd.product import BANDS, CHANNELS, FSQ, STEPS

HEADS: Final = 8
"""Heads of attention."""

COEFFICIENTS: Final = 12
"""Cosines a band of the temporal basis."""


class DailyStem(ESDNet):
    """Takes days where ESDNet takes pentads: a convolution of 365 days with stride 5 stands before the stem."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        a = architecture.width
        self.stem[0] = nn.Conv1d(a, a, 5, padding=2, bias=False)
        self.days = nn.Sequential(
            nn.Conv1d(2 * len(BANDS), a, 3 * PENTAD_DAYS, stride=PENTAD_DAYS, padding=PENTAD_DAYS, bias=False),
            nn.BatchNorm1d(a),
            nn.ReLU(),
        )

    def encode(self, pentads: Tensor, present: Tensor, terrain: Tensor) -> Tensor:
        """Draw lines between pentads, as gap filling does between dates, and let the network look at days."""
        x = ((pentads - self.band_mean) / self.band_scale).clamp(-3, 8) * (present > 0)
        days = functional.interpolate(x.transpose(1, 2), size=PENTADS * PENTAD_DAYS, mode="linear")
        seen = present.transpose(1, 2).repeat_interleave(PENTAD_DAYS, dim=2)
        hidden = self.stem(self.days(torch.cat([days, seen], dim=1)))
        hidden = self.down(hidden) + self.terrain(terrain)[:, :, None]
        latents: Tensor = self.norm_latents(self.to_latents(self.encoder(hidden)).float()).transpose(1, 2)
        return latents


class Attention(nn.Module):
    """x + attention(x) over steps (Vaswani et al. 2017), with learned places, then x + mlp(x) over channels."""

    def __init__(self, width: int, expansion: int = 2) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(1, width, STEPS) * 0.1)
        self.norm_steps = nn.BatchNorm1d(width)
        self.queries = nn.Conv1d(width, 3 * width, 1, bias=False)
        self.gather = nn.Conv1d(width, width, 1, bias=False)
        self.widen = nn.Conv1d(width, expansion * width, 1, bias=False)
        self.norm_channels = nn.BatchNorm1d(expansion * width)
        self.narrow = nn.Conv1d(expansion * width, width, 1, bias=False)
        self.norm_out = nn.BatchNorm1d(width)
        nn.init.constant_(self.norm_out.weight, 0.3)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (n, width, 12)."""
        n, width, steps = x.shape
        parts = self.queries(self.norm_steps(x) + self.place).view(n, 3, HEADS, width // HEADS, steps)
        query, key, value = (parts[:, i].transpose(2, 3) for i in range(3))  # (n, heads, steps, width / heads)
        found = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.gather(found.transpose(2, 3).reshape(n, width, steps))
        hidden = functional.relu(self.norm_channels(self.widen(x)))
        mixed: Tensor = x + self.norm_out(self.narrow(hidden))
        return mixed


class AttentiveSteps(ESDNet):
    """ESDNet whose blocks at 12 steps are attention, one for each dilation."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        width, blocks = architecture.step_width, len(architecture.dilations)
        self.encoder = nn.Sequential(*(Attention(width) for _ in range(blocks)))
        self.decoder = nn.Sequential(*(Attention(width) for _ in range(blocks)))


class DeepDecoder(ESDNet):
    """ESDNet whose decoder has twice the blocks of its encoder."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        c = architecture.step_width
        self.decoder = nn.Sequential(*(Residual(c, 3, dilation) for dilation in architecture.dilations * 2))


class LinearSkip(ESDNet):
    """ESDNet beside a linear way: pentads to latents, and vectors to pentads, as a learned basis would."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        series = PENTADS * len(BANDS)
        self.skip_in = nn.Linear(series, CHANNELS, bias=False)
        self.skip_out = nn.Linear(CHANNELS, series, bias=False)
        nn.init.zeros_(self.skip_out.weight)

    def encode(self, pentads: Tensor, present: Tensor, terrain: Tensor) -> Tensor:
        """Add the linear way before latents are normalised."""
        x = ((pentads - self.band_mean) / self.band_scale).clamp(-3, 8) * (present > 0)
        hidden = self.stem(torch.cat([x, present], dim=2).transpose(1, 2))
        hidden = self.encoder(self.down(hidden) + self.terrain(terrain)[:, :, None])
        straight = self.skip_in(x.flatten(1)).view(-1, STEPS, FSQ.dimensions).transpose(1, 2)
        latents: Tensor = self.norm_latents((self.to_latents(hidden) + straight).float()).transpose(1, 2)
        return latents

    def decode(self, vectors: Tensor) -> Tensor:
        """Add what the linear way makes of the vectors."""
        straight = self.skip_out(vectors.flatten(1)).view(-1, PENTADS, len(BANDS)).float()
        reflectance: Tensor = super().decode(vectors) + straight * self.band_scale
        return reflectance


class CosineBasis(ESDNet):
    """ESDNet whose decoder also gives the weights of cosines over the year, drawn from all vectors at once."""

    cosines: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        middle = (torch.arange(PENTADS) + 0.5) / PENTADS
        self.register_buffer("cosines", torch.cos(torch.pi * torch.arange(COEFFICIENTS)[:, None] * middle))
        self.to_weights = nn.Sequential(
            nn.Linear(CHANNELS, 2 * CHANNELS), nn.ReLU(), nn.Linear(2 * CHANNELS, COEFFICIENTS * len(BANDS))
        )

    def decode(self, vectors: Tensor) -> Tensor:
        """Add the cosines."""
        weights = self.to_weights(vectors.flatten(1)).float().view(-1, len(BANDS), COEFFICIENTS)
        reflectance: Tensor = super().decode(vectors) + (weights @ self.cosines).transpose(1, 2) * self.band_scale
        return reflectance


class Placed(nn.Module):
    """Adds a learned vector to each of 12 steps."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1, width, STEPS))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (n, width, 12)."""
        return x + self.place


class PositionalNet(ESDNet):
    """ESDNet that is told which of the 12 steps is which."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        self.encoder.insert(0, Placed(architecture.step_width))
        self.decoder.insert(0, Placed(architecture.step_width))


class WarmQuantiser(Quantiser):
    """Does not round until `rounds` is set."""

    rounds = False

    def forward(self, latents: Tensor) -> Tensor:
        """Bound, and round once the warm-up is over."""
        if self.rounds or not self.training:
            return super().forward(latents)
        return self.bound(latents) / self.half_levels


class WarmNet(ESDNet):
    """ESDNet whose first steps are not quantised."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        self.quantiser = WarmQuantiser()
