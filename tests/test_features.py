"""Level features are the digits of the codes, in one stated order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from esd_tasks.features import feature_names, level_features
from stactools_esd import fsq
from stactools_esd.errors import RasterError


@given(arrays.arrays(np.uint16, st.tuples(st.integers(0, 40), st.just(12)), elements=st.integers(0, 63999)))
def test_features_equal_the_normative_digits(codes: np.ndarray) -> None:
    """The fast table gives exactly what the product's own rule gives, step after step."""
    assert np.array_equal(level_features(codes), fsq.codes_to_level_indices(codes).reshape(len(codes), 72))


def test_every_code_in_every_step() -> None:
    """All 64,000 codes are split rightly whatever the step."""
    codes = np.arange(64000, dtype=np.uint16)[:, None].repeat(12, axis=1)
    features = level_features(codes).reshape(-1, 12, 6)
    assert (features == fsq.codes_to_level_indices(np.arange(64000))[:, None]).all()


def test_names_follow_the_columns() -> None:
    """Column 6 (step - 1) + d - 1 is named after its step and dimension."""
    codes = np.zeros((1, 12), dtype=np.uint16)
    codes[0, 10] = 4 * 12800
    names = feature_names()
    assert len(names) == len(set(names)) == 72
    assert [names[column] for column in np.flatnonzero(level_features(codes)[0])] == ["step_11_d6"]


def test_views_of_a_raster_are_taken() -> None:
    """A transposed window, which is not contiguous, gives the same features as its copy."""
    window = np.random.default_rng(0).integers(0, 64000, (12, 5, 4)).astype(np.uint16)
    pixels = window.reshape(12, -1).T
    assert np.array_equal(level_features(pixels), level_features(pixels.copy()))


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (np.full((1, 12), 64000, np.uint16), "64000"),
        (np.zeros((1, 13), np.uint16), "13"),
        (np.zeros((1, 12)), "float64"),
    ],
    ids=["above 63999", "quality among codes", "decoded values"],
)
def test_what_is_no_code_is_refused(codes: np.ndarray, said: str) -> None:
    """A damaged code, the quality band or decoded values never become features."""
    with pytest.raises(RasterError, match=said):
        level_features(codes)
