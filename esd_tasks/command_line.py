"""The command line that asks what a request holds."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from esd_tasks.addresses import shown


def command_line(
    words: Sequence[str], request: Any, *, positional: Sequence[str] = (), instead: Mapping[str, Any] | None = None
) -> str:
    """Return the command that asks the same: what it needs first, defaults left out.

    Args:
        words: The command's own words.
        request: A dataclass whose fields are called as the options.
        positional: Fields that stand without an option, in their order.
        instead: Values that stand for those of the request, by field.
    """
    values = {field.name: getattr(request, field.name) for field in fields(request)} | dict(instead or {})
    said = [*words, *(str(values[name]) for name in positional)]
    for field in sorted(fields(request), key=lambda field: field.default is not MISSING):
        value = values[field.name]
        if field.name in (*positional, "overwrite") or value == field.default:
            continue
        flag = field.name.replace("_", "-")
        for one in value if isinstance(value, tuple) else (value,):
            said += (
                {True: [f"--{flag}"], False: [f"--no-{flag}"]}[one]
                if isinstance(one, bool)
                else [f"--{flag}", shown(one) if isinstance(one, Path) else str(one)]
            )
    return shlex.join(said)
