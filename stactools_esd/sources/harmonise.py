"""Landsat sensors on one scale: ETM+ reflectance as OLI would have seen it.

Lines of Roy et al. (2016), Characterization of Landsat-7 to Landsat-8 reflective wavelength and normalized difference
vegetation index continuity, Remote Sensing of Environment 185, 57-70, doi 10.1016/j.rse.2015.12.024 (as a manuscript
PMC6999663), table 2: surface reflectance, ordinary least squares, OLI = intercept + slope x ETM+. The numbers were
compared with table 3 of PMC8113344 and with public code, which cite that table; the table itself was not at hand.

What speaks for them: on tundra seen by ETM+ and OLI within two days they lower the mean difference of Collection 2
reflectance, most in the blue band. What speaks against: they were fitted to reflectance made before Collection 2; and
least squares with errors in both sensors draws lines flatter than they are, so that a near-infrared reflectance of
0.01, as of water, becomes 0.05. On the same tundra they raise the difference where the near infrared is below 0.15 or
above 0.35. So nothing is changed unless it is asked for, and the recipe of the codes says what was.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import UsageError
from stactools_esd.product import BANDS
from stactools_esd.sources.landsat_qa import ETM, TM, Sensor

Harmonise = Literal["none", "etm", "etm+tm"]
"""Which sensors are brought to OLI: none, ETM+, or ETM+ and TM. The lines are those of ETM+; that they serve TM too is
an assumption, which rests on the likeness of the two instruments' bands and on no comparison with OLI."""

ROY_2016: Final[Mapping[str, tuple[float, float]]] = {
    "blue": (0.0003, 0.8474),
    "green": (0.0088, 0.8483),
    "red": (0.0061, 0.9047),
    "nir": (0.0412, 0.8462),
    "swir1": (0.0254, 0.8937),
    "swir2": (0.0172, 0.9071),
}
"""Intercept and slope of each band."""

WORDS: Final[Mapping[str, str]] = {
    "none": "none",
    "etm": "roy-2016-etm-to-oli",
    "etm+tm": "roy-2016-etm-and-tm-to-oli",
}
"""What each choice is called in the input recipe."""

_SENSORS: Final[Mapping[str, frozenset[str]]] = {
    "none": frozenset(),
    "etm": frozenset({ETM.name}),
    "etm+tm": frozenset({ETM.name, TM.name}),
}
_INTERCEPTS: Final = np.array([ROY_2016[band][0] for band in BANDS], np.float32)[:, None, None]
_SLOPES: Final = np.array([ROY_2016[band][1] for band in BANDS], np.float32)[:, None, None]


def recipe_words(harmonise: str) -> str:
    """Return what a choice is called in the input recipe.

    Raises:
        UsageError: There is no such choice.
    """
    if harmonise not in WORDS:
        raise UsageError(
            f"got harmonisation {harmonise!r}, expected one of {', '.join(get_args(Harmonise))}; choose one of these"
        )
    return WORDS[harmonise]


def to_oli(reflectance: NDArray[np.float32], sensor: Sensor, harmonise: Harmonise) -> NDArray[np.float32]:
    """Bring reflectance to OLI where its sensor is among those asked for, and leave it as it is elsewhere.

    Args:
        reflectance: As a share of 1, in the order of `product.BANDS` (6, y, x).
        sensor: What saw it.
        harmonise: Which sensors to bring to OLI.

    Returns:
        Reflectance (6, y, x); the very array where nothing is to be done.
    """
    if sensor.name not in _SENSORS[harmonise]:
        return reflectance
    return _INTERCEPTS + _SLOPES * reflectance
