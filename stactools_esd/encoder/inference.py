"""Load an encoder, turn pixel-years into codes and codes into pixel-years.

Latents are rounded by `fsq.quantise`, the normative rule in numpy, and every batch is padded to one size, so that
the codes of a pixel depend on that pixel alone. `engines` says what runs the network.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors.torch import load_file

from stactools_esd import fsq
from stactools_esd.encoder.cards import WEIGHTS_FORMAT_VERSION, Card, find_card
from stactools_esd.encoder.engines import BATCH, REFERENCE, check_engine, start_engine
from stactools_esd.encoder.intake import take_in
from stactools_esd.encoder.model import ESDNet, terrain_features
from stactools_esd.encoder.pentads import to_days, to_pentads
from stactools_esd.encoder.torch_engine import inference
from stactools_esd.errors import ObservationsError, WeightsError
from stactools_esd.product import BANDS, DAYS, NODATA_CODE, STEPS, EncoderIdentity
from stactools_esd.shipped import DEFAULT_ENCODER

MIN_VALID_DAYS: Final = 4
"""Fewest valid days of a pixel-year that is worth a code; below it the pixel has no data."""


class Encoder:
    """A trained network with its name: `encode` and `decode`."""

    def __init__(self, network: ESDNet, card: Card, engine: str = REFERENCE) -> None:
        """Take a network as it is: what is trained of it later is not seen.

        Raises:
            UsageError: There is no such engine.
            MissingExtraError: The library of the engine is not installed.
            EngineError: The engine cannot run here, or moves more levels than `engines` states of it.
        """
        self._network = network.eval().requires_grad_(False)
        self._engine = start_engine(engine, self._network)
        self.card = card
        """What is known of the weights: architecture, training, data, licences and figures."""
        self.engine = engine
        """What runs the network when it encodes; `torch` always decodes."""

    @property
    def identity(self) -> EncoderIdentity:
        """Name, version and the hash of the weights."""
        return self.card.identity

    def encode(self, reflectance: ArrayLike, terrain: ArrayLike | None = None) -> NDArray[np.uint16]:
        """Turn pixel-years into codes, in memory bounded by the input and the output.

        Args:
            reflectance: Shape (n, 365, 6), 0..1, bands in the order of `product.BANDS`, NaN where missing. Values
                outside -0.2..1.6 are treated as missing. Gaps are filled by `seamless.fill_linear`, because the
                network was trained on gap-free years; a band that was never seen stays missing.
            terrain: Elevation in metres, slope in degrees, aspect in degrees clockwise from north, shape (n, 3). An
                aspect of NaN means flat; NaN elsewhere means that the terrain of the pixel is unknown.

        Returns:
            Codes of shape (n, 12). Pixels with fewer than `MIN_VALID_DAYS` valid days hold 0 in all twelve.

        Raises:
            ObservationsError: A shape is wrong, or the reflectance is not scaled to 0..1.
        """
        years = _checked_reflectance(reflectance)
        features = terrain_features(_checked_terrain(terrain, len(years)), len(years))
        codes = np.zeros((len(years), STEPS), dtype=np.uint16)
        for rows in _batches(len(years)):
            taken = take_in(years[rows])
            latents = self._latents(*to_pentads(taken.reflectance), features[rows])
            found = fsq.avoid_nodata(fsq.level_indices_to_codes(fsq.quantise(latents)))
            found[taken.valid_days < MIN_VALID_DAYS] = NODATA_CODE
            codes[rows] = found
        return codes

    def latents(self, reflectance: ArrayLike, terrain: ArrayLike | None = None) -> NDArray[np.float32]:
        """Return what `encode` rounds: latents of shape (n, 12, 6)."""
        years = _checked_reflectance(reflectance)
        features = terrain_features(_checked_terrain(terrain, len(years)), len(years))
        latents = [
            self._latents(*to_pentads(take_in(years[rows]).reflectance), features[rows])
            for rows in _batches(len(years))
        ]
        return np.concatenate(latents) if latents else np.zeros((0, STEPS, len(BANDS)), dtype=np.float32)

    def decode(self, codes: ArrayLike) -> NDArray[np.float32]:
        """Turn codes back into daily reflectance.

        Args:
            codes: Shape (n, 12); the quality band is not a code.

        Returns:
            Reflectance of shape (n, 365, 6); NaN where the pixel has no data.

        Raises:
            ObservationsError: The codes are not twelve to a pixel.
            RasterError: A number is not a code.
        """
        array = np.asarray(codes)
        if array.ndim != 2 or array.shape[1] != STEPS:
            raise ObservationsError(
                f"got codes of shape {array.shape}, expected (n, {STEPS}); leave the quality band out, pixels first"
            )
        array = fsq.check_codes(array)
        years = np.empty((len(array), DAYS, len(BANDS)), dtype=np.float32)
        for rows in _batches(len(array)):
            padded = _padded(fsq.codes_to_vectors(array[rows]))
            with inference():
                pentads = self._network.decode(torch.from_numpy(padded)).numpy()
            years[rows] = to_days(pentads[: rows.stop - rows.start])
        years[~fsq.valid_pixels(array, axis=1)] = np.nan
        return years

    def _latents(
        self, pentads: NDArray[np.float32], present: NDArray[np.float32], features: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Run one batch through the network: (n, 73, 6) twice and (n, 5) to (n, 12, 6)."""
        return self._engine.latents(_padded(pentads), _padded(present), _padded(features))[: len(pentads)]


def load_encoder(name_or_path: str | Path = DEFAULT_ENCODER, engine: str = REFERENCE) -> Encoder:
    """Load an encoder by name or from a file.

    Args:
        name_or_path: One of `shipped.shipped_names()`, such as `esdnet-small`, for its newest version,
            `esdnet-small-v1` for that one, or the path of a .safetensors file with its card (same name, .json) beside
            it.
        engine: What runs the network when it encodes: one of `engines.ENGINES`. All but `torch` may move levels, at
            most as many as stated there.

    Raises:
        WeightsError: No such encoder; weights that are not those of their card; another format version.
        UsageError: No such engine.
        MissingExtraError: The library of the engine is not installed.
        EngineError: The engine cannot run here, or moves more levels than stated.
    """
    check_engine(engine)
    card, path = find_card(name_or_path)
    card.check(path)
    network = ESDNet(card.architecture)
    try:
        network.load_state_dict(load_file(path))
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"got weights {path.name} that do not fit the architecture of their card ({reason}), expected weights of "
            f"format version {WEIGHTS_FORMAT_VERSION}; install the matching release"
        ) from error
    return Encoder(network, card, engine)


def _batches(n: int) -> Iterator[slice]:
    for start in range(0, n, BATCH):
        yield slice(start, min(start + BATCH, n))


def _padded(array: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.zeros((BATCH, *array.shape[1:]), dtype=np.float32)
    padded[: len(array)] = array
    return padded


def _checked_reflectance(reflectance: ArrayLike) -> NDArray[np.floating]:
    array = np.asarray(reflectance)
    if array.ndim != 3 or array.shape[1:] != (DAYS, len(BANDS)):
        raise ObservationsError(
            f"got reflectance of shape {array.shape}, expected (n, {DAYS}, {len(BANDS)}): pixels, days, bands "
            f"{', '.join(BANDS)}; drop day 366, and give a single pixel as [None]"
        )
    if array.dtype.kind in "iu":
        raise ObservationsError(
            f"got {array.dtype} reflectance, expected floats 0..1; multiply by the scale factor 0.0001"
        )
    if array.dtype.kind != "f":
        raise ObservationsError(f"got {array.dtype} reflectance, expected floats 0..1; convert it to float32")
    return array


def _checked_terrain(terrain: ArrayLike | None, n: int) -> NDArray[np.floating] | None:
    if terrain is None:
        return None
    array = np.asarray(terrain, dtype=np.float32)
    if array.shape != (n, 3):
        raise ObservationsError(
            f"got terrain of shape {array.shape}, expected ({n}, 3): elevation m, slope degrees, aspect degrees; "
            "give one row a pixel, or None where terrain is unknown"
        )
    return array
