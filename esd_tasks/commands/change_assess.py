"""`esd-tasks change assess`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages


def assess(
    folder: Annotated[Path, typer.Argument(help="Folder of `change pair` or `change series`.")],
    reference: Annotated[Path, typer.Option(help="Points with event years, or with change and no change.")],
    layer: Annotated[str | None, typer.Option(help="Layer of the reference, where there are several.")] = None,
    event_field: Annotated[
        str | None, typer.Option(help="Field of the event years: 2012, 2005;2012, or nothing where nothing happened.")
    ] = None,
    weight_field: Annotated[
        str | None, typer.Option(help="Field of what each place stands for: the inverse of its chance of being drawn.")
    ] = None,
    block_size: Annotated[
        float | None,
        typer.Option(metavar="METRES", help="Blocks drawn together for intervals. Default: each pixel alone."),
    ] = None,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Output folder. Default: <folder>-assessment.")
    ] = None,
) -> None:
    """Judge a map of change by reference places that had no part in it.

    User's and producer's accuracy at the exact year, within one and two years, and of footprints; one mapped event
    matches one reference event. Places that chose the threshold or trained the model are refused.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.change import assess as task
        from esd_tasks.report_page import REPORT

        request = task.AssessRequest(
            folder=folder,
            reference=reference,
            layer=layer,
            event_field=event_field,
            weight_field=weight_field,
            block_size=block_size,
            seed=seed,
            overwrite=overwrite,
            output=output,
        )
        report = task.assess(request, dry_run=dry_run)
        if as_json:
            typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
        elif not quiet:
            typer.echo("\n".join(task.lines_of(report)))
            if dry_run:
                typer.echo("next: run the same command without --dry-run")
                return
            where = request.output_or_default
            typer.echo(f"accuracy  {where / task.ACCURACY}\npicture   {where / task.PICTURE}")
            typer.echo(f"report    {where / REPORT}\nnext: look at {where / REPORT}")
