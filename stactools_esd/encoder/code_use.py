"""How much of the codebook an encoder uses."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stactools_esd.fsq import codes_to_level_indices, valid_pixels
from stactools_esd.product import FSQ


def code_use(codes: NDArray[np.uint16]) -> dict[str, Any]:
    """Describe which codes occur.

    Args:
        codes: Codes (n, 12); pixels without data are counted, and then left out.

    Returns:
        `pixel_years`, and of those `nodata_share`; `entropy_bits`, of the levels of each step and dimension (12, 6);
        `entropy_bits_a_dimension`, the mean over steps (6,), and `bits_a_dimension`, the most there can be;
        `entropy_bits_a_pixel`, the sum over all 72, which takes no account of what they share;
        `distinct_codes` over all steps; `perplexity`, two to the entropy of the codes of a step, mean of steps. Both
        are bounded by the number of pixel-years.
    """
    valid = valid_pixels(codes, axis=1)
    used = codes[valid]
    use: dict[str, Any] = {
        "pixel_years": len(codes),
        "nodata_share": round(1 - float(valid.mean()), 6) if len(codes) else 0.0,
    }
    if not len(used):
        return use
    levels = codes_to_level_indices(used)
    entropy = np.array(
        [
            [_entropy(levels[:, step, dimension]) for dimension in range(levels.shape[2])]
            for step in range(codes.shape[1])
        ]
    )
    perplexity = [2 ** _entropy(used[:, step]) for step in range(codes.shape[1])]
    return use | {
        "entropy_bits": np.round(entropy, 3).tolist(),
        "entropy_bits_a_dimension": np.round(entropy.mean(axis=0), 3).tolist(),
        "bits_a_dimension": [round(float(np.log2(count)), 3) for count in FSQ.levels],
        "entropy_bits_a_pixel": round(float(entropy.sum()), 2),
        "distinct_codes": len(np.unique(used)),
        "perplexity": round(float(np.mean(perplexity)), 1),
    }


def _entropy(values: NDArray[np.integer]) -> float:
    """Entropy in bits of what occurs in a sample (n,)."""
    _, count = np.unique(values, return_counts=True)
    share = count / len(values)
    return float(-(share * np.log2(share)).sum())
