"""The command line that asks what a request holds."""

import shlex
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any


def command_line(words: Sequence[str], request: Any, *, positional: Sequence[str] = ()) -> str:
    """Return the command that asks the same: what it needs first, defaults left out.

    Args:
        words: The command's own words.
        request: A dataclass whose fields are called as the options.
        positional: Fields that stand without an option, in their order.
    """
    said = [*words, *(str(getattr(request, name)) for name in positional)]
    for field in sorted(fields(request), key=lambda field: field.default is not MISSING):
        value = getattr(request, field.name)
        if field.name in (*positional, "overwrite") or value == field.default:
            continue
        flag = field.name.replace("_", "-")
        for one in value if isinstance(value, tuple) else (value,):
            said += (
                {True: [f"--{flag}"], False: [f"--no-{flag}"]}[one]
                if isinstance(one, bool)
                else [f"--{flag}", str(one)]
            )
    return shlex.join(said)
