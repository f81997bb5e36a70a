"""Balanced accuracy of codes and of raw reflectance with 1, 5, 10, 50 and all labels a class, on sets of real series.

    fewshot_sets.py DATA [--encoder NAME|WEIGHTS] [--also WEIGHTS] [--sets NAME,..] [--test]

Halves, draws and heads are those of `esd-tasks evaluate-encoder`, and trees from ten labels a class on. The figures are
of the logistic head, which was fixed before any set was looked at; the table has all heads. Test sets are refused
unless --test is said, once, for a frozen recipe.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from esd_tasks.encoder_tasks import fewshot, inputs
from esd_tasks.encoder_tasks.fewshot import PROTOCOL_HEADS, FewShot
from esd_tasks.encoder_tasks.report import Figure
from esd_tasks.encoder_tasks.samples import LabelledYears
from esd_tasks.evaluate_encoder import choose_sets
from esd_tasks.heads import LEAST_FOR_TREES, TREES
from esd_tasks.shots import SHOTS
from stactools_esd.errors import EsdError

FIGURE_HEAD = "logistic"
"""Head of the figures."""

DEFAULT = ("rondonia_a", "matogrosso", "france_2023")
"""Sets that may be looked at at any time; with --test: global_monthly_a and canada_2017."""

TEST = ("global_monthly_a", "canada_2017")


def judge(years: LabelledYears) -> dict[str, tuple[FewShot, int, tuple[str, ...]]]:
    """Judge a set with each number of labels; `max` is all that the pool has, by the name of k."""
    most = len(years.class_id)
    found = {}
    for name, k in {**{str(k): k for k in SHOTS}, "max": most}.items():
        heads = (*PROTOCOL_HEADS, TREES) if k >= LEAST_FOR_TREES else PROTOCOL_HEADS
        found[name] = (fewshot.judge(years, heads=heads, shots=(k,)), k, heads)
    return found


def report(years: LabelledYears) -> list[Figure]:
    """Print the table of a set and return its figures."""
    figures = []
    for name, (one, k, heads) in judge(years).items():
        for head in heads:
            codes, raw = (fewshot.accuracy([one], head, k, raw=raw) for raw in (False, True))
            gain = fewshot.gain([one], head, k)
            both = f"raw {raw.value:.4f}  codes {codes.value:.4f}"
            print(f"{years.name:18} {name:>4} {head:10} {both}  gain {gain}", file=sys.stderr)
            if head == FIGURE_HEAD:
                told = {"unit": "balanced accuracy", "n": len(one.class_id), "split": years.role}
                prefix = f"tasks.fewshot_ba.{years.name}.{name}"
                figures += [
                    Figure(key=f"{prefix}.codes", estimate=codes, **told),
                    Figure(key=f"{prefix}.raw", estimate=raw, **told),
                ]
    left_out = ", ".join(one.left_out) or "none"
    print(f"{years.name}: left out, too few places in one half: {left_out}", file=sys.stderr)
    return figures


def run(report: Callable[[LabelledYears], list[Figure]], description: str | None) -> None:
    """Read the sets that the command line names, judge each, and print FIGURE lines."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--encoder", default="esdnet-small")
    parser.add_argument("--also", action="append", default=[])
    parser.add_argument("--sets", default="")
    parser.add_argument("--test", action="store_true")
    options = parser.parse_args()
    names = tuple(filter(None, options.sets.split(","))) or (TEST if options.test else DEFAULT)
    try:
        encoders = inputs.load_encoders([options.encoder, *options.also])
        for name in choose_sets(names, test=options.test):
            years = inputs.read_labelled(options.data, name, encoders)
            for figure in report(years):
                print(f"FIGURE {json.dumps(figure.as_dict())}", flush=True)
    except EsdError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    run(report, __doc__)
