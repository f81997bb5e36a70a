"""`esd-tasks change train`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esd_tasks.commands import change_options, options
from esd_tasks.commands.frame import errors, messages, see_files
from esd_tasks.commands.options import metres_or_word

if TYPE_CHECKING:
    from esd_tasks.change.train_result import TrainResult


def train(
    labels: Annotated[Path, typer.Argument(help="Places with two years each, changed or not.")],
    catalog: options.Catalog = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the labels, where there are several.")] = None,
    class_field: Annotated[
        str | None, typer.Option(help="Field that says change or no change, or what became what.")
    ] = None,
    year1_field: Annotated[str, typer.Option(help="Field of the earlier year.")] = "year1",
    year2_field: Annotated[str, typer.Option(help="Field of the later year.")] = "year2",
    expected_rate: change_options.ExpectedRate = None,
    block_size: change_options.BlockSize = "auto",
    min_clear: options.MinClear = 0,
    seed: options.Seed = 0,
    verify: options.Verify = False,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the model. Default: <labels>-change-model.")
    ] = None,
) -> None:
    """Train a model of change on labelled pairs of years, with leakage-reduced accuracy.

    Writes model.txt and model.json, which `change pair --model` applies to any two years of the same encoder and
    recipe, the accuracy, and the curve of precision over recall.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.change.model_request import TrainRequest
        from esd_tasks.change.train import plan_training, run_training
        from esd_tasks.progress import Bars

        side: Any = metres_or_word(block_size, "--block-size", ("auto",))
        request = TrainRequest(
            labels=labels,
            catalog=catalog,
            layer=layer,
            class_field=class_field,
            year1_field=year1_field,
            year2_field=year2_field,
            expected_rate=expected_rate,
            block_size=side,
            min_clear=min_clear,
            seed=seed,
            overwrite=overwrite,
            output=output,
        )
        plan = plan_training(request)
        if dry_run:
            cost = plan.cost()
            typer.echo(json.dumps(cost, indent=2, ensure_ascii=False) if as_json else "\n".join(_plan_lines(cost)))
            return
        see_files([plan], asked=verify)
        with Bars(quiet=quiet) as bars:
            result = run_training(plan, on_progress=bars)
        if as_json:
            typer.echo(json.dumps(result.as_dict(), indent=2, ensure_ascii=False))
        elif not quiet:
            typer.echo("\n".join(_lines(result)))
        result.see_whole()


def _plan_lines(cost: dict[str, Any]) -> Iterator[str]:
    yield f"labels    {cost['labels']:,}, {', '.join(cost['kinds'])}"
    yield f"years     {', '.join(f'{first} to {last}' for first, last in cost['pairs'])}"
    yield f"items     {len(cost['items'])}"
    yield f"output    {cost['output']}"
    yield "next: run the same command without --dry-run"


def _lines(result: "TrainResult") -> Iterator[str]:
    if result.already_done:
        yield f"already done: {result.folder} holds the model of the same labels, codes and options"
    yield from (f"note: {note}" for note in result.notes)
    yield f"note: {result.accuracy['statement']}"
    width = max(len(kind) for kind in result.paths)
    yield from (f"{kind.replace('_', ' '):{width}}  {path}" for kind, path in result.paths.items())
    yield f"next: look at {result.paths['curve']}, then `esd-tasks change pair YEAR1 YEAR2 --model {result.folder}`"
