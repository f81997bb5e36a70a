"""What every command does around its call: errors as one line, messages on stderr, numbers in words.

A command that plans and then makes something in a folder is its options and one call of `carry_out`.
"""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import typer

from esd_tasks.commands.options import metres_or_word
from stactools_esd.errors import EsdError
from stactools_esd.files import said_of
from stactools_esd.usage_line import one_line

_HOW: Final = ("dry_run", "as_json", "verbose", "quiet", "verify")
"""Options that say how a command talks; the others say what it does."""

_METRES: Final[Mapping[str, tuple[str, ...]]] = {"block_size": ("auto",), "buffer": ("auto", "range")}
"""Options in metres, and the words that may stand in their place."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task that plans, then runs; what it says of its result."""

    request: Callable[..., Any]
    """Makes the request of the options, and checks them."""

    plan: Callable[[Any], Any]
    """Makes the plan of a request."""

    run: Callable[..., Any]
    """Carries a plan out."""

    lines: Callable[[Any], Iterable[str]]
    """Says the figures of a result, a line each."""

    look: Callable[[Any], str]
    """Says the next step, after `next: `."""


def carry_out(task: Callable[[], Task], given: Mapping[str, Any]) -> None:
    """Do what a command was told: say what it would cost, or do it and say what was made.

    Args:
        task: Imports what the task needs, and returns it: `--help` must not wait for that.
        given: Every option of the command by its name.

    Raises:
        typer.Exit: Something went wrong, or could not be read; the message is on stderr.
    """
    with errors(), messages(verbose=given["verbose"], quiet=given["quiet"]):
        from esd_tasks.commands.map_output import echo_cost, echo_result
        from esd_tasks.progress import Bars

        made = task()
        plan = made.plan(made.request(**request_options(given)))
        if given["dry_run"]:
            echo_cost(plan.cost(), as_json=given["as_json"])
            return
        see_files([plan], asked=given["verify"])
        with Bars(quiet=given["quiet"]) as bars:
            result = made.run(plan, on_progress=bars)
        lines, look = list(made.lines(result)), made.look(result)
        echo_result(result, lines, as_json=given["as_json"], quiet=given["quiet"], look=look)


def request_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request takes of the options of a command: those that were given, lists as tuples.

    Raises:
        UsageError: A number of metres is none.
    """
    told = {name: value for name, value in given.items() if name not in _HOW and value is not None}
    for name, value in told.items():
        if name in _METRES and isinstance(value, str):
            told[name] = metres_or_word(value, f"--{name.replace('_', '-')}", _METRES[name])
        elif isinstance(value, list):
            told[name] = tuple(value)
    return told


def see_files(plans: Iterable[Any], *, asked: bool) -> None:
    """Hold the files of codes that plans read against the checksums of their items, where `--verify` asks for it.

    Raises:
        CatalogError: See `checksums.see_checksums`.
    """
    if asked:
        from esd_tasks.checksums import see_checksums

        see_checksums(item for plan in plans for item in getattr(plan, "all_items", None) or plan.items)


@contextmanager
def errors() -> Iterator[None]:
    """Turn errors of ours, and those of the system, into one line and their exit code."""
    try:
        yield
    except EsdError as error:
        typer.echo(f"Error: {one_line(error)}", err=True)
        raise typer.Exit(error.exit_code) from error
    except BrokenPipeError:  # whoever read the output has gone: typer ends the command
        raise
    except OSError as error:
        typer.echo(f"Error: {one_line(said_of(error))}", err=True)
        raise typer.Exit(EsdError.exit_code) from error
    except KeyboardInterrupt as error:
        typer.echo("Error: interrupted; the same command continues the run", err=True)
        raise typer.Exit(130) from error


class _Line(logging.Formatter):
    """Keeps every message on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a message without line breaks and signs that move a cursor."""
        return one_line(super().format(record))


@contextmanager
def messages(*, verbose: bool, quiet: bool) -> Iterator[None]:
    """Send what the packages log, and their warnings, to stderr in plain lines while a command runs."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Line("%(message)s"))
    log = logging.getLogger("esd_tasks")
    before = log.level
    log.setLevel(logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING)
    log.addHandler(handler)

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        log.warning("Warning: %s", message)

    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def size_in_words(count: float) -> str:
    """Return bytes in words."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
