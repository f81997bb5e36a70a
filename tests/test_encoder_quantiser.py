"""The torch quantiser against the normative rule in numpy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from stactools_esd import fsq  # noqa: E402
from stactools_esd.encoder.quantiser import Quantiser  # noqa: E402


def _grid() -> np.ndarray:
    return np.repeat(np.linspace(-6, 6, 4001, dtype=np.float32)[:, None], 6, axis=1)


def test_bound_agrees_with_the_normative_rule() -> None:
    """Torch and numpy squeeze the same latents to the same place, up to the last bits of tanh."""
    latents = _grid()
    torch_bound = Quantiser().bound(torch.from_numpy(latents)).numpy()
    np.testing.assert_allclose(torch_bound, fsq.bound(latents), atol=2e-6)


def test_level_indices_agree_with_the_normative_rule() -> None:
    """Away from rounding edges, torch and numpy round to the same level; every level is reached."""
    latents = _grid()
    clear = np.abs(np.abs(fsq.bound(latents) % 1) - 0.5) > 1e-5
    levels = Quantiser().level_indices(torch.from_numpy(latents)).numpy()
    np.testing.assert_array_equal(levels[clear], fsq.quantise(latents)[clear])
    assert [len(np.unique(levels[:, dimension])) for dimension in range(6)] == [8, 8, 8, 5, 5, 5]


def test_forward_gives_vectors_of_codes() -> None:
    """What the decoder is trained on is what a code read from a file gives it."""
    latents = _grid()
    vectors = Quantiser()(torch.from_numpy(latents)).numpy()
    np.testing.assert_allclose(vectors, fsq.level_indices_to_vectors(fsq.quantise(latents)), atol=1e-6)


def test_gradient_passes_straight_through_rounding() -> None:
    """The gradient of the rounded vectors is that of the bound."""
    quantiser = Quantiser()
    latents = torch.linspace(-2, 2, 60).reshape(10, 6).requires_grad_()
    quantiser(latents).sum().backward()
    other = latents.detach().clone().requires_grad_()
    (quantiser.bound(other) / quantiser.half_levels).sum().backward()
    torch.testing.assert_close(latents.grad, other.grad)


def test_rounding_stays_in_float32_under_autocast() -> None:
    """Lower precision around the quantiser does not move levels."""
    quantiser = Quantiser()
    latents = torch.from_numpy(_grid())
    with torch.autocast("cpu", torch.bfloat16):
        bounded = quantiser.bound(latents)
    assert bounded.dtype == torch.float32
    torch.testing.assert_close(bounded, quantiser.bound(latents), rtol=0, atol=0)


def test_rule_is_not_part_of_the_weights() -> None:
    """Weights cannot change the rounding rule: it is a fact of the format."""
    assert not Quantiser().state_dict()
