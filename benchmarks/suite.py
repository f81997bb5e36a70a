"""All benchmarks, one after the other, and the page about them: what `make bench` runs.

    suite.py [--again] [--only PATTERN ..]   measure what was not measured at this commit; then write the page
    suite.py --page                          write docs/benchmarks.md and docs/benchmarks.json alone

About fourteen minutes on two cores that do nothing else. The first time takes three more for a tile of 25 years and a
catalogue, which are kept in build/. Each step keeps its figures in docs/figures.json when it ends, so a suite that was
stopped goes on where it was.
"""

import argparse
import json
import operator
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from figures import commands_for, inline, load, run  # noqa: E402
from timing import machine  # noqa: E402
from ways import CONTESTS  # noqa: E402

STEPS = {
    "speed.predict_f64_*": 1.3,
    "speed.tile_*": 2.0,
    "speed.decode_*": 0.4,
    "speed.predict_over_*": 1.0,
    "speed.read_*": 0.3,
    "speed.encode_*": 0.3,
    "speed.pull_*": 0.5,
    "speed.catalogue_*": 1.2,
    "speed.change_*": 1.2,
    "speed.help_*": 0.9,
    "speed.series_*": 2.6,
    "speed.workers_*": 2.0,
}
"""Minutes that each step takes, by the keys of its figures, on two cores that do nothing else."""

OF_ARCHIVE = "a warm query of an index of 440,000 items, s by the clock; made by `make figures KEY='catalogue.*'`"

HEADLINES = (
    ("predict, `float64`, bits of `Booster.predict`, over it", "speed.predict_f64_ratio", ">= 150"),
    ("pixels a CPU second of ours", "speed.predict_f64_px_per_s", ""),
    ("pixels a CPU second of `Booster.predict`", "speed.predict_f64_lightgbm_px_per_s", ""),
    ("the same, code for any x86-64 processor", "speed.predict_portable_ratio", ">= 100"),
    (
        "leaf values out of registers (`wide_values`, AVX-512) over the loop for any processor, both compiled for this "
        "one: the bar of [decision 23](decisions/0023-forest.md)",
        "speed.wide_ratio",
        "> 1.3",
    ),
    ("a tile through `esd-tasks predict`, CPU s", "speed.tile_cpu_s", "<= 14"),
    ("its peak memory, GB", "speed.tile_peak_gb", "<= 1"),
    ("the same tile, code for any x86-64 processor, CPU s", "speed.tile_portable_cpu_s", "<= 20"),
    ("decode to levels, over a table in numpy", "speed.decode_ratio", ">= 4"),
    ("over the published quantiser", "speed.decode_ratio.published", "shown"),
    ("change of two years, over a table in numpy with einsum", "speed.change_ratio", ">= 40"),
    ("over the published demo", "speed.change_ratio.published", "shown"),
    ("its memory beside the codes, bytes a pixel", "speed.change_bytes.ours", "8"),
    (
        "`year_steps` in Python, which no command uses: 25 years of a tile, each against the one before, CPU s",
        "speed.series_cpu_s",
        "<= 20",
    ),
    ("its peak memory, GB", "speed.series_peak_gb", "<= 2"),
    (
        "`esd-tasks change series` as a whole, 25 years of 384 x 384 pixels, CPU us a pixel-year",
        "speed.series_command_us",
        "shown",
    ),
    ("its peak memory, GB", "speed.series_command_peak_gb", "shown"),
    ("two workers over one, by the clock", "speed.workers_ratio", ">= 1.8"),
    ("what the machine allows: arithmetic in two processes over one", "speed.workers_allowed", "shown"),
    ("`esd-tasks --help`, s by the clock", "speed.help_s", "<= 0.6"),
    ("compiling, first run after an installation, CPU s", "speed.jit_first_s", "<= 8"),
    ("compiling, later runs, CPU s", "speed.jit_cached_s", "<= 1"),
    (OF_ARCHIVE, "catalogue.query_s", "<= 0.3"),
)
"""What it is, the key of its figure, and what it is to reach."""

CHANGE_NOTES = {
    "ours": "`pair_distances`: level and cosine distance at once, from the codes",
    "table": "a table in numpy: both distances, the cosine by einsum",
    "table_cosine": "a table in numpy with einsum: the cosine alone",
    "published": "the published demo: the cosine alone, decoded by arithmetic",
}
"""What the ways of `change.py` do."""

REACH = {
    "decode": dict.fromkeys(("table", "take", "packed"), ">= 4"),
    "change": dict.fromkeys(("table", "table_cosine"), ">= 40"),
}
"""What the ratio over a way is to reach."""

Figures = Mapping[str, Mapping[str, Any]]

PAGE, CONTENT = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.json"
COMPARED = {">=": operator.ge, "<=": operator.le, ">": operator.gt}
UNITS = {"pull": "a point", "encode": "a pixel-year", "catalogue": "a year of a query"}
PEAK = "peak of the process, MB"
BEGIN, END = "<!-- benchmarks -->\n", "<!-- benchmarks end -->"


def told(figures: Figures, key: str, kind: str = "figure") -> str:
    """Return a cell with a figure, which `scripts/figures.py` keeps true, or a dash where there is none yet."""
    one = figures.get(key)
    return f"<!-- {kind}: {key} -->{inline(kind, one)}<!-- / -->" if one else "–"


def aim_of(figures: Figures, key: str, aim: str) -> str:
    """Return what a figure is to reach, and whether its median does."""
    word, _, number = aim.partition(" ")
    one = figures.get(key)
    if one is None or word not in COMPARED:
        return aim
    return f"{aim}: {'met' if COMPARED[word](one['value'], float(number)) else '**missed**'}"


def table(head: str, rows: list[list[str]]) -> str:
    """Return a table of Markdown."""
    rule = "|" + "---|" * head.count("|")
    return "\n".join([f"| {head}", rule, *("| " + " | ".join(row) + " |" for row in rows)])


def ratio_key(contest: str, place: int, way: str) -> str:
    """Return the key of how many times faster ours is than a way; the second of a contest has that of the headline."""
    if contest == "predict":
        return f"speed.predict_over_{way}"
    return f"speed.{contest}_ratio" + ("" if place == 1 else f".{way}")


def contest_rows(figures: Figures, contest: str, notes: Mapping[str, str], memory: str) -> list[list[str]]:
    """Return a row for each way of a contest.

    Args:
        figures: All there are.
        contest: Its name.
        notes: What each way does; ours is the first.
        memory: What the keys of its memory are called: `mb` or `bytes`.
    """
    rows = []
    for place, (way, note) in enumerate(notes.items()):
        ratio, took = ratio_key(contest, place, way), f"speed.{contest}_ns.{way}"
        aim = aim_of(figures, ratio, REACH.get(contest, {}).get(way, ""))
        beside = ["", ""] if way == "ours" else [told(figures, ratio), aim]
        rows.append(
            [
                note,
                told(figures, took),
                *beside,
                told(figures, f"speed.{contest}_{memory}.{way}"),
                told(figures, took, "commit"),
            ]
        )
    return rows


def machine_lines(facts: dict[str, Any]) -> str:
    """Say what was measured on, as far as the system tells."""
    parts = [facts["processor"]]
    if sets := facts.get("instructions"):
        parts.append("with " + ", ".join(sets))
    parts.append(f"{facts['cores']} cores")
    if size := facts.get("memory_gb"):
        parts.append(f"{size:g} GB of memory")
    if system := facts.get("system"):
        parts.append(system)
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    return f"{', '.join(parts)}; Python {facts['python']}, {packages}."


def tables(figures: Figures, kept: dict[str, Any]) -> str:
    """Return what stands between the marks of the page.

    Args:
        figures: All there are.
        kept: The machine that was measured on.
    """
    parts = [f"Measured on: {machine_lines(kept)}"]
    rows = [
        [what, told(figures, key), aim_of(figures, key, aim), told(figures, key, "commit")]
        for what, key, aim in HEADLINES
    ]
    parts.append(table("figure | measured | to reach | at commit |", rows))
    for contest, ways in CONTESTS.items():
        head = f"{contest} | CPU ns {UNITS.get(contest, 'a pixel')} | times ours | to reach | {PEAK} | at commit |"
        parts.append(table(head, contest_rows(figures, contest, {way: one.note for way, one in ways.items()}, "mb")))
    head = "change | CPU ns a pixel | times ours | to reach | peak beside the codes, bytes a pixel | at commit |"
    parts.append(table(head, contest_rows(figures, "change", CHANGE_NOTES, "bytes")))
    return "\n\n".join(parts)


def write_page() -> None:
    """Write the tables between the marks of the page, and the JSON beside it."""
    kept = json.loads(CONTENT.read_text())["machine"] if CONTENT.exists() else machine()
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + BEGIN + "\n" + tables(load(), kept) + "\n\n" + END + after)
    figures = {key: one for key, one in load().items() if key.startswith(("speed.", "catalogue."))}
    CONTENT.write_text(json.dumps({"machine": kept, "figures": figures}, indent=2) + "\n")


def is_done(pattern: str) -> bool:
    """Tell whether the figures of a step were measured at this commit."""
    head = subprocess.check_output(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, text=True).strip()
    commands = commands_for(pattern)
    made = {figure["command"] for figure in load().values() if figure["commit"] == head}
    return all(command in made for command in commands)


def measure(patterns: list[str], *, again: bool) -> None:
    """Run the steps that are left, and say how long the rest will take."""
    left = [pattern for pattern in patterns if again or not is_done(pattern)]
    if left:
        CONTENT.write_text(json.dumps({"machine": machine(), "figures": {}}) + "\n")
    for place, pattern in enumerate(left):
        minutes = sum(STEPS[step] for step in left[place:])
        print(f"--- {pattern}: step {place + 1} of {len(left)}, about {minutes:.0f} minutes left", flush=True)
        started = time.monotonic()
        run(pattern)
        print(f"--- {(time.monotonic() - started) / 60:.1f} minutes", flush=True)
        write_page()


def main() -> None:
    """Measure, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="measure also what was measured at this commit")
    parser.add_argument("--only", nargs="+", choices=list(STEPS), default=list(STEPS), help="steps")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    asked = parser.parse_args()
    if not asked.page:
        measure(asked.only, again=asked.again)
    write_page()


if __name__ == "__main__":
    main()
