"""`from stactools.esd.commands import create_esd_command`, as users of stactools write it."""

from stactools_esd.commands import create_esd_command

__all__ = ["create_esd_command"]
