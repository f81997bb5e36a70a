"""Measure the forest in level space against `Booster.predict`, in one run: CPU seconds of one thread.

    bench_forest.py [--pixels 12960000] [--repeats 5]

A tile's worth of codes (a simulated landscape, encoded by `esdnet-small`, over and over) is scored by the forest;
LightGBM predicts some thousands of the same pixels between the forest's turns, and both are told in pixels a CPU
second. Their raw scores must have equal bits. The portable figure comes from a process of its own for which numba
compiles for any x86-64 processor (`NUMBA_CPU_NAME=generic`); times of compilation from processes with an empty and a
filled cache. `speed.wide_ratio` is what `wide_values`, the one function for one kind of processor, gains: code for
this processor with it over code for this processor whose sums go through `leaf_numbers.add_values`.
"""

import argparse
import hashlib
import json
import lzma
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import lightgbm
import numpy as np

from esd_tasks.features import level_features
from esd_tasks.forest import Predictor

ROOT = Path(__file__).resolve().parent.parent
MODEL = Path(__file__).parent / "forest_model.txt.xz"
MODEL_SHA256 = "b53830f26e0695d4cdb9934b93302f11f5146b4f03fa60099a04a6f76ecb126c"
TILE = 12_960_000
AT_ONCE = 262_144
BY_LIGHTGBM = 8192
LANDSCAPE = (256, 256)


def load_model() -> lightgbm.Booster:
    """Return the committed model.

    Raises:
        SystemExit: It is another one.
    """
    text = lzma.decompress(MODEL.read_bytes())
    if hashlib.sha256(text).hexdigest() != MODEL_SHA256:
        sys.exit(f"Error: got another model in {MODEL}, expected sha256 {MODEL_SHA256}; check it out again")
    return lightgbm.Booster(model_str=text.decode())


def mean_leaves(model: lightgbm.Booster) -> float:
    """Return the mean number of leaves of a tree."""
    lines = model.model_to_string().split("\n")
    return statistics.mean(int(line.partition("=")[2]) for line in lines if line.startswith("num_leaves="))


def landscape_codes() -> np.ndarray:
    """Return codes (65536, 12) of a simulated landscape, row by row; kept in build/, for encoding takes a while."""
    kept = ROOT / "build" / "bench" / "landscape_codes.npy"
    if not kept.exists():
        from stactools_esd.encoder import load_encoder
        from stactools_esd.simulation import Landscape, add_frozen_noise

        encoder, landscape = load_encoder("esdnet-small"), Landscape(5, size=LANDSCAPE, years=(2020,))
        parts = []
        for first in range(0, LANDSCAPE[0], 32):
            clean = landscape.clean(2020, np.arange(365), slice(first, first + 32)).reshape(365, 6, -1)
            parts.append(encoder.encode(add_frozen_noise(np.ascontiguousarray(clean.transpose(2, 0, 1)), seed=first)))
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, np.concatenate(parts))
    return np.load(kept)


def pixels_of(codes: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Yield as many pixels as wanted, in blocks as maps are made of."""
    block = np.resize(codes, (AT_ONCE, codes.shape[1]))
    for first in range(0, count, AT_ONCE):
        yield block[: min(AT_ONCE, count - first)]


def forest_speed(predictor: Predictor, codes: np.ndarray, count: int) -> float:
    """Return pixels a CPU second of the forest."""
    started = time.process_time()
    for block in pixels_of(codes, count):
        predictor.predict(block, raw_score=True)
    return count / (time.process_time() - started)


def lightgbm_speed(model: lightgbm.Booster, features: np.ndarray) -> float:
    """Return pixels a CPU second of LightGBM."""
    started = time.process_time()
    model.predict(features, raw_score=True, num_threads=1)
    return len(features) / (time.process_time() - started)


def compare(count: int, repeats: int) -> tuple[list[float], list[float]]:
    """Measure both by turns, after seeing that their bits are equal.

    Returns:
        Pixels a CPU second of the forest and of LightGBM, turn by turn.

    Raises:
        SystemExit: Raw scores differ.
    """
    model, codes = load_model(), landscape_codes()
    predictor = Predictor(model)
    rng = np.random.default_rng(0)
    some = codes[int(rng.integers(len(codes) - BY_LIGHTGBM)) :][:BY_LIGHTGBM]
    features = level_features(some)
    if (
        predictor.predict(some, raw_score=True).tobytes()
        != np.asarray(model.predict(features, raw_score=True)).tobytes()
    ):
        sys.exit("Error: got raw scores with other bits than LightGBM's, expected the same")
    turns = [
        (forest_speed(predictor, codes, -(-count // repeats)), lightgbm_speed(model, features)) for _ in range(repeats)
    ]
    return [forest for forest, _ in turns], [other for _, other in turns]


def without_wide(count: int, repeats: int) -> list[float]:
    """Return pixels a CPU second of the forest, turn by turn, where no value comes out of a register.

    Loops are compiled at their first call, and see then whether the processor counts as wide.
    """
    from numba import njit

    from esd_tasks.forest import loops

    loops.is_wide = njit(lambda: False)
    predictor, codes = Predictor(load_model()), landscape_codes()
    predictor.predict(np.resize(codes, (AT_ONCE, codes.shape[1])), raw_score=True)
    return [forest_speed(predictor, codes, -(-count // repeats)) for _ in range(repeats)]


def compile_seconds() -> float:
    """Return the CPU seconds of the first prediction of a process, less those of the second."""
    predictor, codes = Predictor(load_model()), np.zeros((5000, 12), np.uint16)
    took = []
    for _ in range(2):
        started = time.process_time()
        predictor.most_probable(codes)
        took.append(time.process_time() - started)
    return took[0] - took[1]


def elsewhere(part: str, *, cache: str, **environment: str) -> dict:
    """Run a part of this script in a process of its own, with a cache of its own, and return what it says."""
    done = subprocess.run(
        [sys.executable, __file__, *part.split()],
        env=os.environ | {"NUMBA_CACHE_DIR": cache} | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def figure(key: str, values: list[float], unit: str, digits: int, n: int) -> None:
    """Print a figure: the median and the range."""
    content = {"value": round(statistics.median(values), digits), "unit": unit, "n": n}
    spread = [round(min(values), digits), round(max(values), digits)]
    print("FIGURE", json.dumps({"key": key, **content, "spread": spread, "split": "simulated"}))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the forest against LightGBM.")
    parser.add_argument("--pixels", type=int, default=TILE, help="pixels that the forest scores")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each")
    parser.add_argument("--only", choices=["compare", "without_wide", "compile"], help="print one measurement as JSON")
    asked = parser.parse_args()
    if asked.only == "compare":
        print(json.dumps(compare(asked.pixels, asked.repeats)))
        return
    if asked.only == "without_wide":
        print(json.dumps(without_wide(asked.pixels, asked.repeats)))
        return
    if asked.only == "compile":
        print(json.dumps(compile_seconds()))
        return
    print(f"model: {mean_leaves(load_model()):.2f} leaves a tree")
    amount = f"--pixels {asked.pixels} --repeats {asked.repeats}"
    with ExitStack() as folders:
        cache, narrow_cache, portable_cache = (folders.enter_context(tempfile.TemporaryDirectory()) for _ in range(3))
        first = elsewhere("--only compile", cache=cache)
        later = [elsewhere("--only compile", cache=cache) for _ in range(3)]
        here = elsewhere(f"--only compare {amount}", cache=cache)
        narrow = elsewhere(f"--only without_wide {amount}", cache=narrow_cache)
        target = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
        portable = elsewhere(f"--only compare {amount}", cache=portable_cache, **target)
    for name, (forest, other) in (("f64", here), ("portable", portable)):
        ratios = [ours / theirs for ours, theirs in zip(forest, other, strict=True)]
        figure(f"speed.predict_{name}_ratio", ratios, "times the speed of Booster.predict", 1, asked.pixels)
        figure(f"speed.predict_{name}_px_per_s", forest, "pixels a CPU second", 0, asked.pixels)
        figure(f"speed.predict_{name}_lightgbm_px_per_s", other, "pixels a CPU second", 0, BY_LIGHTGBM)
    gains = [wide / plain for wide, plain in zip(here[0], narrow, strict=True)]
    figure("speed.wide_ratio", gains, "times the speed without wide_values", 2, asked.pixels)
    figure("speed.jit_forest_first_s", [first], "CPU s", 2, 1)
    figure("speed.jit_forest_cached_s", later, "CPU s", 2, len(later))


if __name__ == "__main__":
    main()
