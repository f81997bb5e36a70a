"""How close a rebuilt pixel-year is to what went in: errors and the four correlations.

"CC" alone means nothing: what is published beside other encoders is not defined, so all four are always given.
"""

import numpy as np
from numpy.typing import NDArray


def reconstruction(truth: NDArray[np.floating], rebuilt: NDArray[np.floating]) -> dict[str, float]:
    """Compare daily pixel-years; days or bands that are NaN in the truth do not count.

    Args:
        truth: Shape (n, 365, bands).
        rebuilt: Same shape, without NaN where the truth has none.

    Returns:
        `mae` and `rmse` in reflectance, the mean over bands of what each band has over all pixels and days, and
        `cc_a`: per band over all pixels and days, mean of bands;
        `cc_b`: per pixel and band over time, mean of all that vary;
        `cc_c`: per pixel over bands and days after removing the mean of the pixel, mean of pixels;
        `cc_d`: over everything at once.
    """
    known = ~np.isnan(truth)
    x = np.where(known, truth, 0).astype(np.float64)
    y = np.where(known, rebuilt, 0).astype(np.float64)
    weight = known.astype(np.float64)
    seen_bands = known.any(axis=(0, 1))
    count = weight.sum(axis=(0, 1))[seen_bands]
    error = (y - x)[..., seen_bands]
    return {
        "mae": float((np.abs(error).sum(axis=(0, 1)) / count).mean()),
        "rmse": float(np.sqrt((error**2).sum(axis=(0, 1)) / count).mean()),
        "cc_a": _mean_correlation(x, y, weight, over=(0, 1)),
        "cc_b": _mean_correlation(x, y, weight, over=(1,)),
        "cc_c": _mean_correlation(x, y, weight, over=(1, 2)),
        "cc_d": _mean_correlation(x, y, weight, over=(0, 1, 2)),
    }


def _mean_correlation(
    x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64], over: tuple[int, ...]
) -> float:
    """Mean of Pearson correlations over some axes; series that do not vary have none and are left out."""
    count = np.maximum(weight.sum(axis=over, keepdims=True), 1)
    dx = (x - x.sum(axis=over, keepdims=True) / count) * weight
    dy = (y - y.sum(axis=over, keepdims=True) / count) * weight
    variance_x, variance_y = (dx**2).sum(axis=over), (dy**2).sum(axis=over)
    varies = (variance_x > 1e-9) & (variance_y > 1e-9)
    if not varies.any():
        return float("nan")
    covariance = (dx * dy).sum(axis=over)
    return float((covariance[varies] / np.sqrt(variance_x[varies] * variance_y[varies])).mean())
