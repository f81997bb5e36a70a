"""What the parser of a command line complains of, in one line; both programs print it so."""

from typing import Any, Final

INTERRUPTED: Final = 130
"""What a command leaves with that Ctrl-C ended, as shells have it."""


def one_line(said: object) -> str:
    """Return a text that is one line and moves no cursor: names in files of others may hold signs that do."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in str(said)).split())


def usage_line(error: Any) -> str | None:
    """Return what a parser says in one line with the help to look at, or None where what it says is the help itself.

    Args:
        error: A `click.UsageError`, of click or of the copy in typer.
    """
    if type(error).__name__ == "NoArgsIsHelpError":
        return None
    said = one_line(error.format_message()).rstrip(".")
    where = "" if error.ctx is None else f"; see: {error.ctx.command_path} --help"
    return f"Error: {said}{where}"
