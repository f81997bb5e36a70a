"""`esd-tasks learning-curve`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import Task, carry_out

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult


def learning_curve(
    labels: options.Labels,
    layer: options.Layers = None,
    catalog: options.Catalog = None,
    year: options.Year = None,
    class_field: options.ClassField = None,
    year_field: options.YearField = None,
    head: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HEAD", help="One of prototype, 1-NN, 3-NN, logistic, trees; may be repeated. Default: all."
        ),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(metavar="FEATURES", help="One of vectors, one-hot; may be repeated. Default: vectors."),
    ] = None,
    over: Annotated[
        Literal["labels", "years"], typer.Option(help="What grows: labels a class, or years whose labels all train.")
    ] = "labels",
    draws: Annotated[int, typer.Option(metavar="N", help="Draws of training labels for each number of them.")] = 10,
    block_size: options.BlockSize = "auto",
    min_clear: options.MinClear = 0,
    polygon_rule: options.PolygonRule = "center",
    seed: options.Seed = 0,
    verify: options.Verify = False,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder. Default: <labels>-learning-curve-<year>.")
    ] = None,
) -> None:
    """Tell how many labels are enough: 1, 5, 10, 50 and all labels a class train, others in other blocks are tested.

    Draws are the same for every head; balanced accuracy with SD, an interval, and the paired difference to the nearest
    class mean are printed, drawn and written as CSV and JSON.
    """
    carry_out(_task, locals())


def _task() -> Task:
    from esd_tasks.learning_curve import CurveRequest, make_plan, run_plan

    return Task(request=CurveRequest, plan=make_plan, run=run_plan, lines=_lines, look=_look)


def _lines(result: "MapResult") -> Iterator[str]:
    """Say the points, and how they came about."""
    from esd_tasks.learning_curve import STATEMENT, protocol_line

    content = result.record["result"]
    yield from _table(content["points"])
    yield protocol_line(content["protocol"])
    yield f"note: {STATEMENT}"


def _look(result: "MapResult") -> str:
    return f"look at {result.paths['plot']}, then make a map with esd-tasks few-shot or esd-tasks classify"


def _table(points: list[dict[str, Any]]) -> Iterator[str]:
    """List the points: mean, SD over draws, and difference to the reference with its interval."""
    yield f"{'k':>4}  {'features':8}  {'head':10}  {'mean':>6}  {'SD':>6}  difference to prototype, paired"
    for row in points:
        sd = "-" if row["sd"] is None else f"{row['sd']:.3f}"
        apart = ""
        if row["difference"] is not None:
            apart = f"{row['difference']:+.3f} [{row['difference_low']:+.3f}, {row['difference_high']:+.3f}]"
        yield f"{row['k']!s:>4}  {row['features']:8}  {row['head']:10}  {row['mean']:6.3f}  {sd:>6}  {apart}".rstrip()
