"""The group of all commands: whatever goes wrong before one begins is one line too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer
from typer.core import TyperGroup

from stactools_esd.errors import UsageError
from stactools_esd.usage_line import INTERRUPTED, usage_line

_PARSER_ERROR: Final[Any] = typer.BadParameter.__mro__[1]
"""`click.UsageError`, of click itself or of typer's copy of it, which has no public name."""


class RootGroup(TyperGroup):
    """A group whose complaints of options are one line on stderr, and exit code 2."""

    def make_context(self, *given: Any, **extra: Any) -> Any:
        """Read the options before the command."""
        with _one_line():
            return super().make_context(*given, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Read the options of a command, and run it."""
        with _one_line():
            return super().invoke(ctx)


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except _PARSER_ERROR as error:
        if (line := usage_line(error)) is None:
            raise
        typer.echo(line, err=True)
        raise typer.Exit(UsageError.exit_code) from error
    except KeyboardInterrupt as error:
        typer.echo("Error: interrupted before anything was done; run the same command again", err=True)
        raise typer.Exit(INTERRUPTED) from error
