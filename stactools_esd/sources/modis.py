"""MODIS surface reflectance at 500 m: MOD09GA, a day, and MOD09A1, a composite of eight, of Terra and Aqua; MCD43A4.

Layers, scale, fill values and bits are those of the MODIS Surface Reflectance User's Guide (Collection 6, version 1.4,
2015; Vermote, Roger and Ray): MOD09A1 table 6, MOD09GA table 4, band quality table 10, state table 13. Collection 6.1
keeps them. The daily MCD43A4, of both satellites and as if seen from straight above, is described in `nadir`.

What drops an observation (ours): cloud state cloudy or mixed, cloud shadow, average or high cirrus, the internal cloud
flag, a pixel adjacent to cloud; and band by band a dead detector, low sun, faulty or missing input, a correction out
of bounds. What keeps it: small cirrus, any aerosol quantity, fire, water, noisy detectors; and snow, by either of its
flags, for snow is a state of the ground.

Aqua's band 6 is left out and its `swir1` is missing: 15 of its 20 detectors are dead or noisy (Wang et al. 2006), and
what stands in their lines is fill or was interpolated. Terra's band 6 is whole.

A composite holds for each pixel the best observation of eight days. Where the folder holds the layer of the days of
year, each composite becomes eight dated images that share its files, so that every pixel carries the day on which it
was seen; a composite's own date may be a week early, which is much where a season turns. Without the layer, or with
`observed_days=False`, a composite is one image of its first day.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from stactools_esd.product import BANDS
from stactools_esd.sources.coarse import CoarseSource, open_coarse
from stactools_esd.sources.coarse_product import CoarseProduct, Flag
from stactools_esd.sources.nadir import nadir_product
from stactools_esd.sources.source import TargetGrid

TERRA_FIRST_DAY: Final = date(2000, 2, 24)
"""First day of surface reflectance from Terra."""

AQUA_FIRST_DAY: Final = date(2002, 7, 4)
"""First day of surface reflectance from Aqua."""

NADIR_FIRST_DAY: Final = date(2000, 2, 16)
"""First day of MCD43A4 (product page of LP DAAC): the ninth of the first sixteen that reach Terra's first."""

_NUMBERS: Final = {"blue": 3, "green": 4, "red": 1, "nir": 2, "swir1": 6, "swir2": 7}
"""MODIS number of each band."""

_REFUSED_QUALITY: Final = frozenset({8, 9, 10, 11, 13, 14, 15})
"""Band quality that is refused: dead detector and interpolated (8), solar zenith from 85 degrees (9, 10), missing input
(11), correction out of bounds (13), faulty L1B (14), not processed for ocean or cloud (15). Kept: highest (0), noisy
detector (7), a constant in place of climatology (12)."""


def state_flags(layer: str) -> tuple[Flag, ...]:
    """Return the bits of a state layer that drop an observation (user's guide, table 13)."""
    return (
        Flag(layer=layer, first_bit=0, bits=2, refused=frozenset({1, 2}), means="cloud state cloudy or mixed"),
        Flag(layer=layer, first_bit=2, means="cloud shadow"),
        Flag(layer=layer, first_bit=8, bits=2, refused=frozenset({2, 3}), means="cirrus average or high"),
        Flag(layer=layer, first_bit=10, means="internal cloud algorithm flag"),
        Flag(layer=layer, first_bit=13, means="pixel adjacent to cloud"),
    )


def _quality_flags(layer: str) -> tuple[Flag, ...]:
    """Return the bits of a 32-bit band quality layer that drop an observation (user's guide, table 10)."""
    clouds = Flag(layer=layer, first_bit=0, bits=2, refused=frozenset({2}), means="not produced for cloud, all bands")
    bands = (
        Flag(
            layer=layer,
            first_bit=2 + 4 * (number - 1),
            bits=4,
            refused=_REFUSED_QUALITY,
            bands=(band,),
            means=f"band {number} interpolated, faulty, missing, out of bounds or in low sun",
        )
        for band, number in _NUMBERS.items()
    )
    return (clouds, *bands)


_MOD09A1: Final = CoarseProduct(
    name="MOD09A1",
    collections=frozenset({"006", "061"}),
    first_day=TERRA_FIRST_DAY,
    days=8,
    layers=tuple(f"sur_refl_b{_NUMBERS[band]:02d}" for band in BANDS),
    flags=(*state_flags("sur_refl_state_500m"), *_quality_flags("sur_refl_qc_500m")),
    needed=("sur_refl_state_500m",),
    observed_day="sur_refl_day_of_year",
    container=".hdf",
    synonyms={"stateqa": "sur_refl_state_500m", "qa": "sur_refl_qc_500m", "dayofyear": "sur_refl_day_of_year"},
    quality_fills=frozenset({65535}),
)

_MOD09GA: Final = replace(
    _MOD09A1,
    name="MOD09GA",
    days=1,
    flags=(*state_flags("state_1km"), *_quality_flags("QC_500m")),
    needed=("state_1km",),
    observed_day=None,
    synonyms={},
)


def _of_aqua(product: CoarseProduct) -> CoarseProduct:
    """Return the same product of Aqua: without band 6, which is damaged."""
    layers = tuple(None if band == "swir1" else layer for band, layer in zip(BANDS, product.layers, strict=True))
    return replace(product, name=product.name.replace("MOD", "MYD"), first_day=AQUA_FIRST_DAY, layers=layers)


_MCD43A4: Final = nadir_product(
    "MCD43A4",
    {band: f"Band{number}" for band, number in _NUMBERS.items()},
    collections=_MOD09A1.collections,
    first_day=NADIR_FIRST_DAY,
    container=_MOD09A1.container,
)

MODIS_PRODUCTS: Final = {
    product.name: product for product in (_MOD09A1, _MOD09GA, _of_aqua(_MOD09A1), _of_aqua(_MOD09GA), _MCD43A4)
}
"""Products that `open_modis` reads, by short name."""


def open_modis(
    path: str | Path, grid: TargetGrid, *, observed_days: bool = True, skip_bad: bool = False
) -> CoarseSource:
    """Look at a folder of `MODIS_PRODUCTS`: GeoTIFFs, or the archive's HDF4, for which pyhdf must be installed.

    The state layer must be there, or the mandatory quality of MCD43A4; the band quality of the others is used where it
    is there. Arguments, result and errors are those of `open_coarse`.
    """
    return open_coarse(path, grid, MODIS_PRODUCTS, observed_days=observed_days, skip_bad=skip_bad)
