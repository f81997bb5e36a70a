"""The page of what hurts names tests that exist."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "what-hurts.md"
NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def test_every_test_that_the_page_names_exists() -> None:
    """Each row of each table ends with tests, and each of them is a function of its file."""
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| fault")]
    assert len(rows) > 30
    for row in rows:
        named = NAMED.findall(row.split("|")[3])
        assert named, row
        for file, name in named:
            assert name in functions(TESTS / file), f"{file}::{name}"


def functions(path: Path) -> set[str]:
    """Return names of the functions of a module."""
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
