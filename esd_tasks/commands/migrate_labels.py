"""`esd-tasks migrate-labels`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages, request_options, see_files

if TYPE_CHECKING:
    from esd_tasks.migrate.run import MigrateResult


def migrate_labels(
    labels: options.Labels,
    layer: options.Layers = None,
    catalog: options.Catalog = None,
    label_year: Annotated[int | None, typer.Option(help="Year in which all labels were true.")] = None,
    years: options.Years = None,
    class_field: options.ClassField = None,
    year_field: Annotated[
        str | None, typer.Option(help="Field of the year in which each label was true, instead.")
    ] = None,
    legend: options.LegendFile = None,
    error_rate: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the samples taken for stable that may have changed.")
    ] = 0.02,
    min_probability: Annotated[
        float, typer.Option(metavar="P", help="A year whose likeliest class is less probable gets no label.")
    ] = 0.8,
    min_clear: options.MinClear = 0,
    polygon_rule: options.PolygonRule = "center",
    polygon_cap: Annotated[int, typer.Option(metavar="N", help="Draw at most N pixels of a polygon.")] = 25,
    seed: options.Seed = 0,
    verify: options.Verify = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier files.")] = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="GeoPackage. Default: <labels>-<years>.gpkg beside the labels."),
    ] = None,
) -> None:
    """Carry labels of one year to all years: keep what is stable, relabel what changed, refuse what is uncertain.

    Writes one row a sample and year with class, probability, status and anomaly score; beside it the series for
    esd-tasks explain-labels, a report and a record of the run.
    """
    given = locals()
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.migrate.plan import make_plan
        from esd_tasks.migrate.request import MigrateRequest
        from esd_tasks.migrate.run import run_plan
        from esd_tasks.progress import Bars

        plan = make_plan(MigrateRequest(**request_options(given)))
        if dry_run:
            cost = plan.cost()
            typer.echo(json.dumps(cost, indent=2, ensure_ascii=False) if as_json else "\n".join(_cost_lines(cost)))
            return
        see_files([plan], asked=verify)
        with Bars(quiet=quiet) as bars:
            result = run_plan(plan, on_progress=bars)
        if as_json:
            typer.echo(json.dumps(result.as_dict(), indent=2, ensure_ascii=False))
        elif not quiet:
            typer.echo("\n".join(_lines(result)))
        result.see_whole()


def _cost_lines(cost: dict[str, Any]) -> Iterator[str]:
    """Say what a run would read and write."""
    from esd_tasks.commands.frame import size_in_words

    years = cost["years"]
    yield f"labels    {cost['labels']:,} of {len(cost['classes'])} classes"
    yield f"years     {years[0]} to {years[-1]}, {len(years)} of them"
    yield f"items     {len(cost['items'])}, {size_in_words(cost['bytes'])}, of which the blocks around labels are read"
    yield f"output    {cost['output']}"
    yield "next: run the same command without --dry-run"


def _lines(result: "MigrateResult") -> Iterator[str]:
    """Say samples by class, rows by status, where everything is, and what comes next."""
    figures = result.record["result"]
    if result.already_done:
        yield f"already done: {result.paths['samples']} holds the result of the same input and options"
    width = max(5, *(len(one["class_name"]) for one in figures["classes"]))
    yield f"{'class':{width}}  {'samples':>7}  {'stable':>6}  {'changed':>7}  {'labels':>7}"
    for one in figures["classes"]:
        yield (
            f"{one['class_name']:{width}}  {one['samples']:7,}  {one['stable']:6,}  {one['changed']:7,}  "
            f"{one['labels']:7,}"
        )
    yield "rows: " + ", ".join(f"{count:,} {status}" for status, count in figures["rows"].items())
    yield from (f"note: {note}" for note in result.notes)
    yield from (f"{kind:7}  {path}" for kind, path in result.paths.items())
    yield from (f"next: {step}" for step in result.next_steps)
