"""Migrated labels do not depend on the cores of a machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("migrated_noise.py")

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@pytest.mark.slow
def test_every_number_is_the_same_on_one_and_four_threads() -> None:
    """Probabilities, labels and scores of a thousand samples in noise are the same bytes however linear algebra runs.

    So many are needed: sums of fewer are not shared among threads.
    """
    found = [
        subprocess.run(
            [sys.executable, "-W", "ignore", PROGRAM, "1000", "10", "3"],
            env=os.environ | dict.fromkeys(VARIABLES, threads),
            capture_output=True,
            check=True,
        ).stdout
        for threads in ("1", "4")
    ]
    assert len(found[0]) > 1000 * 10 * 8 * 4
    assert found[0] == found[1]
