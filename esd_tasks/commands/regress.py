"""`esd-tasks regress`."""

from pathlib import Path
from typing import Annotated

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages
from esd_tasks.commands.map_output import echo_cost, echo_result


def regress(
    labels: options.Labels,
    target_field: Annotated[str, typer.Option(help="Field of the quantity to predict: numbers.")],
    units: Annotated[str, typer.Option(help="Unit of the quantity, as it shall stand in map and picture.")] = "",
    interval: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Add the ends of an interval that holds this share, e.g. 0.9."),
    ] = None,
    layer: options.Layer = None,
    catalog: options.Catalog = None,
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    year: options.Year = None,
    year_field: options.YearField = None,
    min_clear: options.MinClear = 0,
    polygon_rule: options.PolygonRule = "center",
    block_size: options.BlockSize = "auto",
    seed: options.Seed = 0,
    workers: options.Workers = None,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <labels>-<field>.")
    ] = None,
) -> None:
    """Map a measured quantity from labelled places, with R2, RMSE, MAE and bias by spatial cross-validation."""
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.progress import Bars
        from esd_tasks.regress import accuracy_line, run_plan
        from esd_tasks.regress_plan import RegressRequest, make_plan

        request = RegressRequest(
            labels=labels,
            target_field=target_field,
            units=units,
            interval=interval,
            layer=layer,
            catalog=catalog,
            geometry=geometry,
            bbox=bbox,
            year=year,
            year_field=year_field,
            min_clear=min_clear,
            polygon_rule=polygon_rule,
            block_size=options.metres_or_auto(block_size),
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
        accuracy = result.record["result"]["accuracy"]
        lines = [accuracy_line(accuracy), f"note: {accuracy['statement']}"]
        if "interval" in accuracy:
            lines.append(f"note: {accuracy['interval']['statement']}")
        pictures = f"{result.paths['preview']} and {result.paths['scatter']}"
        look = f"look at {pictures}, open {result.paths['prediction']} in QGIS"
        echo_result(result, lines, as_json=as_json, quiet=quiet, look=look)
