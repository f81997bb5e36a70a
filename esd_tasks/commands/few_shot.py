"""`esd-tasks few-shot`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import Task, carry_out
from esd_tasks.commands.map_output import class_lines, look_at_map

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult


def few_shot(
    labels: options.Labels,
    layer: options.Layers = None,
    catalog: options.Catalog = None,
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    year: options.Year = None,
    class_field: options.ClassField = None,
    year_field: options.YearField = None,
    legend: options.LegendFile = None,
    head: Annotated[
        Literal["auto", "prototype", "1-NN", "3-NN", "logistic", "trees"],
        typer.Option(help="Classifier; auto takes the one that does best on labels left out."),
    ] = "auto",
    buffer: Annotated[
        float, typer.Option(metavar="METRES", help="Around a label left out, nothing within this distance trains.")
    ] = 0.0,
    min_clear: options.MinClear = 0,
    polygon_rule: options.PolygonRule = "center",
    seed: options.Seed = 0,
    threads: options.Threads = None,
    memory: options.Memory = None,
    workers: options.Workers = None,
    scheduler: options.Scheduler = None,
    verify: options.Verify = False,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <labels>-few-shot-<year>.")
    ] = None,
) -> None:
    """Make a class map from 1 to 50 labels a class, by the small classifier that serves them best.

    Nearest class mean, nearest neighbours, logistic regression, and trees from ten labels a class are tried on labels
    left out; all scores are printed. They choose, and are not the accuracy of the map.
    """
    carry_out(_task, locals())


def _task() -> Task:
    from esd_tasks.few_shot import FewShotRequest, make_plan, run_plan

    return Task(request=FewShotRequest, plan=make_plan, run=run_plan, lines=_lines, look=look_at_map)


def _lines(result: "MapResult") -> Iterator[str]:
    """Say the classes, and how each head did."""
    yield from class_lines(result.record["result"]["classes"])
    choice = result.record["result"]["choice"]
    yield f"{'head':10}  balanced score ± SE, {choice['n_tested']} labels, {choice['protocol']}"
    for score in choice["scores"]:
        chosen = "  <- chosen" if score["head"] == choice["head"] else ""
        if score["balanced_accuracy"] is None:
            yield f"{score['head']:10}  untested{chosen}"
        else:
            yield f"{score['head']:10}  {score['balanced_accuracy']:.3f} ± {score['standard_error']:.3f}{chosen}"
    yield f"note: {choice['statement']}"
