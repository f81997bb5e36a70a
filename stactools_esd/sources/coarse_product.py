"""What a coarse surface reflectance product is: its layers, its scale, and the quality bits that decide.

MODIS and VIIRS come as the same kind of thing, a sinusoidal tile of integer layers with bit fields beside them. A
product is one `CoarseProduct`; a new sensor is one more of them and an opener.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.product import BANDS
from stactools_esd.sources.image import SCALE

NO_BAND: Final = np.uint8(0)
"""An empty set of bands."""

ALL_BANDS: Final = np.uint8((1 << len(BANDS)) - 1)
"""The set of all bands: bit b stands for `product.BANDS[b]`."""

_FIRST_OBSERVATION: Final = "_1"
"""Daily products number the observations of a day; the first and best is all that is read."""


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A group of bits of a quality layer, and which of its values drop a pixel."""

    layer: str
    """Quality layer that holds the bits."""

    first_bit: int
    """Lowest bit; bit 0 is the least significant."""

    bits: int = 1
    """How many bits."""

    refused: frozenset[int] = frozenset({1})
    """Values of these bits with which an observation is not used."""

    bands: tuple[str, ...] = BANDS
    """Bands that are dropped, in names of `product.BANDS`."""

    means: str
    """What the refused values mean, in the words of the product's guide."""

    def refuses(self, values: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Tell where a quality layer's values have these bits refused; the same shape."""
        group = (values.astype(np.int64) >> self.first_bit) & ((1 << self.bits) - 1)
        refused: NDArray[np.bool_] = np.isin(group, list(self.refused))
        return refused


@dataclass(frozen=True, kw_only=True)
class CoarseProduct:
    """A gridded surface reflectance product of 500 m or 1 km."""

    name: str
    """Short name, e.g. `MOD09A1`."""

    collections: frozenset[str]
    """Collections (versions) whose layers and bits are known to be as stated here."""

    first_day: date
    """First day of the record; earlier dates are refused."""

    days: int
    """Days that an image is made of: 1, or 8 for a composite of the best observations."""

    layers: tuple[str | None, ...]
    """Layer of each band in the order of `product.BANDS`; None where the sensor has none that can be used."""

    flags: tuple[Flag, ...]
    """Quality bits that drop an observation."""

    needed: tuple[str, ...]
    """Quality layers without which an image is incomplete; other quality layers are used where they are there."""

    observed_day: str | None = None
    """Layer with the day of the year on which each pixel of a composite was seen; None where there is none."""

    container: str
    """Suffix of the archive's own files, which hold all layers in one: `.hdf` or `.h5`."""

    synonyms: dict[str, str] = field(default_factory=dict)
    """Other names of layers, in lower case, to the name used here."""

    scale: float = SCALE
    """Factor from stored numbers to reflectance."""

    fill: int = -28672
    """Number that means missing in layers of reflectance."""

    valid_range: tuple[int, int] = (-100, 16000)
    """Lowest and highest stored number of reflectance that the producers call valid."""

    quality_fills: frozenset[int] = frozenset()
    """Numbers that mean missing in a needed quality layer."""

    @property
    def quality(self) -> tuple[str, ...]:
        """Quality layers, needed ones first."""
        return tuple(dict.fromkeys((*self.needed, *(flag.layer for flag in self.flags))))

    @property
    def used(self) -> tuple[str, ...]:
        """All layers that are read where they are there."""
        day = () if self.observed_day is None else (self.observed_day,)
        return (*(layer for layer in self.layers if layer), *self.quality, *day)

    @property
    def required(self) -> tuple[str, ...]:
        """Layers without which an image is incomplete."""
        return (*(layer for layer in self.layers if layer), *self.needed)

    def layer_of(self, name: str) -> str | None:
        """Return which of the layers that are read a name means, or None where it is another layer.

        Args:
            name: Name in a file, as of a data set, a band or a part of the file's name; case does not matter.
        """
        plain = name.lower().removesuffix(_FIRST_OBSERVATION)
        names = self.synonyms | {layer.lower(): layer for layer in self.used}
        return names.get(plain)

    def dropped(self, layer: str, values: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Say which bands a quality layer drops, as a set of bits: bit b stands for `product.BANDS[b]`.

        Args:
            layer: A quality layer of this product.
            values: Its numbers.

        Returns:
            Sets of the same shape, 0 where nothing is dropped.
        """
        out = np.zeros(values.shape, np.uint8)
        if layer in self.needed and self.quality_fills:
            out[np.isin(values, list(self.quality_fills))] = ALL_BANDS
        for flag in self.flags:
            if flag.layer == layer:
                out[flag.refuses(values)] |= _bit_set(flag.bands)
        return out


def _bit_set(bands: Sequence[str]) -> np.uint8:
    return np.uint8(sum(1 << BANDS.index(band) for band in bands))


def has_band(dropped: NDArray[np.uint8], band: int) -> NDArray[np.bool_]:
    """Tell where a set of `CoarseProduct.dropped` holds the band of that position in `product.BANDS`."""
    return (dropped >> band & 1).astype(np.bool_)
