"""The network in torch, float32: on the processor, which is the reference, or on a CUDA device."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from stactools_esd.encoder.folding import EncodingHalf
from stactools_esd.errors import EngineError


class TorchEngine:
    """Latents by torch."""

    def __init__(self, half: EncodingHalf, device: str = "cpu") -> None:
        """Take the network to its device.

        Raises:
            EngineError: There is no such device.
        """
        if device != "cpu" and not torch.cuda.is_available():
            raise EngineError(
                "got no CUDA device that torch can use, expected one for the engine torch-cuda; choose --engine torch"
            )
        self._device = torch.device(device)
        self._half = half.to(self._device)

    def latents(
        self, pentads: NDArray[np.float32], present: NDArray[np.float32], terrain: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Turn pentads (n, 73, 6), presence (n, 73, 6) and terrain (n, 5) into latents (n, 12, 6)."""
        inputs = [torch.from_numpy(array).to(self._device) for array in (pentads, present, terrain)]
        with inference():
            latents: NDArray[np.float32] = self._half(*inputs).cpu().numpy()
        return latents


@contextmanager
def inference() -> Iterator[None]:
    """Run in float32 and without gradients whatever the caller has set, and leave its settings as they were.

    On CUDA, convolutions would otherwise round to the 10 bits of TF32, and choose their algorithm by its speed.
    """
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.inference_mode(),
            torch.autocast("cpu", enabled=False),
            torch.autocast("cuda", enabled=False),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
