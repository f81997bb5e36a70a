"""What a user asks of a task that makes a map, before anything is read."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from esd_tasks.addresses import beside
from esd_tasks.command_line import command_line
from esd_tasks.engine_work import Resources
from stactools_esd.errors import UsageError
from stactools_esd.memory import DEFAULT_MEMORY, parse_memory

CATALOG_VARIABLE: Final = "ESD_CATALOG"
"""Environment variable that names the catalogue where no option does."""

DEFAULT_CATALOG: Final = "catalog"
"""Folder of the catalogue where nothing names it."""

POLYGON_RULES: Final = ("center", "all-touched")
"""Which pixels of a polygon are samples: those whose middle lies in it, or all that it touches."""


POLYGON_CAP: Final = 200
"""Pixels drawn from one polygon at most, so that no large one outweighs the rest."""

MOST_SMOOTH: Final = 51
"""Largest window of a vote."""

BANDS: Final = ("probability", "entropy", "applicability", "parent")
"""Rasters that a map of a model may have beside the classes."""


@dataclass(frozen=True, kw_only=True)
class MapRequest:
    """Options that every map has; paths stand as the user gave them.

    Raises:
        UsageError: Options that exclude each other, or a value out of range.
    """

    task: ClassVar[str]
    """Name of the command."""

    positional: ClassVar[tuple[str, ...]] = ()
    """Fields that stand without a flag, after the command."""

    catalog: str | None = None
    """Catalogue, item, codes COG or folder; else $ESD_CATALOG, else ./catalog."""

    geometry: Path | None = None
    """File of polygons to map; excludes `bbox`."""

    bbox: str | None = None
    """Box to map, `W,S,E,N` in degrees."""

    year: int | None = None
    """Year to map; may be left out where the catalogue has one."""

    min_clear: int = 0
    """Samples and pixels with fewer clear observations are left out."""

    seed: int = 0
    """Decides whatever is drawn."""

    threads: int | None = None
    """Threads that compute, all cores if None; as whatever `resources` holds they do not change the result."""

    memory: str | None = None
    """What the processes of this machine may take, such as `8GB`."""

    workers: int | None = None
    """Processes of a Dask cluster on this machine; None to work in this process."""

    scheduler: str | None = None
    """Address of a Dask cluster that is there already."""

    overwrite: bool = False
    """Replace an earlier result in the output folder."""

    output: Path | None = None
    """Output folder; `default_output` if None."""

    def __post_init__(self) -> None:
        if self.geometry is not None and self.bbox is not None:
            raise UsageError("got both --geometry and --bbox, expected one of them; leave one out")
        if self.min_clear < 0:
            raise UsageError(f"got --min-clear {self.min_clear}, expected 0 or more; correct it")
        _ = self.resources
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"got --seed {self.seed}, expected 0..{2**31 - 1}; choose another")

    @property
    def named_after(self) -> Path | None:
        """The file beside which the output folder lies where none is named, and after which it is called."""
        return self.geometry

    @property
    def made(self) -> str:
        """What the output folder is called besides: after the command, unless what it makes has a better name."""
        return self.task.replace(" ", "-")

    @property
    def asked_years(self) -> str:
        """The years that were asked for, as part of a file name; nothing where none were."""
        return "" if self.year is None else str(self.year)

    @property
    def default_output(self) -> Path:
        """The output folder where none is named: `<place>-<what is made>-<years>`, so that each year has its own."""
        name = f"{self.made}-{self.asked_years}".removesuffix("-")
        return Path(name) if self.named_after is None else beside(self.named_after, name)

    @property
    def catalog_or_default(self) -> str:
        """The catalogue to use."""
        return self.catalog or os.environ.get(CATALOG_VARIABLE) or DEFAULT_CATALOG

    @property
    def output_or_default(self) -> Path:
        """The output folder to use."""
        return self.output or self.default_output

    @property
    def resources(self) -> Resources:
        """With what the map is made."""
        memory = DEFAULT_MEMORY if self.memory is None else parse_memory(self.memory)
        return Resources(threads=self.threads, memory=memory, workers=self.workers, scheduler=self.scheduler)

    @property
    def command(self) -> str:
        """The command line that asks the same, what it needs first; the catalogue stands as it was found."""
        words = ("esd-tasks", *self.task.split())
        return command_line(words, self, positional=self.positional, instead={"catalog": self.catalog_or_default})


@dataclass(frozen=True, kw_only=True)
class MapBandsRequest(MapRequest):
    """What a map of a model may have beside the classes.

    Raises:
        UsageError: See `MapRequest`; a band is unknown.
    """

    band: tuple[str, ...] = ()
    """Some of `BANDS`, each a raster beside the class map."""

    covariate: tuple[str, ...] = ()
    """Rasters that the model sees beside the codes, as `path` or `name=path`."""

    smooth: int = 0
    """Pixels a side of the window in which classes are voted by probability; 0 for none."""

    mmu: int = 0
    """Pixels of the smallest patch that stays; 0 for all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := [band for band in self.band if band not in BANDS]:
            raise UsageError(f"got --band {unknown[0]}, expected some of {', '.join(BANDS)}; choose among them")
        if self.smooth and not (self.smooth % 2 and 3 <= self.smooth <= MOST_SMOOTH):
            raise UsageError(
                f"got --smooth {self.smooth}, expected an odd number 3..{MOST_SMOOTH} of pixels; correct it"
            )
        if self.mmu < 0:
            raise UsageError(f"got --mmu {self.mmu}, expected a number of pixels, 0 or more; correct it")
        # In one order and each once, so that equal wishes are equal runs.
        object.__setattr__(self, "band", tuple(band for band in BANDS if band in self.band))

    @property
    def band_facts(self) -> dict[str, Any]:
        """What of this decides the result, where it was asked for."""
        told = {"bands": list(self.band), "smooth": self.smooth, "mmu": self.mmu}
        return {key: value for key, value in told.items() if value}


@dataclass(frozen=True, kw_only=True)
class LabelledRequest(MapRequest):
    """Options of a map that is made from labelled places; the labels' envelope is mapped where no area is given.

    Raises:
        UsageError: See `MapRequest`.
    """

    labels: Path
    """File of labelled points or polygons."""

    layer: str | tuple[str, ...] | None = None
    """Layer of the labels where the file has several, or several layers that are read as one."""

    year_field: str | None = None
    """Field of the year of each label; without it labels are of the mapped year."""

    polygon_rule: str = "center"
    """One of `POLYGON_RULES`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.polygon_rule not in POLYGON_RULES:
            raise UsageError(f"got --polygon-rule {self.polygon_rule}, expected one of {', '.join(POLYGON_RULES)}")

    @property
    def named_after(self) -> Path | None:
        """The labels."""
        return self.labels


@dataclass(frozen=True, kw_only=True)
class ClassesRequest(LabelledRequest):
    """Options of a map of classes.

    Raises:
        UsageError: See `LabelledRequest`.
    """

    class_field: str | None = None
    """Field of the class."""

    legend: Path | None = None
    """CSV of class ids, names, colours and parents."""

    @property
    def label_options(self) -> dict[str, Any]:
        """What `labels.read_labels` is told beside file and legend."""
        return {"layer": self.layer, "class_field": self.class_field, "year_field": self.year_field}


@dataclass(frozen=True, kw_only=True)
class ClassifyRequest(ClassesRequest, MapBandsRequest):
    """Options of `classify`.

    Raises:
        UsageError: Options that exclude each other, or a value out of range.
    """

    task: ClassVar[str] = "classify"

    block_size: float | Literal["auto"] = "auto"
    """Side of the blocks of the cross-validation in metres."""

    buffer: float | Literal["auto", "range"] = "auto"
    """Metres around test samples within which nothing trains: a tenth of a block, or as far as labels resemble."""

    search: int = 0
    """Draws of tree parameters that are tried beside those at hand."""

    no_curve: bool = False
    """Leave out how accuracy grows with the labels."""

    exclude: tuple[str, ...] = ()
    """Classes, by name or id, whose labels are left out."""

    weight_field: str | None = None
    """Field of the weight of each label in training."""

    balance: bool = False
    """Every class counts the same in training."""

    class_cap: int | None = None
    """Most samples of a class; all if None."""

    polygon_cap: int = POLYGON_CAP
    """Most pixels of a polygon."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_block_size(self.block_size)
        if not isinstance(self.buffer, str) and not 0 <= self.buffer < math.inf:
            raise UsageError(f"got --buffer {self.buffer}, expected metres, auto or range; correct it")
        numbers = (
            ("--class-cap", self.class_cap, 2),
            ("--polygon-cap", self.polygon_cap, 1),
            ("--search", self.search, 0),
        )
        for option, value, least in numbers:
            if value is not None and value < least:
                raise UsageError(f"got {option} {value}, expected {least} or more; correct it")

    @property
    def label_options(self) -> dict[str, Any]:
        """What `labels.read_labels` is told beside file and legend."""
        return super().label_options | {"weight_field": self.weight_field, "exclude": self.exclude}

    @property
    def made(self) -> str:
        """A map."""
        return "map"


def check_block_size(block_size: float | Literal["auto"]) -> None:
    """See that the side of spatial blocks can be one.

    Raises:
        UsageError: It is no number of metres from 1 up, nor `auto`.
    """
    if block_size != "auto" and not 1 <= block_size < math.inf:
        raise UsageError(f"got --block-size {block_size}, expected 1 metre or more, or auto; correct it")
