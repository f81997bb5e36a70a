"""`esd-tasks cluster`."""

from pathlib import Path
from typing import Annotated

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages
from esd_tasks.commands.map_output import echo_cost, echo_result


def cluster(
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    n_clusters: Annotated[int, typer.Option(metavar="N", help="Clusters to find, 2 to 255.")] = 10,
    catalog: options.Catalog = None,
    year: options.Year = None,
    min_clear: options.MinClear = 0,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <geometry>-clusters.")
    ] = None,
) -> None:
    """Find clusters of pixels whose year looks alike, without labels, and map them in colours that follow likeness."""
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.cluster import STATEMENT, ClusterRequest, explained_line, make_plan, run_plan
        from esd_tasks.progress import Bars

        request = ClusterRequest(
            geometry=geometry,
            bbox=bbox,
            n_clusters=n_clusters,
            catalog=catalog,
            year=year,
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
        figures = result.record["result"]
        lines = [explained_line(figures["explained_variance"], figures["n_clusters"]), f"note: {STATEMENT}"]
        look = f"look at {result.paths['preview']}, open {result.paths['map']} in QGIS and name the clusters"
        echo_result(result, lines, as_json=as_json, quiet=quiet, look=look)
