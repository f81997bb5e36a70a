"""`esd-tasks regress`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import Task, carry_out

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult


def regress(
    labels: options.Labels,
    target_field: Annotated[str, typer.Option(help="Field of the quantity to predict: numbers.")],
    units: Annotated[str, typer.Option(help="Unit of the quantity, as it shall stand in map and picture.")] = "",
    interval: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Add the ends of an interval that holds this share, e.g. 0.9."),
    ] = None,
    layer: options.Layers = None,
    catalog: options.Catalog = None,
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    year: options.Year = None,
    year_field: options.YearField = None,
    min_clear: options.MinClear = 0,
    polygon_rule: options.PolygonRule = "center",
    block_size: options.BlockSize = "auto",
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
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <labels>-<field>-<year>.")
    ] = None,
) -> None:
    """Map a measured quantity from labelled places, with R2, RMSE, MAE and bias by spatial cross-validation."""
    carry_out(_task, locals())


def _task() -> Task:
    from esd_tasks.regress import run_plan
    from esd_tasks.regress_plan import RegressRequest, make_plan

    return Task(request=RegressRequest, plan=make_plan, run=run_plan, lines=_lines, look=_look)


def _lines(result: "MapResult") -> Iterator[str]:
    """Say the errors, and what they are of."""
    from esd_tasks.regress import accuracy_line

    accuracy = result.record["result"]["accuracy"]
    yield accuracy_line(accuracy)
    yield f"note: {accuracy['statement']}"
    if "interval" in accuracy:
        yield f"note: {accuracy['interval']['statement']}"


def _look(result: "MapResult") -> str:
    pictures = f"{result.paths['preview']} and {result.paths['scatter']}"
    return f"look at {pictures}, open {result.paths['prediction']} in QGIS"
