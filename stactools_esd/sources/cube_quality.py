"""Which values of a cube are valid, by a variable of quality: found by its name and its flags, or told.

Snow and water are ground and count as valid, as in every reader. Where a variable seems to tell quality and nobody says
what its numbers mean, the cube is refused: to ignore it would make clouds land.
"""

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import RasterError
from stactools_esd.sources.cube_flags import GROUND, HIDING, CubeFlag, read_flags
from stactools_esd.sources.cube_options import CubeOptions
from stactools_esd.sources.landsat_qa import PIXEL_BITS, UNUSABLE

NO_QUALITY: Final = "none"
"""What the option `quality` says where none is to be read."""


@dataclass(frozen=True, kw_only=True)
class QualityKind:
    """What the numbers of a known quality layer mean."""

    names: tuple[str, ...]
    """Names, in small letters, that mean nothing else; none where the name alone does not tell."""

    clear: tuple[int, ...] | None = None
    """Classes that count as valid; None where bits decide."""

    hidden_bits: tuple[int, ...] = ()
    """Bits that hide the ground where they are set."""

    source: str
    """Where the numbers are explained."""


QUALITY_KINDS: Final[Mapping[str, QualityKind]] = {
    "scl": QualityKind(
        names=("scl",),
        clear=(4, 5, 6, 7, 11),
        source="Sentinel-2 Level-2A scene classification (Copernicus SentiWiki, S2 Processing)",
    ),
    "qa-pixel": QualityKind(
        names=("qa_pixel",),
        hidden_bits=tuple(PIXEL_BITS[name] for name in ("fill", *UNUSABLE)),
        source="USGS Landsat Collection 2 Level 2 Science Product Guides, LSDS-1618 and LSDS-1619",
    ),
    "hls-fmask": QualityKind(
        names=(), hidden_bits=(0, 1, 2, 3), source="Harmonized Landsat Sentinel-2 (HLS) Product User Guide, version 2.0"
    ),
    "fmask": QualityKind(names=("cfmask",), clear=(0, 1, 3), source="Zhu and Woodcock (2012), the program Fmask"),
    "python-fmask": QualityKind(
        names=("oa_fmask",), clear=(1, 4, 5), source="python-fmask, whose classes Digital Earth Australia keeps"
    ),
    "valid": QualityKind(names=("valid", "clear"), clear=(1,), source="the name: 1 or True is usable"),
    "cloud": QualityKind(names=(), clear=(0,), source="the name: 1 or True is not usable"),
}
"""Quality layers whose numbers are known, by what the option `quality_kind` calls them.

SCL 4 vegetation, 5 not vegetated, 6 water, 7 unclassified, 11 snow; not 2, ground in shadow. QA_PIXEL: fill, dilated
cloud, cirrus, cloud, cloud shadow. HLS: cirrus (unused in version 2), cloud, beside cloud or shadow, shadow; fill has
all bits. Fmask: 0 land, 1 water, 3 snow. python-fmask: 1 clear, 4 snow, 5 water."""

_SEEMS: Final = frozenset({
    "cfmask", "clm", "cld", "clp", "cloud", "cloudmask", "clouds", "flag", "flags", "fmask", "mask", "msk", "qa",
    "qc", "quality", "scl", "shadow"
})  # fmt: skip
"""Parts of names of variables that seem to tell quality."""

_ALL_BITS: Final = -1


@dataclass(frozen=True, kw_only=True)
class CubeQuality:
    """A variable of quality, and which of its numbers are clear."""

    variable: Hashable
    """The variable."""

    position: int | None
    """Place along the dimension of bands where it is one of them; else None."""

    clear: tuple[int, ...] | None
    """Numbers that count as valid; None where all do that are not hidden."""

    hidden: tuple[tuple[int, int], ...]
    """Bits that count and what they are where the ground is hidden."""

    words: str
    """What is valid, in words for the item."""

    def is_clear(self, numbers: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell where numbers of quality, as xarray gives them, are clear; NaN and broken numbers are not."""
        whole = np.ones(numbers.shape, np.bool_)
        if numbers.dtype.kind == "f":
            whole = np.isfinite(numbers) & (numbers == np.rint(numbers))
            numbers = np.where(whole, numbers, 0)
        integers = numbers.astype(np.int64)
        if self.clear is not None:
            whole &= np.isin(integers, self.clear)
        for mask, value in self.hidden:
            whole &= (integers & mask) != value
        return whole


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A variable, or a label along the bands, that may tell quality."""

    name: str
    variable: Hashable
    position: int | None
    attributes: Mapping[str, Any]
    scaled: bool

    @property
    def kind(self) -> str | None:
        """The kind that the name alone tells."""
        found = [kind for kind, known in QUALITY_KINDS.items() if self.name.strip().lower() in known.names]
        return found[0] if found else None

    @property
    def seems(self) -> bool:
        """Whether name or attributes look like quality."""
        standard = str(self.attributes.get("standard_name", ""))
        told = standard.endswith(("quality_flag", "status_flag"))
        return told or bool(_SEEMS & set(re.split(r"[^a-z]+", self.name.lower())))


def find_quality(
    dataset: Any,
    where: str,
    options: CubeOptions,
    *,
    plane: set[Hashable],
    band: Hashable | None,
    reflectance: set[Hashable],
    labels: list[list[str]],
) -> CubeQuality | None:
    """Find the variable that tells what is clear, and what its numbers mean.

    Args:
        dataset: The opened cube.
        where: Its name, for messages.
        options: What was said of it.
        plane: Dimensions of time, rows and columns.
        band: Dimension of bands, if there is one.
        reflectance: Variables of reflectance.
        labels: What stands along the dimension of bands, in every way it is told.

    Returns:
        The quality, or None where the cube has none or none is wanted.

    Raises:
        RasterError: There are several, it is not there, or nobody says what its numbers mean.
    """
    asked = options.quality
    if asked is not None and asked.strip().lower() == NO_QUALITY:
        return None
    found = list(_candidates(dataset, plane, band, reflectance, labels))
    if asked is not None:
        chosen = [one for one in found if one.name == asked]
        if not chosen:
            names = ", ".join(dict.fromkeys(one.name for one in found)) or "none along time, rows and columns"
            raise RasterError(f"got no quality {asked} in {where}, expected one of {names}; correct the name")
        return _quality(chosen[0], options, where)
    for some in ([one for one in found if one.kind], [one for one in found if one.seems]):
        places = {(one.variable, one.position): one for one in reversed(some)}
        if len(places) > 1:
            raise RasterError(
                f"got {' and '.join(sorted(one.name for one in places.values()))} in {where}, expected one variable of "
                "quality; give the source option quality with one of them, or quality: none for a cloud-free cube"
            )
        if places:
            (one,) = places.values()
            return _quality(one, options, where)
    if (options.quality_kind, options.clear, options.hidden_bits) != (None, None, None):
        raise RasterError(f"got no variable of quality in {where}, expected one; give the source option quality too")
    return None


def _candidates(
    dataset: Any, plane: set[Hashable], band: Hashable | None, reflectance: set[Hashable], labels: list[list[str]]
) -> Iterator[_Candidate]:
    """Yield what may tell quality: variables along time, rows and columns, then labels along the bands."""
    for name, variable in dataset.variables.items():
        dims = set(variable.dims)
        if name not in reflectance and plane <= dims <= plane | {band} and variable.dtype.kind in "biuf":
            yield _Candidate(name=str(name), variable=name, position=None, attributes=variable.attrs, scaled=False)
    for label, position in dict.fromkeys((label, place) for along in labels for place, label in enumerate(along)):
        (variable,) = reflectance
        encoding = dataset[variable].encoding
        scaled = any(encoding.get(key) is not None for key in ("scale_factor", "add_offset"))
        yield _Candidate(name=label, variable=variable, position=position, attributes={}, scaled=scaled)


def _quality(one: _Candidate, options: CubeOptions, where: str) -> CubeQuality:
    """Say what the numbers of a candidate mean."""
    if one.scaled:
        raise RasterError(
            f"got {one.name} among bands that {where} scales, expected it in a variable of its own, with its numbers "
            "as they are; store it apart, or give the source option quality: none"
        )
    flags = read_flags(one.name, one.attributes)
    if options.clear is not None or options.hidden_bits is not None:
        clear = None if options.clear is None else tuple(_number(word, flags, one.name) for word in options.clear)
        return _made(one, clear, tuple((1 << bit, 1 << bit) for bit in options.hidden_bits or ()))
    kind = options.quality_kind or one.kind
    if kind is not None and kind not in QUALITY_KINDS:
        raise RasterError(f"got quality_kind {kind!r}, expected one of {', '.join(QUALITY_KINDS)}; choose one")
    if flags and options.quality_kind is None and kind in (None, "valid"):
        return _by_meanings(one, flags, where)
    if kind is None:
        raise RasterError(
            f"got {one.name} in {where}, which seems to tell quality, expected to know which of its numbers are clear; "
            f"give the source options quality: {one.name} and quality_kind (one of {', '.join(QUALITY_KINDS)}), clear "
            "or hidden_bits, or quality: none for a cloud-free cube"
        )
    known = QUALITY_KINDS[kind]
    return _made(one, known.clear, tuple((1 << bit, 1 << bit) for bit in known.hidden_bits))


def _by_meanings(one: _Candidate, flags: tuple[CubeFlag, ...], where: str) -> CubeQuality:
    """Decide by what the flags of a variable mean."""
    if unknown := [flag.meaning for flag in flags if flag.meaning not in GROUND | HIDING]:
        raise RasterError(
            f"got {one.name} in {where} with the flags {', '.join(unknown)}, expected to know whether they hide the "
            f"ground; give the source options quality: {one.name} and clear with the numbers or meanings that are "
            "clear, or hidden_bits"
        )
    if all(flag.mask == _ALL_BITS for flag in flags):
        return _made(one, tuple(flag.value for flag in flags if flag.meaning in GROUND), ())
    return _made(one, None, tuple((flag.mask, flag.value) for flag in flags if flag.meaning in HIDING))


def _number(word: int | str, flags: tuple[CubeFlag, ...], name: str) -> int:
    """Return the number that a flag meaning stands for."""
    if isinstance(word, int):
        return word
    for flag in flags:
        if flag.meaning == word.lower() and flag.mask == _ALL_BITS:
            return flag.value
    meanings = ", ".join(flag.meaning for flag in flags if flag.mask == _ALL_BITS) or "numbers"
    raise RasterError(f"got clear {word!r} for {name}, expected {meanings}; correct it, or give the number")


def _made(one: _Candidate, clear: tuple[int, ...] | None, hidden: tuple[tuple[int, int], ...]) -> CubeQuality:
    """Put a rule into words."""
    said = [] if clear is None else [f"where it is {', '.join(map(str, clear)) or 'nothing'}"]
    if hidden:
        said.append(f"without {', '.join(_bits(mask, value) for mask, value in hidden)}")
    return CubeQuality(
        variable=one.variable, position=one.position, clear=clear, hidden=hidden,
        words=f"valid by {one.name} {' '.join(said) or 'everywhere'}",
    )  # fmt: skip


def _bits(mask: int, value: int) -> str:
    """Say bits: `bit 3`, or `0x30 of 0xf0` for several."""
    return f"bit {mask.bit_length() - 1}" if mask == value and mask.bit_count() == 1 else f"{value:#x} of {mask:#x}"
