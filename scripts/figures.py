"""The one way a number gets into the documentation.

    figures.py run PATTERN      run the commands of all figures whose key matches, and keep what they print
    figures.py render           write the tables of docs/ and README.md again from docs/figures.json
    figures.py check            fail where a table differs from docs/figures.json

A command reports a figure by printing a line `FIGURE {"key": .., "value": .., "unit": .., "n": .., "spread": ..,
"split": ..}`. The commit and the hash of everything it printed are added here.

In a document `<!-- figures: PATTERNS -->` makes a table, `<!-- figure: KEY -->` a value with its spread, and
`<!-- value: KEY -->` the value alone in three digits, for a table that is laid out by hand, and `<!-- commit: KEY -->`
the commit that it was made at.
"""

import argparse
import fnmatch
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
STORE = ROOT / "docs" / "figures.json"
COMMANDS = ROOT / "docs" / "figures.yaml"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FIELDS = ("value", "unit", "n", "spread", "split", "command", "commit", "log_sha256")
TABLE = re.compile(r"(<!-- figures: (?P<patterns>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
INLINE = re.compile(r"(<!-- (?P<kind>figure|value|commit): (?P<key>\S+) -->).*?(<!-- / -->)", re.DOTALL)


def load() -> dict[str, dict[str, Any]]:
    """Read all figures."""
    return json.loads(STORE.read_text()) if STORE.exists() else {}


def commands_for(pattern: str) -> list[str]:
    """List the commands that make the figures whose keys match a pattern."""
    table: dict[str, str] = yaml.safe_load(COMMANDS.read_text())
    keys = set(load()) | set(table)
    wanted = [key for key in keys if fnmatch.fnmatch(key, pattern)]
    found = {command for entry, command in table.items() if any(fnmatch.fnmatch(key, entry) for key in wanted)}
    if not found:
        sys.exit(f"Error: got key {pattern!r}, expected one of {sorted(table)}; see docs/figures.yaml")
    return sorted(found)


def output_of(command: str) -> str:
    """Run a command, show what it prints and return it."""
    print(f"$ {command}", flush=True)
    lines = []
    with subprocess.Popen(
        command, shell=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        sys.exit(f"Error: the command left with {process.returncode}; no figure was kept")
    return "".join(lines)


def run(pattern: str) -> None:
    """Run the commands behind a pattern and keep the figures that they print."""
    for command in commands_for(pattern):
        log = output_of(command)
        commit = subprocess.check_output(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, text=True).strip()
        provenance = {
            "command": command,
            "commit": commit,
            "log_sha256": hashlib.sha256(log.encode()).hexdigest(),
        }
        figures = load()
        for line in log.splitlines():
            if line.startswith("FIGURE "):
                figure = json.loads(line.removeprefix("FIGURE "))
                figures[figure.pop("key")] = {field: (figure | provenance).get(field) for field in FIELDS}
        STORE.write_text(json.dumps(dict(sorted(figures.items())), indent=2) + "\n")
    render()


def shown(figure: dict[str, Any]) -> str:
    """Write a value with its spread."""
    spread = figure["spread"]
    if isinstance(spread, list):
        return f"{figure['value']:.4g} [{spread[0]:.4g}, {spread[1]:.4g}]"
    return f"{figure['value']:.4g}" + (f" ± {spread:.2g}" if spread is not None else "")


def inline(kind: str, figure: dict[str, Any]) -> str:
    """Write a `figure` with its spread, its `value` alone, rounded for a table laid out by hand, or its `commit`."""
    if kind == "commit":
        return f"`{figure['commit']}`"
    return shown(figure) if kind == "figure" else f"{figure['value']:.3g}"


def table_of(patterns: str, figures: dict[str, dict[str, Any]]) -> str:
    """Write the table of all figures that match one of some patterns."""
    keys = [key for pattern in patterns.split() for key in figures if fnmatch.fnmatch(key, pattern)]
    if not keys:
        sys.exit(f"Error: no figure matches {patterns!r}; run its command first")
    rows = ["| figure | value | unit | n | split | commit |", "|---|---|---|---|---|---|"]
    for key in dict.fromkeys(keys):
        figure = figures[key]
        cells = [f"`{key}`", shown(figure), figure["unit"], figure["n"], figure["split"], f"`{figure['commit']}`"]
        rows.append("| " + " | ".join("" if cell is None else str(cell) for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def rendered(text: str, figures: dict[str, dict[str, Any]]) -> str:
    """Return a document with its tables and inline figures written again."""
    text = TABLE.sub(lambda m: m[1] + table_of(m["patterns"], figures) + m[3], text)
    if missing := {m["key"] for m in INLINE.finditer(text)} - set(figures):
        sys.exit(f"Error: no figure {', '.join(sorted(missing))}; run its command first")
    return INLINE.sub(lambda m: m[1] + inline(m["kind"], figures[m["key"]]) + m[4], text)


def render() -> None:
    """Write every document again."""
    for document in DOCUMENTS:
        document.write_text(rendered(document.read_text(), load()))


def check() -> None:
    """Leave with 1 where a document does not say what docs/figures.json says."""
    stale = [doc.name for doc in DOCUMENTS if rendered(doc.read_text(), load()) != doc.read_text()]
    if stale:
        sys.exit(f"Error: {', '.join(stale)} differ from docs/figures.json; run `make docs`")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    subparsers = parser.add_subparsers(dest="task", required=True)
    subparsers.add_parser("run").add_argument("pattern")
    subparsers.add_parser("render")
    subparsers.add_parser("check")
    arguments = parser.parse_args()
    if arguments.task == "run":
        run(arguments.pattern)
    else:
        {"render": render, "check": check}[arguments.task]()


if __name__ == "__main__":
    main()
