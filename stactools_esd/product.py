"""Every fact about the ESD format, and nothing else: names, bands, levels, identities.

Standard library only, so that anything may import it. Where a fact is published by the producers it is marked
*known*; where this project decided it, *ours*.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import accumulate
from operator import mul
from typing import Any, Final

from stactools_esd.errors import IncomparableError, ProductNameError

BANDS: Final = ("blue", "green", "red", "nir", "swir1", "swir2")
"""Reflectance bands in the order that every array of this project uses (known)."""

DAYS: Final = 365
"""Days in a pixel-year; 31 December of a leap year is dropped (known)."""

STEPS: Final = 12
"""Temporal latents, and so codes, in a pixel-year (known)."""

STEP_BANDS: Final = tuple(f"step_{step:02d}" for step in range(1, STEPS + 1))
"""Names of bands 1-12 (ours)."""

QUALITY_BAND: Final = "clear_obs"
"""Name of band 13: the count of cloud-free observations. Never decode it (meaning known, name ours)."""

CODES_BANDS: Final = (*STEP_BANDS, QUALITY_BAND)
"""Names of the thirteen bands of a codes COG."""

NODATA_CODE: Final = 0
"""A pixel has no data when all twelve codes hold this value; a single one is a legal code (known)."""

PIXEL_SIZE: Final = 30.0
"""Metres (known)."""

TILE_PIXELS: Final = 3600
"""Rows and columns of a product tile (known)."""

REFLECTANCE_RANGE: Final = (-0.2, 1.6)
"""Reflectance outside this closed range is treated as missing (ours)."""

FORMAT_VERSION: Final = "1"
"""Version of the codes COG format that this release writes (ours)."""

READABLE_FORMAT_VERSIONS: Final = frozenset({FORMAT_VERSION})
"""Versions of the codes COG format that this release reads (ours)."""

SOFTWARE: Final = "stactools-esd"
"""Name of this software in tags and items."""

DATA_LICENCE: Final = "CC-BY-4.0"
"""Licence of the official data, and of what this project makes unless told otherwise (known)."""

OFFICIAL_DOI: Final = "10.12436/iEarth.0000.20251229.000064.v1"
"""DOI of the official data (known)."""

PAPER: Final = "arXiv:2601.11183"
"""The paper that describes the product (known)."""

OFFICIAL_YEARS: Final = range(2000, 2025)
"""Years of the official product (known)."""


@dataclass(frozen=True, kw_only=True)
class FsqSpec:
    """Finite scalar quantisation of one step: the mixed radix in which a code is written."""

    levels: tuple[int, ...]
    """Number of levels of each dimension."""

    @cached_property
    def basis(self) -> tuple[int, ...]:
        """Place value of each dimension; the first is the least significant."""
        return (1, *accumulate(self.levels[:-1], mul))

    @cached_property
    def codebook_size(self) -> int:
        """How many codes there are; the largest is one less."""
        return self.basis[-1] * self.levels[-1]

    @property
    def dimensions(self) -> int:
        """Number of dimensions of a step."""
        return len(self.levels)


FSQ: Final = FsqSpec(levels=(8, 8, 8, 5, 5, 5))
"""The quantisation of ESD: 64,000 codes, basis (1, 8, 64, 512, 2560, 12800) (known)."""

CODE_RULE: Final = "level_index = (code // basis) % levels; vector = (level_index - levels // 2) / (levels // 2)"
"""How a code turns into vectors, dimension by dimension, in words for tags and items (known)."""

NODATA_RULE: Final = "a pixel has no data when all 12 codes are 0; a single 0 is a legal code"
"""The nodata rule in words for tags and items (known)."""

CHANNELS: Final = STEPS * FSQ.dimensions
"""Level indices in a pixel-year: 72."""


@dataclass(frozen=True, kw_only=True)
class InputRecipe:
    """How the reflectance that the encoder saw was made; codes of two recipes are not comparable."""

    source: str
    """Sensors or archive, e.g. `SDC30_V003` or `sentinel-2+landsat-8`."""

    fusion: str
    """How dates were merged and gaps filled, e.g. `linear-circular-v1`."""

    harmonisation: str
    """How sensors were brought to one scale, or `none`."""

    dem: str
    """Elevation model behind the terrain input, or `none`."""

    def as_dict(self) -> dict[str, str]:
        """Return the recipe as it stands in `esd:input_recipe`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_dict(cls, recipe: Mapping[str, str]) -> "InputRecipe":
        """Read a recipe from `esd:input_recipe`.

        Raises:
            ProductNameError: A key is missing, or there is one too many.
        """
        expected = {field.name for field in fields(cls)}
        if set(recipe) != expected:
            raise ProductNameError(
                f"got an input recipe with {', '.join(sorted(recipe))[:120] or 'nothing'}, expected "
                f"{', '.join(sorted(expected))}; "
                "write the recipe with all four keys and no other"
            )
        return cls(**recipe)


ENCODER_LABEL: Final = re.compile(r"(?P<name>[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*)-(?P<version>v[0-9]+)")
"""Encoder and version, as in `esdnet-small-v1` (ours)."""


@dataclass(frozen=True, kw_only=True)
class EncoderIdentity:
    """Which encoder wrote a code."""

    name: str
    """Lower-case name without version, e.g. `esdnet-small`."""

    version: str
    """`v` and digits, e.g. `v1`."""

    weights_sha256: str | None = None
    """SHA-256 of the weights file, or None where the weights are not public."""

    @property
    def label(self) -> str:
        """Name and version, as in file names: `esdnet-small-v1`."""
        return f"{self.name}-{self.version}"

    @property
    def collection_id(self) -> str:
        """The one collection of this encoder: `esd-esdnet-small-v1`."""
        return f"esd-{self.label}"

    @classmethod
    def parse(cls, label: str, weights_sha256: str | None = None) -> "EncoderIdentity":
        """Read `esdnet-small-v1`.

        Raises:
            ProductNameError: The label has no version, or characters other than a-z, 0-9 and hyphens.
        """
        match = ENCODER_LABEL.fullmatch(label)
        if match is None:
            raise ProductNameError(
                f"got encoder {label!r}, expected a lower-case name and version such as 'esdnet-small-v1'; "
                "name the encoder with its version"
            )
        return cls(name=match["name"], version=match["version"], weights_sha256=weights_sha256)


OFFICIAL_ENCODER: Final = EncoderIdentity(name="official", version="v001")
"""The encoder of the official archive; its weights and decoder are not public (ours)."""

OFFICIAL_RECIPE: Final = InputRecipe(
    source="SDC30_V003", fusion="SDC30_V003", harmonisation="SDC30_V003", dem="NASADEM"
)
"""Input recipe of the official archive."""

OFFICIAL_CHINA_RECIPE: Final = InputRecipe(
    source="SDC30_V003CHN", fusion="SDC30_V003CHN", harmonisation="SDC30_V003CHN", dem="NASADEM"
)
"""Input recipe of official files named `V001CHN`: another one, so not comparable with the rest."""


@dataclass(frozen=True, kw_only=True)
class CodesIdentity:
    """What must agree before codes of two files may meet."""

    encoder: EncoderIdentity
    """Name, version and weights hash."""

    recipe: InputRecipe
    """How the encoder's input was made."""

    format_version: str = FORMAT_VERSION
    """Version of the codes COG format."""

    def as_dict(self) -> dict[str, Any]:
        """Return the identity as JSON content."""
        return {
            "encoder": self.encoder.label,
            "weights_sha256": self.encoder.weights_sha256,
            "format_version": self.format_version,
            "input_recipe": self.recipe.as_dict(),
        }

    def differences(self, other: "CodesIdentity") -> list[str]:
        """Say in words where two identities differ; an empty list means that they are comparable."""
        pairs = {
            "encoder": (self.encoder.label, other.encoder.label),
            "weights hash": (self.encoder.weights_sha256, other.encoder.weights_sha256),
            "format version": (self.format_version, other.format_version),
        }
        pairs |= {
            f"input recipe {key}": (mine, other.recipe.as_dict()[key]) for key, mine in self.recipe.as_dict().items()
        }
        return [f"{what} {mine!r} against {theirs!r}" for what, (mine, theirs) in pairs.items() if mine != theirs]


def require_comparable(named: Mapping[str, CodesIdentity]) -> CodesIdentity:
    """Return the one identity that all files share.

    Args:
        named: File or item name to identity; at least one.

    Raises:
        IncomparableError: Two of them differ.
    """
    (first_name, first), *others = named.items()
    for name, identity in others:
        if differences := first.differences(identity):
            raise IncomparableError(
                f"got codes that cannot be compared: {first_name} and {name} differ in "
                f"{'; '.join(differences)}; expected one encoder and one input recipe; choose items of one "
                "of them, such as those of its collection"
            )
    return first
