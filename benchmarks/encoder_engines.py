"""Speed and strictness of the engines that run the encoder's network, on one thread.

    encoder_engines.py [ENCODER] [--pixels 4096] [--rounds 5] [--data FOLDER] [--others]

Simulated pixel-years with the frozen noise are encoded by each engine in turn, round after round; seconds are those of
the processor, and a ratio is the median of those of single rounds. Levels are compared with those of torch in float32;
with --data also on the development set rondonia_a. `engine_mae_ratio` is the error of what was decoded against the
years without noise, over that with torch. With --others the ways are measured, too, that were tried and not taken.
"""

import argparse
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from other_engines import others
from timing import cpu_seconds, figure, ratio

from stactools_esd import fsq
from stactools_esd.encoder import Encoder, load_encoder
from stactools_esd.encoder.data import read_years
from stactools_esd.encoder.engines import ENGINES, REFERENCE
from stactools_esd.errors import EngineError
from stactools_esd.simulation import add_frozen_noise, simulate_pixels

REAL_SET = "rondonia_a"


def started(name: str) -> dict[str, Encoder]:
    """Load the encoder with every engine that this machine can run."""
    encoders = {}
    for engine in ENGINES:
        try:
            encoders[engine] = load_encoder(name, engine)
        except EngineError as error:
            print(f"left out {engine}: {error}")
    return encoders


def with_others(encoders: dict[str, Encoder], folder: Path) -> None:
    """Add what was not taken."""
    reference = encoders[REFERENCE]
    for name, engine in others(reference._network, folder).items():
        encoders[name] = Encoder(reference._network, reference.card)
        encoders[name]._engine = engine


def moved(codes: Mapping[str, NDArray[np.uint16]], name: str) -> NDArray[np.int64]:
    """Return by how many levels each level differs from the reference."""
    one, other = (fsq.codes_to_level_indices(codes[each]).astype(np.int64) for each in (name, REFERENCE))
    return np.abs(one - other)


def tell_moves(
    prefix: str, encoders: Mapping[str, Encoder], years: NDArray[np.float32], terrain: NDArray[np.float32], split: str
) -> dict[str, NDArray[np.uint16]]:
    """Print how many levels each engine moves, and return its codes."""
    codes = {name: encoder.encode(years, terrain) for name, encoder in encoders.items()}
    ending = "" if split == "simulated" else f".{REAL_SET}"
    for name in set(codes) - {REFERENCE}:
        distance = moved(codes, name)
        key = f"encoder.engine_moved.{prefix}.{name.replace('-', '_')}{ending}"
        figure(key, 100 * float((distance > 0).mean()), "% of levels", n=distance.size, split=split)
        figure(f"{key}.furthest", int(distance.max()), "levels", n=distance.size, split=split)
    return codes


def main() -> None:
    """Measure, and print figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", nargs="?", default="esdnet-small", help="name or weights")
    parser.add_argument("--pixels", type=int, default=4096, help="pixel-years")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count")
    parser.add_argument("--data", type=Path, help="folder of real series")
    parser.add_argument("--others", action="store_true", help="measure what was not taken, too")
    given = parser.parse_args()
    torch.set_num_threads(1)
    encoders = started(given.encoder)
    prefix = encoders[REFERENCE].identity.name.rpartition("-")[2]
    pixels = simulate_pixels(given.pixels, seed=3)
    years = np.asarray(add_frozen_noise(pixels.clean, seed=3), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        if given.others:
            with_others(encoders, Path(folder))
    codes = tell_moves(prefix, encoders, years, pixels.terrain, "simulated")
    errors = {name: np.abs(encoders[REFERENCE].decode(found) - pixels.clean).mean() for name, found in codes.items()}
    if given.data:
        real = read_years(given.data, REAL_SET)
        tell_moves(prefix, encoders, real.reflectance, real.terrain, "dev")

    def encoding(encoder: Encoder) -> object:
        return lambda: encoder.encode(years, pixels.terrain)

    seconds = cpu_seconds({name: encoding(each) for name, each in encoders.items()}, rounds=given.rounds)
    facts = {"n": given.pixels, "split": "simulated"}
    best = (1.0, [1.0, 1.0])
    for name, spent in seconds.items():
        key = name.replace("-", "_")
        rates = sorted(given.pixels / each for each in spent)
        speed = "encoder.px_per_s." + (prefix if name == REFERENCE else f"{prefix}.{key}")
        figure(
            speed, statistics.median(rates), "pixels a CPU second", spread=[round(rates[0]), round(rates[-1])], **facts
        )
        if name == REFERENCE:
            continue
        times, spread = ratio(seconds[REFERENCE], spent)
        spread = [float(f"{each:.3g}") for each in spread]
        figure(f"encoder.engine_ratio.{prefix}.{key}", times, "times torch float32", spread=spread, **facts)
        figure(f"encoder.engine_mae_ratio.{prefix}.{key}", errors[name] / errors[REFERENCE], "times the error", **facts)
        if name in ENGINES and times > best[0]:
            best = (times, spread)
    figure(f"encoder.engine_ratio.{prefix}", best[0], "times torch float32", spread=best[1], **facts)


if __name__ == "__main__":
    main()
