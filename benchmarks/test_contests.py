"""Every way of every contest in turn, measured by pytest-benchmark; `contests.py` runs this and tells the figures."""

import os
import subprocess
import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ways import CONTESTS, Call

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
TURNS = [
    (contest, turn, list(ways)[(place + turn) % len(ways)])
    for contest, ways in CONTESTS.items()
    for turn in range(ROUNDS)
    for place in range(len(ways))
]
"""Ways in turn, so that what else the machine does meets all of a round; another one comes first in each round, because
a way that follows one which gave much memory back has to ask for it again."""


@lru_cache(maxsize=max(map(len, CONTESTS.values())))
def prepared(contest: str, way: str) -> Call:
    """Load the input of a way, once for all of its rounds."""
    return CONTESTS[contest][way].prepare()


@cache
def peak_of(contest: str, way: str) -> int:
    """Return the memory of one call, in a process of its own."""
    words = [sys.executable, Path(__file__).with_name("ways.py"), contest, way]
    return int(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


@pytest.mark.parametrize(("contest", "turn", "way"), TURNS)
def test_way(benchmark: Any, contest: str, turn: int, way: str) -> None:
    """Measure a way once."""
    one = CONTESTS[contest][way]
    benchmark.group = contest
    benchmark.extra_info |= {"contest": contest, "way": way, "n": one.n, "peak_bytes": peak_of(contest, way)}
    benchmark.pedantic(prepared(contest, way), rounds=1, warmup_rounds=int(turn == 0))


@pytest.mark.parametrize("contest", list(CONTESTS))
def test_same(contest: str) -> None:
    """All ways of a contest say the same; the published quantiser says levels centred and scaled."""
    ways = CONTESTS[contest]
    results = {way: np.asarray(one.prepare()()) for way, one in ways.items()}
    ours = results.pop("ours")
    for way, other in results.items():
        if way == "published":
            half = np.tile([4, 4, 4, 2, 2, 2], 12)
            other = other.reshape(-1, 72) * half + half
        same = ours[: len(ours) * ways[way].n // ways["ours"].n]
        np.testing.assert_allclose(same, other, atol=2e-6, err_msg=f"{contest}: {way}")
