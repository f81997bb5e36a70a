"""`esd-tasks classify`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages, size_in_words

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
    search: Annotated[int, typer.Option(metavar="N", help="Try N draws of tree parameters by spatial folds.")] = 0,
    band: options.Band = None,
    smooth: options.Smooth = 0,
    mmu: options.Mmu = 0,
    seed: options.Seed = 0,
    workers: options.Workers = None,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <labels>-map beside the labels.")
    ] = None,
) -> None:
    """Make a land-cover map from labelled places, with cross-validated accuracy.

    Writes the class map (COG, with QGIS style and class names), confidence and clear observations, a preview, the
    accuracy, the model, a STAC item and a record of the run. A run that was killed continues where it was.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.classify import run_plan
        from esd_tasks.plan import make_plan
        from esd_tasks.progress import Bars
        from esd_tasks.request import ClassifyRequest

        request = ClassifyRequest(
            labels=labels,
            layer=tuple(layer) if layer else None,
            catalog=catalog,
            geometry=geometry,
            bbox=bbox,
            year=year,
            class_field=class_field,
            year_field=year_field,
            legend=legend,
            exclude=tuple(exclude or ()),
            weight_field=weight_field,
            balance=balance,
            class_cap=class_cap,
            polygon_cap=polygon_cap,
            covariate=tuple(covariate or ()),
            min_clear=min_clear,
            polygon_rule=polygon_rule,
            block_size=options.metres_or_auto(block_size),
            buffer="range" if buffer == "range" else options.metres_or_auto(buffer, "--buffer"),
            search=search,
            band=tuple(band or ()),
            smooth=smooth,
            mmu=mmu,
            seed=seed,
            workers=workers,
            overwrite=overwrite,
            output=output,
        )
        plan = make_plan(request)
        if dry_run:
            cost = plan.cost()
            typer.echo(json.dumps(cost, indent=2, ensure_ascii=False) if as_json else "\n".join(_cost_lines(cost)))
            return
        with Bars(quiet=quiet) as bars:
            result = run_plan(plan, on_progress=bars)
        if as_json:
            typer.echo(json.dumps(result.as_dict(), indent=2, ensure_ascii=False))
        elif not quiet:
            typer.echo("\n".join(_result_lines(result)))
        result.see_whole()


def _cost_lines(cost: dict[str, Any]) -> Iterator[str]:
    """Say what a run would read."""
    yield f"year      {cost['year']}"
    yield f"map       {cost['width']:,} x {cost['height']:,} = {cost['pixels']:,} pixels"
    yield f"labels    {cost['labels']:,} of {len(cost['classes'])} classes"
    all_bytes, needed = size_in_words(cost["bytes"]), size_in_words(cost["bytes_to_read"])
    yield f"items     {len(cost['items'])}, {all_bytes}, about {needed} to read"
    for item in cost["items"]:
        yield f"          {item['id']}  {'size unknown' if item['bytes'] is None else size_in_words(item['bytes'])}"
    yield f"output    {cost['output']}"
    yield "next: run the same command without --dry-run"


def _result_lines(result: "ClassifyResult") -> Iterator[str]:
    """Say what was made: classes, accuracy, notes, paths, next step."""
    from esd_tasks.crossval import accuracy_line

    if result.already_done:
        yield f"already done: {result.folder} holds the map of the same labels, codes and options"
    yield from _class_table(result)
    yield accuracy_line(result.accuracy)
    yield f"note: {result.accuracy['statement']}"
    if statement := result.accuracy["protocol"].get("buffer_statement"):
        yield f"note: {statement}"
    yield from (f"note: {note}" for note in result.notes)
    width = max(len(kind) for kind in result.paths)
    yield from (f"{kind.replace('_', ' '):{width}}  {path}" for kind, path in result.paths.items())
    yield f"next: look at {result.paths['preview']}, open {result.paths['map']} in QGIS: names and colours load with it"


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
