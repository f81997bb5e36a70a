"""The product vector quantiser."""

import numpy as np

from stactools_esd.encoder.product_vq import CENTRES, PARTS, ProductQuantiser, fit_centres, hand_out, nearest


def test_it_spends_192_bits() -> None:
    """24 codebooks of 256 centres, and each pixel-year rebuilt from one centre of each."""
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(900, 80)) * np.linspace(1, 0.05, 80) @ np.linalg.qr(rng.normal(size=(80, 80)))[0]
    quantiser = ProductQuantiser(flat)
    assert len(quantiser.codebooks) <= PARTS
    assert all(len(centres) <= CENTRES for centres in quantiser.codebooks)
    assert PARTS * np.log2(CENTRES) == 192
    assert ((quantiser(flat) - flat) ** 2).mean() < 0.2 * flat.var()
    again = quantiser(quantiser(flat))
    np.testing.assert_allclose(again, quantiser(flat), atol=1e-9)


def test_components_are_shared_out_evenly() -> None:
    """Every component is in one group at most, the strongest in groups of their own, and the weakest in none."""
    variance = 2.0 ** -np.arange(200)
    groups = hand_out(variance, 192)
    handed = sorted(component for group in groups for component in group)
    assert handed == list(range(len(handed)))
    assert len(groups) <= PARTS
    assert len(handed) < 40
    assert len({number for number, group in enumerate(groups) for component in group if component < 5}) == 5


def test_few_points_are_their_own_centres() -> None:
    """Where points are no more than centres nothing is lost."""
    points = np.random.default_rng(1).normal(size=(20, 3))
    centres = fit_centres(points, 256, np.random.default_rng(0))
    np.testing.assert_array_equal(centres[nearest(points, centres)], points)


def test_centres_find_clusters() -> None:
    """k-means reaches well separated clusters."""
    rng = np.random.default_rng(2)
    truth = rng.uniform(-10, 10, (16, 2))
    points = np.repeat(truth, 50, axis=0) + rng.normal(0, 0.01, (800, 2))
    centres = fit_centres(points, 16, rng)
    assert np.abs(points - centres[nearest(points, centres)]).max() < 0.1


def test_equal_points_do_no_harm() -> None:
    """A sample of one value is rebuilt exactly."""
    points = np.ones((300, 2))
    centres = fit_centres(points, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(centres[nearest(points, centres)], points)
