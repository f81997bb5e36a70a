"""Engines: the libraries that run the encoder's network. torch in float32 is the reference, the others come close.

Every engine gets batches of one size, and its latents go through `fsq.quantise`; only the latents differ. Before an
engine is used it is held, on this machine, to how many levels it may move against the reference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from stactools_esd import fsq
from stactools_esd.encoder.folding import EncodingHalf, fold
from stactools_esd.encoder.model import ESDNet, terrain_features
from stactools_esd.encoder.openvino_engine import OpenVinoEngine
from stactools_esd.encoder.pentads import PENTADS
from stactools_esd.encoder.torch_engine import TorchEngine
from stactools_esd.errors import EngineError, UsageError
from stactools_esd.product import BANDS

BATCH: Final = 128
"""Pixels that pass through the network at once; smaller batches are padded to this."""

REFERENCE: Final = "torch"
"""The engine that the others are held to, and the default."""

_TRIED: Final = 2 * BATCH
"""Built-in pixel-years that an engine is tried on: 18,432 levels."""


class Engine(Protocol):
    """Runs the encoding half of one network."""

    def latents(
        self, pentads: NDArray[np.float32], present: NDArray[np.float32], terrain: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Turn pentads (BATCH, 73, 6), presence (BATCH, 73, 6) and terrain (BATCH, 5) into latents (BATCH, 12, 6)."""


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """What is known of an engine before it is started."""

    start: Callable[[EncodingHalf], Engine]
    """Starts it."""

    most_moved: float
    """Share of levels that may differ from those of the reference, each by one level."""


ENGINES: Final[Mapping[str, EngineFacts]] = MappingProxyType(
    {
        REFERENCE: EngineFacts(start=TorchEngine, most_moved=0),
        "torch-cuda": EngineFacts(start=lambda half: TorchEngine(half, "cuda"), most_moved=2e-4),
        "openvino": EngineFacts(start=lambda half: OpenVinoEngine(half, BATCH, "f32"), most_moved=2e-4),
        "openvino-bf16": EngineFacts(start=lambda half: OpenVinoEngine(half, BATCH, "bf16"), most_moved=0.02),
    }
)
"""Engines by the name that options, files and items have for them."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """How levels differ between two engines."""

    share: float
    """Share of levels that differ."""

    furthest: int
    """Most that one differs by, in levels."""


def check_engine(name: str) -> None:
    """See that there is such an engine.

    Raises:
        UsageError: There is none.
    """
    if name not in ENGINES:
        raise UsageError(f"got engine {name!r}, expected one of {', '.join(ENGINES)}; choose one of them")


def start_engine(name: str, network: ESDNet) -> Engine:
    """Start an engine for a network, and try it on built-in pixel-years.

    Args:
        name: One of `ENGINES`.
        network: Trained network in the state of inference.

    Raises:
        UsageError: There is no such engine.
        MissingExtraError: Its library is not installed.
        EngineError: This machine cannot run it, or it moves more levels than is stated of it.
    """
    check_engine(name)
    half = fold(network)
    if name == REFERENCE:
        return TorchEngine(half)
    reference = TorchEngine(fold(network))  # its own copy: another engine may take its copy elsewhere
    engine = ENGINES[name].start(half)
    _hold(name, moved_levels(engine, reference))
    return engine


def moved_levels(engine: Engine, reference: Engine) -> Moved:
    """Compare two engines on the built-in pixel-years."""
    inputs = built_in_years()
    levels = []
    for each in (engine, reference):
        parts = [each.latents(*(array[first:][:BATCH] for array in inputs)) for first in range(0, _TRIED, BATCH)]
        levels.append(fsq.quantise(np.concatenate(parts)).astype(np.int64))
    moved = np.abs(levels[0] - levels[1])
    return Moved(share=float((moved > 0).mean()), furthest=int(moved.max()))


def _hold(name: str, moved: Moved) -> None:
    """See that an engine does what is stated of it.

    Raises:
        EngineError: It does not.
    """
    most = ENGINES[name].most_moved
    if moved.share > most or moved.furthest > 1:
        raise EngineError(
            f"got {moved.share:.3%} of levels moved by up to {moved.furthest} with the engine {name} on this machine, "
            f"expected at most {most:.3%} by 1; choose --engine {REFERENCE}"
        )


def built_in_years() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return pentads (256, 73, 6), presence (256, 73, 6) and terrain features (256, 5) from a closed formula.

    Bright and dark ground with one or two green seasons, of many heights and dates, and a ripple for what noise does;
    half of them know their terrain.
    """
    k = np.arange(_TRIED)[:, None, None]
    pentad = np.arange(PENTADS)[None, :, None]
    band = np.arange(len(BANDS))[None, None, :]
    soil = np.array([0.05, 0.08, 0.11, 0.19, 0.24, 0.17])[band] * (1 + 0.6 * np.sin(1.7 * k))
    green = np.array([-0.02, -0.01, -0.05, 0.20, -0.04, -0.08])[band] * (0.5 + 0.5 * np.cos(2.3 * k))
    turn = 2 * np.pi * (1 + k % 2) * (pentad - 40 - 9 * np.sin(0.9 * k)) / PENTADS
    ripple = 0.012 * np.sin(k * 3.1 + pentad * (2.1 + 0.01 * k) + 1.3 * band)
    pentads = np.clip(soil + green * (0.5 + 0.5 * np.cos(turn)) ** 2 + ripple, 0.001, None).astype(np.float32)
    j = np.arange(_TRIED, dtype=np.float32)
    known = np.where(j % 2 == 0, 13 * j, np.nan)
    terrain = terrain_features(np.stack([known, j % 31, 30 * j % 360], axis=1), _TRIED)
    return pentads, np.ones_like(pentads), terrain
