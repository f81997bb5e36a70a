"""The STAC item of a map of several years."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pystac

from esd_tasks import map_item
from esd_tasks.change.area import ChangePlan
from stactools_esd.product import DAYS


def describe_years(
    plan: ChangePlan,
    item_id: str,
    *,
    title: str,
    description: str,
    assets: Mapping[str, map_item.AssetFacts],
    fields: Mapping[str, Mapping[str, Any]],
    software: Mapping[str, str],
    extensions: Sequence[str] = (),
) -> pystac.Item:
    """Describe a finished map of several years: its time runs from the first day of the first to the last of the last.

    Args:
        plan: Grid, items and years.
        item_id: Item id.
        title: Title of the item.
        description: What the map shows and what not.
        assets: See `map_item.describe`.
        fields: See `map_item.describe`.
        software: Versions of the packages that made it.
        extensions: Schemas of STAC extensions.
    """
    item = map_item.describe(
        plan.request.output_or_default,
        id=item_id,
        grid=plan.grid,
        items=plan.items,
        software=software,
        title=title,
        description=description,
        assets=assets,
        fields=fields,
        extensions=extensions,
    )
    starts = [datetime.combine(one.window_start or date(one.year, 1, 1), time(), UTC) for one in plan.items]
    last = max(starts)
    whole = plan.items[-1].window_start is None
    after = last.replace(year=last.year + 1) if whole else last + timedelta(days=DAYS)
    item.datetime = min(starts)
    item.common_metadata.start_datetime = min(starts)
    item.common_metadata.end_datetime = after - timedelta(seconds=1)
    return item
