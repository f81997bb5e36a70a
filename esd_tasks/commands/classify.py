"""`esd-tasks classify`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import Task, carry_out
from esd_tasks.commands.map_output import look_at_map

if TYPE_CHECKING:
    from esd_tasks.classify import ClassifyResult

_MOST_LINES = 24


def classify(
    labels: options.Labels,
    layer: options.Layers = None,
    catalog: options.Catalog = None,
    geometry: Annotated[Path | None, typer.Option(help="Polygons to map. Default: the labels' envelope.")] = None,
    bbox: options.Bbox = None,
    year: Annotated[int | None, typer.Option(help="Year to map; needed where the catalogue has several.")] = None,
    class_field: options.ClassField = None,
    year_field: options.YearField = None,
    legend: options.LegendFile = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="CLASS", help="Class whose labels are left out; may be repeated.")
    ] = None,
    weight_field: Annotated[str | None, typer.Option(help="Field of each label's weight in training.")] = None,
    balance: Annotated[bool, typer.Option("--balance", help="Let every class count the same in training.")] = False,
    class_cap: Annotated[int | None, typer.Option(metavar="N", help="Draw at most N samples of a class.")] = None,
    polygon_cap: Annotated[int, typer.Option(metavar="N", help="Draw at most N pixels of a polygon.")] = 200,
    covariate: options.Covariate = None,
    min_clear: options.MinClear = 0,
    polygon_rule: options.PolygonRule = "center",
    block_size: options.BlockSize = "auto",
    buffer: Annotated[
        str, typer.Option(metavar="auto|range|METRES", help="Nothing trains within this distance of a tested sample.")
    ] = "auto",
    search: Annotated[
        int, typer.Option(metavar="N", help="Try N draws of tree parameters by nested spatial folds.")
    ] = 0,
    no_curve: Annotated[bool, typer.Option("--no-curve", help="Leave out how accuracy grows with labels.")] = False,
    band: options.Band = None,
    smooth: options.Smooth = 0,
    mmu: options.Mmu = 0,
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
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <labels>-map-<year>.")
    ] = None,
) -> None:
    """Make a land-cover map from labelled places, with cross-validated accuracy.

    Writes the class map (COG, with QGIS style and class names), confidence and clear observations, a preview, the
    accuracy, the model, a STAC item and a record of the run. A run that was killed continues where it was.
    """
    carry_out(_task, locals())


def _task() -> Task:
    from esd_tasks.classify import run_plan
    from esd_tasks.plan import make_plan
    from esd_tasks.request import ClassifyRequest

    return Task(request=ClassifyRequest, plan=make_plan, run=run_plan, lines=_lines, look=look_at_map)


def _lines(result: "ClassifyResult") -> Iterator[str]:
    """Say classes and accuracy."""
    from esd_tasks.crossval import accuracy_line

    yield from _class_table(result)
    yield accuracy_line(result.accuracy)
    yield f"note: {result.accuracy['statement']}"
    if statement := result.accuracy["protocol"].get("buffer_statement"):
        yield f"note: {statement}"


def _class_table(result: "ClassifyResult") -> Iterator[str]:
    """List the classes with samples, accuracies and mapped share."""
    classes = result.accuracy["classes"]
    total = sum(result.mapped_pixels.values())
    width = max(5, *(len(entry["class_name"]) for entry in classes))
    yield f"{'class':{width}}  {'samples':>7}  {'user':>6}  {'producer':>8}  {'mapped':>7}"
    for entry in classes[:_MOST_LINES]:
        share = result.mapped_pixels[entry["class_id"]] / total if total else 0.0
        yield (
            f"{entry['class_name']:{width}}  {entry['n_reference']:7}  {_accuracy(entry['users_accuracy']):>6}  "
            f"{_accuracy(entry['producers_accuracy']):>8}  {share:7.1%}"
        )
    if len(classes) > _MOST_LINES:
        yield f"and {len(classes) - _MOST_LINES} more classes in {result.paths['accuracy'].name}"


def _accuracy(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
