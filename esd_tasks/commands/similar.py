"""`esd-tasks similar`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages
from esd_tasks.commands.map_output import echo_cost, echo_result


def similar(
    examples: Annotated[Path, typer.Option(help="Example points or polygons: GeoPackage, GeoJSON or Shapefile.")],
    layer: Annotated[str | None, typer.Option(help="Layer of the examples, where there are several.")] = None,
    catalog: options.Catalog = None,
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    year: options.Year = None,
    compare: Annotated[
        Literal["prototype", "nearest"],
        typer.Option(help="Compare with the mean of the examples, or with the most similar of them."),
    ] = "prototype",
    top: Annotated[int, typer.Option(metavar="N", help="Write the N most similar places as a GeoPackage.")] = 0,
    apart: Annotated[
        float, typer.Option(metavar="METRES", help="Least distance between these places, and from the examples.")
    ] = 300.0,
    min_clear: options.MinClear = 0,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <examples>-similar.")
    ] = None,
) -> None:
    """Map how similar every pixel is to a few example places, 0..1, and suggest a threshold.

    The area is --geometry or --bbox, else the tiles that hold the examples.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.progress import Bars
        from esd_tasks.similar import SimilarRequest, make_plan, run_plan, threshold_line
        from esd_tasks.similarity import STATEMENT

        request = SimilarRequest(
            examples=examples,
            layer=layer,
            catalog=catalog,
            geometry=geometry,
            bbox=bbox,
            year=year,
            compare=compare,
            top=top,
            apart=apart,
            min_clear=min_clear,
            seed=seed,
            overwrite=overwrite,
            output=output,
        )
        plan = make_plan(request)
        if dry_run:
            echo_cost(plan.cost(), as_json=as_json)
            return
        with Bars(quiet=quiet) as bars:
            result = run_plan(plan, on_progress=bars)
        lines = [threshold_line(result.record["result"]), f"note: {STATEMENT}"]
        look = f"look at {result.paths['preview']}, open {result.paths['similarity']} in QGIS: its colours load with it"
        echo_result(result, lines, as_json=as_json, quiet=quiet, look=look)
