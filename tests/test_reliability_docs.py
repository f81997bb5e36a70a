"""The page of reliability names tests that exist."""

import re
from pathlib import Path

import pytest
from test_what_hurts_docs import functions

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reliability.md"
NAMED = re.compile(r"`([\w/]*test_\w+\.py)::(test_\w+)`")
SECTIONS = ("Faults", "Hostile input", "Security", "Guards", "Load", "Coverage and mutants")


def tables() -> dict[str, list[str]]:
    """Return the rows of each section's tables that have a column of tests."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        title = section.split("\n", 1)[0]
        each = re.findall(r"^\|.*(?:\n\|.*)*", section, flags=re.MULTILINE)
        found[title] = [
            row for table in each if "| test |" in table.split("\n", 1)[0] for row in table.splitlines()[2:]
        ]
    return found


def test_the_page_has_its_sections() -> None:
    """Whoever looks for a promise finds its place."""
    assert tuple(tables()) == SECTIONS


@pytest.mark.parametrize("section", ["Faults", "Guards"])
def test_every_row_ends_with_tests(section: str) -> None:
    """No fault is claimed to be survived that no test causes."""
    rows = tables()[section]
    assert len(rows) > 10
    assert [row for row in rows if not NAMED.search(row.rsplit("|", 2)[1])] == []


def test_every_test_that_the_page_names_exists() -> None:
    """Each name is a function of a file in `tests/`."""
    named = NAMED.findall(PAGE.read_text())
    assert named
    missing = [f"{file}::{name}" for file, name in named if name not in functions(ROOT / "tests" / file)]
    assert missing == []
