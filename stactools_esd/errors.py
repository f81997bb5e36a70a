"""Errors of both packages: one line that says what was got, what was expected and what to do.

Every error that a user can cause is an `EsdError`; the command lines print its message and leave with its
`exit_code`: 1 failed, 2 usage, 3 nothing found, 4 partly done or in use: run again.
"""

from typing import ClassVar


class EsdError(Exception):
    """Base of every error of this project.

    Attributes:
        exit_code: What a command that meets this error leaves with.
    """

    exit_code: ClassVar[int] = 1


class UsageError(EsdError):
    """The command was given options that cannot go together, or lacks one."""

    exit_code = 2


class NothingFoundError(EsdError):
    """The request was sound, and no data answer it."""

    exit_code = 3


class PartlyDoneError(EsdError):
    """Some of the work was done and some failed; the message lists the failures."""

    exit_code = 4


class InUseError(EsdError):
    """Another run is at work on the same output: the same command may be run again when that has ended."""

    exit_code = 4


class ProductNameError(EsdError):
    """A file, tile or encoder name breaks the naming rule of the product."""


class GridError(EsdError):
    """A tile, a georeference or a window does not fit the grid."""


class RasterError(EsdError):
    """A raster cannot be read, or is not a raster of codes."""


class IncomparableError(EsdError):
    """Two files differ in encoder, weights, format version or input recipe."""


class ObservationsError(EsdError):
    """Observations or a pixel-year have the wrong shape, bands, dates or range."""


class WeightsError(EsdError):
    """Encoder weights are unknown, damaged or of another format version."""


class EngineError(EsdError):
    """An engine of the encoder cannot run on this machine, or strays from the reference."""


class ConfigError(EsdError):
    """A configuration has unknown keys or impossible values."""


class CatalogError(EsdError):
    """A catalogue, collection or item is invalid or cannot be read."""


class LabelsError(EsdError):
    """Labels cannot be used as they are."""


class OutputError(EsdError):
    """The output folder cannot be used as asked."""


class MissingExtraError(EsdError):
    """An optional part of the installation is needed and absent."""


class ChinaRecipeWarning(UserWarning):
    """A file of the official `V001CHN` variant was opened: another input recipe, not comparable with the rest."""


class SkippedImageWarning(UserWarning):
    """A damaged image was passed over, in whole or in part, because the user said so."""


class MissingFileWarning(UserWarning):
    """A catalogue names files that are not there."""


class UnlockedWarning(UserWarning):
    """The file system has no locks: that no other run works on the same output is up to the user."""
