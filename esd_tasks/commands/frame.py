"""What every command does around its call: errors as one line, messages on stderr, numbers in words."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from stactools_esd.errors import EsdError


@contextmanager
def errors() -> Iterator[None]:
    """Turn errors of ours into one line and their exit code."""
    try:
        yield
    except EsdError as error:
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        typer.echo("Error: interrupted; the same command continues the run", err=True)
        raise typer.Exit(130) from error


@contextmanager
def messages(*, verbose: bool, quiet: bool) -> Iterator[None]:
    """Send what the packages log, and their warnings, to stderr in plain lines while a command runs."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("esd_tasks")
    before = log.level
    log.setLevel(logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING)
    log.addHandler(handler)

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        log.warning("Warning: %s", " ".join(str(message).split()))

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
