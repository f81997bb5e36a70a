"""Distances to the nearest place by products of matrices are those that every pair measured apart gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from esd_tasks import nearest
from esd_tasks.nearest import Nearest


def every_pair(places: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measure every pair."""
    return np.array([np.sqrt(np.square(places - one).sum(axis=1)).min() for one in asked])


@given(
    seed=st.integers(0, 10_000),
    n_places=st.integers(1, 60),
    dimensions=st.integers(1, 75),
    levels=st.integers(2, 9),
    shift=st.sampled_from([0.0, 5.0, 1e3]),
    scale=st.sampled_from([1e-4, 1.0, 300.0]),
)
def test_distances_are_exact(
    seed: int, n_places: int, dimensions: int, levels: int, shift: float, scale: float
) -> None:
    """Whatever the number of axes, ties, repeated places and scale, no place is nearer than the one that was found."""
    generator = np.random.default_rng(seed)
    places = generator.integers(0, levels, (n_places, dimensions)) * scale + shift
    near = places[generator.integers(0, n_places, 10)] + generator.normal(0, 1e-6 * scale, (10, dimensions))
    far = generator.normal(0, 10 * scale, (10, dimensions)) + shift
    asked = np.concatenate([places, near, far])
    expected = every_pair(places, asked)
    np.testing.assert_allclose(Nearest(places).distance(asked), expected, rtol=1e-9, atol=1e-12 * (scale + shift))


def test_pieces_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels are taken piece by piece, and none is left out; of no pixels there is nothing to say."""
    generator = np.random.default_rng(0)
    places, asked = generator.normal(size=(50, 72)), generator.normal(size=(333, 72))
    whole = Nearest(places).distance(asked)
    monkeypatch.setattr(nearest, "PIECE_BYTES", 4000)
    assert np.array_equal(Nearest(places).distance(asked), whole)
    assert Nearest(places).distance(asked[:0]).shape == (0,)
