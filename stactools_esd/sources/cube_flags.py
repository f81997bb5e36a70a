"""Flags that a variable explains itself, by the CF attributes flag_meanings, flag_values and flag_masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from stactools_esd.errors import RasterError

GROUND: Final = frozenset({
    "clear", "clear_land", "clear_water", "land", "water", "snow", "ice", "snow_ice", "snow_or_ice", "snow_and_ice",
    "vegetation", "vegetated", "not_vegetated", "non_vegetated", "bare_soil", "bare_soils", "unclassified", "valid",
    "good", "no_cloud", "no_clouds", "cloud_free", "not_cloudy"
})  # fmt: skip
"""Meanings of flags under which the ground was seen; snow and water are ground, as in every reader."""

HIDING: Final = frozenset({
    "cloud", "clouds", "cloudy", "dilated_cloud", "cloud_dilated", "adjacent_cloud", "adjacent_to_cloud",
    "cloud_adjacent", "cloud_shadow", "cloud_shadows", "shadow", "shadows", "cast_shadow", "cast_shadows",
    "dark_area_pixels", "dark_features", "dark_feature_shadow", "topographic_shadow", "terrain_shadow",
    "terrain_occlusion", "cirrus", "thin_cirrus", "cloud_low_probability", "cloud_medium_probability",
    "cloud_high_probability", "clouds_medium_probability", "clouds_high_probability", "high_confidence_cloud",
    "medium_confidence_cloud", "haze", "no_data", "nodata", "null", "fill", "missing", "invalid", "not_valid",
    "bad", "saturated", "defective", "saturated_or_defective", "saturated_defective"
})  # fmt: skip
"""Meanings of flags under which the ground was not seen, or not well."""


@dataclass(frozen=True, kw_only=True)
class CubeFlag:
    """One meaning, and which numbers have it: those whose bits of `mask` are `value`."""

    meaning: str
    """The word, in small letters."""

    mask: int
    """The bits that count; -1 for all."""

    value: int
    """What they are."""


def read_flags(name: str, attributes: Mapping[str, Any]) -> tuple[CubeFlag, ...]:
    """Read the flags of a variable (CF conventions 1.11, section 3.5).

    Args:
        name: The variable, for messages.
        attributes: Its attributes.

    Returns:
        Its flags, a mask of several bits without a value as one for each bit; none where it explains none.

    Raises:
        RasterError: The attributes contradict each other.
    """
    words = attributes.get("flag_meanings")
    meanings = [word.lower() for word in (words.split() if isinstance(words, str) else words or ())]
    values, masks = (_numbers(attributes.get(key)) for key in ("flag_values", "flag_masks"))
    if not meanings or not (values or masks):
        return ()
    if any(numbers and len(numbers) != len(meanings) for numbers in (values, masks)):
        raise RasterError(
            f"got {len(meanings)} flag_meanings, {len(values)} flag_values and {len(masks)} flag_masks of {name}, "
            "expected as many of each; give the source option clear or hidden_bits"
        )
    if values:
        return tuple(
            CubeFlag(meaning=meaning, mask=mask, value=value)
            for meaning, mask, value in zip(meanings, masks or [-1] * len(meanings), values, strict=True)
        )
    return tuple(
        CubeFlag(meaning=meaning, mask=1 << bit, value=1 << bit)
        for meaning, mask in zip(meanings, masks, strict=True)
        for bit in range(mask.bit_length())
        if mask >> bit & 1
    )


def _numbers(attribute: Any) -> list[int]:
    """Return the whole numbers of an attribute: an array, one number, or text with commas or spaces."""
    if attribute is None:
        return []
    if isinstance(attribute, str):
        return [int(float(part.rstrip("bBsSuUlL"))) for part in attribute.replace(",", " ").split()]
    return [int(number) for number in np.atleast_1d(np.asarray(attribute))]
