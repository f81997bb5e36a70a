"""Landsat sensors, and what the quality bands of Collection 2 say of a pixel.

Bits are those of the USGS Landsat 4-7 and Landsat 8-9 Collection 2 Level 2 Science Product Guides (LSDS-1618, version
4.0, table 5-5; LSDS-1619, version 6, table 6-2): QA_PIXEL holds flags of the whole pixel, QA_RADSAT those of single
bands and one more of the whole pixel. The guides themselves were not at hand: both bands were compared with public code
that cites these versions, QA_PIXEL also with public documentation that copies the two tables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import UsageError

Flag = Literal["dilated_cloud", "cirrus", "cloud", "cloud_shadow", "snow", "water"]
"""Flags of QA_PIXEL that may make a pixel unusable."""

PIXEL_BITS: Final[Mapping[str, int]] = {
    "fill": 0,
    "dilated_cloud": 1,
    "cirrus": 2,
    "cloud": 3,
    "cloud_shadow": 4,
    "snow": 5,
    "clear": 6,
    "water": 7,
}
"""Bits of QA_PIXEL, of all sensors; bit 2 is unused where a sensor has no cirrus band. Bits 8-15 are confidences, on
which the flags already rest: that of cloud on high confidence, so that medium confidence (22080) counts as clear."""

UNUSABLE: Final[tuple[Flag, ...]] = ("dilated_cloud", "cirrus", "cloud", "cloud_shadow")
"""Flags that hide the ground. Snow and water are ground: they are kept unless asked otherwise."""

FILL: Final = 1
"""QA_PIXEL where nothing was observed: the fill bit alone."""

_CONFIDENCE: Final[Mapping[Flag, int]] = {"cloud": 8, "cloud_shadow": 10, "snow": 12, "cirrus": 14}
_HIDES_CLEAR: Final[tuple[Flag, ...]] = ("cloud", "dilated_cloud")


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """What differs between the Landsat instruments."""

    name: str
    """`TM`, `ETM+` or `OLI`."""

    band_numbers: tuple[int, ...]
    """Numbers of the six bands in file names, in the order of `product.BANDS`. Bit n-1 of QA_RADSAT tells of band n."""

    cirrus: bool
    """True where bit 2 of QA_PIXEL means cirrus; elsewhere it is unused and not looked at."""

    unseen_bit: int
    """Bit of QA_RADSAT of pixels that no band saw: 9, dropped by TM and ETM+; 11, hidden from OLI by terrain."""

    clear: int
    """QA_PIXEL of clear land: the clear bit, with low confidence of all that might hide it."""


TM: Final = Sensor(name="TM", band_numbers=(1, 2, 3, 4, 5, 7), cirrus=False, unseen_bit=9, clear=5440)
"""Landsat 4 and 5."""

ETM: Final = Sensor(name="ETM+", band_numbers=(1, 2, 3, 4, 5, 7), cirrus=False, unseen_bit=9, clear=5440)
"""Landsat 7. From 31 May 2003 its scan-line corrector was off: the gaps are fill."""

OLI: Final = Sensor(name="OLI", band_numbers=(2, 3, 4, 5, 6, 7), cirrus=True, unseen_bit=11, clear=21824)
"""Landsat 8 and 9."""

SENSORS: Final[Mapping[str, Sensor]] = {
    "LT04": TM,
    "LT05": TM,
    "LE07": ETM,
    "LC08": OLI,
    "LO08": OLI,
    "LC09": OLI,
    "LO09": OLI,
}
"""Sensors by what scene names start with; `LO` scenes lack the thermal bands, which nobody reads here."""


def checked_flags(flags: Iterable[str]) -> frozenset[str]:
    """Return flags after checking their names.

    Raises:
        UsageError: One is unknown.
    """
    chosen = frozenset(flags)
    if unknown := sorted(chosen - set(get_args(Flag))):
        raise UsageError(f"got the flag {unknown[0]!r}, expected some of {', '.join(get_args(Flag))}; correct the name")
    return chosen


def usable(qa_pixel: NDArray[np.uint16], sensor: Sensor, unusable: Iterable[str] = UNUSABLE) -> NDArray[np.bool_]:
    """Tell where a pixel is neither fill nor of a flag that makes it unusable.

    Args:
        qa_pixel: The QA_PIXEL band (y, x).
        sensor: Whose it is.
        unusable: Names of `PIXEL_BITS`.

    Returns:
        True where the pixel can be used (y, x).
    """
    names = {"fill", *unusable} - (set() if sensor.cirrus else {"cirrus"})
    bits = np.uint16(sum(1 << PIXEL_BITS[name] for name in names))
    free: NDArray[np.bool_] = (qa_pixel & bits) == 0
    return free


def pixel_quality(flags: Mapping[Flag, NDArray[np.bool_]], sensor: Sensor) -> NDArray[np.uint16]:
    """Say in the numbers of QA_PIXEL what flags say: what `usable` reads, for those who write scenes.

    A flag sets its bit, and where it has a confidence sets that to high. The clear bit is set where there is neither
    cloud nor dilated cloud, as the guides define it: over shadow, snow and water too.

    Args:
        flags: Where each flag holds, all of one shape; at least one.
        sensor: Whose the pixels are. Where it has no cirrus band, cirrus sets nothing.

    Returns:
        Numbers of QA_PIXEL, of the same shape.

    Raises:
        UsageError: A flag is unknown.
    """
    checked_flags(flags)
    number = np.full(np.shape(next(iter(flags.values()))), sensor.clear, np.uint16)
    for flag, holds in flags.items():
        if flag == "cirrus" and not sensor.cirrus:
            continue
        sets = 1 << PIXEL_BITS[flag] | (3 << _CONFIDENCE[flag] if flag in _CONFIDENCE else 0)
        number |= np.where(holds, np.uint16(sets), np.uint16(0))
        if flag in _HIDES_CLEAR:
            number &= np.where(holds, np.uint16(0xFFFF ^ (1 << PIXEL_BITS["clear"])), np.uint16(0xFFFF))
    return number


def unsaturated(qa_radsat: NDArray[np.uint16], sensor: Sensor) -> NDArray[np.bool_]:
    """Tell where a band was not saturated and the pixel was seen.

    Args:
        qa_radsat: The QA_RADSAT band (y, x).
        sensor: Whose it is.

    Returns:
        True where a band can be used, in the order of `product.BANDS` (6, y, x).
    """
    spoiling = [(1 << (number - 1)) | (1 << sensor.unseen_bit) for number in sensor.band_numbers]
    free: NDArray[np.bool_] = (qa_radsat[None] & np.array(spoiling, np.uint16)[:, None, None]) == 0
    return free
