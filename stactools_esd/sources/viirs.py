"""VIIRS surface reflectance, which continues MODIS: VNP09GA, VNP09A1, VNP09H1, VNP43MA4 and VNP43IA4.

| product | red, nir, swir1 | blue, green, swir2 | quality |
|---|---|---|---|
| VNP09GA | I1, I2, I3 (500 m) | M3, M4, M11 (1 km) | QF1, QF2, QF7 and band by band QF3-QF6 (1 km) |
| VNP09A1 | M5, M7, M10 (1 km) | M3, M4, M11 (1 km) | State (1 km), the bits of MODIS |
| VNP09H1 | I1, I2, I3 (500 m) | none | State_500m, the bits of MODIS |
| VNP43MA4 | M5, M7, M10 (1 km) | M3, M4, M11 (1 km) | mandatory quality, band by band |
| VNP43IA4 | I1, I2, I3 (500 m) | none | mandatory quality, band by band |

The same of NOAA-20 and NOAA-21 is named VJ1.. and VJ2... VNP43 is daily and seen from straight above; `nadir` tells of
it, and the rest of this text is of VNP09.

Layers, scale and fill values are those of the Suomi-NPP VIIRS Surface Reflectance User's Guide and of the product
pages of LP DAAC; the bits of QF1-QF7 and of State_500m were checked against Google Earth Engine's catalogue, which
copies them. That the 1 km State of VNP09A1 has the bits of State_500m could not be checked in the guide itself. The
QC layers of the composites are not used: their bits changed on 21 August 2017 (AppEEARS readme), and a file does not
tell by which rule it was made; the state decides there.

What drops an observation (ours): as for MODIS (`modis`). In VNP09GA: probably or confidently cloudy, night, cloud
shadow, heavy aerosol, thin cirrus by any of its three flags, a pixel adjacent to cloud, and band by band bad input or
bad overall quality. Snow is kept.

HDF-EOS5 files are read where the build of rasterio reads HDF5, as its wheels do.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from stactools_esd.product import BANDS
from stactools_esd.sources.coarse import CoarseSource, open_coarse
from stactools_esd.sources.coarse_product import CoarseProduct, Flag
from stactools_esd.sources.modis import state_flags
from stactools_esd.sources.nadir import nadir_product
from stactools_esd.sources.source import TargetGrid

SATELLITES: Final = {"VNP": date(2012, 1, 17), "VJ1": date(2017, 11, 18), "VJ2": date(2022, 11, 10)}
"""First part of a product's name to the first day that it can have: the record of Suomi-NPP begins on 17 January 2012;
NOAA-20 and NOAA-21 were launched on the days given."""

_DAILY_BANDS: Final = {"blue": "M3", "green": "M4", "red": "I1", "nir": "I2", "swir1": "I3", "swir2": "M11"}
_COMPOSITE_BANDS: Final = {"blue": "M3", "green": "M4", "red": "M5", "nir": "M7", "swir1": "M10", "swir2": "M11"}

_IMAGERY_BANDS: Final = {band: name for band, name in _DAILY_BANDS.items() if name.startswith("I")}

_BAD_INPUT: Final = {"blue": (3, 2), "green": (3, 3), "swir2": (4, 0), "red": (4, 1), "nir": (4, 2), "swir1": (4, 3)}
"""Number of the quality layer and bit that say "bad SDR data", by band of VNP09GA."""

_BAD_QUALITY: Final = {"blue": (5, 4), "green": (5, 5), "swir2": (6, 2), "red": (6, 3), "nir": (6, 4), "swir1": (6, 5)}
"""Number of the quality layer and bit that say "overall quality bad", by band of VNP09GA."""


def _daily_flags() -> tuple[Flag, ...]:
    """Return the bits of QF1-QF7 that drop an observation."""
    qf1, qf2, qf7 = (_layer(f"QF{number}") for number in (1, 2, 7))
    bad = (
        Flag(layer=_layer(f"QF{number}"), first_bit=bit, bands=(band,), means=f"{means} of {_DAILY_BANDS[band]}")
        for table, means in ((_BAD_INPUT, "bad input"), (_BAD_QUALITY, "bad overall quality"))
        for band, (number, bit) in table.items()
    )
    return (
        Flag(layer=qf1, first_bit=2, bits=2, refused=frozenset({2, 3}), means="probably or confidently cloudy"),
        Flag(layer=qf1, first_bit=4, means="night"),
        Flag(layer=qf2, first_bit=3, means="cloud shadow"),
        Flag(layer=qf2, first_bit=4, means="heavy aerosol"),
        Flag(layer=qf2, first_bit=6, means="thin cirrus, reflective"),
        Flag(layer=qf2, first_bit=7, means="thin cirrus, emissive"),
        Flag(layer=qf7, first_bit=1, means="adjacent to cloud"),
        Flag(layer=qf7, first_bit=4, means="thin cirrus flag"),
        *bad,
    )


def _layer(name: str) -> str:
    return f"SurfReflect_{name}"


_DAILY: Final = CoarseProduct(
    name="VNP09GA",
    collections=frozenset({"001", "002"}),
    first_day=SATELLITES["VNP"],
    days=1,
    layers=tuple(_layer(_DAILY_BANDS[band]) for band in BANDS),
    flags=_daily_flags(),
    needed=(_layer("QF1"), _layer("QF2")),
    container=".h5",
    synonyms={name.lower(): _layer(name) for name in (*_DAILY_BANDS.values(), *(f"QF{n}" for n in range(1, 8)))},
    quality_fills=frozenset({255}),
)

_COMPOSITE: Final = CoarseProduct(
    name="VNP09A1",
    collections=frozenset({"001", "002"}),
    first_day=SATELLITES["VNP"],
    days=8,
    layers=tuple(_layer(_COMPOSITE_BANDS[band]) for band in BANDS),
    flags=state_flags(_layer("State")),
    needed=(_layer("State"),),
    observed_day=_layer("Day_Of_Year"),
    container=".h5",
    quality_fills=frozenset({65535}),
)

_IMAGERY_COMPOSITE: Final = replace(
    _COMPOSITE,
    name="VNP09H1",
    layers=tuple(_layer(_IMAGERY_BANDS[band]) if band in _IMAGERY_BANDS else None for band in BANDS),
    flags=state_flags(_layer("State_500m")),
    needed=(_layer("State_500m"),),
    observed_day=None,
)

_NADIR: Final = tuple(
    nadir_product(
        name,
        bands,
        collections=_DAILY.collections,
        first_day=_DAILY.first_day,
        container=_DAILY.container,
    )
    for name, bands in (("VNP43MA4", _COMPOSITE_BANDS), ("VNP43IA4", _IMAGERY_BANDS))
)

VIIRS_PRODUCTS: Final = {
    name: replace(product, name=name, first_day=first_day)
    for product in (_COMPOSITE, _DAILY, _IMAGERY_COMPOSITE, *_NADIR)
    for satellite, first_day in SATELLITES.items()
    for name in (product.name.replace("VNP", satellite),)
}
"""Products that `open_viirs` reads, by short name."""


def open_viirs(
    path: str | Path, grid: TargetGrid, *, observed_days: bool = True, skip_bad: bool = False
) -> CoarseSource:
    """Look at a folder of `VIIRS_PRODUCTS`: GeoTIFFs, or the archive's HDF-EOS5.

    The needed quality layers (QF1 and QF2, the state, or the mandatory quality of VNP43) must be there; the others are
    used where they are there. Arguments, result and errors are those of `open_coarse`.
    """
    return open_coarse(path, grid, VIIRS_PRODUCTS, observed_days=observed_days, skip_bad=skip_bad)
