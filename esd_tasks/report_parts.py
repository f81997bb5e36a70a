"""What reports of different tasks have in common: how a run was made, legends, matrices, notes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks import report_page as page
from esd_tasks.codes_item import CodesItem
from esd_tasks.failures import missing_notes
from esd_tasks.legend import Legend
from esd_tasks.preview import share_text
from esd_tasks.report_page import Cell, Html
from stactools_esd.product import CodesIdentity

if TYPE_CHECKING:
    from esd_tasks.area_plan import AreaPlan

MAPPED: Final = "Mapped share counts pixels of the map: it carries the errors of the map and is no estimate of area."
"""Stands below every table of mapped shares."""

_MOST_ITEMS: Final = 12
"""Items that are listed openly; more stand behind their number."""

_MOST_HEADS: Final = 8
"""Columns of a matrix that have names; with more they have numbers."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the report of any map from places shows beside its figures."""

    notes: Sequence[str]
    """What a reader must know, a line each."""

    missing: Sequence[str]
    """What could not be read, a line each."""

    x: NDArray[np.float64]
    """Places of labels, examples or reference in the CRS of the map, (n,)."""

    y: NDArray[np.float64]
    """The same, northing."""


def made_section(
    plan: "AreaPlan",
    *,
    years: Sequence[int] | None = None,
    further: Mapping[str, object] | None = None,
    mapped: bool = True,
) -> Html:
    """Say what a map was made of and by which command.

    Args:
        plan: What was done.
        years: Years of the codes; that of the plan if None.
        further: What else there is to say, first.
        mapped: False where nothing was mapped.
    """
    grid = plan.grid
    size = f"{grid.width:,} × {grid.height:,} pixels of {abs(grid.transform.a):g} m in {grid.crs.to_string()}"
    return made_section_of(
        plan.request.command,
        plan.all_items,
        plan.identity,
        years=years or (plan.year,),
        run_key=plan.run_key,
        further={**(further or {}), **({"Map": size} if mapped else {})},
    )


def made_section_of(
    command: str,
    items: Sequence[CodesItem],
    identity: CodesIdentity,
    *,
    years: Sequence[int],
    run_key: str,
    further: Mapping[str, object],
) -> Html:
    """Say what anything was made of: see `made_section`."""
    from esd_tasks.map_run import packages

    listed = page.join([Html(f"<code>{page.text(item.id)}</code>") for item in items], ", ")
    return facts_section(
        {
            "Command": command,
            **further,
            "Years" if len(years) > 1 else "Year": years_text(years),
            "Items": listed if len(items) <= _MOST_ITEMS else page.details(f"{len(items)} items", listed),
            "Encoder": identity.encoder.label,
            "Input recipe": identity.recipe.as_dict(),
            "Software": packages(),
            "Run": run_key,
        }
    )


def facts_section(facts: Mapping[str, object]) -> Html:
    """Say how anything was made: `Command`, where there is one, first and as it is typed."""
    command = [Html(f"<pre><code>{page.text(facts['Command'])}</code></pre>")] if "Command" in facts else []
    shown = {name: plain(value) for name, value in facts.items() if name != "Command"}
    return page.section("How it was made", *command, page.facts(shown))


def years_text(years: Sequence[int]) -> str:
    """Return years, a long row by its ends."""
    ordered = sorted(set(years))
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]} to {ordered[-1]}"
    return ", ".join(map(str, ordered))


def plain(value: Any) -> object:
    """Return content of JSON as words: names with their values, lists joined; what is undefined is a dash."""
    if isinstance(value, Mapping):
        return "; ".join(f"{words(key)} {_inner(one)}" for key, one in value.items()) or "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(_inner, value)) if any(one != [] for one in value) else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else "–" if value in (None, "") else value


def _inner(value: Any) -> str:
    return f"({plain(value)})" if value and isinstance(value, Mapping | list | tuple) else str(plain(value))


def words(key: object) -> str:
    """Return a key of JSON as words: `n_` counts, `_m` is in metres."""
    said = str(key).removeprefix("n_")
    return (f"{said[:-2]}, m" if said.endswith("_m") else said).replace("_", " ")


def fact_rows(content: Mapping[str, Any]) -> Html:
    """Return content of JSON as a table of names and values."""
    return page.facts({words(key).capitalize(): plain(value) for key, value in content.items()})


def caveats(notes: Iterable[str], missing: Sequence[str] = ()) -> Html:
    """Return what a reader must know, each in a box; what could not be read comes first."""
    lines = dict.fromkeys([*missing_notes(missing), *notes])
    return page.join([page.note(one[:1].upper() + one[1:]) for one in lines])


def next_section(*steps: object) -> Html:
    """Say what comes next; nothing without steps."""
    return page.section("What comes next", page.listing(steps) if steps else "")


def legend_table(
    legend: Legend,
    counts: Mapping[int, int],
    *,
    further: Mapping[str, Mapping[int, object]] | None = None,
    caption: str = "Classes of the map",
) -> Html:
    """Return classes with their colours, ids, mapped pixels and shares.

    Args:
        legend: Classes.
        counts: Mapped pixels by class_id.
        further: More columns by their heads, cells by class_id.
        caption: What the table tells.
    """
    total, more = sum(counts.values()), further or {}
    rows = [
        [
            page.swatch(entry.colour, entry.name),
            entry.class_id,
            f"{counts.get(entry.class_id, 0):,}",
            share_text(counts.get(entry.class_id, 0), total),
            *(column.get(entry.class_id) for column in more.values()),
        ]
        for entry in legend.classes
    ]
    return page.table(["Class", "Id", "Mapped pixels", "Mapped share", *more], rows, caption=caption)


def top_classes(legend: Legend, counts: Mapping[int, int]) -> str:
    """Say which classes a map has most of, for those who do not see it."""
    total = sum(counts.values())
    ranked = sorted(legend.classes, key=lambda entry: -counts.get(entry.class_id, 0))[:3]
    shares = (f"{entry.name} {share_text(counts.get(entry.class_id, 0), total)}" for entry in ranked)
    return f"Most of it: {', '.join(shares)}."


def matrix_table(
    names: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    caption: str,
    corner: str = "map \\ reference",
    numbers: Sequence[object] | None = None,
    digits: int = 0,
) -> Html:
    """Return a matrix, shaded as heat: blue where row and column agree, orange where not, by the share of the row.

    Args:
        names: Of rows and columns.
        values: Rows of counts or shares; None where undefined.
        caption: What the matrix tells.
        corner: What rows and columns are.
        numbers: Short names of many columns; counted from 1 if None.
        digits: Digits behind the point.
    """
    short = [str(one) for one in (numbers or range(1, len(names) + 1))]
    many = len(names) > _MOST_HEADS
    rows = []
    for place, (name, row) in enumerate(zip(names, values, strict=True)):
        total = sum(value or 0 for value in row)
        cells = [
            Cell(page.number(value, digits), (value or 0) / total if total else 0.0, place == other)
            for other, value in enumerate(row)
        ]
        rows.append([f"{short[place]}  {name}" if many else name, *cells])
    return page.table([corner, *(short if many else names)], rows, caption=caption, heat=True)
