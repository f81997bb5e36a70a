"""Fixtures of the tests of faults: tiny inputs, and a process that forks command lines."""

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("torch")

from disk import Disk, mounted
from kill import Forker, Reference
from long_commands import command, make_inputs

FUTURE = 4_000_000_000
"""A time in the year 2096."""


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    """A process that has imported everything."""
    with Forker() as made:
        yield made


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory, forker: Forker) -> Path:
    """What the long commands read: files that a clock of another machine dated."""
    folder = make_inputs(forker, tmp_path_factory.mktemp("given"))
    for path in folder.rglob("*"):
        os.utime(path, (FUTURE, FUTURE))
    return folder


@pytest.fixture(scope="session")
def undisturbed(forker: Forker, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Reference]:
    """Return what a long command makes that nothing disturbs; each is run when it is first asked for."""
    root = tmp_path_factory.mktemp("undisturbed")
    return cache(lambda name: Reference.of(forker, command(name, inputs), root))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk; it takes root to mount one."""
    with mounted(tmp_path / "disk") as made:
        if made is None:
            pytest.skip("this user may not mount a file system")
        yield made
