"""`esd-tasks few-shot`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages
from esd_tasks.commands.map_output import echo_cost, echo_result


def few_shot(
    labels: options.Labels,
    layer: options.Layer = None,
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
    workers: options.Workers = None,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <labels>-few-shot.")
    ] = None,
) -> None:
    """Make a class map from 1 to 50 labels a class, by the small classifier that serves them best.

    Nearest class mean, nearest neighbours, logistic regression, and trees from ten labels a class are tried on labels
    left out; all scores are printed. They choose, and are not the accuracy of the map.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.few_shot import FewShotRequest, make_plan, run_plan
        from esd_tasks.progress import Bars

        request = FewShotRequest(
            labels=labels,
            layer=layer,
            catalog=catalog,
            geometry=geometry,
            bbox=bbox,
            year=year,
            class_field=class_field,
            year_field=year_field,
            legend=legend,
            head=head,
            buffer=buffer,
            min_clear=min_clear,
            polygon_rule=polygon_rule,
            seed=seed,
            workers=workers,
            overwrite=overwrite,
            output=output,
        )
        plan = make_plan(request)
        if dry_run:
            echo_cost(plan.cost(), as_json=as_json)
            return
        with Bars(quiet=quiet) as bars:
            result = run_plan(plan, on_progress=bars)
        look = f"look at {result.paths['preview']}, open {result.paths['map']} in QGIS: names and colours load with it"
        echo_result(result, list(_lines(result.record["result"])), as_json=as_json, quiet=quiet, look=look)


def _lines(result: dict[str, Any]) -> Iterator[str]:
    """Say the classes, and how each head did."""
    width = max(5, *(len(entry["class_name"]) for entry in result["classes"]))
    total = sum(entry["mapped_pixels"] for entry in result["classes"])
    yield f"{'class':{width}}  {'labels':>6}  {'mapped':>7}"
    for entry in result["classes"]:
        share = entry["mapped_pixels"] / total if total else 0.0
        yield f"{entry['class_name']:{width}}  {entry['labels']:6}  {share:7.1%}"
    choice = result["choice"]
    yield f"{'head':10}  balanced score ± SE, {choice['n_tested']} labels, {choice['protocol']}"
    for score in choice["scores"]:
        chosen = "  <- chosen" if score["head"] == choice["head"] else ""
        if score["balanced_accuracy"] is None:
            yield f"{score['head']:10}  untested{chosen}"
        else:
            yield f"{score['head']:10}  {score['balanced_accuracy']:.3f} ± {score['standard_error']:.3f}{chosen}"
    yield f"note: {choice['statement']}"
