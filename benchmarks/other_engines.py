"""Ways to run the encoder's network that were tried beside `stactools_esd.encoder.engines`, and not taken."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stactools_esd.encoder.engines import BATCH, Engine, built_in_years
from stactools_esd.encoder.folding import EncodingHalf, fold, trial_inputs
from stactools_esd.encoder.model import ESDNet
from stactools_esd.encoder.torch_engine import TorchEngine

INPUTS = ("pentads", "present", "terrain")


class Autocast:
    """torch with its own bfloat16."""

    def __init__(self, half: EncodingHalf) -> None:
        self.half = half

    def latents(self, *arrays: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `engines.Engine`."""
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            return self.half(*map(torch.from_numpy, arrays)).float().numpy()


class OnnxRuntime:
    """onnxruntime on one thread."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def latents(self, *arrays: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `engines.Engine`."""
        return self.session.run(None, dict(zip(INPUTS, arrays, strict=True)))[0]


def onnx_file(half: EncodingHalf, folder: Path) -> Path:
    """Write the network as ONNX."""
    path = folder / "float32.onnx"
    with warnings.catch_warnings(action="ignore"):
        torch.onnx.export(half, trial_inputs(BATCH), path, dynamo=False, input_names=list(INPUTS), opset_version=17)
    return path


def int8_file(half: EncodingHalf, folder: Path) -> Path:
    """Write the network in 8-bit integers, a scale a channel, the ranges being those of the built-in pixel-years.

    onnxruntime has no integers for stacks of matrices: a mixer of steps, a hundredth of the work, stays as it is.
    """
    import onnx
    from onnxruntime import quantization

    class Years(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            years = built_in_years()
            self.left = [dict(zip(INPUTS, (array[a:][:BATCH] for array in years), strict=True)) for a in (0, BATCH)]

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return self.left.pop() if self.left else None

    given, path = onnx_file(half, folder), folder / "int8.onnx"
    graph = onnx.load(given).graph
    stacks = {constant.name for constant in graph.initializer if len(constant.dims) > 2}
    left = [node.name for node in graph.node if node.op_type == "MatMul" and stacks.intersection(node.input)]
    kinds = ["Conv", "MatMul", "Gemm"]
    quantization.quantize_static(
        given, path, Years(), per_channel=True, op_types_to_quantize=kinds, nodes_to_exclude=left
    )
    return path


def others(network: ESDNet, folder: Path) -> Mapping[str, Engine]:
    """Start what was not taken.

    Args:
        network: Trained network.
        folder: Folder for files.
    """
    ways: dict[str, Callable[[], Any]] = {
        "torch_unfolded": lambda: TorchEngine(EncodingHalf(network)),
        "torch_bf16": lambda: Autocast(fold(network)),
        "onnxruntime": lambda: OnnxRuntime(onnx_file(fold(network), folder)),
        "onnxruntime_int8": lambda: OnnxRuntime(int8_file(fold(network), folder)),
    }
    return {name: start() for name, start in ways.items()}
