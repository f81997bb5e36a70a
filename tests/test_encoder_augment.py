"""Corruption of training input."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from stactools_esd.encoder import augment  # noqa: E402
from stactools_esd.encoder.augment import Augmentation  # noqa: E402

STILL = Augmentation(gain=0, offset=0, haze=0, noise=0, clouds=0, gaps=0, thinned=0, lost_bands=0)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_roll_starts_the_window_later() -> None:
    """A shift of k pentads puts pentad k first and closes the circle."""
    values = torch.arange(73.0)[None, :, None].repeat(2, 1, 6)
    rolled = augment.roll(values, torch.tensor([0, 5]))
    assert rolled[0, 0, 0] == 0
    assert rolled[1, 0, 3] == 5
    assert rolled[1, -1, 3] == 4


@pytest.mark.parametrize("every", [2, 3, 6])
def test_resampling_keeps_its_knots_and_constants(every: int) -> None:
    """Interpolation returns the pentads it was made from, weights sum to one, and none is negative."""
    matrix = augment.resampling_matrix(every, 1)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(73))
    assert (matrix >= 0).all()
    for knot in range(1, 73, every):
        assert matrix[knot, knot] == 1


def test_no_strength_changes_nothing() -> None:
    """All strengths at 0 leave the series and what is seen of it alone."""
    pentads, present = torch.rand(4, 73, 6), torch.ones(4, 73, 6)
    torch.testing.assert_close(augment.corrupt(pentads, STILL, _generator()), pentads)
    torch.testing.assert_close(augment.hide(present, STILL, _generator()), present)


def test_same_generator_same_corruption() -> None:
    """A step can be repeated exactly."""
    pentads, present = torch.rand(4, 73, 6), torch.ones(4, 73, 6)
    once = augment.corrupt(pentads, Augmentation(), _generator(3))
    torch.testing.assert_close(augment.corrupt(pentads, Augmentation(), _generator(3)), once, rtol=0, atol=0)
    once = augment.hide(present, Augmentation(), _generator(3))
    torch.testing.assert_close(augment.hide(present, Augmentation(), _generator(3)), once, rtol=0, atol=0)


def test_hiding_bands_takes_whole_bands_and_at_most_three() -> None:
    """A lost band is lost all year; at least three bands stay."""
    strength = Augmentation(gaps=0, thinned=0, lost_bands=1)
    present = augment.hide(torch.ones(200, 73, 6), strength, _generator()).numpy()
    assert np.array_equal(present.min(axis=1), present.max(axis=1))
    lost = (present[:, 0] == 0).sum(axis=1)
    assert set(np.unique(lost)) == {1, 2, 3}


def test_gaps_hide_neighbouring_pentads_of_all_bands() -> None:
    """A gap is 2-11 pentads in a row, in every band."""
    present = augment.hide(torch.ones(200, 73, 6), Augmentation(gaps=1, thinned=0, lost_bands=0), _generator())
    hidden = (present[:, :, 0] == 0).sum(dim=1)
    assert hidden.max() <= 11
    assert (present == present[:, :, :1]).all()
