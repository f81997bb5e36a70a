"""`esd-tasks change land-cover`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esd_tasks.commands import change_options, options
from esd_tasks.commands.frame import Task, carry_out

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult


def land_cover(
    model: Annotated[Path, typer.Argument(help="Folder of a model of `esd-tasks classify`.")],
    years: options.Years = None,
    catalog: options.Catalog = None,
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    covariate: options.Covariate = None,
    expected_rate: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of pixels that changes its class from year to year.")
    ] = 0.02,
    learn: Annotated[
        bool, typer.Option("--learn", help="Learn transitions from the series, from that share on.")
    ] = False,
    class_error: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Share of yearly classes that are wrong. Default: by the model's accuracy."),
    ] = None,
    full_clear: change_options.FullClear = None,
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
        Path | None, typer.Option("--output", "-o", help="Folder. Default: [<area>-]change-land-cover-<years>.")
    ] = None,
) -> None:
    """Map classes of every year with a trained model, made consistent by a transition model.

    Writes a class map a year (COG), how often and when classes changed, what became what, the mapped area of each
    class and year, pictures, a STAC item and a record of the run. Mapped areas are no estimates of area.
    """
    carry_out(_task, locals())


def _task() -> Task:
    from esd_tasks.change.land_cover import plan_land_cover, run_land_cover
    from esd_tasks.change.model_request import LandCoverRequest

    return Task(request=LandCoverRequest, plan=plan_land_cover, run=run_land_cover, lines=_lines, look=_look)


def _lines(result: "MapResult") -> Iterator[str]:
    found = result.record["result"]
    names, mapped = list(found["classes"].values()), found["mapped_pixels"]
    first, last = str(found["years"][0]), str(found["years"][-1])
    total = max(sum(mapped[last]), 1)
    width = max(5, *(len(name) for name in names))
    yield f"{'class':{width}}  {'mapped ' + first:>11}  {'mapped ' + last:>11}"
    for name, before, after in zip(names, mapped[first], mapped[last], strict=True):
        yield f"{name:{width}}  {before / total:11.2%}  {after / total:11.2%}"


def _look(result: "MapResult") -> str:
    last = result.record["result"]["years"][-1]
    return (
        f"look at {result.paths['preview']} and {result.paths['from_to_picture']}; for the areas of a year draw "
        f"reference places: esd-tasks design {result.paths[f'classes_{last}']}"
    )
