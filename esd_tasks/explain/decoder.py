"""Codes back to reflectance, where the encoder that made them is at hand: the second module that knows the encoder.

It imports `stactools_esd.encoder` inside a function; without it, explanations end at steps and levels, and say so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import WeightsError
from stactools_esd.fsq import avoid_nodata, level_indices_to_codes
from stactools_esd.product import FSQ, OFFICIAL_ENCODER, STEPS, EncoderIdentity

Decode = Callable[[NDArray[np.uint16]], NDArray[np.float32]]
"""Turns codes (n, 12) into reflectance (n, 365, 6)."""

_ABSENT: Final = "Bands and days are not shown"
_TOP: Final = np.array(FSQ.levels) - 1


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """The decoder of codes, or why there is none."""

    decode: Decode | None = None
    """Turns codes into reflectance; None where that cannot be."""

    identity: EncoderIdentity | None = None
    """Encoder that made the codes, as far as is known."""

    note: str = ""
    """Why there is no decoder, in a line; empty where there is one."""


def find_decoder(identity: EncoderIdentity | None, weights: str | None = None) -> Decoder:
    """Find the decoder of codes.

    Args:
        identity: Encoder that made the codes; None where nothing says which.
        weights: Name or path of the encoder; by default what made the codes.

    Raises:
        WeightsError: Weights were named, and they did not make the codes or cannot be read.
    """
    if identity is not None and identity.label == OFFICIAL_ENCODER.label:
        return Decoder(identity=identity, note=f"{_ABSENT}: the decoder of {identity.label} is not public.")
    if identity is None and weights is None:
        return Decoder(note=f"{_ABSENT}: nothing says which encoder made the codes; name it with --encoder.")
    try:
        from stactools_esd.encoder import load_encoder
    except ImportError as error:
        mend = f"got no {error.name}; run: pip install 'stactools-esd[encoder]', then this again with --overwrite."
        return Decoder(identity=identity, note=f"{_ABSENT}: {mend}")
    label = identity.label if identity else ""
    try:
        encoder = load_encoder(weights or label)
    except WeightsError:
        if weights is not None:
            raise
        return Decoder(identity=identity, note=f"{_ABSENT}: got no weights of {label}; name them with --encoder.")
    if identity is not None and not _same(encoder.identity, identity):
        if weights is None:
            mend = f"got other weights of {label} than those that made the codes; name these with --encoder."
            return Decoder(identity=identity, note=f"{_ABSENT}: {mend}")
        raise WeightsError(
            f"got the encoder {encoder.identity.label}, expected {label} with the weights that made the codes; give "
            "them with --encoder"
        )
    return Decoder(decode=encoder.decode, identity=encoder.identity)


def _same(one: EncoderIdentity, other: EncoderIdentity) -> bool:
    return one.label == other.label and other.weights_sha256 in (None, one.weights_sha256)


def nearest_codes(levels: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Return the codes whose level indices are nearest to real numbers.

    Args:
        levels: Level indices (n, 12, 6), not whole.

    Returns:
        Codes (n, 12), never the sign of absent data.
    """
    whole = np.clip(np.rint(levels), 0, _TOP).astype(np.int64)
    return np.asarray(avoid_nodata(level_indices_to_codes(whole.reshape(-1, STEPS, FSQ.dimensions))))
