"""`esd-tasks change land-cover`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esd_tasks.commands import change_frame, options
from esd_tasks.commands.frame import errors, messages

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
    full_clear: change_frame.FullClear = None,
    min_clear: options.MinClear = 0,
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
        Path | None, typer.Option("--output", "-o", help="Folder. Default: [<area>-]change-land-cover-<years>.")
    ] = None,
) -> None:
    """Map classes of every year with a trained model, made consistent by a transition model.

    Writes a class map a year (COG), how often and when classes changed, what became what, the mapped area of each
    class and year, pictures, a STAC item and a record of the run. Mapped areas are no estimates of area.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.change.land_cover import plan_land_cover, run_land_cover
        from esd_tasks.change.model_request import LandCoverRequest

        request = LandCoverRequest(
            model=model,
            years=years,
            catalog=catalog,
            geometry=geometry,
            bbox=bbox,
            covariate=tuple(covariate or ()),
            expected_rate=expected_rate,
            learn=learn,
            class_error=class_error,
            full_clear=full_clear,
            min_clear=min_clear,
            seed=seed,
            threads=threads,
            memory=memory,
            workers=workers,
            scheduler=scheduler,
            overwrite=overwrite,
            output=output,
        )
        plan = plan_land_cover(request)
        change_frame.carry_out(plan, run_land_cover, dry_run=dry_run, as_json=as_json, quiet=quiet, lines=_lines)


def _lines(result: "MapResult") -> Iterator[str]:
    found = result.record["result"]
    names, mapped = list(found["classes"].values()), found["mapped_pixels"]
    first, last = str(found["years"][0]), str(found["years"][-1])
    total = max(sum(mapped[last]), 1)
    width = max(5, *(len(name) for name in names))
    yield f"{'class':{width}}  {'mapped ' + first:>11}  {'mapped ' + last:>11}"
    for name, before, after in zip(names, mapped[first], mapped[last], strict=True):
        yield f"{name:{width}}  {before / total:11.2%}  {after / total:11.2%}"
    yield (
        f"next: look at {result.paths['preview']} and {result.paths['from_to_picture']}; for the areas of a year draw "
        f"reference places: esd-tasks design {result.paths[f'classes_{last}']}"
    )
