"""Names of codes files, and the tags that a codes COG carries."""

import re
from dataclasses import dataclass
from datetime import date

from stactools_esd.errors import ProductNameError
from stactools_esd.product import (
    DATA_LICENCE,
    ENCODER_LABEL,
    OFFICIAL_CHINA_RECIPE,
    OFFICIAL_ENCODER,
    SOFTWARE,
    CodesIdentity,
    EncoderIdentity,
)

_MGRS = r"(?:0[1-9]|[1-5][0-9]|60)[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V]"
_YEAR = r"[1-9][0-9]{3}"
_AREA = r"x[a-z0-9]+(?:_[a-z0-9]+)*"
_OFFICIAL_NAME = re.compile(rf"SDC30_EBD_V001(?P<variant>CHN)?_(?P<tile>{_MGRS})_(?P<year>{_YEAR})")
_OUR_NAME = re.compile(rf"ESD_(?P<encoder>{ENCODER_LABEL.pattern})_(?P<tile>{_MGRS}|{_AREA})_(?P<year>{_YEAR})")


@dataclass(frozen=True, kw_only=True)
class ProductName:
    """What a codes file's name says of it."""

    encoder: EncoderIdentity
    """Encoder named by the file; the weights hash is not part of a name."""

    tile: str
    """MGRS tile such as `50TMK`, or `x` and the name of a custom area such as `xdemo`."""

    year: int
    """Calendar year, or the year in which the 365-day window starts."""

    china: bool = False
    """True for official files of the `V001CHN` variant."""

    @property
    def stem(self) -> str:
        """File name without extension: `ESD_<encoder>_<TILE>_<YEAR>`, or the official form."""
        if self.encoder.label == OFFICIAL_ENCODER.label:
            return f"SDC30_EBD_V001{'CHN' if self.china else ''}_{self.tile}_{self.year}"
        return f"ESD_{self.encoder.label}_{self.tile}_{self.year}"

    @property
    def item_id(self) -> str:
        """`<collection>-<tile in lower case>-<year>`."""
        return f"{self.encoder.collection_id}-{self.tile.lower()}-{self.year}"


def is_tile(tile: str) -> bool:
    """Tell whether a text is an MGRS tile such as `50TMK`."""
    return re.fullmatch(_MGRS, tile) is not None


def area_tile(name: str) -> str:
    """Turn the name of a custom area into its tile: `demo` becomes `xdemo`.

    Raises:
        ProductNameError: The name has characters other than a-z, 0-9 and single underscores.
    """
    tile = f"x{name}"
    if re.fullmatch(_AREA, tile) is None:
        raise ProductNameError(
            f"got area name {name!r}, expected lower-case letters, digits and single underscores; rename the area"
        )
    return tile


def parse_name(file_name: str) -> ProductName | None:
    """Read the name of a codes file, official or ours.

    Args:
        file_name: Name with or without folders and extension.

    Returns:
        What the name says, or None where it follows neither rule.
    """
    stem = file_name.split("?", 1)[0].replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".tif")
    if match := _OFFICIAL_NAME.fullmatch(stem):
        return ProductName(
            encoder=OFFICIAL_ENCODER,
            tile=match["tile"],
            year=int(match["year"]),
            china=match["variant"] is not None,
        )
    if match := _OUR_NAME.fullmatch(stem):
        return ProductName(encoder=EncoderIdentity.parse(match["encoder"]), tile=match["tile"], year=int(match["year"]))
    return None


@dataclass(frozen=True, kw_only=True)
class CodesTags:
    """What a codes COG says of itself, beside its georeference."""

    identity: CodesIdentity
    """Encoder, recipe and format version."""

    tile: str
    """MGRS tile, or `x` and the name of a custom area."""

    year: int
    """Calendar year, or the year in which the window starts."""

    window_start: date | None = None
    """First day of the 365-day window where it is not 1 January; None for a calendar year."""

    sources: tuple[str, ...] = ()
    """What the codes were made from, in words or hrefs."""

    temporal_context: str = "year"
    """Which years gap filling looked at: `year`, `past` or `both`."""

    skipped_images: int = 0
    """Damaged images that were passed over, in whole or in part, because the user said so."""

    licence: str = DATA_LICENCE
    """SPDX identifier or words."""

    engine: str | None = None
    """What ran the encoder's network, e.g. `torch`; None where the file does not say."""

    software: str = SOFTWARE
    """Name and version of what wrote the file."""

    @property
    def name(self) -> ProductName:
        """The name that a file with these tags has."""
        china = self.identity.recipe == OFFICIAL_CHINA_RECIPE
        return ProductName(encoder=self.identity.encoder, tile=self.tile, year=self.year, china=china)
