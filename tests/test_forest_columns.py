"""The features of a model: which come first, how many they are, and what is added to differences."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from esd_tasks.features import level_features
from esd_tasks.forest.columns import MOST_LEVEL, Columns

CODES = np.random.default_rng(0).integers(0, 64_000, (2, 5, 12)).astype(np.uint16)


@pytest.mark.parametrize(
    ("columns", "level_rows", "count"),
    [
        (Columns(), 72, 72),
        (Columns(beside=3), 72, 75),
        (Columns(years=2), 144, 144),
        (Columns(years=2, differences=True), 216, 216),
        (Columns(years=2, differences=True, beside=4), 216, 220),
    ],
)
def test_features_are_counted(columns: Columns, level_rows: int, count: int) -> None:
    """72 of each year, 72 differences, then the others; as many come out as are counted."""
    assert (columns.level_rows, columns.count) == (level_rows, count)
    beside = np.zeros((5, columns.beside))
    assert columns.features(CODES[: columns.years], beside).shape == (5, count)


def test_only_differences_are_shifted() -> None:
    """By the highest level, 7, so that none is negative: those from 144 to 215 of two years."""
    shifted = Columns(years=2, differences=True, beside=2).offset(np.arange(218))
    assert MOST_LEVEL == 7
    assert shifted.tolist() == [0] * 144 + [7] * 72 + [0] * 2
    assert not Columns(beside=1).offset(np.arange(73)).any()


def test_levels_alone_are_bytes() -> None:
    """LightGBM takes them as they are; beside other numbers all are float32."""
    assert Columns().features(CODES[:1], np.empty((5, 0))).dtype == np.uint8
    assert Columns(years=2).features(CODES, np.empty((5, 0))).dtype == np.uint8
    assert Columns(beside=1).features(CODES[:1], np.zeros((5, 1))).dtype == np.float32
    assert Columns(years=2, differences=True).features(CODES, np.empty((5, 0))).dtype == np.float32


def test_features_stand_in_their_order() -> None:
    """Earlier year, later year, later less earlier, others."""
    beside = np.full((5, 1), 0.1)
    found = Columns(years=2, differences=True, beside=1).features(CODES, beside)
    before, after = (level_features(codes).astype(int) for codes in CODES)
    assert np.array_equal(found[:, :72], before)
    assert np.array_equal(found[:, 72:144], after)
    assert np.array_equal(found[:, 144:216], after - before)
    assert (found[:, 216] == np.float32(0.1)).all()
    plain = Columns(years=2, beside=1).features(CODES, beside)
    assert np.array_equal(plain, np.delete(found, range(144, 216), axis=1))


def test_columns_are_named_and_stay() -> None:
    """A model keeps what its features are."""
    with pytest.raises(TypeError):
        Columns(2)  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Columns().years = 2  # type: ignore[misc]
