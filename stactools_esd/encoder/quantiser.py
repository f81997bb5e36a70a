"""The rounding of ESD in torch, with a gradient: the same rule as `stactools_esd.fsq`, for training."""

import numpy as np
import torch
from torch import Tensor, nn

from stactools_esd.fsq import BOUND_MARGIN
from stactools_esd.product import FSQ


class Quantiser(nn.Module):
    """Finite scalar quantisation with a straight-through gradient (Mentzer et al. 2023).

    Codes that are written never pass through this module: inference hands its latents to `fsq.quantise`.
    """

    reach: Tensor
    offset: Tensor
    shift: Tensor
    half_levels: Tensor

    def __init__(self) -> None:
        super().__init__()
        levels = np.array(FSQ.levels)
        reach = ((levels - 1) * (1 + BOUND_MARGIN) / 2).astype(np.float32)
        offset = np.where(levels % 2 == 0, 0.5, 0.0).astype(np.float32)
        # Not persistent: the rule is a fact of the format, not something that weights may change.
        self.register_buffer("reach", torch.from_numpy(reach), persistent=False)
        self.register_buffer("offset", torch.from_numpy(offset), persistent=False)
        self.register_buffer("shift", torch.from_numpy(np.arctanh(offset / reach)), persistent=False)
        self.register_buffer("half_levels", torch.from_numpy((levels // 2).astype(np.float32)), persistent=False)

    def bound(self, latents: Tensor) -> Tensor:
        """Squeeze latents (..., 6) into the range that rounding maps onto levels, in float32 even under autocast."""
        return torch.tanh(latents.float() + self.shift) * self.reach - self.offset

    def level_indices(self, latents: Tensor) -> Tensor:
        """Round latents (..., 6) to level indices 0..L-1, int64."""
        return (torch.round(self.bound(latents)) + self.half_levels).to(torch.int64)

    def forward(self, latents: Tensor) -> Tensor:
        """Round latents (..., 6) to vectors in -1..1; the gradient is that of the bound."""
        bounded = self.bound(latents)
        rounded = bounded + (torch.round(bounded) - bounded).detach()
        return rounded / self.half_levels
