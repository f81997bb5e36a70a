"""Confidence against accuracy: groups of equal numbers, intervals over blocks, the gap between both."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esd_tasks.reliability import reliability


def drawn(n: int, *, surer: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return confidence, whether it was right (as often as the confidence less `surer` says), and blocks of ten."""
    generator = np.random.default_rng(seed)
    confidence = generator.uniform(0.4, 1.0, n)
    return confidence, generator.random(n) < confidence - surer, np.arange(n) // 10


def test_a_model_that_knows_what_it_knows_lies_on_the_line() -> None:
    """Right as often as its confidence says: the gap is small, and intervals hold the confidence nearly always."""
    found = reliability(*drawn(5000), seed=1)
    assert found is not None
    assert len(found["bins"]) == 10
    assert found["calibration_error"] < 0.03
    held = [one["low"] <= one["confidence"] <= one["high"] for one in found["bins"]]
    assert sum(held) >= 8


def test_a_model_that_is_too_sure_lies_below() -> None:
    """A confidence that is 0.2 too high shows as a gap of 0.2, in every group."""
    found = reliability(*drawn(5000, surer=0.2), seed=1)
    assert found is not None
    assert found["calibration_error"] == pytest.approx(0.2, abs=0.03)
    assert all(one["high"] < one["confidence"] for one in found["bins"])


@given(st.integers(0, 400), st.integers(0, 5))
def test_groups_hold_all_samples_in_equal_numbers(n: int, seed: int) -> None:
    """Every sample is in one group, groups differ by one sample at most, and confidence grows from group to group."""
    confidence, right, block = drawn(n, seed=seed)
    found = reliability(confidence, right, block, seed=0)
    if not n:
        assert found is None
        return
    assert found is not None
    sizes = [one["n"] for one in found["bins"]]
    assert sum(sizes) == n
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == min(10, max(1, n // 20))
    assert sorted(one["confidence"] for one in found["bins"]) == [one["confidence"] for one in found["bins"]]
    assert np.average([one["accuracy"] for one in found["bins"]], weights=sizes) == pytest.approx(
        right.mean(), abs=1e-5
    )


def test_a_single_block_gives_no_interval() -> None:
    """Nothing can be drawn again where all samples lie in one block."""
    confidence, right, _ = drawn(100)
    found = reliability(confidence, right, np.zeros(100, np.int64), seed=0)
    assert found is not None
    assert all(one["low"] is one["high"] is None for one in found["bins"])
