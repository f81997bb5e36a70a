"""`esd-tasks design`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages

if TYPE_CHECKING:
    from esd_tasks.design import DesignPlan


def design(
    map: Annotated[Path, typer.Argument(help="Raster of classes, or the folder that classify wrote.")],
    expected_accuracy: Annotated[
        str | None,
        typer.Option(
            metavar="0.8|0.9,0.7,..|NAME=0.9,..|FILE",
            help="Expected user's accuracies: one, one a class by id, by name, or an accuracy.json. Default: 0.8.",
        ),
    ] = None,
    standard_error: Annotated[
        float, typer.Option(help="Wish for the standard error of overall accuracy; decides the total.")
    ] = 0.01,
    total: Annotated[int | None, typer.Option(help="Samples in all, instead.")] = None,
    allocation: Annotated[
        Literal["olofsson", "proportional", "equal", "neyman"],
        typer.Option(help="olofsson: a minimum for rare classes, the rest by area."),
    ] = "olofsson",
    minimum: Annotated[int, typer.Option(help="Samples of a rare class: 50 to 100.")] = 50,
    exclude: options.Exclude = None,
    legend: options.LegendFile = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Hide from the interpreter what the map says of the points.")
    ] = False,
    seed: options.Seed = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier sample.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many samples; draw none.")] = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="GeoPackage. Default: <map>-sample.gpkg beside the map.")
    ] = None,
) -> None:
    """Draw reference places at random from the classes of a map, for its accuracy and areas.

    Writes points with an empty field reference, to be filled in by somebody who looks at better images, and a record
    of the draw beside them, which esd-tasks assess reads.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.design import make_design, run_design
        from esd_tasks.design_request import DesignRequest
        from esd_tasks.progress import Bars

        request = DesignRequest(
            map=map,
            expected_accuracy=expected_accuracy,
            standard_error=standard_error,
            total=total,
            allocation=allocation,
            minimum=minimum,
            exclude=tuple(exclude or ()),
            legend=legend,
            blind=blind,
            seed=seed,
            overwrite=overwrite,
            output=output,
        )
        with Bars(quiet=quiet) as bars:
            plan = make_design(request, bars)
            result = None if dry_run else run_design(plan, bars)
        if as_json:
            content = plan.as_dict() if result is None else result.as_dict()
            typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
        elif not quiet:
            typer.echo("\n".join([*_lines(plan), *_ending(plan, result.paths if result else None)]))


def _lines(plan: "DesignPlan") -> Iterator[str]:
    """List the classes with their samples, and what is to be expected of them."""
    width = max(5, *(len(stratum.class_name) for stratum in plan.strata))
    yield f"{'class':{width}}  {'pixels':>13}  {'share':>6}  {'expected user':>13}  {'samples':>7}"
    for stratum, share in zip(plan.strata, plan.counts.weights.tolist(), strict=True):
        yield (
            f"{stratum.class_name:{width}}  {stratum.pixels:13,}  {share:6.1%}  "
            f"{stratum.expected_users_accuracy:13.2f}  {stratum.samples:7,}"
        )
    yield (
        f"{sum(plan.samples):,} samples ({plan.request.allocation}): if the expected accuracies are right, overall "
        f"accuracy will have a standard error of {plan.expected_standard_error:.4f}"
    )
    yield from (f"note: {note}" for note in plan.notes)


def _ending(plan: "DesignPlan", paths: dict[str, Path] | None) -> Iterator[str]:
    """Say where everything is, and what comes next."""
    if paths is None:
        yield "next: run the same command without --dry-run"
        return
    yield from (f"{kind:6}  {path}" for kind, path in paths.items())
    yield (
        f"next: fill in the field reference with class names in QGIS, then run esd-tasks assess {plan.request.map} "
        f"--reference {paths['sample']}"
    )
