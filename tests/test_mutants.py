"""Some hundred mutants of codes, items and weights in every run of the tests; `make mutants` reads 12,000."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent.parent / "fuzz"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the program that reads mutants in processes of bounded memory."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(FUZZ / "mutants.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_mutants_end_in_one_line_or_a_right_answer() -> None:
    """None ends in a traceback, a hang, a crash, too much memory, a word on stderr, or an untold wrong answer."""
    done = run("--count", "300", "--seed", "2")
    assert done.returncode == 0, done.stdout
    assert '"trust.mutants_tried", "value": 300' in done.stdout
    assert '"trust.mutants_bad", "value": 0' in done.stdout


FOUND = [
    ("codes", 1265),  # a georeference of NaN
    ("codes", 2034),  # band names that are no text
    ("items", 160),  # a transform of NaN
    ("items", 1167),  # an outline with infinite corners
    ("items", 3391),  # pixels a thousand times as wide as high
]
"""Mutants of seed 1 that once ended in a traceback or an endless grid."""


def test_what_was_found_stays_mended() -> None:
    """No mutant that was bad is bad again."""
    code = f"import mutants; print([mutants.read_mutant(*one, 1) for one in {FOUND}]); mutants.parsers.clean()"
    done = subprocess.run([sys.executable, "-c", code], cwd=FUZZ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("'") == 2 * len(FOUND)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError(1)", "KeyError"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("bytearray(3 << 30)", "MemoryError"),
        ("os.write(2, b'a word')", "on stderr: a word"),
        ("exec_forever()", "no answer within"),
    ],
)
def test_the_readers_notice_what_is_bad(body: str, said: str) -> None:
    """A traceback, a crash, memory above the bound, a word on stderr and a hang are each told as bad."""
    code = f"""
import os, mutants
mutants.HANG_SECONDS = 1
def exec_forever():
    while True:
        pass
def bad(family, number, seed):
    if number == 1:
        {body}
    return "same"
mutants.read_mutant = bad
ends, found = mutants.read_all("codes", range(3), 1)
print(dict(ends), found)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=FUZZ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "'same': 2" in done.stdout
    assert "'bad': 1" in done.stdout
    assert said in done.stdout
