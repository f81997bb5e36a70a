"""`esd-tasks change pair`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esd_tasks.commands import change_frame, options
from esd_tasks.commands.frame import errors, messages

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult


def pair(
    year1: Annotated[int, typer.Argument(help="The earlier year.")],
    year2: Annotated[int, typer.Argument(help="The later year.")],
    catalog: options.Catalog = None,
    geometry: options.Geometry = None,
    bbox: options.Bbox = None,
    expected_rate: change_frame.ExpectedRate = None,
    reference: Annotated[
        Path | None, typer.Option(help="Places changed and unchanged between both years, which choose the threshold.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the reference, where there are several.")] = None,
    class_field: Annotated[str | None, typer.Option(help="Field that says change or no change.")] = None,
    model: Annotated[Path | None, typer.Option(help="Folder of a model of `change train`.")] = None,
    measure: Annotated[Literal["level", "cosine"], typer.Option(help="Distance that decides.")] = "level",
    min_patch: change_frame.MinPatch = 1,
    min_clear: options.MinClear = 0,
    block_size: change_frame.BlockSize = "auto",
    seed: options.Seed = 0,
    threads: options.Threads = None,
    memory: options.Memory = None,
    workers: options.Workers = None,
    scheduler: options.Scheduler = None,
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
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.change.pair import plan_pair, run_pair
        from esd_tasks.change.request import PairRequest

        request = PairRequest(
            year1=year1,
            year2=year2,
            catalog=catalog,
            geometry=geometry,
            bbox=bbox,
            expected_rate=expected_rate,
            reference=reference,
            layer=layer,
            class_field=class_field,
            model=model,
            measure=measure,
            min_patch=min_patch,
            min_clear=min_clear,
            block_size=change_frame.block_size(block_size),
            seed=seed,
            threads=threads,
            memory=memory,
            workers=workers,
            scheduler=scheduler,
            overwrite=overwrite,
            output=output,
        )
        plan = plan_pair(request)
        change_frame.carry_out(plan, run_pair, dry_run=dry_run, as_json=as_json, quiet=quiet, lines=_lines)


def _lines(result: "MapResult") -> Iterator[str]:
    found = result.record["result"]
    share = found["mapped_share_changed"]
    yield f"mapped as changed: {'nothing to compare' if share is None else f'{share:.2%} of the compared pixels'}"
    yield (
        f"next: look at {result.paths['preview']}; judge the map with `esd-tasks change assess {result.folder} "
        "--reference places.gpkg`"
    )
