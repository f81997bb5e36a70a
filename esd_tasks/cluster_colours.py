"""Colours that follow similarity: clusters whose vectors are alike get colours that look alike.

The three main directions in which the centres differ become the three axes of CIE 1976 L*a*b*, in which equal
distances look about equally far apart (CIE 15:2004; sRGB by IEC 61966-2-1, white D65).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_MIDDLE: Final = np.array([62.0, 0.0, 0.0])
"""The middle of the colours that are used."""

_REACH: Final = np.array([28.0, 70.0, 70.0])
"""How far lightness and colour go from there; what no screen can show is made paler until it can."""

_WHITE: Final = np.array([0.95047, 1.0, 1.08883])
_TO_RGB: Final = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
)


def similar_colours(centres: NDArray[np.floating], weights: NDArray[np.floating]) -> list[str]:
    """Return a colour for each centre, `#rrggbb`.

    Args:
        centres: Shape (k, d).
        weights: Pixels of each, (k,): directions are those in which most pixels differ.
    """
    main = principal_components(centres, weights)[:, :3]
    main = np.pad(main, ((0, 0), (0, 3 - main.shape[1])))
    # One scale for all directions, so that distances stay what they are. The first direction, which tells most, becomes
    # blue and yellow, which nearly everybody can tell apart; the second lightness; the third red and green.
    shares = (main / max(np.abs(main).max(), 1e-9))[:, [1, 2, 0]]
    return [_hex(_MIDDLE + share * _REACH) for share in shares]


def principal_components(centres: NDArray[np.floating], weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the centres along the directions in which they differ most, (k, min(k, d)), with a sign that is fixed."""
    shares = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    centred = np.asarray(centres, dtype=np.float64) - shares @ centres
    _, _, directions = np.linalg.svd(centred * np.sqrt(shares)[:, None], full_matrices=False)
    # A direction may be turned around: its largest part shall be positive.
    largest = np.abs(directions).argmax(axis=1)
    directions *= np.where(np.take_along_axis(directions, largest[:, None], axis=1) < 0, -1.0, 1.0)
    return np.asarray(centred @ directions.T)


def lab_to_rgb(lab: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return sRGB of a colour in L*a*b*, 0..1 where a screen can show it."""
    y = (lab[0] + 16) / 116
    parts = np.array([y + lab[1] / 500, y, y - lab[2] / 200])
    xyz = _WHITE * np.where(parts > 6 / 29, parts**3, 3 * (6 / 29) ** 2 * (parts - 4 / 29))
    linear = _TO_RGB @ xyz
    bent = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.asarray(np.where(linear > 0.0031308, bent, 12.92 * linear))


def _hex(lab: NDArray[np.float64]) -> str:
    """Return a colour as text, made paler until a screen can show it."""
    for share in np.linspace(1, 0, 21):
        rgb = lab_to_rgb(lab * np.array([1, share, share]))
        if (rgb > -1e-3).all() and (rgb < 1 + 1e-3).all():
            break
    return "#" + "".join(f"{value:02x}" for value in np.rint(255 * np.clip(rgb, 0, 1)).astype(int).tolist())
