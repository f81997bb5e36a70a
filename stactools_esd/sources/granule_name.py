"""Names of MODIS and VIIRS files, as the archive and AppEEARS give them.

The archive (LP DAAC): `MOD09A1.A2020185.h26v04.061.2020200123456.hdf`, and with a layer's name behind it where a
layer was taken out. AppEEARS: `MOD09A1.061_sur_refl_b01_doy2020185_aid0001.tif`; newer ones have `doy2020185000000`
(AppEEARS Area Sample Readme, section 4).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from stactools_esd.errors import RasterError

_ARCHIVE: Final = re.compile(
    r"(?P<product>[A-Z0-9]{6,9})\.A(?P<day>\d{7})\.(?P<place>h(?:[0-2]\d|3[0-5])v(?:0\d|1[0-7]))\.(?P<collection>\d{3})"
    r"\.(?P<made>\d{13,14})(?:[._](?P<layer>.+))?"
)
_APPEEARS: Final = re.compile(
    r"(?P<product>[A-Z0-9]{6,9})\.(?P<collection>\d{3})_(?P<layer>.+)_doy(?P<day>\d{7})(?:\d{6})?"
    r"[._](?P<place>aid\d+)(?P<made>)"
)


@dataclass(frozen=True, kw_only=True)
class GranuleName:
    """What a file's name says."""

    product: str
    """Short name of the product, e.g. `MOD09A1`."""

    collection: str
    """Collection or version of three digits."""

    day: np.datetime64
    """Day of the image; of a composite the first."""

    place: str
    """Sinusoidal tile such as `h26v04`, or AppEEARS' number of an area such as `aid0001`."""

    made: str
    """When the archive made the file; empty where the name does not say."""

    layer: str | None
    """Layer as written; None where the file holds several."""


def read_name(path: Path) -> GranuleName:
    """Read a file's name.

    Raises:
        RasterError: It is of neither form.
    """
    match = _ARCHIVE.fullmatch(path.stem) or _APPEEARS.fullmatch(path.stem)
    try:
        if match is None:
            raise ValueError
        day = np.datetime64(datetime.strptime(match["day"], "%Y%j").date(), "D")
    except ValueError as error:
        raise RasterError(
            f"got {path.name} in {path.parent}, expected a name such as MOD09A1.A2020185.h26v04.061.2020200123456."
            "sur_refl_b01.tif or MOD09A1.061_sur_refl_b01_doy2020185_aid0001.tif; rename the file or move it elsewhere"
        ) from error
    return GranuleName(
        product=match["product"],
        collection=match["collection"],
        day=day,
        place=match["place"],
        made=match["made"],
        layer=match["layer"],
    )
