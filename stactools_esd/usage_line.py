"""What the parser of a command line complains of, in one line; both programs print it so."""

from typing import Any, Final

INTERRUPTED: Final = 130
"""What a command leaves with that Ctrl-C ended, as shells have it."""


def usage_line(error: Any) -> str | None:
    """Return what a parser says in one line with the help to look at, or None where what it says is the help itself.

    Args:
        error: A `click.UsageError`, of click or of the copy in typer.
    """
    if type(error).__name__ == "NoArgsIsHelpError":
        return None
    said = " ".join(error.format_message().split()).rstrip(".")
    where = "" if error.ctx is None else f"; see: {error.ctx.command_path} --help"
    return f"Error: {said}{where}"
