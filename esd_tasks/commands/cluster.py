"""`esd-tasks cluster`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import Task, carry_out

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult


def cluster(
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    n_clusters: Annotated[int, typer.Option(metavar="N", help="Clusters to find, 2 to 255.")] = 10,
    catalog: options.Catalog = None,
    year: options.Year = None,
    min_clear: options.MinClear = 0,
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
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <geometry>-clusters-<year>.")
    ] = None,
) -> None:
    """Find clusters of pixels whose year looks alike, without labels, and map them in colours that follow likeness."""
    carry_out(_task, locals())


def _task() -> Task:
    from esd_tasks.cluster import ClusterRequest, make_plan, run_plan

    return Task(request=ClusterRequest, plan=make_plan, run=run_plan, lines=_lines, look=_look)


def _lines(result: "MapResult") -> Iterator[str]:
    """Say how well clusters describe the pixels, and what they are not."""
    from esd_tasks.cluster import STATEMENT, explained_line

    figures = result.record["result"]
    yield explained_line(figures["explained_variance"], figures["n_clusters"])
    yield f"note: {STATEMENT}"


def _look(result: "MapResult") -> str:
    return f"look at {result.paths['preview']}, open {result.paths['map']} in QGIS and name the clusters"
