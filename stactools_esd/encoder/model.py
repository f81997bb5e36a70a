"""ESDNet: a residual Conv1D autoencoder along time with finite scalar quantisation between its halves.

Shapes are written beside each line; n is the batch, a the width at 73 pentads and c the width at 12 steps.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from stactools_esd.encoder.quantiser import Quantiser
from stactools_esd.encoder.token_mixing import HEADS, TokenMixing
from stactools_esd.product import BANDS, CHANNELS, FSQ

BAND_MEAN: Final = (0.07, 0.10, 0.11, 0.27, 0.21, 0.14)
"""Typical reflectance of land, by band: the zero of the network's input."""

BAND_SCALE: Final = (0.06, 0.07, 0.09, 0.11, 0.11, 0.10)
"""Typical spread of reflectance over land, by band: the unit of the network's input."""

_STRIDE: Final = 6
"""Pentads from one step to the next: 12 steps of 6 pentads, and one pentad more."""

_REACH: Final = 13
"""Pentads that a step is made from, and that it helps to rebuild: its own, and half of each neighbour's."""

_PADDING: Final = 3
"""Pentads beyond either end of the year, so that 73 pentads make 12 steps and 12 steps make 73."""

TERRAIN_FEATURES: Final = 5
"""Whether terrain is known; elevation; slope; slope towards north; slope towards east."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Sizes of the network; decoder and encoder mirror each other."""

    width: int = 32
    """Channels at 73 pentads."""

    step_width: int = 144
    """Channels at 12 steps."""

    dilations: tuple[int, ...] = (1, 2, 4)
    """Blocks at 12 steps, by how far apart the steps are that each mixes: together they see the whole year."""

    mixer: Literal["convolution", "tokens"] = "convolution"
    """What the blocks at 12 steps are: residual convolutions, or token mixing, where only the number of dilations
    counts."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))

    def can_be_made(self) -> bool:
        """Say whether widths fit the blocks: token mixing shares channels out among its heads."""
        return self.mixer != "tokens" or self.step_width % HEADS == 0


class Residual(nn.Module):
    """x + pointwise(kernel(x)): mixes neighbouring steps, then channels."""

    def __init__(self, width: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.along_time = nn.Conv1d(width, width, kernel, padding=padding, dilation=dilation, bias=False)
        self.norm1 = nn.BatchNorm1d(width)
        self.pointwise = nn.Conv1d(width, width, 1, bias=False)
        self.norm2 = nn.BatchNorm1d(width)
        # Blocks start close to the identity, which lets a short training begin with a high learning rate.
        nn.init.constant_(self.norm2.weight, 0.3)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (n, width, t)."""
        hidden = functional.relu(self.norm1(self.along_time(x)))
        return functional.relu(x + self.norm2(self.pointwise(hidden)))


def _blocks(architecture: Architecture) -> nn.Sequential:
    """Make the blocks at 12 steps of one half of the network."""
    width = architecture.step_width
    if architecture.mixer == "tokens":
        return nn.Sequential(*(TokenMixing(width) for _ in architecture.dilations))
    return nn.Sequential(*(Residual(width, 3, dilation) for dilation in architecture.dilations))


class ESDNet(nn.Module):
    """Pentads of a pixel-year to twelve latents, and twelve vectors back to pentads."""

    band_mean: Tensor
    band_scale: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a, c = architecture.width, architecture.step_width
        bands, dimensions = len(BANDS), FSQ.dimensions
        self.register_buffer("band_mean", torch.tensor(BAND_MEAN, dtype=torch.float32))
        self.register_buffer("band_scale", torch.tensor(BAND_SCALE, dtype=torch.float32))

        self.stem = nn.Sequential(
            nn.Conv1d(2 * bands, a, 5, padding=2, bias=False),
            nn.BatchNorm1d(a),
            nn.ReLU(),
        )
        self.down = nn.Conv1d(a, c, _REACH, stride=_STRIDE, padding=_PADDING)
        self.terrain = nn.Linear(TERRAIN_FEATURES, c, bias=False)
        self.encoder = _blocks(architecture)
        self.to_latents = nn.Conv1d(c, dimensions, 1)
        self.norm_latents = nn.BatchNorm1d(dimensions)

        self.quantiser = Quantiser()

        self.from_vectors = nn.Conv1d(dimensions, c, 3, padding=1)
        self.decoder = _blocks(architecture)
        self.up = nn.ConvTranspose1d(c, a, _REACH, stride=_STRIDE, padding=_PADDING)
        self.smooth = Residual(a, 5)
        self.to_bands = nn.Conv1d(a, bands, 3, padding=1)

    def encode(self, pentads: Tensor, present: Tensor, terrain: Tensor) -> Tensor:
        """Turn pentads into latents.

        Args:
            pentads: Reflectance (n, 73, 6); anything where `present` is 0.
            present: Share of the pentad's days that were seen (n, 73, 6), 0..1.
            terrain: `terrain_features` (n, 5); zeros where unknown.

        Returns:
            Latents (n, 12, 6), float32.
        """
        x = ((pentads - self.band_mean) / self.band_scale).clamp(-3, 8)  #   (n, 73, 6)
        x = torch.cat([x * (present > 0), present], dim=2).transpose(1, 2)  # (n, 12, 73)
        x = self.stem(x)  #                                                  (n, a, 73)
        x = self.down(x) + self.terrain(terrain)[:, :, None]  #              (n, c, 12)
        x = self.to_latents(self.encoder(x))  #                              (n, 6, 12)
        latents: Tensor = self.norm_latents(x.float()).transpose(1, 2)  #    (n, 12, 6)
        return latents

    def decode(self, vectors: Tensor) -> Tensor:
        """Turn vectors (n, 12, 6) into pentads of reflectance (n, 73, 6), float32."""
        x = self.from_vectors(vectors.transpose(1, 2))  #                    (n, c, 12)
        x = self.up(self.decoder(x))  #                                      (n, a, 73)
        x = self.to_bands(self.smooth(x)).transpose(1, 2)  #                 (n, 73, 6)
        reflectance: Tensor = x.float() * self.band_scale + self.band_mean
        return reflectance

    def forward(self, pentads: Tensor, present: Tensor, terrain: Tensor) -> tuple[Tensor, Tensor]:
        """Encode, round and decode; return pentads (n, 73, 6) and vectors (n, 12, 6)."""
        vectors = self.quantiser(self.encode(pentads, present, terrain))
        return self.decode(vectors), vectors


class Heads(nn.Module):
    """What a code should also tell: class and phenology. Used in training, never shipped."""

    def __init__(self, n_classes: int, n_phenology: int, width: int = 128) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(CHANNELS, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.land_class = nn.Linear(width, n_classes)
        self.phenology = nn.Linear(width, n_phenology)

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (n, 12, 6) to class scores (n, classes) and phenology (n, k)."""
        hidden = self.body(vectors.flatten(1))  # (n, 72) -> (n, width)
        return self.land_class(hidden), self.phenology(hidden)


def terrain_features(terrain: NDArray[np.floating] | None, n: int) -> NDArray[np.float32]:
    """Turn terrain into what the network takes.

    Args:
        terrain: Elevation in metres, slope in degrees, aspect in degrees clockwise from north (n, 3), or None. A NaN
            aspect means flat ground; elevation outside -500..9000 m, slope outside 0..90 degrees or NaN means unknown.
        n: Number of pixels.

    Returns:
        Shape (n, 5): 1 where known, elevation / 2000, slope / 20 and its parts to the north and to the east; rows of
        zeros where unknown.
    """
    features = np.zeros((n, TERRAIN_FEATURES), dtype=np.float32)
    if terrain is None:
        return features
    elevation, slope, aspect = np.asarray(terrain, dtype=np.float32).T
    known = (elevation >= -500) & (elevation <= 9000) & (slope >= 0) & (slope <= 90)
    angle = np.deg2rad(aspect)
    steepness = slope / 20
    columns = (np.ones(n), elevation / 2000, steepness, steepness * np.cos(angle), steepness * np.sin(angle))
    features[:] = np.nan_to_num(np.stack(columns, axis=1), posinf=0, neginf=0)
    features[~known] = 0
    return features


def parameter_count(network: nn.Module) -> int:
    """Count trainable numbers."""
    return sum(parameter.numel() for parameter in network.parameters())
