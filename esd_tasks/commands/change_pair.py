"""`esd-tasks change pair`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esd_tasks.commands import change_options, options
from esd_tasks.commands.frame import Task, carry_out

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult


def pair(
    year1: Annotated[int, typer.Argument(help="The earlier year.")],
    year2: Annotated[int, typer.Argument(help="The later year.")],
    catalog: options.Catalog = None,
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    expected_rate: change_options.ExpectedRate = None,
    reference: Annotated[
        Path | None, typer.Option(help="Places changed and unchanged between both years, which choose the threshold.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the reference, where there are several.")] = None,
    class_field: Annotated[str | None, typer.Option(help="Field that says change or no change.")] = None,
    model: Annotated[Path | None, typer.Option(help="Folder of a model of `change train`.")] = None,
    measure: Annotated[Literal["level", "cosine"], typer.Option(help="Distance that decides.")] = "level",
    min_patch: change_options.MinPatch = 1,
    min_clear: options.MinClear = 0,
    block_size: change_options.BlockSize = "auto",
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
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: [<area>-]change-pair-<years>.")
    ] = None,
) -> None:
    """Map where two years differ by more than is usual between them.

    Writes the map of change and its magnitudes (COG), a QGIS style, a preview, a STAC item and a record of the run.
    How large a change is, say --expected-rate, --reference or --model; no number of ours does.
    """
    carry_out(_task, locals())


def _task() -> Task:
    from esd_tasks.change.pair import plan_pair, run_pair
    from esd_tasks.change.request import PairRequest

    return Task(request=PairRequest, plan=plan_pair, run=run_pair, lines=_lines, look=_look)


def _lines(result: "MapResult") -> Iterator[str]:
    found = result.record["result"]
    share = found["mapped_share_changed"]
    yield f"mapped as changed: {'nothing to compare' if share is None else f'{share:.2%} of the compared pixels'}"


def _look(result: "MapResult") -> str:
    return (
        f"look at {result.paths['preview']}; judge the map with `esd-tasks change assess {result.folder} "
        "--reference places.gpkg`"
    )
