"""The contract of `encode` and `decode`, on the weights that ship."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from stactools_esd import fsq  # noqa: E402
from stactools_esd.encoder import Encoder, load_encoder  # noqa: E402
from stactools_esd.encoder.inference import BATCH, MIN_VALID_DAYS  # noqa: E402
from stactools_esd.errors import ObservationsError, RasterError  # noqa: E402
from stactools_esd.seamless import fill_linear  # noqa: E402
from stactools_esd.shipped import shipped  # noqa: E402
from stactools_esd.simulation import simulate_pixels  # noqa: E402

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module", params=shipped())
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Each encoder that comes with the package."""
    return load_encoder(request.param)


def formula_years(numbers: list[int]) -> np.ndarray:
    """Pixel-years from a closed formula, one for each number, shape (n, 365, 6): golden input."""
    k = np.array(numbers, dtype=np.float64)[:, None, None]
    day = np.arange(365)[None, :, None]
    band = np.arange(6)[None, None, :]
    level = np.array([0.04, 0.07, 0.08, 0.20, 0.20, 0.13])[band] * (1 + 0.25 * np.sin(1.7 * k))
    season = 0.5 + 0.5 * np.cos(2 * np.pi * (day - 200 - 13 * np.sin(k)) / 365)
    swing = np.array([-0.01, 0.0, -0.03, 0.15, -0.03, -0.04])[band] * (0.6 + 0.4 * np.cos(2.3 * k))
    return (level + swing * season**2).astype(np.float32)


def formula_terrain(numbers: list[int]) -> np.ndarray:
    """Terrain of the golden input, shape (n, 3)."""
    k = np.array(numbers, dtype=np.float64)
    return np.stack([300 + 40 * k, 2 + k % 7, 30 * k % 360], axis=1).astype(np.float32)


def distance_to_edge(encoder: Encoder, numbers: list[int]) -> np.ndarray:
    """Smallest distance of a pixel-year's bounded latents to a rounding edge, (n,)."""
    bounded = fsq.bound(encoder.latents(formula_years(numbers), formula_terrain(numbers)))
    return np.abs(bounded - np.floor(bounded) - 0.5).min(axis=(1, 2))


def test_codes_are_the_golden_ones(encoder: Encoder) -> None:
    """The same input gives the same codes on every machine where its latents lie 1e-3 from a rounding edge."""
    path = GOLDEN / f"encoder_codes_{encoder.identity.label}.json"
    if os.environ.get("ESD_REGENERATE") == "1":
        numbers = [k for k in range(64) if distance_to_edge(encoder, [k])[0] >= 1e-3][:8]
        codes = encoder.encode(formula_years(numbers), formula_terrain(numbers))
        content = {
            "encoder": encoder.identity.label,
            "weights_sha256": encoder.identity.weights_sha256,
            "numbers": numbers,
            "codes": codes.tolist(),
        }
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
    assert path.is_file(), "run once with ESD_REGENERATE=1"
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert golden["weights_sha256"] == encoder.identity.weights_sha256, "run once with ESD_REGENERATE=1"
    assert distance_to_edge(encoder, golden["numbers"]).min() >= 0.9e-3
    codes = encoder.encode(formula_years(golden["numbers"]), formula_terrain(golden["numbers"]))
    np.testing.assert_array_equal(codes, golden["codes"])


def test_codes_do_not_depend_on_company(encoder: Encoder) -> None:
    """A pixel has the same codes alone, in any split, and beside any others."""
    numbers = list(range(BATCH + 37))
    years, terrain = formula_years(numbers), formula_terrain(numbers)
    whole = encoder.encode(years, terrain)
    rng = np.random.default_rng(0)
    edges = [0, 1, *sorted(rng.integers(2, len(years), 5).tolist()), len(years)]
    pieces = [encoder.encode(years[a:b], terrain[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    np.testing.assert_array_equal(encoder.encode(years[::-1], terrain[::-1])[::-1], whole)


def test_threads_do_not_change_codes(encoder: Encoder) -> None:
    """Any number of threads gives the same codes, and encoding leaves the number as it was."""
    years = formula_years(list(range(64)))
    once = encoder.encode(years)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if before == 1 else 1)
        changed = torch.get_num_threads()
        moved = fsq.codes_to_level_indices(encoder.encode(years)) != fsq.codes_to_level_indices(once)
        assert moved.mean() <= 1e-4
        assert torch.get_num_threads() == changed
    finally:
        torch.set_num_threads(before)


def test_state_of_torch_is_neither_used_nor_changed(encoder: Encoder) -> None:
    """Autocast, default dtype, gradient mode and random state of the caller change no code and stay as they were."""
    years = formula_years([1, 2, 3])
    once = encoder.encode(years)
    state = torch.random.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast("cpu", torch.bfloat16), torch.enable_grad():
            np.testing.assert_array_equal(encoder.encode(years), once)
            assert torch.is_grad_enabled()
            assert torch.is_autocast_enabled("cpu")
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_decoded_codes_resemble_the_input(encoder: Encoder) -> None:
    """Decoding returns daily reflectance close to what was encoded, as float32 of the same shape."""
    years = formula_years(list(range(40)))
    decoded = encoder.decode(encoder.encode(years))
    assert decoded.shape == years.shape
    assert decoded.dtype == np.float32
    assert np.abs(decoded - years).mean() < 0.02


def test_too_few_days_give_nodata(encoder: Encoder) -> None:
    """Fewer than MIN_VALID_DAYS days with at least four bands give no data; as many give codes."""
    years = np.full((3, 365, 6), np.nan, dtype=np.float32)
    days = np.linspace(0, 364, MIN_VALID_DAYS).astype(int)
    source = formula_years([0])[0]
    years[0, days[:-1]] = source[days[:-1]]
    years[1, days] = source[days]
    years[2] = source
    years[2, :, :3] = np.nan
    codes = encoder.encode(years)
    assert not codes[0].any()
    assert codes[1].any()
    assert not codes[2].any()
    decoded = encoder.decode(codes)
    assert np.isnan(decoded[[0, 2]]).all()
    assert np.isfinite(decoded[1]).all()


def test_real_pixels_never_get_the_nodata_value(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pixel whose twelve codes would all be 0 is moved off the nodata value by one level of one step."""
    monkeypatch.setattr(fsq, "quantise", lambda latents: np.zeros(latents.shape, dtype=np.uint8))
    codes = encoder.encode(formula_years([0, 1]))
    np.testing.assert_array_equal(codes, [[1] + [0] * 11] * 2)


def test_impossible_values_are_missing(encoder: Encoder) -> None:
    """Values outside -0.2..1.6, fill values and infinities are treated exactly as NaN."""
    years = formula_years([0, 1, 2, 3])
    missing, spoilt = years.copy(), years.copy()
    for pixel, value in enumerate([-9999.0, 6.5535, np.inf, 1.7]):
        missing[pixel, 40:70] = np.nan
        spoilt[pixel, 40:70] = value
    np.testing.assert_array_equal(encoder.encode(spoilt), encoder.encode(missing))


def test_unknown_terrain_is_dropped(encoder: Encoder) -> None:
    """No terrain, and terrain of NaN, give the same codes; known terrain may give others."""
    years = formula_years([0, 1])
    unknown = np.full((2, 3), np.nan, dtype=np.float32)
    np.testing.assert_array_equal(encoder.encode(years, unknown), encoder.encode(years))


def test_float64_input_is_read_as_float32(encoder: Encoder) -> None:
    """The precision of the input array does not decide the codes."""
    years = formula_years([4, 5])
    np.testing.assert_array_equal(encoder.encode(years.astype(np.float64)), encoder.encode(years))


def test_no_pixels(encoder: Encoder) -> None:
    """No pixels give no codes, and none come back."""
    codes = encoder.encode(np.zeros((0, 365, 6), dtype=np.float32))
    assert codes.shape == (0, 12)
    assert codes.dtype == np.uint16
    assert encoder.decode(codes).shape == (0, 365, 6)


@pytest.mark.parametrize(
    ("reflectance", "words"),
    [
        (np.full((2, 365, 6), 2500.0, dtype=np.float32), "0.0001"),
        (np.full((2, 365, 6), 2500, dtype=np.uint16), "0.0001"),
        (np.zeros((2, 366, 6), dtype=np.float32), "365"),
        (np.zeros((2, 365, 4), dtype=np.float32), "swir2"),
        (np.zeros((365, 6), dtype=np.float32), "expected \\(n, 365, 6\\)"),
    ],
)
def test_wrong_reflectance_is_refused(encoder: Encoder, reflectance: np.ndarray, words: str) -> None:
    """Unscaled integers, 366 days, missing bands and a missing axis are refused with what to do."""
    with pytest.raises(ObservationsError, match=words):
        encoder.encode(reflectance)


def test_wrong_terrain_is_refused(encoder: Encoder) -> None:
    """Terrain must have one row a pixel and three columns."""
    with pytest.raises(ObservationsError, match="got terrain of shape"):
        encoder.encode(formula_years([0, 1]), np.zeros((1, 3)))


def test_wrong_codes_are_refused(encoder: Encoder) -> None:
    """Thirteen bands and codes above 63,999 are refused."""
    with pytest.raises(ObservationsError, match="quality band"):
        encoder.decode(np.zeros((2, 13), dtype=np.uint16))
    with pytest.raises(RasterError, match="64000"):
        encoder.decode(np.full((2, 12), 64_000, dtype=np.uint16))


def test_other_instruction_sets_give_the_same_codes(encoder: Encoder, tmp_path: Path) -> None:
    """With another instruction set at most 1e-4 of the levels move, by one level; golden codes do not move."""
    script = (
        "import json, sys, numpy as np\n"
        "from stactools_esd.encoder import load_encoder\n"
        "years = np.load(sys.argv[1])\n"
        "np.save(sys.argv[2], load_encoder(sys.argv[3]).encode(years))\n"
    )
    years = formula_years(list(range(512)))
    np.save(tmp_path / "years.npy", years)
    environment = os.environ | {
        "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "OMP_NUM_THREADS": "1"
    }  # fmt: skip
    given = [str(tmp_path / "years.npy"), str(tmp_path / "codes.npy"), encoder.identity.label]
    subprocess.run([sys.executable, "-c", script, *given], check=True, env=environment)
    here = fsq.codes_to_level_indices(encoder.encode(years)).astype(int)
    there = fsq.codes_to_level_indices(np.load(tmp_path / "codes.npy")).astype(int)
    assert np.abs(here - there).max() <= 1
    assert (here != there).mean() <= 1e-4


def test_gaps_cost_little(encoder: Encoder) -> None:
    """A year seen every eighth day is rebuilt almost as well as a whole one, and equals the year filled beforehand."""
    clean = simulate_pixels(64, 77).clean
    sparse = np.full_like(clean, np.nan)
    sparse[:, ::8] = clean[:, ::8]
    assert np.array_equal(encoder.encode(sparse), encoder.encode(fill_linear(sparse)))
    whole = np.abs(encoder.decode(encoder.encode(clean)) - clean).mean()
    assert np.abs(encoder.decode(encoder.encode(sparse)) - clean).mean() < 1.3 * whole
