"""Use of the codebook."""

import numpy as np
import pytest

from stactools_esd.encoder.code_use import code_use
from stactools_esd.product import FSQ


def test_constant_codes_say_nothing() -> None:
    """Entropy is in bits of each step and dimension; constant codes have none."""
    use = code_use(np.full((3, 12), 5, dtype=np.uint16))
    assert np.array(use["entropy_bits"]).shape == (12, 6)
    assert use["entropy_bits_a_pixel"] == 0
    assert use["distinct_codes"] == use["perplexity"] == 1
    assert use["nodata_share"] == 0


def test_random_codes_use_everything() -> None:
    """Codes drawn evenly have nearly all the bits there are, and as many distinct ones as chance gives."""
    codes = np.random.default_rng(0).integers(0, 64_000, (4_000, 12)).astype(np.uint16)
    use = code_use(codes)
    np.testing.assert_allclose(use["entropy_bits_a_dimension"], np.log2(FSQ.levels), atol=0.01)
    assert use["bits_a_dimension"] == pytest.approx(np.log2(FSQ.levels), abs=1e-3)
    assert use["entropy_bits_a_pixel"] == pytest.approx(12 * np.log2(64_000), abs=0.5)
    assert 33_000 < use["distinct_codes"] < 35_000
    assert 3_700 < use["perplexity"] <= 4_000


def test_pixels_without_data_are_counted_and_left_out() -> None:
    """Nodata has its share and no entropy; nothing but nodata says so and no more."""
    codes = np.full((4, 12), 5, dtype=np.uint16)
    codes[0] = 0
    use = code_use(codes)
    assert (use["pixel_years"], use["nodata_share"], use["distinct_codes"]) == (4, 0.25, 1)
    assert code_use(np.zeros((2, 12), dtype=np.uint16)) == {"pixel_years": 2, "nodata_share": 1.0}
