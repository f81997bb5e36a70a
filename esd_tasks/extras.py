"""Optional parts of the installation: asked for where they are needed, in one line where they are absent."""

from importlib import import_module
from typing import Any

from stactools_esd.errors import MissingExtraError


def needed(module: str, extra: str) -> Any:
    """Import a module of an extra.

    Args:
        module: Its name, e.g. `pyarrow`.
        extra: The extra that brings it, e.g. `tasks`.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"got no {module}, which this needs; run: pip install 'stactools-esd[{extra}]'"
        ) from error
