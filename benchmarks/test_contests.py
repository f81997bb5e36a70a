"""Every way of every contest, measured by pytest-benchmark; `contests.py` runs this and tells the figures."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ways import CONTESTS

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
WAYS = [(contest, way) for contest, ways in CONTESTS.items() for way in ways]


def peak_of(contest: str, way: str) -> int:
    """Return the memory of one call, in a process of its own."""
    words = [sys.executable, Path(__file__).with_name("ways.py"), contest, way]
    return int(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


@pytest.mark.parametrize(("contest", "way"), WAYS)
def test_way(benchmark: Any, contest: str, way: str) -> None:
    """Measure a way."""
    one = CONTESTS[contest][way]
    benchmark.group = contest
    benchmark.extra_info |= {"contest": contest, "way": way, "n": one.n, "peak_bytes": peak_of(contest, way)}
    benchmark.pedantic(one.prepare(), rounds=ROUNDS, warmup_rounds=1)


@pytest.mark.parametrize("contest", list(CONTESTS))
def test_same(contest: str) -> None:
    """All ways of a contest say the same; the published quantiser says levels centred and scaled."""
    results = {way: np.asarray(one.prepare()()) for way, one in CONTESTS[contest].items()}
    ours = results.pop("ours")
    for way, other in results.items():
        if way == "published":
            half = np.tile([4, 4, 4, 2, 2, 2], 12)
            other = other.reshape(-1, 72) * half + half
        np.testing.assert_allclose(ours[: len(other)], other, atol=2e-6, err_msg=f"{contest}: {way}")
