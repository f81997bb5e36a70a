"""`esd-tasks similar`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import Task, carry_out

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult


def similar(
    examples: Annotated[Path, typer.Option(help="Example points or polygons: GeoPackage, GeoJSON or Shapefile.")],
    layer: options.Layers = None,
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
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <examples>-similar-<year>.")
    ] = None,
) -> None:
    """Map how similar every pixel is to a few example places, 0..1, and suggest a threshold.

    The area is --geometry or --bbox, else the tiles that hold the examples.
    """
    carry_out(_task, locals())


def _task() -> Task:
    from esd_tasks.similar import SimilarRequest, make_plan, run_plan

    return Task(request=SimilarRequest, plan=make_plan, run=run_plan, lines=_lines, look=_look)


def _lines(result: "MapResult") -> Iterator[str]:
    """Say the threshold."""
    from esd_tasks.similar import threshold_line
    from esd_tasks.similarity import STATEMENT

    yield threshold_line(result.record["result"])
    yield f"note: {STATEMENT}"


def _look(result: "MapResult") -> str:
    return f"look at {result.paths['preview']}, open {result.paths['similarity']} in QGIS: its colours load with it"
