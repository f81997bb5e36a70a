"""Run the mutants of one file: started by `mutation_score.py` in a copy of the tree, with what it asks for as JSON.

Every library is imported once, here; then each mutant is a fork of this process.
"""

import contextlib
import importlib
import importlib.abc
import importlib.util
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numba
import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators.provider import OperatorProvider
from hypothesis import Phase, settings

EXAMPLES: Final = 10
"""Examples of a property."""

MEMORY: Final = 8 * 2**30
"""Bytes of address space of a mutant."""

NO_MUTANT: Final = 98
"""How a fork ends that could not make its mutant: that is no kill."""

STRANGE: Final = ("-W", "ignore::pytest.PytestConfigWarning")
"""Settings of plugins that are not loaded here, as that of time limits, are no error."""

ANNOTATIONS: Final = {"annassign", "tfpdef"}


class Quick:
    """A plugin of pytest: few examples, the same ones each time, and none is made smaller."""

    def pytest_sessionstart(self) -> None:
        """Load the profile after conftest.py loaded its own, before tests are read."""
        settings.register_profile(
            "mutants",
            settings.get_profile("esd"),
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
        )
        settings.load_profile("mutants")


class Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module, with another source than its file has."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, fullname: str, path: object, target: object = None) -> Any:  # noqa: ARG002
        """Return the module if it is the one."""
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        """Return the changed source."""
        return self.source


def annotates(node: Any) -> bool:
    """Tell whether a node is part of a type annotation."""
    below, above = node, node.parent
    while above is not None:
        if (
            above.type in ANNOTATIONS
            and below is not above.children[0]
            and "=" not in above.children[: above.children.index(below)]
        ):
            return True
        if above.type == "funcdef" and below is above.annotation:
            return True
        below, above = above, above.parent
    return False


def mutants(tree: Any) -> list[tuple[str, int, int]]:
    """List operator, occurrence and line of every mutant of a source."""
    found = []
    provider = OperatorProvider()
    nodes = list(ast_nodes(tree))
    for name in sorted(provider):
        if provider[name].arguments():
            continue
        operator = provider[name]()
        places = [node for node in nodes for _ in operator.mutation_positions(node)]
        for occurrence, node in enumerate(places):
            if not annotates(node) and node.get_code().strip() != "@compiled":
                found.append((name, occurrence, node.start_pos[0]))
    return found


def project_modules(folder: Path) -> list[str]:
    """List the loaded modules that lie in the copy of the tree."""
    return [
        name for name, one in sys.modules.items() if str(getattr(one, "__file__", None) or "").startswith(f"{folder}/")
    ]


def run_child(tests: list[str], change: Callable[[], Changed] | None, seconds: int) -> None:
    """Run tests in this process, a fork, and end it with 0 if all pass."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(60 * seconds)
    if change:
        try:
            sys.meta_path.insert(0, change())
        except BaseException:
            os._exit(NO_MUTANT)
    with tempfile.TemporaryDirectory() as own, contextlib.suppress(BaseException):
        numba.config.CACHE_DIR = own
        words = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", *STRANGE, f"--basetemp={own}/tests", *tests]
        left = pytest.main(words, plugins=[Quick()])
        os._exit(int(left))
    os._exit(3)


def fork(tests: list[str], change: Callable[[], Changed] | None, seconds: int) -> int:
    """Start the tests in a fork, and return its process id."""
    process = os.fork()
    if not process:
        run_child(tests, change, seconds)
    return process


def source_of(tree: Any, mutant: tuple[str, int, int]) -> str:
    """Return the source as one mutant has it; the tree is changed."""
    operator, occurrence, _ = mutant
    return str(MutationVisitor(occurrence, OperatorProvider()[operator]()).walk(tree).get_code())


def main() -> None:
    """Run a sample of the mutants, and print what became of them as one line of JSON."""
    asked = json.loads(sys.argv[1])
    folder = Path.cwd()
    path = folder / asked["module"]
    name = asked["module"].removesuffix(".py").replace("/", ".")
    sys.path.insert(0, str(folder / "tests"))
    for test in [name, *(Path(test).stem for test in asked["tests"])]:
        importlib.import_module(test)
    for loaded in project_modules(folder):
        del sys.modules[loaded]
    begin = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    _, status = os.waitpid(fork(asked["tests"], None, 600), 0)
    if status:
        sys.exit(f"Error: got status {status} of the tests of {name}, expected 0")
    seconds = int(5 * (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begin)) + 5
    source = path.read_text()
    tree = get_ast(source)
    every = mutants(tree)
    drawn = every
    if asked["most"] and asked["most"] < len(every):
        drawn = sorted(random.Random(asked["seed"]).sample(every, asked["most"]))
    waiting, running, survivors, killed = list(drawn), {}, [], 0
    started = time.monotonic()
    while waiting or running:
        while waiting and len(running) < asked["processes"]:
            mutant = waiting.pop()
            change = partial(lambda mutant: Changed(name, path, source_of(tree, mutant)), mutant)  # in the fork alone
            running[fork(asked["tests"], change, seconds)] = mutant
        process, status = os.wait()
        mutant = running.pop(process)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == NO_MUTANT:
            sys.exit(f"Error: got no source of {name} for {mutant}, expected one")
        killed += status != 0
        if status == 0:
            operator, _, line = mutant
            text = source_of(get_ast(source), mutant)
            survivors.append((line, operator, text.splitlines()[line - 1].strip()))
        if (killed + len(survivors)) % 50 == 0:
            print(
                f"{name} {killed + len(survivors)} of {len(drawn)} after {time.monotonic() - started:.0f} s",
                file=sys.stderr,
            )
    print(json.dumps({"mutants": len(every), "run": len(drawn), "killed": killed, "survivors": sorted(survivors)}))


if __name__ == "__main__":
    main()
