"""Distances between two years: ours beside a table in numpy with einsum, and beside the published demo's way.

    change.py [--side 1024] [--rounds 7]

Ours gives level and cosine distance at once: four bytes a pixel each, and five rows of sums for 2,048 pixels, 20 kB
however many pixels there are. The table in numpy is timed for both, and for the cosine alone. The
published demo decodes codes by arithmetic for the whole array, one dimension after the other, into `float32`, and
takes the cosine similarity of both years' 72 values. Its quantiser and that computation are written anew here after the
description of the published code, on numpy; it computes the cosine alone. All are given the codes as files hold them,
(12, pixels). Peak memory is that of arrays beside the codes.
"""

import argparse
import tracemalloc
from statistics import median

import numpy as np
from landscape_codes import landscape_codes, mosaic
from numpy.typing import NDArray
from tile_years import PIECE
from timing import cpu_seconds, figure, machine, quartiles, ratio

from esd_tasks.change.distances import pair_distances
from stactools_esd import fsq

LEVELS = np.array([8, 8, 8, 5, 5, 5])
BASIS = np.array([1, 8, 64, 512, 2560, 12800])
SHARES = (fsq.codes_to_level_indices(np.arange(64_000)) / (LEVELS - 1)).astype(np.float32)
TABLE = fsq.codes_to_vectors(np.arange(64_000))


def both_by_table(before: NDArray[np.uint16], after: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Look shares of levels up, too, and take the mean of their absolute differences."""
    one, other = (SHARES[codes.T].reshape(codes.shape[1], -1) for codes in (before, after))
    np.abs(one - other).mean(axis=1)
    return by_table(before, after)


def by_table(before: NDArray[np.uint16], after: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Look vectors up in a table of all codes, and contract them with einsum."""
    one, other = (TABLE[codes.T].reshape(codes.shape[1], -1) for codes in (before, after))
    product = np.einsum("ij,ij->i", one, other)
    lengths = np.einsum("ij,ij->i", one, one) * np.einsum("ij,ij->i", other, other)
    return np.asarray(1 - product / np.sqrt(lengths))


def as_published(before: NDArray[np.uint16], after: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Decode by arithmetic on whole arrays, normalise both years' values, and sum the products."""
    values = []
    for codes in (before, after):
        wide = codes.T.astype(np.int64)[..., None]
        digits = (wide // BASIS) % LEVELS
        decoded = ((digits - LEVELS // 2) / (LEVELS // 2)).astype(np.float32)
        flat = decoded.reshape(len(decoded), -1)
        values.append(flat / np.linalg.norm(flat, axis=1, keepdims=True))
    return np.asarray(1 - (values[0] * values[1]).sum(axis=1))


def ours(before: NDArray[np.uint16], after: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Compute both distances straight from the codes."""
    return pair_distances(before.T, after.T)[1]


WAYS = {"table": both_by_table, "table_cosine": by_table, "published": as_published, "ours": ours}


def extra_bytes(way: str, before: NDArray[np.uint16], after: NDArray[np.uint16]) -> int:
    """Return the most that a way allocates beside the codes, the result included."""
    tracemalloc.start()
    WAYS[way](before, after)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def measure(side: int, rounds: int) -> None:
    """Print the figures."""
    before, after = (mosaic(landscape_codes(PIECE, year, years=25)[:12], side).reshape(12, -1) for year in (0, 1))
    n = before.shape[1]
    results = {name: way(before, after) for name, way in WAYS.items()}
    worst = max(float(np.nanmax(np.abs(one - results["ours"]))) for one in results.values())
    ways = {name: (lambda way=way: way(before, after)) for name, way in WAYS.items()}
    seconds = cpu_seconds(ways, rounds=rounds)
    facts = {"n": n, "split": "simulated"}
    for name in ("table", "table_cosine", "published"):
        value, spread = ratio(seconds[name], seconds["ours"])
        figure("speed.change_ratio" + ("" if name == "table" else f".{name}"), value, "times", spread=spread, **facts)
    for name in WAYS:
        nanoseconds = [1e9 * one / n for one in seconds[name]]
        figure(f"speed.change_ns.{name}", median(nanoseconds), "ns/pixel", spread=quartiles(nanoseconds), **facts)
        figure(f"speed.change_bytes.{name}", extra_bytes(name, before, after) / n, "bytes/pixel", **facts)
    figure("speed.change_worst_difference", worst, "cosine distance", **facts)
    print(machine())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1024, help="rows and columns of the landscape")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count")
    arguments = parser.parse_args()
    measure(arguments.side, arguments.rounds)
