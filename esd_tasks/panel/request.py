"""What a user asks of a panel, before anything is read."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from esd_tasks.panel.level_counts import STATISTICS
from esd_tasks.pull_request import YearsRequest
from stactools_esd.errors import UsageError

PIXEL_RULES: Final = ("all-years", "each-year")
"""Which pixels count: those that are usable in all years, so that all rows of a unit are of the same ones; or in each
year those that are usable in it."""

FORMATS: Final = ("parquet", "csv")
"""Formats of a panel."""


@dataclass(frozen=True, kw_only=True)
class PanelRequest(YearsRequest):
    """Options of a panel of units.

    Raises:
        UsageError: Options that exclude each other, or a value out of range.
    """

    task: ClassVar[str] = "pull"

    units: Path
    """File of polygons."""

    layer: str | None = None
    """Its layer, where there are several."""

    unit_field: str | None = None
    """Field that names each unit; the number of the feature, from 1, if None."""

    stat: str = "mean"
    """Some of `STATISTICS`, joined by commas."""

    pixels: str = "all-years"
    """One of `PIXEL_RULES`."""

    crs: str | None = None
    """CRS of the pixels; that of the tile that owns the middle of a unit if None."""

    resolution: float | None = None
    """Side of a pixel in units of the CRS."""

    like: Path | None = None
    """Raster whose pixels are taken."""

    format: str | None = None
    """One of `FORMATS`, the first if None."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.geometry is not None or self.bbox is not None:
            raise UsageError("got --units and an area, expected one of them; leave one out")
        if unknown := set(self.statistics) - set(STATISTICS):
            raise UsageError(f"got --stat {', '.join(sorted(unknown))}, expected some of {', '.join(STATISTICS)}")
        if self.pixels not in PIXEL_RULES:
            raise UsageError(f"got --pixels {self.pixels}, expected one of {', '.join(PIXEL_RULES)}")
        if self.format_or_default not in FORMATS:
            raise UsageError(f"got --format {self.format}, expected one of {', '.join(FORMATS)} for --units")
        if self.resolution is not None and not self.resolution > 0:
            raise UsageError(f"got --resolution {self.resolution:g}, expected a positive number; correct it")
        if self.like is not None and (self.crs is not None or self.resolution is not None):
            raise UsageError("got --like and --crs or --resolution, expected one grid; leave one out")
        if self.resolution is not None and self.crs is None:
            raise UsageError("got --resolution without --crs, expected both: units lie in several CRSs")

    @property
    def statistics(self) -> tuple[str, ...]:
        """Statistics in the order of `STATISTICS`, unknown ones last."""
        said = {name for name in re.split(r"[\s,]+", self.stat) if name} or {""}
        return (*(name for name in STATISTICS if name in said), *sorted(said - set(STATISTICS)))

    @property
    def format_or_default(self) -> str:
        """The format of the panel."""
        return self.format or FORMATS[0]

    @property
    def named_after(self) -> Path | None:
        """The units."""
        return self.units

    @property
    def made(self) -> str:
        """A panel."""
        return "panel"
