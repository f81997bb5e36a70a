"""`esd-tasks predict`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import Task, carry_out
from esd_tasks.commands.map_output import class_lines

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult


def predict(
    model: Annotated[
        Path,
        typer.Argument(help="Folder that esd-tasks classify, few-shot, regress or cluster wrote.", show_default=False),
    ],
    catalog: options.Catalog = None,
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    year: options.Year = None,
    covariate: options.Covariate = None,
    band: options.Band = None,
    smooth: options.Smooth = 0,
    mmu: options.Mmu = 0,
    min_clear: options.MinClear = 0,
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
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <area>-predict-<year>.")
    ] = None,
) -> None:
    """Map any place and year with a saved model, of classes, clusters or a quantity: no labels are needed.

    Codes of another encoder or input recipe than the model's are refused. Without an area, every item of the year is
    mapped. Bands, covariates and cleaning are for models of `classify`. Nothing here measures how right the map is.
    """
    carry_out(_task, locals())


def _task() -> Task:
    from esd_tasks.predict import PredictRequest, make_plan, run_plan

    return Task(request=PredictRequest, plan=make_plan, run=run_plan, lines=_lines, look=_look)


def _lines(result: "MapResult") -> Iterator[str]:
    """Say the share of each class, or the range of a quantity."""
    figures = result.record["result"]
    if "classes" in figures:
        yield from class_lines(figures["classes"])
    else:
        low, high = figures["percentile_2"], figures["percentile_98"]
        yield f"{figures['quantity']}: 96 % of the map lies between {low:.4g} and {high:.4g}"


def _look(result: "MapResult") -> str:
    """Say what to do with the map."""
    seen, paths = f"look at {result.paths['preview']}", result.paths
    if result.record["result"]["kind"] in ("classify", "few-shot"):
        return f"{seen}; for its accuracy, draw reference places with esd-tasks design, then esd-tasks assess"
    return f"{seen}, open {paths.get('map', paths.get('prediction'))} in QGIS"
