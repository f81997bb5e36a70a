"""The score of mutants: that mutants run, and where their table stands."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "mutation_score.py"
sys.path.insert(0, str(SCRIPT.parent))

import mutation_score  # noqa: E402

FOUND = {"one.py": {"mutants": 20, "run": 10, "killed": 9, "survivors": [(3, "AddNot", "a | b")]}}


def test_mutants_of_a_file_run() -> None:
    """The settings of the tests suit those of mutants: unchanged, they pass, and then some mutants are run."""
    words = [sys.executable, str(SCRIPT), "--most", "2", "--processes", "1", "chains"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert " of 2 killed, " in done.stdout
    assert '"key": "trust.mutation_score.forest"' in done.stdout


def test_every_file_and_its_tests_exist() -> None:
    """None is left out by its name."""
    for files in mutation_score.TARGETS.values():
        for module, tests in files.items():
            assert (ROOT / module).exists()
            assert [name for name in tests if not (ROOT / "tests" / f"test_{name}.py").exists()] == []


def test_a_new_table_takes_the_place_of_the_last_and_of_what_was_said_of_it(tmp_path: Path) -> None:
    """What has changed since a run is no longer so after the next; all else of the page stays."""
    page = tmp_path / "mutants.md"
    page.write_text(
        "before\n<!-- mutants -->\nold\n<!-- end of mutants -->\n\n"
        "<!-- since the run -->\n## Tests since the run\n<!-- end of since -->\n\n## Why\n"
    )
    mutation_score.write_table(page, FOUND)
    first = page.read_text()
    assert first.startswith("before\n<!-- mutants -->\n| file | mutants |")
    assert first.endswith("| 3 | AddNot | `a \\| b` |\n<!-- end of mutants -->\n\n## Why\n")
    assert "| `one.py` | 20 | 10 | 9 | 90.0 % |" in first
    mutation_score.write_table(page, FOUND)
    assert page.read_text() == first
