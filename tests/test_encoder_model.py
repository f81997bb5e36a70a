"""Shapes and inputs of the network."""

from typing import Literal

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from stactools_esd.encoder.model import (  # noqa: E402
    Architecture,
    ESDNet,
    Heads,
    parameter_count,
    terrain_features,
)

TINY = Architecture(width=8, step_width=8, dilations=(1, 2))


def test_shapes_from_pentads_to_latents_and_back() -> None:
    """73 pentads of six bands become twelve latents of six dimensions, and come back."""
    network = ESDNet(TINY).eval()
    pentads, present = torch.rand(3, 73, 6), torch.ones(3, 73, 6)
    latents = network.encode(pentads, present, torch.zeros(3, 5))
    assert latents.shape == (3, 12, 6)
    decoded, vectors = network(pentads, present, torch.zeros(3, 5))
    assert decoded.shape == (3, 73, 6)
    assert vectors.shape == (3, 12, 6)
    assert vectors.abs().max() <= 1
    scores, phenology = Heads(13, 9)(vectors)
    assert scores.shape == (3, 13)
    assert phenology.shape == (3, 9)


def test_tokens_mix_the_whole_year() -> None:
    """With token mixing one block lets every step depend on every pentad; convolutions reach their neighbours."""
    reach = {}
    for mixer in ("tokens", "convolution"):
        network = ESDNet(Architecture(width=8, step_width=16, dilations=(1,), mixer=mixer)).eval()
        pentads = torch.rand(1, 73, 6, requires_grad=True)
        latents = network.encode(pentads, torch.ones(1, 73, 6), torch.zeros(1, 5))
        latents[0, 0].abs().sum().backward()
        assert pentads.grad is not None
        reach[mixer] = int(torch.nonzero(pentads.grad.abs().sum(dim=(0, 2))).max())
    assert reach["tokens"] == 72
    assert reach["convolution"] < 30


@pytest.mark.parametrize("mixer", ["tokens", "convolution"])
def test_hidden_pentads_do_not_matter(mixer: Literal["tokens", "convolution"]) -> None:
    """Where nothing was seen, the number that stands there changes nothing."""
    network = ESDNet(Architecture(width=8, step_width=16, dilations=(1, 2), mixer=mixer)).eval()
    pentads, present = torch.rand(2, 73, 6), torch.ones(2, 73, 6)
    present[:, 10:20] = 0
    other = pentads.clone()
    other[:, 10:20] = 0.9
    terrain = torch.zeros(2, 5)
    torch.testing.assert_close(network.encode(pentads, present, terrain), network.encode(other, present, terrain))


def test_small_architecture_is_small() -> None:
    """The default network has fewer than 700,000 numbers, so that its weights fit 4 MB."""
    assert parameter_count(ESDNet(Architecture())) < 700_000


def test_terrain_features_tell_unknown_from_flat() -> None:
    """Unknown terrain is a row of zeros; flat ground is known and has no direction; aspect is clockwise from north."""
    terrain = np.array(
        [[1000, 20, 90], [1000, 0, np.nan], [np.nan, 3, 10], [-32768, 3, 10], [100, np.nan, np.nan]], dtype=np.float32
    )
    features = terrain_features(terrain, 5)
    np.testing.assert_allclose(features[0], [1, 0.5, 1, 0, 1], atol=1e-6)
    np.testing.assert_allclose(features[1], [1, 0.5, 0, 0, 0], atol=1e-6)
    assert not features[2:].any()
    assert not terrain_features(None, 2).any()
