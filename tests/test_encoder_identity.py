"""The identity loss, and the pairs of years that it is taken of."""

import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from stactools_esd.encoder import batches, real_sets  # noqa: E402
from stactools_esd.encoder.config import TrainingConfig  # noqa: E402
from stactools_esd.encoder.identity import TEMPERATURE, identity_loss  # noqa: E402


def test_rows_without_partner_do_not_count() -> None:
    """A batch in which every row is alone has an identity loss of exactly zero."""
    assert identity_loss(torch.randn(5, 12, 6), torch.full((5,), -1)).item() == 0.0


def test_partners_are_found_wherever_they_stand() -> None:
    """The loss is that of telling partners by cosine, whatever the order of rows and however many are alone."""
    own = torch.eye(72)[:3].reshape(3, 12, 6)
    vectors = torch.cat([own, torch.ones(2, 12, 6), own])
    pixel = torch.tensor([2, 0, 1, -1, -1, 2, 0, 1])
    expected = math.log(math.exp(1 / TEMPERATURE) + 2) - 1 / TEMPERATURE
    torch.testing.assert_close(identity_loss(vectors, pixel).item(), expected, rtol=0.02, atol=1e-7)
    swapped = torch.tensor([2, 0, 1, -1, -1, 0, 1, 2])
    assert identity_loss(vectors, swapped) > 9


def test_likeness_lowers_the_loss() -> None:
    """A step down the gradient makes partners more alike than strangers."""
    vectors = torch.randn(8, 12, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    pixel = torch.arange(4).repeat_interleave(2)
    loss = identity_loss(vectors, pixel)
    (gradient,) = torch.autograd.grad(loss, vectors)
    assert identity_loss(vectors - gradient, pixel) < loss


def test_pairs_show_one_pixel_in_two_calendar_years(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paired rows are different calendar years of one pixel, beside a whole batch, and bring no terrain."""
    monkeypatch.setattr(batches, "names", lambda role: ["single_pixels"])
    pentads = (np.arange(6)[:, None, None] + np.zeros((6, 73, 6))).astype(np.float32) / 10
    pool = batches.Pool(
        name="single_pixels",
        pentads=pentads,
        present=np.ones_like(pentads),
        terrain=np.ones((6, 5), dtype=np.float32),
        class_id=np.full(6, -1),
        phenology=np.full((6, 6), np.nan, dtype=np.float32),
        pixel=np.array([4, -1, 4, 7, 7, 9]),
        share=1.0,
        licence=real_sets.REAL_SETS["single_pixels"].licence,
    )
    settings = TrainingConfig(
        encoder="tiny-v1", seed=1, steps=1, simulated_years=1, batch_size=8, identity_weight=0.1, identity_pairs=5
    )
    batch = batches.draw_batch([pool], settings, 0)
    assert batch.pixel.tolist() == [-1] * 8 + [0, 0, 1, 1]
    paired = (batch.clean[8:, 0, 0] * 10).round().int().tolist()
    assert {frozenset(paired[:2]), frozenset(paired[2:])} == {frozenset({0, 2}), frozenset({3, 4})}
    assert not batch.terrain[8:].any()
    assert len(batches.draw_batch([pool], TrainingConfig(**{**vars(settings), "identity_weight": 0.0}), 0).clean) == 8
