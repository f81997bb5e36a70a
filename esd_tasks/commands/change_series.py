"""`esd-tasks change series`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esd_tasks.commands import change_options, options
from esd_tasks.commands.frame import Task, carry_out

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult


def series(
    years: options.Years = None,
    catalog: options.Catalog = None,
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    false_alarms: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of changeless series that may show a break by chance.")
    ] = 0.01,
    min_years: Annotated[int, typer.Option(metavar="N", help="Years of a state, at least; 2 ignores odd years.")] = 2,
    min_last: Annotated[
        int | None, typer.Option(metavar="N", help="The same for the last state; 1 lets the last year break.")
    ] = None,
    min_magnitude: Annotated[
        float, typer.Option(metavar="0..1", help="Least level distance between the states of a break.")
    ] = 0.0,
    min_patch: change_options.MinPatch = 1,
    min_clear: options.MinClear = 0,
    full_clear: change_options.FullClear = None,
    max_events: Annotated[
        int | None, typer.Option(metavar="N", help="Breaks of a pixel that get bands. Default: as many as there are.")
    ] = None,
    table: Annotated[Literal["none", "csv", "parquet"], typer.Option(help="Also write each break as a row.")] = "none",
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
        Path | None, typer.Option("--output", "-o", help="Folder of the maps. Default: [<area>-]change-series-<years>.")
    ] = None,
) -> None:
    """Find every year in which a pixel changed for good.

    Writes break years, magnitudes and durations (COG), a QGIS style, a preview, a STAC item and a record of the run.
    A break year t lies between t - 1 and t. A run that was killed continues where it was.
    """
    carry_out(_task, locals())


def _task() -> Task:
    from esd_tasks.change.request import SeriesRequest
    from esd_tasks.change.series import plan_series, run_series

    return Task(request=SeriesRequest, plan=plan_series, run=run_series, lines=_lines, look=_look)


def _lines(result: "MapResult") -> Iterator[str]:
    found = result.record["result"]
    pixels = found["tallies"]["mapped"]
    yield f"{'year':>6}  {'breaks':>9}  {'share':>7}"
    for year, count in found["pixels_by_break_year"].items():
        yield f"{year:>6}  {count:9,}  {count / pixels if pixels else 0:7.2%}"
    changed = found["tallies"]["changed_after_filters"]
    yield f"pixels with a break: {changed:,} of {pixels:,}"


def _look(result: "MapResult") -> str:
    return (
        f"look at {result.paths['preview']}, open {result.paths['breaks']} in QGIS; judge it with "
        f"`esd-tasks change assess {result.folder} --reference places.gpkg`"
    )
