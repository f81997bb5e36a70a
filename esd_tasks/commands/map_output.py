"""What commands print of a map: what it would cost, and what was made."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import typer

from esd_tasks.commands.frame import size_in_words

if TYPE_CHECKING:
    from esd_tasks.map_run import MapResult

_MOST_ITEMS: Final = 12
"""Items that `--dry-run` lists in lines; JSON has all."""


def echo_cost(cost: dict[str, Any], *, as_json: bool) -> None:
    """Print what a run would read and write."""
    typer.echo(json.dumps(cost, indent=2, ensure_ascii=False) if as_json else "\n".join(_cost_lines(cost)))


def echo_result(result: "MapResult", lines: Sequence[str], *, as_json: bool, quiet: bool, look: str) -> None:
    """Print a finished run: its figures, notes, paths and the next step.

    Args:
        result: The run.
        lines: Figures, a line each.
        as_json: Print JSON in place of lines.
        quiet: Print nothing but JSON that was asked for.
        look: The next step, after `next: `.

    Raises:
        PartlyDoneError: Something could not be read; the message lists it.
    """
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2, ensure_ascii=False))
    elif not quiet:
        typer.echo("\n".join(_result_lines(result, lines, look)))
    result.see_whole()


def class_lines(classes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say the mapped share of each class, with the labels of each where they are known."""
    width = max(5, *(len(entry["class_name"]) for entry in classes))
    total = sum(entry["mapped_pixels"] for entry in classes)
    labels = f"  {'labels':>6}" if "labels" in classes[0] else ""
    yield f"{'class':{width}}{labels}  {'mapped':>7}"
    for entry in classes:
        count = f"  {entry['labels']:6}" if labels else ""
        yield f"{entry['class_name']:{width}}{count}  {entry['mapped_pixels'] / total if total else 0.0:7.1%}"


def look_at_map(result: "MapResult") -> str:
    """Say what to do with a class map."""
    return f"look at {result.paths['preview']}, open {result.paths['map']} in QGIS: names and colours load with it"


def _cost_lines(cost: dict[str, Any]) -> Iterator[str]:
    if years := cost.get("years"):
        yield f"years     {years[0]} to {years[-1]}, {len(years)} of them"
    else:
        yield f"year      {cost['year']}"
    if "pixels" in cost:
        yield f"map       {cost['width']:,} x {cost['height']:,} = {cost['pixels']:,} pixels"
    if "labels" in cost:
        classes = f" of {len(cost['classes'])} classes" if "classes" in cost else ""
        yield f"labels    {cost['labels']:,}{classes}"
    all_bytes, needed = size_in_words(cost["bytes"]), size_in_words(cost["bytes_to_read"])
    besides = ", and windows of whole tiles besides" if years else ""
    yield f"items     {len(cost['items'])}, {all_bytes}, about {needed} to read{besides}"
    for item in cost["items"][:_MOST_ITEMS]:
        yield f"          {item['id']}  {'size unknown' if item['bytes'] is None else size_in_words(item['bytes'])}"
    if (more := len(cost["items"]) - _MOST_ITEMS) > 0:
        yield f"          and {more} more"
    if models := cost.get("models"):
        parts = ", ".join(f"{name} {n}" for name, n in models.items() if n)
        yield f"models    {sum(models.values())} to train: {parts}"
    yield f"output    {cost['output']}"
    yield "next: run the same command without --dry-run"


def _result_lines(result: "MapResult", lines: Sequence[str], look: str) -> Iterator[str]:
    if result.already_done:
        yield f"already done: {result.folder} holds the result of the same input and options"
    yield from lines
    yield from (f"note: {note}" for note in result.notes)
    # Names and styles lie beside their rasters, under the same name: those of many years would hide the rest.
    many = sum(kind.endswith("_style") for kind in result.paths) > 1
    shown = {kind: path for kind, path in result.paths.items() if not (many and kind.endswith(("_names", "_style")))}
    width = max(len(kind) for kind in shown)
    yield from (f"{kind.replace('_', ' '):{width}}  {path}" for kind, path in shown.items())
    yield f"next: {look}"
