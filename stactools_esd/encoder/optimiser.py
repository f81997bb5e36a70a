"""The optimiser of training: Muon for the matrices inside the network, AdamW for everything else.

Muon (Jordan et al. 2024) replaces the momentum of a weight matrix by the nearest matrix whose singular values are all
one, so that a step moves rare directions as far as common ones. Vectors, first and last layers, and the heads, have no
use for that and keep AdamW (Loshchilov & Hutter 2019).
"""

from typing import Final

import torch
from torch import Tensor, nn

LEAST_SIDE: Final = 24
"""Rows and columns from which a weight counts as a matrix inside the network."""

MOMENTUM: Final = 0.95
"""Momentum of Muon."""


class Optimiser:
    """Two optimisers that step as one."""

    def __init__(self, network: nn.Module, heads: nn.Module, *, learning_rate: float, weight_decay: float) -> None:
        """Share out the parameters.

        Args:
            network: Its convolutions go to Muon where both sides are at least `LEAST_SIDE`.
            heads: Go to AdamW.
            learning_rate: Of both: Muon's steps are scaled to the size that AdamW's have.
            weight_decay: Of both.
        """
        self._weights = _matrices(network)
        inside = {id(weight) for weight in self._weights}
        rest = [p for module in (network, heads) for p in module.parameters() if id(p) not in inside]
        # Muon takes matrices; these share the memory of the kernels (out, in, k) that they flatten.
        self._flat = [nn.Parameter(weight.data.flatten(1)) for weight in self._weights]
        self._parts: dict[str, torch.optim.Optimizer] = {
            "adamw": torch.optim.AdamW(rest, lr=learning_rate, weight_decay=weight_decay)
        }
        if self._flat:
            self._parts["muon"] = torch.optim.Muon(
                self._flat,
                lr=learning_rate,
                weight_decay=weight_decay,
                momentum=MOMENTUM,
                adjust_lr_fn="match_rms_adamw",
            )
        self._all = [*self._weights, *rest]

    def step(self, loss: Tensor, learning_rate: float, *, clip: float) -> None:
        """Take one step down the gradient of a loss, whose norm is clipped."""
        for parameter in self._all:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._all, clip)
        for flat, weight in zip(self._flat, self._weights, strict=True):
            flat.grad = None if weight.grad is None else weight.grad.flatten(1)
        for part in self._parts.values():
            for group in part.param_groups:
                group["lr"] = learning_rate
            part.step()

    def tensors(self) -> dict[str, Tensor]:
        """Return the state by names of three parts: `muon.<number>.momentum_buffer`."""
        return {
            f"{name}.{number}.{entry}": value
            for name, part in self._parts.items()
            for number, state in part.state_dict()["state"].items()
            for entry, value in state.items()
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` returned."""
        states: dict[str, dict[int, dict[str, Tensor]]] = {name: {} for name in self._parts}
        for key, value in tensors.items():
            name, number, entry = key.split(".")
            states[name].setdefault(int(number), {})[entry] = value.clone()
        for name, part in self._parts.items():
            part.load_state_dict(part.state_dict() | {"state": states[name]})


def _matrices(network: nn.Module) -> list[nn.Parameter]:
    """Find the kernels of convolutions that are matrices inside the network, in the order of its modules."""
    kernels = [module.get_parameter("weight") for module in network.modules() if isinstance(module, nn.Conv1d)]
    return [kernel for kernel in kernels if min(kernel.shape[0], kernel[0].numel()) >= LEAST_SIDE]
