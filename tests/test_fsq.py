"""The quantisation: exact on all 64,000 codes, and normative where latents are rounded."""

import hashlib
import json
import os
from collections.abc import Callable
from itertools import product as combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stactools_esd import fsq
from stactools_esd.errors import RasterError
from stactools_esd.product import FSQ, STEPS

GOLDEN = Path(__file__).parent / "golden" / "fsq_codes.json"
ALL_CODES = np.arange(FSQ.codebook_size, dtype=np.uint16)
LISTED = [0, 1, 7, 8, 63, 64, 511, 512, 2559, 2560, 12799, 12800, 32036, 63999, *range(1000, 64000, 2423)]

code_arrays = hnp.arrays(
    np.uint16, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6), elements=st.integers(0, FSQ.codebook_size - 1)
)
latents = st.floats(-50, 50, width=32)


def golden_content() -> dict[str, Any]:
    """Return what the golden file holds: hashes over every code, and a few codes that can be read."""
    digits = fsq.codes_to_level_indices(ALL_CODES)
    vectors = fsq.codes_to_vectors(ALL_CODES)
    return {
        "level_indices_sha256": hashlib.sha256(digits.astype("uint8").tobytes()).hexdigest(),
        "vectors_float32_sha256": hashlib.sha256(vectors.astype("<f4").tobytes()).hexdigest(),
        "codes": [
            {"code": code, "level_indices": digits[code].tolist(), "vectors": vectors[code].tolist()} for code in LISTED
        ],
    }


def test_all_64000_codes_are_as_published() -> None:
    """Level indices and vectors of every code equal the golden ones, bit for bit."""
    if os.environ.get("ESD_REGENERATE") == "1":
        lines = ",\n    ".join(json.dumps(code) for code in golden_content().pop("codes"))
        heads = "".join(f'  "{key}": "{value}",\n' for key, value in golden_content().items() if key != "codes")
        GOLDEN.write_text(f'{{\n{heads}  "codes": [\n    {lines}\n  ]\n}}\n')
    assert golden_content() == json.loads(GOLDEN.read_text())


def test_codes_are_numbers_in_mixed_radix_written_out_here_anew() -> None:
    """An independent count through all digits, first dimension fastest, meets every code in order."""
    digits = np.array([turned[::-1] for turned in combinations(*[range(level) for level in FSQ.levels[::-1]])])
    np.testing.assert_array_equal(fsq.codes_to_level_indices(ALL_CODES), digits)
    np.testing.assert_array_equal(fsq.level_indices_to_codes(digits), ALL_CODES)


def test_levels_are_evenly_spaced_and_the_eight_are_asymmetric() -> None:
    """Five levels are -1..1 by halves, eight are -1..0.75 by quarters."""
    vectors = fsq.codes_to_vectors(ALL_CODES)
    assert [sorted(set(vectors[:, dimension].tolist())) for dimension in range(6)] == [
        *[[-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75]] * 3,
        *[[-1.0, -0.5, 0.0, 0.5, 1.0]] * 3,
    ]


@given(code_arrays)
def test_codes_of_any_shape_round_trip(codes: np.ndarray) -> None:
    """Splitting and joining is the identity, with the dimensions last."""
    digits = fsq.codes_to_level_indices(codes)
    assert digits.shape == (*codes.shape, 6)
    np.testing.assert_array_equal(fsq.level_indices_to_codes(digits), codes)


def test_the_middle_of_every_cell_is_its_level() -> None:
    """Latents in the middle of a cell quantise to that cell, for all 64,000 cells."""
    digits = fsq.codes_to_level_indices(ALL_CODES)
    middle = fsq.vectors_to_latents(fsq.codes_to_vectors(ALL_CODES))
    np.testing.assert_array_equal(fsq.quantise(middle), digits)


def test_zero_latents_are_code_32036() -> None:
    """Z = 0 is bounded to 0, so every dimension is at its level of value 0."""
    np.testing.assert_allclose(fsq.bound(np.zeros(6)), 0.0, atol=1e-6)
    assert int(fsq.level_indices_to_codes(fsq.quantise(np.zeros(6)))) == 32036


@pytest.mark.parametrize("dimension", range(6))
def test_rounding_changes_level_at_half_between_levels(dimension: int) -> None:
    """Just below a half between two levels gives the lower, just above the upper, at every edge of every dimension."""
    levels = FSQ.levels[dimension]
    half = (levels - 1) * 1.001 / 2
    off = 0.5 if levels % 2 == 0 else 0.0
    for level in range(levels - 1):
        edge = level - levels // 2 + 0.5
        for nudge, expected in ((-1e-4, level), (1e-4, level + 1)):
            z = np.zeros(6)
            z[dimension] = np.arctanh((edge + nudge + off) / half) - np.arctanh(off / half)
            assert fsq.quantise(z)[dimension] == expected


@given(hnp.arrays(np.float32, (4, 6), elements=latents))
def test_any_finite_latents_give_a_code(z: np.ndarray) -> None:
    """The bound keeps every level in range, however far out the latents lie."""
    assert int(fsq.level_indices_to_codes(fsq.quantise(z)).max()) < FSQ.codebook_size


@given(latents, latents)
def test_quantising_keeps_order(one: float, other: float) -> None:
    """A larger latent never gets a lower level."""
    low, high = sorted((one, other))
    assert (fsq.quantise(np.full(6, low)) <= fsq.quantise(np.full(6, high))).all()


@pytest.mark.parametrize(
    "codes", [np.array([64000]), np.array([65535], np.uint16), np.array([-1]), np.array([1.0]), np.array([True])]
)
def test_what_is_no_code_is_refused(codes: np.ndarray) -> None:
    """Numbers out of range, floats and booleans never pass as codes."""
    with pytest.raises(RasterError, match="expected"):
        fsq.codes_to_vectors(codes)


@pytest.mark.parametrize("digits", [[8, 0, 0, 0, 0, 0], [0, 0, 0, 5, 0, 0], [0, 0, 0, 0, 0, -1], [0, 0, 0, 0, 0]])
def test_impossible_level_indices_are_refused(digits: list[int]) -> None:
    """A digit beyond its radix would carry into the next one and give another place's code."""
    with pytest.raises(RasterError, match="level ind"):
        fsq.level_indices_to_codes(np.array(digits))


def test_nodata_needs_all_twelve_zeros() -> None:
    """A single 0 is a legal code; only twelve of them are no data."""
    codes = np.zeros((STEPS, 1, 3), dtype=np.uint16)
    codes[:, 0, 1] = 5
    codes[3, 0, 1] = 0
    codes[11, 0, 2] = 1
    assert fsq.valid_pixels(codes).tolist() == [[False, True, True]]
    assert fsq.valid_pixels(codes[:, 0].T, axis=1).tolist() == [False, True, True]


def test_the_quality_band_is_never_taken_for_a_code() -> None:
    """Thirteen bands are refused by the nodata rule."""
    with pytest.raises(RasterError, match="leave the quality band out"):
        fsq.valid_pixels(np.zeros((13, 2, 2), dtype=np.uint16))


def test_real_pixels_are_moved_off_the_nodata_value() -> None:
    """A pixel whose twelve codes are rightly 0 is moved by one level of one step, others stay."""
    codes = np.zeros((2, STEPS), dtype=np.uint16)
    codes[1, 4] = 3
    moved = fsq.avoid_nodata(codes)
    assert fsq.valid_pixels(moved, axis=1).all()
    assert fsq.codes_to_level_indices(moved[0]).sum() == 1
    np.testing.assert_array_equal(moved[1], codes[1])


def said_by(call: Callable[..., object], *given: Any) -> str:
    """Return the message of a refusal."""
    with pytest.raises(RasterError) as caught:
        call(*given)
    return str(caught.value)


def test_refusals_say_what_was_got_and_expected() -> None:
    """One line each: the worst number, the shape, the kind of numbers."""
    damaged = "expected 0..63999; the file is damaged or holds something else"
    assert said_by(fsq.check_codes, [3, 64_000, 64_001]) == f"got code 64001, {damaged}"
    assert said_by(fsq.check_codes, [3, -7, -1]) == f"got code -7, {damaged}"
    assert said_by(fsq.check_codes, [-7, 70_000]) == f"got code 70000, {damaged}"
    kinds = "expected integer codes 0..63999; give the stored codes, not decoded or rescaled values"
    assert said_by(fsq.check_codes, [0.5]) == f"got float64 numbers, {kinds}"
    shape = "expected (..., 6); move the dimensions last"
    assert said_by(fsq.level_indices_to_codes, np.zeros((6, 5))) == f"got level indices of shape (6, 5), {shape}"
    assert said_by(fsq.level_indices_to_codes, 3) == f"got level indices of shape (), {shape}"
    levels = "expected 0..L-1 for levels (8, 8, 8, 5, 5, 5)"
    assert said_by(fsq.level_indices_to_codes, [8] * 6) == f"got a level index out of range, {levels}"
    bands = "expected 12; leave the quality band out of the codes"
    assert said_by(fsq.valid_pixels, np.zeros((13, 2))) == f"got 13 bands of codes, {bands}"
    assert said_by(fsq.valid_pixels, np.zeros((12, 11))[:11]) == f"got 11 bands of codes, {bands}"


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int64, np.uint64])
def test_codes_of_any_integers_pass(kind: type) -> None:
    """As `uint16`, without a copy where they are that; also where there are none, or no zero among them."""
    for values in ([], [0], [5], [1, 100]):
        codes = fsq.check_codes(np.array(values, kind))
        assert codes.dtype == np.uint16
        assert codes.tolist() == values
    given = np.array([7, 8], np.uint16)
    assert np.shares_memory(fsq.check_codes(given), given)
    assert fsq.level_indices_to_codes(np.empty((0, 6), kind)).shape == (0,)


def test_what_is_handed_out_can_be_changed_without_harm() -> None:
    """Looked-up values are copies: changing them changes no later answer."""
    for look_up in (fsq.codes_to_level_indices, fsq.codes_to_vectors):
        expected = look_up([1, 63_999]).copy()
        look_up([1, 63_999])[:] = 3
        np.testing.assert_array_equal(look_up([1, 63_999]), expected)


def test_the_bound_is_the_published_one() -> None:
    """`tanh(z + shift) half - off` in float32, 0.1 % beyond the outermost levels, for even and odd numbers of them."""
    z = np.linspace(-9, 9, 181)[:, None] * np.ones(6)
    for dimension, (half, off) in enumerate([(7 * 1.001 / 2, 0.5)] * 3 + [(4 * 1.001 / 2, 0.0)] * 3):
        expected = np.tanh(z[:, dimension] + np.arctanh(off / half)) * half - off
        np.testing.assert_allclose(fsq.bound(z)[:, dimension], expected, atol=2e-6)
    assert fsq.bound(z).dtype == np.float32
    np.testing.assert_allclose(fsq.bound(np.full(6, 99.0)), [3.0035] * 3 + [2.002] * 3, rtol=1e-6)


def test_the_middle_of_a_cell_is_the_inverse_of_the_bound() -> None:
    """Latents of a vector are bounded to that vector's level."""
    vectors = fsq.codes_to_vectors(ALL_CODES[::997])
    latents_of = fsq.vectors_to_latents(vectors)
    assert latents_of.dtype == np.float32
    np.testing.assert_allclose(fsq.bound(latents_of), vectors * np.array([4, 4, 4, 2, 2, 2]), atol=1e-4)


def test_moving_off_the_nodata_value_leaves_what_was_given() -> None:
    """A copy is changed, in the first step of such pixels alone."""
    codes = np.zeros((3, STEPS), dtype=np.uint16)
    codes[1] = 9
    moved = fsq.avoid_nodata(codes)
    assert not codes[[0, 2]].any()
    assert moved.tolist() == [[1] + [0] * 11, [9] * 12, [1] + [0] * 11]
