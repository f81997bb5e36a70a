"""`esd-tasks predict`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages
from esd_tasks.commands.map_output import echo_cost, echo_result


def predict(
    model: Annotated[Path, typer.Argument(help="Folder that `esd-tasks classify` wrote.", show_default=False)],
    catalog: options.Catalog = None,
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    year: options.Year = None,
    covariate: options.Covariate = None,
    band: options.Band = None,
    smooth: options.Smooth = 0,
    mmu: options.Mmu = 0,
    min_clear: options.MinClear = 0,
    workers: options.Workers = None,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <area>-predict.")
    ] = None,
) -> None:
    """Make a class map of any place and year with a saved model: no labels are needed.

    Codes of another encoder or input recipe than the model's are refused. Without an area, every item of the year is
    mapped. Nothing here measures how right the map is.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.predict import PredictRequest, make_plan, run_plan
        from esd_tasks.progress import Bars

        request = PredictRequest(
            model=model,
            catalog=catalog,
            geometry=geometry,
            bbox=bbox,
            year=year,
            covariate=tuple(covariate or ()),
            band=tuple(band or ()),
            smooth=smooth,
            mmu=mmu,
            min_clear=min_clear,
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
        look = (
            f"look at {result.paths['preview']}; for its accuracy, draw reference places with esd-tasks design, then "
            "esd-tasks assess"
        )
        echo_result(result, list(_lines(result.record["result"])), as_json=as_json, quiet=quiet, look=look)


def _lines(result: dict[str, Any]) -> Iterator[str]:
    """Say the share of each class."""
    width = max(5, *(len(entry["class_name"]) for entry in result["classes"]))
    total = sum(entry["mapped_pixels"] for entry in result["classes"])
    yield f"{'class':{width}}  {'mapped':>7}"
    for entry in result["classes"]:
        yield f"{entry['class_name']:{width}}  {entry['mapped_pixels'] / total if total else 0.0:7.1%}"
