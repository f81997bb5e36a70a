"""What a user asks of the commands of `esd-tasks change` that train a model or apply one year by year."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from esd_tasks.change.request import ChangeRequest, parse_years
from esd_tasks.change.thresholds import check_rate
from esd_tasks.request import check_block_size
from esd_tasks.years import years_in_a_name


@dataclass(frozen=True, kw_only=True)
class LandCoverRequest(ChangeRequest):
    """Options of `change land-cover`.

    Raises:
        UsageError: Options that exclude each other, or a value out of range.
    """

    task = "change land-cover"
    positional = ("model",)

    model: Path
    """Folder of a model of `classify`."""

    covariate: tuple[str, ...] = ()
    """Rasters that the model sees beside the codes, the same in every year, as `path` or `name=path`."""

    years: str | None = None
    """Years as `parse_years` reads them; all that the catalogue has there if None."""

    expected_rate: float = 0.02
    """Share of pixels that changes its class from one year to the next."""

    learn: bool = False
    """Whether transitions are learnt from the series, from the stated rate on."""

    class_error: float | None = None
    """Share of yearly classes that are wrong; from the model's cross-validation if None."""

    full_clear: float | None = None
    """Clear observations with which a year counts fully; the median of the tiles if None."""

    @property
    def asked_years(self) -> str:
        """The years that were asked for, as part of a file name."""
        return "" if self.years is None else years_in_a_name(self.years)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.years is not None:
            parse_years(self.years)
        check_rate(self.expected_rate)
        self._see(("--class-error", self.class_error, 0, 0.9), ("--full-clear", self.full_clear, 1, 366))


@dataclass(frozen=True, kw_only=True)
class TrainRequest(ChangeRequest):
    """Options of `change train`.

    Raises:
        UsageError: A value out of range.
    """

    task = "change train"
    positional = ("labels",)

    labels: Path
    """Places with two years each, changed or not."""

    layer: str | None = None
    """Layer of the labels where the file has several."""

    class_field: str | None = None
    """Field that says change or no change, or what became what."""

    year1_field: str = "year1"
    """Field of the earlier year."""

    year2_field: str = "year2"
    """Field of the later year."""

    expected_rate: float | None = None
    """Share of changes to reckon with when the threshold is chosen; that of the labels if None."""

    block_size: float | Literal["auto"] = "auto"
    """Side in metres of the blocks of the cross-validation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_block_size(self.block_size)
        if self.expected_rate is not None:
            check_rate(self.expected_rate)

    @property
    def named_after(self) -> Path | None:
        """The labels."""
        return self.labels

    @property
    def made(self) -> str:
        """A model."""
        return "change-model"
