"""Token mixing: every step of a pixel-year looks at all others through learned matrices."""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from stactools_esd.product import STEPS

HEADS: Final = 8
"""Groups of channels, each with a matrix of its own; widths at 12 steps are multiples of it."""

EXPANSION: Final = 2
"""How many times wider the hidden layer of a block is."""


class TokenMixing(nn.Module):
    """x + mix(x) over steps, then x + mlp(x) over channels (Tolstikhin et al. 2021), with a matrix a head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = EXPANSION * width
        self.norm_steps = nn.BatchNorm1d(width)
        self.steps = nn.Parameter(torch.randn(HEADS, STEPS, STEPS) * 0.1)
        self.widen = nn.Conv1d(width, hidden, 1, bias=False)
        self.norm_channels = nn.BatchNorm1d(hidden)
        self.narrow = nn.Conv1d(hidden, width, 1, bias=False)
        self.norm_out = nn.BatchNorm1d(width)
        # Blocks start close to the identity, which lets a short training begin with a high learning rate.
        nn.init.constant_(self.norm_out.weight, 0.3)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (n, width, 12)."""
        n, width, steps = x.shape
        by_head = self.norm_steps(x).view(n, HEADS, width // HEADS, steps)  #  (n, heads, width / heads, 12)
        x = x + (by_head @ self.steps.to(by_head.dtype)).reshape(n, width, steps)
        hidden = functional.relu(self.norm_channels(self.widen(x)))  #         (n, 2 width, 12)
        mixed: Tensor = x + self.norm_out(self.narrow(hidden))
        return mixed
