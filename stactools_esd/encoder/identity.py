"""The identity loss: a pixel should look more like itself in another year than like other pixels."""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

TEMPERATURE: Final = 0.1
"""Cosine that counts as one unit of likeness."""


def identity_loss(vectors: Tensor, pixel: Tensor) -> Tensor:
    """Ask of each pixel's vectors which of the others are the same pixel in another year (van den Oord et al. 2018).

    Args:
        vectors: Normalised values of the quantiser (n, 12, 6).
        pixel: Number of the pixel that a row shows (n,); each number stands in two rows. -1 where the row is alone.

    Returns:
        Cross-entropy of finding the partner by cosine among all rows with a partner, a scalar; 0 where there are none.
    """
    rows = torch.nonzero(pixel >= 0)[:, 0]
    if not len(rows):
        return vectors.new_zeros(())
    order = rows[torch.argsort(pixel[rows], stable=True)]
    first, second = order[::2], order[1::2]
    unit = functional.normalize(vectors.float().flatten(1), dim=1)
    likeness = unit[first] @ unit[second].T / TEMPERATURE  # (pairs, pairs)
    partner = torch.arange(len(first), device=likeness.device)
    forwards = functional.cross_entropy(likeness, partner)
    return 0.5 * (forwards + functional.cross_entropy(likeness.T, partner))
