"""What a user asks of `migrate-labels`, before anything is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from esd_tasks.addresses import beside
from esd_tasks.request import ClassesRequest
from esd_tasks.years import parse_years, years_in_a_name
from stactools_esd.errors import UsageError

ERROR_RATE: Final = 0.02
"""Share of the samples taken for stable that may have changed, where none is stated."""

MIN_PROBABILITY: Final = 0.8
"""Probability below which a year gets no label, where none is stated."""

POLYGON_CAP: Final = 25
"""Pixels drawn from one polygon at most, where nobody says."""

SUFFIX: Final = ".gpkg"
"""Ending of the output's name."""


@dataclass(frozen=True, kw_only=True)
class MigrateRequest(ClassesRequest):
    """Options of `migrate-labels`.

    Raises:
        UsageError: See `ClassesRequest`; the year of the labels is not said, or a value is out of range.
    """

    task: ClassVar[str] = "migrate-labels"

    label_year: int | None = None
    """Year of all labels, where no field holds the year of each."""

    years: str | None = None
    """Years to which labels are carried, as a range or with commas; all that there are if None."""

    error_rate: float = ERROR_RATE
    """Share of the samples taken for stable that may have changed."""

    min_probability: float = MIN_PROBABILITY
    """A year whose likeliest class is less probable has no label."""

    polygon_cap: int = POLYGON_CAP
    """Most pixels of a polygon."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.label_year is None) == (self.year_field is None):
            got = "neither --label-year nor" if self.label_year is None else "both --label-year and"
            raise UsageError(
                f"got {got} --year-field, expected one of them: the year in which all labels were true, or the field "
                "that says it of each; correct it"
            )
        if self.years is not None:
            parse_years(self.years)
        for option, value, most in (
            ("--error-rate", self.error_rate, 0.5),
            ("--min-probability", self.min_probability, 0.999),
        ):
            if not 0 < value <= most:
                raise UsageError(f"got {option} {value:g}, expected more than 0 and at most {most:g}; correct it")
        if self.polygon_cap < 1:
            raise UsageError(f"got --polygon-cap {self.polygon_cap}, expected 1 or more; correct it")
        if self.output is not None and self.output.suffix.lower() != SUFFIX:
            raise UsageError(f"got -o {self.output}, expected a name that ends in {SUFFIX}; correct it")

    @property
    def wanted_years(self) -> tuple[int, ...] | None:
        """Years ascending, or None for all that there are."""
        return None if self.years is None else parse_years(self.years)

    @property
    def default_output(self) -> Path:
        """`<labels>-<years>.gpkg` beside the labels."""
        made = "migrated" if self.years is None else years_in_a_name(self.years)
        path = beside(self.labels, made)
        return path.with_name(f"{path.name}{SUFFIX}")
