"""Days to pentads and back."""

import numpy as np

from stactools_esd.encoder.pentads import PENTADS, to_days, to_pentads


def test_means_leave_missing_days_out() -> None:
    """A pentad is the mean of the days that are there, band by band, and says what share of them was."""
    days = np.full((1, 365, 6), 0.2, dtype=np.float32)
    days[0, 0, 0] = 0.7
    days[0, 1:4, 0] = np.nan
    days[0, 5:10, 1] = np.nan
    pentads, present = to_pentads(days)
    np.testing.assert_allclose(pentads[0, 0, 0], 0.45, atol=1e-6)
    np.testing.assert_allclose(present[0, 0], [0.4, 1, 1, 1, 1, 1])
    assert pentads[0, 1, 1] == 0
    assert present[0, 1, 1] == 0


def test_straight_lines_come_back() -> None:
    """A series that is linear in time survives pentads unchanged between their middles."""
    line = np.linspace(0, 0.6, 365, dtype=np.float32)[None, :, None].repeat(6, axis=2)
    rebuilt = to_days(to_pentads(line)[0])
    assert rebuilt.shape == (1, 365, 6)
    np.testing.assert_allclose(rebuilt[:, 2:363], line[:, 2:363], atol=1e-6)


def test_ends_hold_the_last_pentad() -> None:
    """The two days beyond the middle of the outermost pentads take its value."""
    pentads = np.arange(PENTADS, dtype=np.float32)[None, :, None].repeat(6, axis=2)
    days = to_days(pentads)
    np.testing.assert_array_equal(days[0, :3, 0], [0, 0, 0])
    np.testing.assert_array_equal(days[0, 362:, 0], [72, 72, 72])
