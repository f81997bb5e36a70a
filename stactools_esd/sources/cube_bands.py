"""Which variables or which places along a dimension of a cube hold the six bands."""

from collections.abc import Mapping, Sequence
from typing import Final

from stactools_esd.errors import RasterError
from stactools_esd.product import BANDS

COMMON_NAMES: Final = {
    "blue": ("blue",),
    "green": ("green",),
    "red": ("red",),
    "nir": ("nir", "nir08"),
    "swir1": ("swir1", "swir16"),
    "swir2": ("swir2", "swir22"),
}
"""Names that each band goes by: those of this project and of STAC's `eo` extension."""

SENTINEL_2: Final = {
    "blue": ("b02",),
    "green": ("b03",),
    "red": ("b04",),
    "nir": ("b08", "b8a"),
    "swir1": ("b11",),
    "swir2": ("b12",),
}
"""Numbers that only Sentinel-2 gives its bands: Landsat's and HLS's have no B12, and another B05 to B07."""


def find_bands(labels: Sequence[str], given: Mapping[str, str] | None, where: str) -> tuple[int, ...] | None:
    """Find the six bands among labels.

    Args:
        labels: Names of variables, or what stands along a dimension.
        given: Band of `product.BANDS` to its label; None to go by `COMMON_NAMES`, then `SENTINEL_2`.
        where: What is searched, for the message.

    Returns:
        Position of each band in the order of `product.BANDS`, or None where one is missing.

    Raises:
        RasterError: A band has two labels.
    """
    if given is not None:
        wanted = {band: (given[band],) for band in BANDS}
        return _found(labels, wanted, where)
    plain = [label.strip().lower() for label in labels]
    for names in (COMMON_NAMES, SENTINEL_2):
        if (found := _found(plain, names, where)) is not None:
            return found
    return None


def checked_bands(given: Mapping[str, str] | None) -> None:
    """See that labels are given for the six bands and no others.

    Raises:
        RasterError: They are not.
    """
    if given is not None and set(given) != set(BANDS):
        raise RasterError(
            f"got labels for {', '.join(given) or 'no band'}, expected {', '.join(BANDS)}; give a label for each"
        )


def _found(labels: Sequence[str], wanted: Mapping[str, Sequence[str]], where: str) -> tuple[int, ...] | None:
    """Return the position of each band, or None where one is missing."""
    places = {band: [place for place, label in enumerate(labels) if label in wanted[band]] for band in BANDS}
    if not all(places.values()):
        return None
    for band, found in places.items():
        if len(found) > 1:
            raise RasterError(
                f"got {' and '.join(labels[place] for place in found)} for {band} in {where}, expected one; give the "
                "source option bands, which label each has"
            )
    return tuple(found[0] for found in places.values())
