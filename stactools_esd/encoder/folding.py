"""The encoding half of a network, as engines run it: BatchNorm folded into the layers before it.

A BatchNorm that follows a convolution or a linear layer is, once trained, a scale and an offset of that layer's result,
so it goes into the layer's weights (Jacob et al. 2018, section 3.2). That is done in float64; latents then differ from
those of the network by rounding alone.
"""

import copy
from collections import Counter
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from stactools_esd.encoder.model import TERRAIN_FEATURES, ESDNet
from stactools_esd.encoder.pentads import PENTADS
from stactools_esd.product import BANDS

_TOLERANCE: Final = 1e-3
"""Most that folding may change a latent by; it does so by a few millionths where all is well."""


class EncodingHalf(nn.Module):
    """Pentads, presence and terrain to latents: `ESDNet.encode` as a module of its own."""

    def __init__(self, network: ESDNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pentads: Tensor, present: Tensor, terrain: Tensor) -> Tensor:
        """Pentads (n, 73, 6), present (n, 73, 6) and terrain (n, 5) to latents (n, 12, 6)."""
        return self.network.encode(pentads, present, terrain)


def trial_inputs(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the encoding half takes, for n pixels: to see which way numbers go through it."""
    shape = (n, PENTADS, len(BANDS))
    return torch.full(shape, 0.2), torch.ones(shape), torch.zeros((n, TERRAIN_FEATURES))


def fold(network: ESDNet) -> EncodingHalf:
    """Copy the encoding half of a trained network, with every BatchNorm folded that can be.

    It looks at what happens in the network, not at how it is built: a BatchNorm is folded where it takes the very
    result of a layer, and both are passed once. Where something else, too, takes that result, folding would change the
    latents; then nothing is folded.

    Args:
        network: Network in the state of inference; it is left as it is.
    """
    plain = EncodingHalf(copy.deepcopy(network)).eval().requires_grad_(False)
    folded = copy.deepcopy(plain)
    inputs = trial_inputs(2)
    with torch.inference_mode(), torch.autocast("cpu", enabled=False):
        for layer, norm in _pairs(plain, inputs):
            folded.set_submodule(layer, _folded(plain.get_submodule(layer), plain.get_submodule(norm)))
            folded.set_submodule(norm, nn.Identity())
        same = torch.allclose(folded(*inputs), plain(*inputs), rtol=_TOLERANCE, atol=_TOLERANCE)
    return folded if same else plain


def _folded(layer: nn.Module, norm: nn.Module) -> nn.Module:
    """Fold in float64; returns a copy in float32."""
    fuse: Any = fuse_linear_bn_eval if isinstance(layer, nn.Linear) else fuse_conv_bn_eval
    fused: nn.Module = fuse(copy.deepcopy(layer).double(), copy.deepcopy(norm).double()).float()
    return fused.requires_grad_(False)


def _pairs(half: EncodingHalf, inputs: tuple[Tensor, ...]) -> list[tuple[str, str]]:
    """Return the names of layers, each with the BatchNorm that takes its result."""
    made: list[tuple[str, Tensor]] = []
    taken: list[tuple[str, Tensor]] = []
    hooks = []
    for name, module in half.named_modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            hooks.append(module.register_forward_hook(lambda _, __, result, name=name: made.append((name, result))))
        elif isinstance(module, nn.BatchNorm1d):
            hooks.append(module.register_forward_pre_hook(lambda _, given, name=name: taken.append((name, given[0]))))
    try:
        half(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    passed = Counter(name for name, _ in (*made, *taken))
    return [
        (layer, norm)
        for norm, given in taken
        for layer, result in made
        if result is given and passed[layer] == passed[norm] == 1
    ]
