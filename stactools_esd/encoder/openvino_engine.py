"""The network in OpenVINO: on the processor, in float32 or in bfloat16.

The network goes from torch to OpenVINO in memory: no file, and none of the converter's messages to its makers.
"""

import threading
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder.folding import EncodingHalf, trial_inputs
from stactools_esd.errors import EngineError, MissingExtraError

Precision = Literal["f32", "bf16"]
"""What the network is computed in; latents are float32."""


class OpenVinoEngine:
    """Latents by OpenVINO, on one thread: as many run side by side as there are workers."""

    def __init__(self, half: EncodingHalf, batch: int, precision: Precision) -> None:
        """Compile the network for this processor.

        Args:
            half: The encoding half.
            batch: Pixels that are always given at once.
            precision: What to compute in.

        Raises:
            MissingExtraError: OpenVINO is not installed.
            EngineError: The processor has no bfloat16, and would compute it the slow way; or OpenVINO cannot take this
                network.
        """
        try:
            import openvino
            from openvino.frontend import FrontEndManager
            from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
        except ImportError as error:
            raise MissingExtraError(
                f"got no {error.name or 'openvino'}, expected the library of the engine openvino; "
                "run: pip install 'stactools-esd[encoder,openvino]'"
            ) from error
        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise EngineError(
                "got a processor without bfloat16, expected one with AVX512-BF16 or AMX for the engine openvino-bf16; "
                "choose --engine openvino"
            )
        inputs = trial_inputs(batch)
        try:
            with warnings.catch_warnings(action="ignore"):  # tracing is deprecated: until it goes, the frontend uses it
                frontend = FrontEndManager().load_by_framework("pytorch")
                decoder = TorchScriptPythonDecoder(half, example_input=inputs)  # has to outlive the conversion
                model = frontend.convert(frontend.load(decoder))
            model.reshape({port: list(array.shape) for port, array in zip(model.inputs, inputs, strict=True)})
            compiled = core.compile_model(model, "CPU", _settings(precision))
        except Exception as error:  # OpenVINO has no class of its own for what it cannot take
            raise EngineError(
                f"got a network that OpenVINO cannot take ({str(error).splitlines()[-1]}), expected one that it can; "
                "choose --engine torch"
            ) from error
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()  # a request serves one caller at a time

    def latents(
        self, pentads: NDArray[np.float32], present: NDArray[np.float32], terrain: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Turn pentads (batch, 73, 6), presence (batch, 73, 6) and terrain (batch, 5) into latents (batch, 12, 6)."""
        given: Sequence[NDArray[np.float32]] = [pentads, present, terrain]
        with self._lock:
            return np.array(self._request.infer(given, share_inputs=True, share_outputs=True)[0])


def _settings(precision: Precision) -> dict[str, Any]:
    """Return settings under which latents do not depend on the machine's cores, and processes share them."""
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
