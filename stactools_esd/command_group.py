"""What all commands of `stac esd` share: the group, its errors, and what a command prints in the end."""

import shlex
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import click

from stactools_esd.errors import EsdError, UsageError
from stactools_esd.files import said_of
from stactools_esd.usage_line import INTERRUPTED, one_line, usage_line


class EsdGroup(click.Group):
    """A group whose errors and warnings are one line each on stderr."""

    def make_context(self, *given: Any, **extra: Any) -> click.Context:
        """Read the options before the command; what the parser says of them is one line."""
        try:
            return super().make_context(*given, **extra)
        except click.UsageError as error:
            _leave(error)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours leaves with its own exit code."""
        try:
            with warnings.catch_warnings():
                said: set[str] = set()
                warnings.showwarning = lambda message, *_, **__: _warn_once(str(message), said)
                return super().invoke(ctx)
        except click.UsageError as error:
            _leave(error)
        except EsdError as error:
            click.echo(f"Error: {one_line(error)}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("Error: interrupted; run the same command again", err=True)
            ctx.exit(INTERRUPTED)
        except OSError as error:
            click.echo(f"Error: {one_line(said_of(error))}", err=True)
            ctx.exit(EsdError.exit_code)


def _leave(error: click.UsageError) -> NoReturn:
    """Leave with what the parser says in one line; help is printed as ever."""
    if (line := usage_line(error)) is None:
        raise error
    click.echo(line, err=True)
    raise click.exceptions.Exit(UsageError.exit_code) from error


def _warn_once(message: str, said: set[str]) -> None:
    if message not in said:
        said.add(message)
        click.echo(f"Warning: {one_line(message)}", err=True)


@click.group("esd", cls=EsdGroup, short_help="Embedded Seamless Data: codes, items, catalogues")
def esd() -> None:
    """Make, describe and check Embedded Seamless Data (ESD)."""


tile_option = click.option("--tile", metavar="ID", help="MGRS tile, such as 50TMK.")
name_option = click.option("--name", metavar="NAME", help="Name of a custom area, instead of a tile: a-z, 0-9, _.")
window_option = click.option(
    "--window", "part", metavar="ROW,COL,HEIGHT,WIDTH", help="Part of the grid, in pixels from its upper left corner."
)


def one_place(tile: str | None, name: str | None) -> str | None:
    """Return the tile, or the custom area as a tile."""
    from stactools_esd.names import area_tile

    if tile and name:
        raise UsageError(f"got both --tile {tile} and --name {name}, expected one of them; leave one out")
    return area_tile(name) if name else tile


def numbers(text: str | None, kind: type[float], what: str) -> Any:
    """Read four numbers between commas, or None where nothing was said.

    Raises:
        UsageError: They are not four numbers of this kind.
    """
    if text is None:
        return None
    try:
        first, second, third, fourth = (kind(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"got {text!r}, expected {what}; give four numbers between commas") from error
    return first, second, third, fourth


def print_made(paths: Iterable[Path | str | None], next_command: Iterable[Path | str]) -> None:
    """Print what was made, one path a line, and the command to try next."""
    for path in paths:
        if path is not None:
            click.echo(str(path))
    click.echo(f"next: {shlex.join(map(str, next_command))}")
