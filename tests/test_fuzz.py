"""Every parser ends in an error of ours or a right answer, whatever the bytes: a little of what `make fuzz` does.

It needs no fuzzer: committed seeds, the inputs of all findings so far, and mutations that are the same in every run.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent.parent / "fuzz"
sys.path.insert(0, str(FUZZ))

import parsers  # noqa: E402
from mutations import mutate_bytes, mutate_json_bytes, mutate_npz  # noqa: E402
from run import NPZ  # noqa: E402

MUTATIONS = 60
"""Of each target."""

SLOW = {"labels": 20, "index_parquet": 20, "weights": 20, "config": 20}
"""Targets whose inputs take longer."""

REGRESSIONS = sorted(path.relative_to(FUZZ / "regressions").as_posix() for path in FUZZ.glob("regressions/*/*"))


@pytest.fixture(autouse=True, scope="module")
def _clean() -> Iterator[None]:
    """Leave no file behind."""
    yield
    parsers.clean()


@pytest.mark.parametrize("target", parsers.TARGETS)
def test_seeds_and_their_mutations(target: str) -> None:
    """Seeds, and what flipping, cutting and changing of types make of them, end as they should."""
    rng = random.Random(target)
    seeds = [path.read_bytes() for path in sorted((FUZZ / "corpus" / target).iterdir())]
    for seed in seeds:
        parsers.TARGETS[target](seed)
    kinds = (mutate_bytes, mutate_npz if target in NPZ else mutate_json_bytes)
    for _ in range(SLOW.get(target, MUTATIONS)):
        parsers.TARGETS[target](rng.choice(kinds)(rng.choice(seeds), rng))


@pytest.mark.parametrize("name", REGRESSIONS)
def test_what_was_found_stays_mended(name: str) -> None:
    """No input that once ended in a traceback, a hang or a wrong answer does so again."""
    parsers.TARGETS[name.partition("/")[0]]((FUZZ / "regressions" / name).read_bytes())


def test_seeds_of_every_parser_are_kept() -> None:
    """Each target has a seed, and all of them together are small."""
    assert {path.name for path in (FUZZ / "corpus").iterdir()} == set(parsers.TARGETS)
    assert sum(path.stat().st_size for path in FUZZ.rglob("*") if path.is_file() and path.suffix != ".pyc") < 1_000_000
