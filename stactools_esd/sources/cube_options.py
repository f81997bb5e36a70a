"""What a person says of a cube where it does not say so itself, or says it wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

QUALITY_OPTIONS: Final = ("quality", "quality_kind", "clear", "hidden_bits")
"""Options that say what is clear."""


@dataclass(frozen=True, kw_only=True)
class CubeOptions:
    """Options of `cube.open_cube`; each may be left out where the cube speaks for itself.

    The names of the fields are the keys of `--source-options`.
    """

    variable: str | None = None
    """Variable of reflectance with a dimension of bands, where there are several."""

    bands: Mapping[str, str] | None = None
    """Band of `product.BANDS` to its label, where names do not tell; all six."""

    scale: float | None = None
    """Factor of numbers that the cube does not scale, such as 0.0001."""

    offset: float = 0.0
    """What is added to numbers scaled so, such as -0.1."""

    nodata: float | None = None
    """Number that means missing, as it is stored, where the cube does not say it."""

    crs: str | int | None = None
    """CRS such as `EPSG:32631`, where the cube does not say it or says it wrong."""

    time: str | None = None
    """Dimension of time, where neither name nor attributes tell."""

    x: str | None = None
    """Dimension of columns, where neither name nor attributes tell."""

    y: str | None = None
    """Dimension of rows, where neither name nor attributes tell."""

    quality: str | None = None
    """Variable, or label along the bands, that tells what is clear; `none` to read none, of a cloud-free cube."""

    quality_kind: str | None = None
    """What its numbers mean, one of `cube_quality.QUALITY_KINDS`, where neither name nor attributes tell."""

    clear: tuple[int | str, ...] | None = None
    """Numbers or CF flag meanings of it that count as valid; all others do not."""

    hidden_bits: tuple[int, ...] | None = None
    """Bits of it that hide the ground where they are set; 0 is the lowest."""
