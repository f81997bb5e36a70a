"""The plan of a map of change: several years of a place, from the same tiles in each."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely

from esd_tasks.area_plan import AreaPlan, asked_area, see_comparable
from esd_tasks.change.request import ChangeRequest
from esd_tasks.codes_item import CodesItem, available_years, years_in_words
from esd_tasks.items import items_of_years
from esd_tasks.series import Series
from stactools_esd.errors import NothingFoundError, UsageError
from stactools_esd.files import sha256_file


@dataclass(frozen=True, kw_only=True)
class ChangePlan(AreaPlan):
    """Everything that is known before codes are read; `year` is the last of the years."""

    request: ChangeRequest
    """What was asked."""

    years: tuple[int, ...]
    """Years that are compared, ascending."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Options that decide the result."""

    files: Mapping[str, Path] = field(default_factory=dict)
    """Files beside the codes that decide the result, by what they are."""

    left_out: tuple[str, ...] = ()
    """Tiles that lack a year, and so answer in none."""

    @property
    def task_facts(self) -> dict[str, Any]:
        """What decides the map beside place and items."""
        files = {
            what: {"path": path.as_posix(), "content_sha256": digest_of(path)} for what, path in self.files.items()
        }
        common = {"task": self.request.task, "years": list(self.years), "min_clear": self.request.min_clear}
        return {**files, "parameters": {**common, "seed": self.request.seed, **self.parameters}}

    @property
    def area_notes(self) -> tuple[str, ...]:
        """What a user should know of tiles and years."""
        if not self.left_out:
            return ()
        return (
            f"tiles without all years answer in none: {', '.join(self.left_out)}; their neighbours do where they can",
        )

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and map: for `--dry-run`."""
        return {**super().cost(), "years": list(self.years)}


def plan_change(
    request: ChangeRequest,
    years: Sequence[int] | None,
    *,
    parameters: Mapping[str, Any],
    files: Mapping[str, Path] | None = None,
    label_items: Sequence[CodesItem] = (),
) -> ChangePlan:
    """Find the items of an area in all years, and the grid of the map.

    Without an area, the whole of the one tile that there is, is mapped.

    Args:
        request: What was asked.
        years: Years wanted; all that the catalogue has there if None.
        parameters: Options that decide the result.
        files: Files that decide the result.
        label_items: Items that are read for labels, wherever they lie.

    Raises:
        UsageError: There is no area and there are several tiles.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: A year has no items there, or no tile has all years.
        IncomparableError: The items are of two encoders or recipes, or their years start on different days.
    """
    area = asked_area(request)
    items = items_of_years(request.catalog_or_default, geometry=area, years=years)
    found = available_years(items)
    if len(found) < 2:
        raise NothingFoundError(f"got items of {years_in_words(found)} only, expected two years or more; add years")
    see_comparable([*items, *label_items])
    with Series(items, on_failure=lambda *_: None) as series:
        area = _whole(items) if area is None else area
        return ChangePlan(
            request=request,
            area=area,
            year=found[-1],
            years=series.years,
            items=series.items,
            label_items=tuple(label_items),
            grid=series.grid_for(area),
            parameters=dict(parameters),
            files=dict(files or {}),
            left_out=series.left_out,
        )


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files of a folder by their names."""
    if not path.is_dir():
        return sha256_file(path)
    digest = hashlib.sha256()
    for part in sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith(".")):
        digest.update(f"{part.name} {sha256_file(part)}\n".encode())
    return digest.hexdigest()


def _whole(items: Sequence[CodesItem]) -> shapely.Geometry:
    """Return the outline of the only tile."""
    if len(tiles := sorted({item.tile for item in items})) > 1:
        raise UsageError(
            f"got no area and {len(tiles)} tiles ({', '.join(tiles[:6])}), expected an area; say which with --bbox or "
            "--geometry, or name the items of one tile with --catalog"
        )
    return items[0].footprint
