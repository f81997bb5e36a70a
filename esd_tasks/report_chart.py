"""Curves, scatters and bars of reports, drawn as SVG in the page: text stays text, colours follow the page.

Series differ by colour and by marker, so that nobody needs colour alone to tell them apart.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from esd_tasks.report_axes import Axis, Plot, marker
from esd_tasks.report_page import Html, figure, join, text
from esd_tasks.report_style import SERIES

_MOST_DOTS: Final = 3000
"""Dots that a scatter draws at most; of more, every so manieth is drawn."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value, with its interval where it has one."""

    x: float
    """Place along the page."""

    y: float
    """The value."""

    low: float | None = None
    """Lower end of the interval."""

    high: float | None = None
    """Its upper end."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points of one kind."""

    name: str
    """What they are."""

    points: Sequence[Point]
    """In the order in which they are joined."""

    dashed: bool = False
    """True for a broken line."""

    steps: bool = False
    """True where a value holds until the next point."""

    marked: bool = True
    """False for a bare line."""

    joined: bool = True
    """False for points that no line joins."""

    turn: int | None = None
    """Which colour and marker it has; those of its place if None."""


def curves(
    series: Sequence[Series],
    *,
    x: Axis,
    y: Axis,
    alt: str,
    caption: str,
    level: tuple[float, str] | None = None,
    diagonal: str | None = None,
) -> Html:
    """Draw lines with their intervals, and list them below.

    Args:
        series: Lines.
        x: Horizontal axis.
        y: Vertical axis.
        alt: What the picture shows, for those who do not see it.
        caption: Stands below.
        level: A horizontal line for comparison, and its name.
        diagonal: Name of the line on which x and y are equal, where it is wanted.
    """
    plot = Plot(x, y)
    parts = [plot.frame(), *plot.level(level), *plot.diagonal(diagonal)]
    for place, one in enumerate(series):
        turn = place if one.turn is None else one.turn
        colour = f"var(--s{turn % SERIES})"
        points = [point for point in one.points if not math.isnan(point.y)]
        for point in points:
            if point.low is not None and point.high is not None:
                at = plot.at(point.x, point.low), plot.at(point.x, point.high)
                parts.append(f'<path d="M{at[0]}L{at[1]}" stroke="{colour}" stroke-width="1.6"/>')
        joined = _steps(points) if one.steps else [(point.x, point.y) for point in points]
        if one.joined and len(joined) > 1:
            dash = ' stroke-dasharray="6 4"' if one.dashed else ""
            way = "L".join(plot.at(*place) for place in joined)
            parts.append(f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if one.marked:
            parts += [marker(*plot.place(point.x, point.y), turn) for point in points]
    return figure(plot.svg(parts, alt), caption, _keys(series))


def scatter(groups: Mapping[str, Sequence[tuple[float, float]]], *, x: Axis, y: Axis, alt: str, caption: str) -> Html:
    """Draw dots of several groups with the line on which x and y are equal, and list the groups below."""
    plot = Plot(x, y, square=True)
    parts = [plot.frame(), *plot.diagonal("equal")]
    every = math.ceil(max(1, sum(map(len, groups.values()))) / _MOST_DOTS)
    for turn, dots in enumerate(groups.values()):
        parts += [marker(*plot.place(*dot), turn, size=3.2, opacity=0.75) for dot in list(dots)[::every]]
    thinned = "" if every == 1 else f" One dot in {every} is drawn."
    keys = _keys([Series(name=name, points=(), joined=False) for name in groups])
    return figure(plot.svg(parts, alt), caption + thinned, keys)


def stack(
    places: Sequence[float], layers: Sequence[tuple[str, Sequence[float]]], *, x: Axis, y: Axis, alt: str, caption: str
) -> Html:
    """Draw values on top of each other, from the bottom up.

    Args:
        places: Where along the page.
        layers: Colour `#rrggbb` and values at the places.
        x: Horizontal axis.
        y: Vertical axis.
        alt: What the picture shows.
        caption: Stands below.
    """
    plot = Plot(x, y)
    parts, floor = [], [y.low] * len(places)
    for colour, values in layers:
        top = [below + value for below, value in zip(floor, values, strict=True)]
        edge = [plot.at(*place) for place in zip(places, top, strict=True)]
        back = [plot.at(*place) for place in zip(places, floor, strict=True)][::-1]
        parts.append(f'<path d="M{"L".join(edge + back)}Z" fill="{text(colour)}" stroke="#666" stroke-width="0.6"/>')
        floor = top
    return figure(plot.svg([*parts, plot.frame(grid=False)], alt), caption)


def bar(
    value: float | None, low: float | None = None, high: float | None = None, *, most: float = 1.0, turn: int = 0
) -> Html:
    """Return a small bar from 0 with its interval, for a cell beside the figures that it shows."""
    if value is None or math.isnan(value) or not most > 0:
        return Html("")
    width, colour = 150.0, f"var(--s{turn % SERIES})"
    end = width * min(max(value / most, 0.0), 1.0)
    parts = [f'<rect x="0" y="3" width="{max(end, 1):.1f}" height="10" fill="{colour}" opacity="0.8"/>']
    if low is not None and high is not None:
        ends = [width * min(max(one / most, 0.0), 1.0) for one in (low, high)]
        line = f"M{ends[0]:.1f} 8H{ends[1]:.1f}M{ends[0]:.1f} 3V13M{ends[1]:.1f} 3V13"
        parts.append(f'<path d="{line}" stroke="currentColor" stroke-width="1.6" fill="none"/>')
    frame = f'<path class="axis" d="M.5 0V16M{width - 0.5} 0V16"/>'
    size = f'viewBox="0 0 {width:g} 16" width="{width:g}" height="16"'
    return Html(f'<svg {size} aria-hidden="true">{frame}{join(map(Html, parts), "")}</svg>')


def _steps(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Return the corners of a line that holds each value until the next point."""
    corners = [(points[0].x, points[0].y)] if points else []
    for before, after in pairwise(points):
        corners += [(after.x, before.y), (after.x, after.y)]
    return corners


def _keys(series: Sequence[Series]) -> Html:
    """List series by marker and line; a single one needs no list."""
    if len(series) < 2:
        return Html("")
    lines = []
    for place, one in enumerate(series):
        turn = place if one.turn is None else one.turn
        dash = ' stroke-dasharray="6 4"' if one.dashed else ""
        sign = f'<path d="M0 8H32" stroke="var(--s{turn % SERIES})" stroke-width="2"{dash}/>' if one.joined else ""
        sign += marker(16, 8, turn) if one.marked else ""
        lines.append(f'<li><svg width="32" height="16" aria-hidden="true">{sign}</svg>{text(one.name)}</li>')
    return Html(f'<ul class="keys">{"".join(lines)}</ul>')
