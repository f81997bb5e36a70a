"""What a user asks of `esd-tasks change`, before anything is read."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from esd_tasks.change.thresholds import check_rate
from esd_tasks.request import MapRequest, check_block_size
from esd_tasks.years import years_in_a_name
from stactools_esd.errors import UsageError

FALSE_ALARMS: Final = 0.01
"""Share of changeless series in which a break may be found, where none is stated."""

Measure = Literal["level", "cosine"]
TableFormat = Literal["none", "csv", "parquet"]


def parse_years(text: str) -> tuple[int, ...]:
    """Read `2000-2024`, `2000,2005,2010` or both joined by commas.

    Raises:
        UsageError: The text is no list of years, or has fewer than two.
    """
    years: set[int] = set()
    for part in re.split(r"[,\s]+", text.strip()):
        match = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise UsageError(f"got --years {text!r}, expected years such as 2000-2024 or 2000,2005,2010; correct it")
        years |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    if len(years) < 2:
        raise UsageError(f"got --years {text!r}, expected two years or more; add years")
    return tuple(sorted(years))


@dataclass(frozen=True, kw_only=True)
class ChangeRequest(MapRequest):
    """Options of all maps of change."""

    def _see(self, *checks: tuple[str, float | None, float, float]) -> None:
        """See that values lie within closed ranges.

        Raises:
            UsageError: One does not.
        """
        for option, value, least, most in checks:
            if value is not None and not least <= value <= most:
                raise UsageError(f"got {option} {value:g}, expected {least:g} to {most:g}; correct it")


@dataclass(frozen=True, kw_only=True)
class PairRequest(ChangeRequest):
    """Options of `change pair`.

    Raises:
        UsageError: Options that exclude each other, or a value out of range.
    """

    task = "change pair"
    positional = ("year1", "year2")

    year1: int
    """The earlier year."""

    year2: int
    """The later year."""

    expected_rate: float | None = None
    """Share of the tiles' pixels that is expected to have changed; with `reference`, the share of changes to reckon
    with when a threshold is chosen."""

    reference: Path | None = None
    """Places that changed and places that did not, from which a threshold is chosen."""

    layer: str | None = None
    """Layer of the reference where the file has several."""

    class_field: str | None = None
    """Field that says change or no change."""

    model: Path | None = None
    """Folder of a model of `change train`, in place of distances and threshold."""

    measure: Measure = "level"
    """Distance that decides."""

    min_patch: int = 1
    """Pixels of a patch of change, at least."""

    block_size: float | Literal["auto"] = "auto"
    """Side in metres of the blocks of the cross-validation."""

    @property
    def asked_years(self) -> str:
        """Both years, as part of a file name."""
        return f"{self.year1}-{self.year2}"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_block_size(self.block_size)
        if self.year1 >= self.year2:
            raise UsageError(f"got the years {self.year1} and {self.year2}, expected the earlier one first; swap them")
        if self.expected_rate is not None:
            check_rate(self.expected_rate)
        if self.model is not None and (self.reference is not None or self.expected_rate is not None):
            raise UsageError(
                "got --model with --reference or --expected-rate, expected the model alone: it brings its threshold; "
                "leave the others out, or train it again with another --expected-rate"
            )
        if self.model is None and self.reference is None and self.expected_rate is None:
            raise UsageError(
                "got nothing that says how large a change is, expected --reference changed-and-unchanged.gpkg, "
                "--expected-rate (a share such as 0.02) or --model; no fixed threshold fits every pair of years"
            )
        self._see(("--min-patch", self.min_patch, 1, 1000))


@dataclass(frozen=True, kw_only=True)
class SeriesRequest(ChangeRequest):
    """Options of `change series`.

    Raises:
        UsageError: Options that exclude each other, or a value out of range.
    """

    task = "change series"

    years: str | None = None
    """Years as `parse_years` reads them; all that the catalogue has there if None."""

    false_alarms: float = FALSE_ALARMS
    """Share of changeless series in which a break may be found."""

    min_years: int = 2
    """Usable years of a state, at least."""

    min_last: int | None = None
    """The same for the last state of a series."""

    min_magnitude: float = 0.0
    """Least level distance between the states of a break."""

    min_patch: int = 1
    """Pixels of a patch of breaks of about the same year, at least."""

    full_clear: float | None = None
    """Clear observations with which a year counts fully; the median of the tiles if None."""

    max_events: int | None = None
    """Breaks that a pixel has bands for; as many as there are if None."""

    table: TableFormat = "none"
    """Whether and how every break is written as a row of a table."""

    @property
    def asked_years(self) -> str:
        """The years that were asked for, as part of a file name."""
        return "" if self.years is None else years_in_a_name(self.years)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.years is not None:
            parse_years(self.years)
        self._see(
            ("--false-alarms", self.false_alarms, 1e-5, 0.5),
            ("--min-years", self.min_years, 1, 20),
            ("--min-last", self.min_last, 1, 20),
            ("--min-magnitude", self.min_magnitude, 0, 1),
            ("--min-patch", self.min_patch, 1, 1000),
            ("--full-clear", self.full_clear, 1, 366),
            ("--max-events", self.max_events, 1, 60),
        )
