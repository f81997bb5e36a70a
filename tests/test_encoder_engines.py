"""Engines: the same network by other libraries, held to how many levels they move."""

import sys
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")
openvino = pytest.importorskip("openvino")

from torch import Tensor, nn  # noqa: E402

from stactools_esd import encoder_commands, fsq  # noqa: E402
from stactools_esd.encoder import Encoder, engines, load_encoder  # noqa: E402
from stactools_esd.encoder.engines import BATCH, ENGINES, REFERENCE, Moved, built_in_years, moved_levels  # noqa: E402
from stactools_esd.encoder.folding import EncodingHalf, fold, trial_inputs  # noqa: E402
from stactools_esd.encoder.model import Architecture, ESDNet  # noqa: E402
from stactools_esd.encoder.token_mixing import TokenMixing  # noqa: E402
from stactools_esd.encoder.torch_engine import TorchEngine  # noqa: E402
from stactools_esd.errors import EngineError, MissingExtraError, UsageError  # noqa: E402
from stactools_esd.shipped import shipped  # noqa: E402
from stactools_esd.simulation import simulate_pixels  # noqa: E402

HAS_BF16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
HERE = ["openvino", *(["openvino-bf16"] if HAS_BF16 else [])]


@pytest.fixture(scope="module", params=shipped())
def reference(request: pytest.FixtureRequest) -> Encoder:
    """Each encoder that comes with the package, on the engine that others are held to."""
    return load_encoder(request.param)


@pytest.fixture(scope="module", params=HERE)
def other(request: pytest.FixtureRequest, reference: Encoder) -> Encoder:
    """The same encoder on each of the other engines that this machine can run."""
    return load_encoder(reference.identity.label, request.param)


class Odd(ESDNet):
    """A network that has every way in which a BatchNorm can follow a layer."""

    def __init__(self) -> None:
        super().__init__(Architecture(width=4, step_width=6, dilations=(1,)))
        self.wide, self.wide_norm = nn.Linear(5, 6, bias=False), nn.BatchNorm1d(6)
        self.twice, self.twice_norm = nn.Conv1d(6, 6, 1), nn.BatchNorm1d(6)
        self.shared, self.shared_norm = nn.Conv1d(6, 6, 1), nn.BatchNorm1d(6)
        self.doubled = True
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d):
                nn.init.uniform_(module.running_mean, -1, 1)
                nn.init.uniform_(module.running_var, 0.5, 2)

    def encode(self, pentads: Tensor, present: Tensor, terrain: Tensor) -> Tensor:
        """Pass one layer twice, and take the result of another beside its BatchNorm where `doubled`."""
        x = torch.cat([pentads, present], dim=2).transpose(1, 2)
        x = self.down(self.stem(x)) + self.wide_norm(self.wide(terrain))[:, :, None]
        x = self.shared_norm(self.shared(self.shared_norm(self.shared(x))))
        y = self.twice(x)
        x = self.twice_norm(y) + y if self.doubled else self.twice_norm(y)
        return self.to_latents(self.encoder(x)).transpose(1, 2)


def levels(encoder: Encoder, years: np.ndarray, terrain: np.ndarray) -> np.ndarray:
    """Encode, and return levels as integers that can be subtracted."""
    return fsq.codes_to_level_indices(encoder.encode(years, terrain)).astype(int)


def norms_passed(half: EncodingHalf) -> int:
    """Count the BatchNorms that a batch goes through."""
    passed = []
    for module in half.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.register_forward_hook(lambda *_: passed.append(1))
    half(*trial_inputs(2))
    return len(passed)


def test_every_batchnorm_is_folded(reference: Encoder) -> None:
    """No BatchNorm that follows a layer is left to compute, and latents change by rounding alone.

    What is left stands before the mixing of steps, after a sum: one in each block of token mixing.
    """
    network = reference._network
    left = sum(isinstance(block, TokenMixing) for block in network.encoder)
    plain = EncodingHalf(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = fold(network)
    assert norms_passed(folded) == left
    inputs = [torch.from_numpy(array) for array in built_in_years()]
    torch.testing.assert_close(folded(*inputs), plain(*inputs), rtol=1e-4, atol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert moved_levels(TorchEngine(plain), TorchEngine(folded)) == Moved(share=0, furthest=0)


@pytest.mark.parametrize(("doubled", "left"), [(False, 2), (True, 7)])
def test_only_what_can_be_folded_is(doubled: bool, left: int) -> None:
    """A layer passed twice keeps its BatchNorm; where a sum takes a layer's result, too, all stay."""
    torch.manual_seed(0)
    network = Odd().eval()
    network.doubled = doubled
    folded = fold(network)
    inputs = [torch.from_numpy(array) for array in built_in_years()]
    torch.testing.assert_close(folded(*inputs), network.encode(*inputs), rtol=1e-4, atol=1e-4)
    assert norms_passed(folded) == left


def test_levels_move_within_what_is_stated(reference: Encoder, other: Encoder) -> None:
    """On simulated pixel-years an engine moves no more levels than stated, each by one, on one thread or more."""
    pixels = simulate_pixels(2 * BATCH, 77)
    moved = np.abs(levels(other, pixels.clean, pixels.terrain) - levels(reference, pixels.clean, pixels.terrain))
    assert moved.max() <= 1
    assert (moved > 0).mean() <= ENGINES[other.engine].most_moved


def test_codes_do_not_depend_on_company_or_threads(other: Encoder) -> None:
    """Any engine gives a pixel the same codes alone, in any split, in any order, and whatever threads torch has."""
    pixels = simulate_pixels(BATCH + 37, 5)
    whole = other.encode(pixels.clean, pixels.terrain)
    edges = [0, 1, 60, len(whole) - 3, len(whole)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if before == 1 else 1)
        parts = [other.encode(pixels.clean[a:b], pixels.terrain[a:b]) for a, b in pairwise(edges)]
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(other.encode(pixels.clean[::-1], pixels.terrain[::-1])[::-1], whole)


def test_results_outlive_the_next_batch(other: Encoder) -> None:
    """What an engine returned stays when it is asked again."""
    first, second = ([array[a : a + BATCH] for array in built_in_years()] for a in (0, BATCH))
    kept = other._engine.latents(*first)
    copy = kept.copy()
    other._engine.latents(*second)
    np.testing.assert_array_equal(kept, copy)


def test_decoding_is_the_same_with_every_engine(reference: Encoder, other: Encoder) -> None:
    """Codes mean the same whatever made them: torch decodes."""
    codes = reference.encode(simulate_pixels(8, 3).clean)
    np.testing.assert_array_equal(other.decode(codes), reference.decode(codes))


def test_bfloat16_needs_a_processor_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where bfloat16 would be slower than float32, the engine says so instead of running."""
    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: ["FP32", "INT8"])
    with pytest.raises(EngineError, match=r"got a processor without bfloat16.*choose --engine openvino"):
        load_encoder("esdnet-small", "openvino-bf16")


@pytest.mark.parametrize(
    ("shift", "words"), [(0.2, r"got \d.*% of levels moved by up to 1 "), (3, "moved by up to [2-7] ")]
)
def test_an_engine_that_strays_is_refused(shift: float, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many levels moved, or one moved by two, and the encoder does not load."""

    class Stray(TorchEngine):
        def latents(self, *inputs: np.ndarray) -> np.ndarray:
            return super().latents(*inputs) + np.float32(shift)

    facts = engines.EngineFacts(start=Stray, most_moved=0.02 if shift < 1 else 1)
    monkeypatch.setattr(engines, "ENGINES", {**ENGINES, "openvino": facts})
    with pytest.raises(EngineError, match=words + "with the engine openvino on this machine.*--engine torch"):
        load_encoder("esdnet-small", "openvino")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OpenVINO one line says what to install, and torch still works."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"got no openvino.*pip install 'stactools-esd\[encoder,openvino\]'"):
        load_encoder("esdnet-small", "openvino")
    assert load_encoder("esdnet-small").engine == REFERENCE


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine never runs elsewhere than it says."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineError, match="got no CUDA device"):
        load_encoder("esdnet-small", "torch-cuda")


def test_engines_have_the_names_that_options_offer() -> None:
    """The command offers what there is, and another name is refused."""
    assert tuple(ENGINES) == encoder_commands.ENGINES
    with pytest.raises(UsageError, match="got engine 'tpu', expected one of torch, torch-cuda, openvino"):
        load_encoder("esdnet-small", "tpu")


def test_speed_settings_of_torch_change_no_code(reference: Encoder) -> None:
    """A caller who lets torch multiply in bfloat16 gets the codes of float32, and keeps the setting."""
    years = simulate_pixels(64, 9).clean
    once = reference.encode(years)
    torch.set_float32_matmul_precision("medium")
    try:
        np.testing.assert_array_equal(reference.encode(years), once)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
