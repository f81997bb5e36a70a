"""What a user asks of `assess`, before anything is read."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from esd_tasks.command_line import command_line
from stactools_esd.errors import UsageError

Sampling = Literal["stratified", "simple", "convenience"]
"""How reference samples were drawn."""

SAMPLINGS: Final[tuple[Sampling, ...]] = ("stratified", "simple", "convenience")
"""At random within strata; at random over the whole map; in any other way."""

DrawnBy = Literal["pixel", "area"]
"""Whether every pixel of a stratum, or every hectare of it, was as likely to be drawn."""

DRAWN_BY: Final[tuple[DrawnBy, ...]] = ("pixel", "area")
"""They differ only where pixels differ in area, as on a grid of degrees."""

AreaUnit = Literal["ha", "km2", "m2"]
"""Unit of areas."""

AREA_UNITS: Final[dict[AreaUnit, float]] = {"ha": 1e4, "km2": 1e6, "m2": 1.0}
"""Square metres of each unit."""


@dataclass(frozen=True, kw_only=True)
class AssessRequest:
    """Options of `assess`; paths stand as the user gave them.

    Raises:
        UsageError: Options that exclude each other or are missing, or a value out of range.
    """

    map: Path
    """Raster of classes, the folder that `classify` wrote, or a table of counts (`.csv`)."""

    reference: Path | None = None
    """File of reference points; none with a table."""

    layer: str | None = None
    """Layer of the reference where the file has several."""

    class_field: str | None = None
    """Field of the reference class; `reference` if None and there is one."""

    legend: Path | None = None
    """CSV of class ids and names."""

    sampling: Sampling | None = None
    """How the reference was drawn; None where a record of the draw says it, and for who does not know."""

    design: Path | None = None
    """Record of the draw; the one beside the reference if None."""

    strata: str | None = None
    """Raster of the strata, or field of the reference that holds them; the map's classes if None."""

    strata_sizes: Path | None = None
    """CSV of stratum and pixels, where strata are a field."""

    post_strata: bool = True
    """Weigh a simple random sample by the map's classes."""

    drawn_by: DrawnBy = "pixel"
    """Whether every pixel, or every hectare, was as likely to be drawn."""

    exclude: tuple[str, ...] = ()
    """Names or ids of map classes that are not part of the population."""

    area_unit: AreaUnit = "ha"
    """Unit of areas."""

    pixel_size: float | None = None
    """Metres of a pixel's side, for a table without areas."""

    overwrite: bool = False
    """Replace another assessment in the output folder."""

    output: Path | None = None
    """Output folder; `<reference>-accuracy` beside the reference, or beside the table, if None."""

    def __post_init__(self) -> None:
        if self.area_unit not in AREA_UNITS:
            raise UsageError(f"got --area-unit {self.area_unit}, expected one of {', '.join(AREA_UNITS)}")
        if self.sampling is not None and self.sampling not in SAMPLINGS:
            raise UsageError(f"got --sampling {self.sampling}, expected one of {', '.join(SAMPLINGS)}")
        if self.drawn_by not in DRAWN_BY:
            raise UsageError(f"got --drawn-by {self.drawn_by}, expected one of {', '.join(DRAWN_BY)}")
        if self.pixel_size is not None and not 0 < self.pixel_size < math.inf:
            raise UsageError(f"got --pixel-size {self.pixel_size}, expected metres; correct it")
        if self.is_table:
            self._check_table()
        elif self.reference is None:
            raise UsageError("got no --reference, expected a file of reference points; name it, or give a table (.csv)")
        elif self.pixel_size is not None:
            raise UsageError("got --pixel-size with a raster, which knows its pixels; leave it out")
        if self.strata is not None and self.sampling in ("simple", "convenience"):
            raise UsageError(f"got --strata with --sampling {self.sampling}, expected stratified; leave one out")
        if self.strata_sizes is not None and self.strata is None:
            raise UsageError("got --strata-sizes without --strata, expected the field of the strata; name it")
        if not self.post_strata and self.sampling != "simple":
            raise UsageError("got --no-post-strata, which goes with --sampling simple only; say that, or leave it out")

    @property
    def is_table(self) -> bool:
        """Whether the map is given as a table of counts."""
        return self.map.suffix.lower() == ".csv"

    @property
    def command(self) -> str:
        """The command line that asks the same."""
        return command_line(("esd-tasks", "assess"), self, positional=("map",))

    @property
    def output_or_default(self) -> Path:
        """The output folder."""
        beside = self.reference or self.map
        return self.output or beside.with_name(f"{beside.stem}-accuracy")

    def _check_table(self) -> None:
        given = {
            "--reference": self.reference,
            "--strata": self.strata,
            "--design": self.design,
            "--legend": self.legend,
            "--class-field": self.class_field,
        }
        if names := [name for name, value in given.items() if value is not None]:
            raise UsageError(f"got {', '.join(names)} with a table of counts, which holds all there is; leave it out")
