"""The plugin of stactools: `stac esd ...`.

stactools imports every plugin at start, and one that fails takes the whole `stac` command along: so nothing is imported
here before a command line asks for it. `stactools` is a namespace package; it has no `__init__.py`.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import click


def register_plugin(registry: Any) -> None:
    """Register `stac esd`; stactools calls this."""
    registry.register_subcommand(_create_esd_command)


def _create_esd_command(cli: "click.Group") -> "click.Command":
    try:
        from stactools_esd.commands import create_esd_command
    except KeyboardInterrupt as error:
        print("Error: interrupted; run the same command again", file=sys.stderr)
        raise SystemExit(130) from error
    return create_esd_command(cli)
