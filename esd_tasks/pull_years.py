"""What is known of items of several years before codes are read: of an area, of points, or of units."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import shapely

from esd_tasks.codes_item import CodesItem, available_years
from esd_tasks.items import items_of_years
from esd_tasks.items_cost import facts_of
from esd_tasks.pull_request import YearsRequest
from esd_tasks.pull_threads import default_threads
from esd_tasks.series import Series
from stactools_esd import stac
from stactools_esd.blocks import run_key

_MOST_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class YearsPlan:
    """Items of tiles that exist in all years; plans add what is made of them."""

    counted: ClassVar[str] = "pixels"
    """What the result counts."""

    request: YearsRequest
    """What was asked, its output that of this plan."""

    items: tuple[CodesItem, ...]
    """Items of tiles that exist in all years, by year and tile."""

    left_out: tuple[str, ...]
    """Tiles that some year lacks, so that none uses them."""

    @classmethod
    def over(cls, request: YearsRequest, area: shapely.Geometry, **known: Any) -> Self:
        """Find the items of an area and plan with them.

        Args:
            request: Names the catalogue and the years.
            area: Where, in WGS84.
            **known: What a plan adds.

        Raises:
            CatalogError: There is no catalogue, or it is broken.
            NothingFoundError: No item is there, a year is missing there, or no tile exists in all years.
            IncomparableError: The items are of two encoders or recipes.
        """
        items = items_of_years(request.catalog_or_default, geometry=area, years=request.wanted_years)
        with Series(items) as series:
            return cls(request=request, items=series.items, left_out=series.left_out, **known)

    @property
    def years(self) -> tuple[int, ...]:
        """Years, ascending."""
        return tuple(available_years(self.items))

    @property
    def folder(self) -> Path:
        """The output folder."""
        return self.request.output_or_default

    @property
    def threads(self) -> int:
        """Threads that read: as many as are asked for; one where nobody says and all files are on this machine.

        What is done with few pixels at a time is mostly Python's work, of which threads do one thing at once: they pay
        where a server is waited for.
        """
        near = all(stac.local_path(item.href) is not None for item in self.items)
        return self.request.threads or (1 if near else default_threads())

    @property
    def command(self) -> str:
        """The command line that makes this result alone."""
        return self.request.command

    @property
    def own_facts(self) -> dict[str, Any]:
        """What decides the result beside items and years, as JSON content."""
        return {}

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON content."""
        return {
            **self.own_facts,
            "years": list(self.years),
            "min_clear": self.request.min_clear,
            **facts_of(self.items),
        }

    @cached_property
    def run_key(self) -> str:
        """Hash of `facts`; equal keys give equal results."""
        return run_key(self.facts)

    def notes(self) -> Iterator[str]:
        """Yield what the user should know of the items, a line each."""
        if self.left_out:
            further = f" and {len(self.left_out) - _MOST_NAMED} more" if len(self.left_out) > _MOST_NAMED else ""
            yield (
                f"not in all years, so not used: {', '.join(self.left_out[:_MOST_NAMED])}{further}; their pixels come "
                "from neighbours, or have no data"
            )
