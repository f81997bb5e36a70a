"""The noise that denoising is scored against."""

import hashlib
import importlib.util
import json
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from stactools_esd.errors import ObservationsError
from stactools_esd.simulation import simulate_pixels
from stactools_esd.simulation.frozen_noise import (
    FROZEN_NOISE_SHA256,
    add_frozen_noise,
    frozen_noise,
    observation_errors,
    parse_noise,
)
from stactools_esd.simulation.noise import generator
from stactools_esd.simulation.observation import CLOUD

FILE = resources.files("stactools_esd.simulation") / "noise.json"
LEVEL = np.array([0.04, 0.06, 0.06, 0.28, 0.2, 0.12], np.float32)


def flat_years(n: int) -> np.ndarray:
    """Years of one reflectance."""
    return np.broadcast_to(LEVEL, (n, 365, 6)).copy()


def test_the_file_is_the_one_that_was_frozen() -> None:
    """The hash in the code is that of the file, which says what it was fitted on: no set but of the training role."""
    content = FILE.read_bytes()
    assert hashlib.sha256(content).hexdigest() == FROZEN_NOISE_SHA256
    fitted_on = json.loads(content)["fitted_on"]
    assert set(fitted_on) == {
        "harvard_first_150", "single_pixels", "brazil_cube_2018", "flanders_a_sentinel2", "flanders_a_landsat8"
    }  # fmt: skip
    assert all(entry["residuals"] > 1000 for entry in fitted_on.values())


def test_a_changed_file_is_refused() -> None:
    """One changed byte is an error that names both hashes."""
    with pytest.raises(ObservationsError, match=FROZEN_NOISE_SHA256):
        parse_noise(FILE.read_bytes().replace(b"0.004", b"0.005", 1))


def test_errors_of_single_dates_are_as_stated() -> None:
    """Before filling: the stated variance at a reflectance, correlation of bands, heavy tails, clouds and shadows."""
    noise = frozen_noise()
    clean = flat_years(400)
    error = observation_errors(clean, noise, [generator(7, kind) for kind in range(4)]).reshape(-1, 6)
    towards = CLOUD - LEVEL
    cloudy = noise.cloud_share * (noise.cloud_opacity**2).mean() * towards**2
    shaded = noise.shadow_share * (noise.shadow_depth**2).mean() * LEVEL**2
    stated = noise.absolute**2 + (noise.relative * LEVEL) ** 2
    np.testing.assert_allclose(error.var(axis=0), stated + cloudy + shaded, rtol=0.08)
    # Leftover clouds are few: half the errors lie where Student's t says.
    student = generator(1).standard_t(noise.degrees_of_freedom, 200_000)
    middle = np.median(np.abs(student)) * np.sqrt(stated * (noise.degrees_of_freedom - 2) / noise.degrees_of_freedom)
    np.testing.assert_allclose(np.median(np.abs(error), axis=0), middle, rtol=0.04)
    calm = np.abs(error / np.sqrt(stated)).max(axis=1) < 4
    found = np.corrcoef(error[calm], rowvar=False)
    np.testing.assert_allclose(found, noise.band_correlation, atol=0.06)


def test_snow_is_not_noisier_than_what_was_fitted() -> None:
    """The size of errors stops growing at the brightest reflectance that was fitted."""
    noise = frozen_noise()
    rngs = [generator(3, kind) for kind in range(4)]
    error = observation_errors(np.full((50, 365, 6), 0.8, np.float32), noise, rngs)
    largest = np.sqrt(noise.absolute**2 + (noise.relative * noise.highest) ** 2)
    assert (error.std(axis=(0, 1)) < 1.3 * largest).all()


def test_the_fit_finds_noise_of_known_size() -> None:
    """The program that fitted the noise, shown simulated forests with this very noise, finds its size again."""
    path = Path(__file__).parent.parent / "scripts" / "fit_noise.py"
    spec = importlib.util.spec_from_file_location("fit_noise", path)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    sys.modules["fit_noise"] = program  # dataclasses look for their module
    spec.loader.exec_module(program)
    noise = frozen_noise()
    clean = simulate_pixels(700, 3, np.eye(13)[[1, 2]].sum(axis=0) / 2).clean
    seen = clean + observation_errors(clean, noise, [generator(9, kind) for kind in range(4)])
    seen[generator(9, 4).random(seen.shape[:2]) > 1 / 12] = np.nan
    fit = program.fit_size({"simulated": program.listed(program.screen(seen))}, {"simulated": 1.0})
    stated = np.sqrt(noise.absolute**2 + (noise.relative * fit.sound.level) ** 2)
    np.testing.assert_allclose((fit.sound.value / stated).std(axis=0), 1, atol=0.15)


def test_correlation_in_time_is_that_of_filling() -> None:
    """Errors of a filled year fade out over weeks, as straight lines between dates make them."""
    clean = flat_years(1500)
    error = add_frozen_noise(clean, 11) - clean
    lags = (1, 8, 16, 32, 64)
    found = [np.corrcoef(error[:, :-lag, 3].ravel(), error[:, lag:, 3].ravel())[0, 1] for lag in lags]
    assert found[0] > 0.97
    assert 0.65 < found[1] < 0.85
    assert 0.35 < found[2] < 0.6
    assert found[3] < 0.3
    assert found[4] < 0.15
    # A mean of two independent errors varies less than one: between a half and the whole of the single date's.
    noise = frozen_noise()
    stated = noise.absolute**2 + (noise.relative * LEVEL) ** 2
    ratio = error[:, :, 4].var() / stated[4]
    assert 0.55 < ratio < 1.0


def test_noise_is_drawn_from_the_seed() -> None:
    """The same seed gives the same noise, whatever stands in later rows; another seed another."""
    clean = flat_years(9)
    noisy = add_frozen_noise(clean, 5)
    np.testing.assert_array_equal(add_frozen_noise(clean, 5), noisy)
    np.testing.assert_array_equal(add_frozen_noise(clean[:4], 5), noisy[:4])
    assert not np.array_equal(add_frozen_noise(clean, 6), noisy)
    assert noisy.dtype == np.float32
    assert np.isfinite(noisy).all()


def test_levels_scale_the_same_errors() -> None:
    """Level 0 is the clean series, level 2 doubles the errors of level 1."""
    clean = simulate_pixels(20, 4).clean
    np.testing.assert_array_equal(add_frozen_noise(clean, 5, level=0), clean)
    once, twice = add_frozen_noise(clean, 5) - clean, add_frozen_noise(clean, 5, level=2) - clean
    inside = (clean + twice > -0.2) & (clean + twice < 1.6)
    np.testing.assert_allclose(twice[inside], 2 * once[inside], atol=1e-6)
    with pytest.raises(ObservationsError, match="level"):
        add_frozen_noise(clean, 5, level=-1)


def test_a_few_rows_are_pinned() -> None:
    """The noise itself is frozen, not only its parameters: errors of a seed are those that figures were made with."""
    clean = flat_years(3)
    error = add_frozen_noise(clean, 2024) - clean
    np.testing.assert_allclose(error[[0, 1, 2], [0, 100, 364], [0, 3, 5]], PINNED, atol=1e-5)


PINNED = [0.010141, 0.013457, 0.013765]


@pytest.mark.parametrize("shape", [(2, 364, 6), (365, 6), (2, 365, 5)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    """Only daily six-band years can be made noisy."""
    with pytest.raises(ObservationsError, match="365"):
        add_frozen_noise(np.zeros(shape, np.float32), 1)
