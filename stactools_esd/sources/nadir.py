"""Nadir BRDF-adjusted reflectance, as MCD43A4 of MODIS and VNP43IA4 and VNP43MA4 of VIIRS give it day by day.

An image is no observation of its day: a model of how the ground reflects is fitted to sixteen days, weighted to the
ninth, which is the day in the file's name, and gives what would be seen from straight above at local noon. So views
from aside are gone, and with them much noise; but what changes within the sixteen days is smoothed, and neighbouring
images share most of what they rest on. The number of clear observations counts each of them.

Layers, scale 0.0001, fill 32767, range 0-32766, and the values of the mandatory quality (0 full inversion, 1 magnitude
inversion, 255 fill) are those of the MODIS BRDF/Albedo User Guide (V006 and V006.1) and the VIIRS BRDF/Albedo User
Guide (Collections 1 and 2), both of the University of Massachusetts Boston. They were checked against the catalogue of
Google Earth Engine (MODIS/061/MCD43A4, NASA/VIIRS/002/VNP43MA3) and the items of stactools-viirs (VNP43IA4, VNP43MA4).

What drops a band of a pixel (ours): whatever is not a full inversion. Both guides urge users to take only these; a
magnitude inversion rests on as few as two observations and on the shape of an earlier model.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from stactools_esd.product import BANDS
from stactools_esd.sources.coarse_product import CoarseProduct, Flag

_FULL_INVERSION: Final = 0
_NOT_FULL: Final = frozenset(range(256)) - {_FULL_INVERSION}


def nadir_product(
    name: str, suffixes: Mapping[str, str], *, collections: frozenset[str], first_day: date, container: str
) -> CoarseProduct:
    """Describe a product of nadir reflectance.

    Args:
        name: Short name, e.g. `MCD43A4`.
        suffixes: Band of `product.BANDS` to the end of its layers' names, e.g. `Band3`; bands left out are missing.
        collections: Collections whose layers are known to be as stated here.
        first_day: First day in a file's name.
        container: Suffix of the archive's own files.
    """
    quality = {band: f"BRDF_Albedo_Band_Mandatory_Quality_{suffix}" for band, suffix in suffixes.items()}
    return CoarseProduct(
        name=name,
        collections=collections,
        first_day=first_day,
        days=1,
        layers=tuple(f"Nadir_Reflectance_{suffixes[band]}" if band in suffixes else None for band in BANDS),
        flags=tuple(
            Flag(layer=layer, first_bit=0, bits=8, refused=_NOT_FULL, bands=(band,), means="no full inversion")
            for band, layer in quality.items()
        ),
        needed=tuple(quality.values()),
        container=container,
        fill=32767,
        valid_range=(0, 32766),
    )
