"""What a user asks of `classify`, before anything is read."""

import math
import os
import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from stactools_esd.errors import UsageError

CATALOG_VARIABLE: Final = "ESD_CATALOG"
"""Environment variable that names the catalogue where no option does."""

DEFAULT_CATALOG: Final = "catalog"
"""Folder of the catalogue where nothing names it."""

POLYGON_RULES: Final = ("center", "all-touched")
"""Which pixels of a polygon are samples: those whose middle lies in it, or all that it touches."""


@dataclass(frozen=True, kw_only=True)
class ClassifyRequest:
    """Options of `classify`; paths stand as the user gave them.

    Raises:
        UsageError: Options that exclude each other, or a value out of range.
    """

    labels: Path
    """File of labelled points or polygons."""

    catalog: str | None = None
    """Catalogue, item, codes COG or folder; else $ESD_CATALOG, else ./catalog."""

    layer: str | None = None
    """Layer of the labels where the file has several."""

    geometry: Path | None = None
    """File of polygons to map; excludes `bbox`."""

    bbox: str | None = None
    """Box to map, `W,S,E,N` in degrees. The labels' envelope where neither is given."""

    year: int | None = None
    """Year to map; may be left out where the catalogue has one."""

    class_field: str | None = None
    """Field of the class."""

    year_field: str | None = None
    """Field of the year of each label; without it labels are of the mapped year."""

    legend: Path | None = None
    """CSV of class ids, names and colours."""

    min_clear: int = 0
    """Samples and pixels with fewer clear observations are left out."""

    polygon_rule: str = "center"
    """One of `POLYGON_RULES`."""

    block_size: float | Literal["auto"] = "auto"
    """Side of the blocks of the cross-validation in metres."""

    seed: int = 0
    """Decides folds, trees and which pixels of a large polygon are kept."""

    workers: int | None = None
    """Threads of prediction, all cores if None; they do not change the result."""

    overwrite: bool = False
    """Replace an earlier map in the output folder."""

    output: Path | None = None
    """Output folder; `<labels>-map` beside the labels if None."""

    def __post_init__(self) -> None:
        if self.geometry is not None and self.bbox is not None:
            raise UsageError("got both --geometry and --bbox, expected one of them; leave one out")
        if self.polygon_rule not in POLYGON_RULES:
            raise UsageError(f"got --polygon-rule {self.polygon_rule}, expected one of {', '.join(POLYGON_RULES)}")
        if self.block_size != "auto" and not 1 <= self.block_size < math.inf:
            raise UsageError(f"got --block-size {self.block_size}, expected 1 metre or more, or auto; correct it")
        for option, value, least in (("--min-clear", self.min_clear, 0), ("--workers", self.workers, 1)):
            if value is not None and value < least:
                raise UsageError(f"got {option} {value}, expected {least} or more; correct it")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"got --seed {self.seed}, expected 0..{2**31 - 1}; choose another")

    @property
    def catalog_or_default(self) -> str:
        """The catalogue to use."""
        return self.catalog or os.environ.get(CATALOG_VARIABLE) or DEFAULT_CATALOG

    @property
    def output_or_default(self) -> Path:
        """The output folder to use."""
        return self.output or self.labels.with_name(f"{self.labels.stem}-map")

    @property
    def threads(self) -> int:
        """Threads of prediction."""
        return self.workers or (os.cpu_count() or 1)

    @property
    def command(self) -> str:
        """The command line that asks the same; the catalogue stands as it was found."""
        words = ["esd-tasks", "classify"]
        given: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        defaults = {field.name: field.default for field in fields(self)}
        for name, value in (given | {"catalog": self.catalog_or_default, "overwrite": False}).items():
            if value != defaults[name]:
                words += [f"--{name.replace('_', '-')}", str(value)]
        return shlex.join(words)
