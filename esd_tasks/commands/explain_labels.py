"""`esd-tasks explain-labels`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages

if TYPE_CHECKING:
    from esd_tasks.explain.run import ExplainResult


def explain_labels(
    samples: Annotated[Path, typer.Argument(help="GeoPackage that migrate-labels wrote.")],
    encoder: Annotated[
        str | None, typer.Option(help="Name or path of the encoder that made the codes. Default: what they name.")
    ] = None,
    sample: Annotated[
        list[int] | None, typer.Option(metavar="ID", help="Explain this sample only; may be repeated.")
    ] = None,
    pages: Annotated[int, typer.Option(metavar="N", help="Changes that get a page, the most unusual first.")] = 50,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many changes; write nothing.")] = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder. Default: <samples>-explained beside the samples.")
    ] = None,
) -> None:
    """Say why labels change: which months, levels and bands of a year are not what the sample normally shows.

    Writes a page for each change, a table of all, counts by what became what, and a report.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.explain.request import ExplainRequest, make_plan
        from esd_tasks.explain.run import run_plan
        from esd_tasks.progress import Bars

        plan = make_plan(
            ExplainRequest(
                samples=samples, encoder=encoder, sample=tuple(sample or ()), pages=pages, seed=seed,
                overwrite=overwrite, output=output,
            )
        )  # fmt: skip
        if dry_run:
            said = plan.as_dict()
            lines = [f"{name.replace('_', ' '):15}  {value}" for name, value in said.items()]
            plain = "\n".join([*lines, "next: run the same command without --dry-run"])
            typer.echo(json.dumps(said, indent=2, ensure_ascii=False) if as_json else plain)
            return
        with Bars(quiet=quiet) as bars:
            result = run_plan(plan, on_progress=bars)
        if as_json:
            typer.echo(json.dumps(result.as_dict(), indent=2, ensure_ascii=False))
        elif not quiet:
            typer.echo("\n".join(_lines(result)))


def _lines(result: "ExplainResult") -> Iterator[str]:
    figures = result.record["result"]
    if result.already_done:
        yield f"already done: {result.folder} holds the result of the same input and options"
    yield f"{figures['changes']} changes of {figures['changed_samples']} samples, {figures['pages']} with a page"
    yield from (f"note: {note}" for note in result.record["notes"])
    shown = {kind: path for kind, path in result.paths.items() if kind in ("report", "table", "summary")}
    yield from (f"{kind:7}  {path}" for kind, path in shown.items())
    first = next((path for path in result.paths.values() if path.suffix == ".png"), result.paths["report"])
    yield f"next: look at {first}: what deviates should fit what is said to have happened"
