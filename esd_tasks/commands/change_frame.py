"""What the commands of `esd-tasks change` share: planning, running, printing."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from esd_tasks.commands.frame import size_in_words
from stactools_esd.errors import UsageError

if TYPE_CHECKING:
    from esd_tasks.change.area import ChangePlan
    from esd_tasks.map_run import MapResult

_Plan = TypeVar("_Plan", bound="ChangePlan")

ExpectedRate = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Share of pixels expected to have changed, such as 0.02."),
]
MinPatch = Annotated[int, typer.Option(metavar="PIXELS", help="Smallest patch of change that is kept.")]
FullClear = Annotated[
    float | None,
    typer.Option(metavar="N", help="Clear observations with which a year counts fully. Default: the tiles' median."),
]
BlockSize = Annotated[
    str, typer.Option(metavar="auto|METRES", help="Side of the blocks of the spatial cross-validation.")
]


def block_size(text: str) -> Any:
    """Read `auto` or metres.

    Raises:
        UsageError: It is neither.
    """
    if text == "auto":
        return "auto"
    try:
        metres = float(text)
    except ValueError:
        metres = 0.0
    if not 1 <= metres < float("inf"):
        raise UsageError(f"got --block-size {text}, expected 1 metre or more, or auto; correct it")
    return metres


def carry_out(
    plan: _Plan,
    run: Callable[..., "MapResult"],
    *,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    lines: Callable[["MapResult"], Iterator[str]],
) -> None:
    """Say what a plan costs, or run it and say what was made.

    Raises:
        PartlyDoneError: Something could not be read; the message lists it.
    """
    from esd_tasks.progress import Bars

    if dry_run:
        cost = plan.cost()
        typer.echo(json.dumps(cost, indent=2, ensure_ascii=False) if as_json else "\n".join(cost_lines(cost)))
        return
    with Bars(quiet=quiet) as bars:
        result = run(plan, on_progress=bars)
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2, ensure_ascii=False))
    elif not quiet:
        typer.echo("\n".join(result_lines(result, lines)))
    result.see_whole()


def cost_lines(cost: dict[str, Any]) -> Iterator[str]:
    """Say what a run would read."""
    years = cost["years"]
    yield f"years     {years[0]} to {years[-1]}, {len(years)} of them"
    yield f"map       {cost['width']:,} x {cost['height']:,} = {cost['pixels']:,} pixels"
    total, needed = size_in_words(cost["bytes"]), size_in_words(cost["bytes_to_read"])
    yield f"items     {len(cost['items'])}, {total}, about {needed} to read, and windows of whole tiles besides"
    for item in cost["items"][:8]:
        yield f"          {item['id']}  {'size unknown' if item['bytes'] is None else size_in_words(item['bytes'])}"
    if len(cost["items"]) > 8:
        yield f"          and {len(cost['items']) - 8} more"
    yield f"output    {cost['output']}"
    yield "next: run the same command without --dry-run"


def result_lines(result: "MapResult", lines: Callable[["MapResult"], Iterator[str]]) -> Iterator[str]:
    """Say what was made: figures, notes, paths; the lines of the command come before the paths, `next:` last."""
    if result.already_done:
        yield f"already done: {result.folder} holds the result of the same codes and options"
    said = list(lines(result))
    yield from said[:-1]
    yield from (f"note: {note}" for note in result.notes)
    # Names and styles lie beside their rasters, under the same name: of many years they would hide the rest.
    shown = {kind: path for kind, path in result.paths.items() if not kind.endswith(("_names", "_style"))}
    width = max(len(kind) for kind in shown)
    yield from (f"{kind.replace('_', ' '):{width}}  {path}" for kind, path in shown.items())
    yield said[-1]
