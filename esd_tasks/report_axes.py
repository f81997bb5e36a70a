"""Axes of the pictures of reports: where values lie, ticks, markers, as SVG in the page."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from esd_tasks.report_page import Html, text
from esd_tasks.report_style import SERIES

WIDTH, HEIGHT = 560.0, 380.0
"""Size of a picture in its own units; it shrinks with the page."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 72.0, 30.0, 14.0, 58.0
_MARKERS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis with its ticks."""

    label: str
    """What is measured, with its unit."""

    low: float
    """Where it begins."""

    high: float
    """Where it ends."""

    ticks: Sequence[tuple[float, str]] = field(default=())
    """Places and what stands there; round numbers if empty."""

    @property
    def marks(self) -> Sequence[tuple[float, str]]:
        """Ticks, round numbers where none are given."""
        if self.ticks:
            return self.ticks
        span = self.high - self.low
        step = 10.0 ** math.floor(math.log10(span))
        step = next(one for one in (step / 5, step / 2, step, 2 * step) if span / one <= 6)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [(place * step, f"{place * step:.10g}") for place in range(first, last + 1)]


class Plot:
    """A frame with axes, and where values lie in it."""

    def __init__(self, x: Axis, y: Axis, *, square: bool = False) -> None:
        self.x, self.y = x, y
        self.width = HEIGHT + _LEFT + _RIGHT - _TOP - _BOTTOM if square else WIDTH

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a value lies; beyond the axes at their ends."""
        across = (x - self.x.low) / (self.x.high - self.x.low)
        up = (y - self.y.low) / (self.y.high - self.y.low)
        return (
            _LEFT + min(max(across, 0.0), 1.0) * (self.width - _LEFT - _RIGHT),
            HEIGHT - _BOTTOM - min(max(up, 0.0), 1.0) * (HEIGHT - _TOP - _BOTTOM),
        )

    def at(self, x: float, y: float) -> str:
        """Return where a value lies, as a path has it."""
        left, top = self.place(x, y)
        return f"{left:.1f} {top:.1f}"

    def frame(self, *, grid: bool = True) -> str:
        """Return axes with ticks and labels."""
        right, bottom = self.width - _RIGHT, HEIGHT - _BOTTOM
        parts = []
        for value, said in self.y.marks:
            top = self.place(self.x.low, value)[1]
            if grid:
                parts.append(f'<path class="grid" d="M{_LEFT} {top:.1f}H{right}"/>')
            parts.append(f'<text x="{_LEFT - 8}" y="{top + 5:.1f}" text-anchor="end">{text(said)}</text>')
        for value, said in self.x.marks:
            left = self.place(value, self.y.low)[0]
            parts.append(f'<path class="axis" d="M{left:.1f} {bottom}v5"/>')
            parts.append(f'<text x="{left:.1f}" y="{bottom + 20}" text-anchor="middle">{text(said)}</text>')
        middle = (_LEFT + right) / 2, (_TOP + bottom) / 2
        parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>')
        parts.append(f'<text x="{middle[0]}" y="{HEIGHT - 10}" text-anchor="middle">{text(self.x.label)}</text>')
        turned = f'transform="rotate(-90 18 {middle[1]})"'
        parts.append(f'<text x="18" y="{middle[1]}" text-anchor="middle" {turned}>{text(self.y.label)}</text>')
        return "".join(parts)

    def level(self, level: tuple[float, str] | None) -> Iterable[str]:
        """Yield a horizontal line with its name."""
        if level is not None:
            top = self.place(self.x.low, level[0])[1]
            end = self.width - _RIGHT
            yield f'<path class="axis" stroke-dasharray="2 4" d="M{_LEFT} {top:.1f}H{end}"/>'
            yield f'<text x="{end - 4}" y="{top - 5:.1f}" text-anchor="end">{text(level[1])}</text>'

    def diagonal(self, name: str | None) -> Iterable[str]:
        """Yield the line on which x and y are equal."""
        if name is not None:
            low, high = max(self.x.low, self.y.low), min(self.x.high, self.y.high)
            yield f'<path class="axis" stroke-dasharray="2 4" d="M{self.at(low, low)}L{self.at(high, high)}"/>'
            left, top = self.place(high, high)
            yield f'<text x="{left - 12:.1f}" y="{top + 34:.1f}" text-anchor="end">{text(name)}</text>'

    def svg(self, parts: Iterable[str], alt: str) -> str:
        """Return the picture."""
        size = f'viewBox="0 0 {self.width:g} {HEIGHT:g}" width="{self.width:g}" height="{HEIGHT:g}"'
        return Html(f'<svg role="img" aria-label="{text(alt)}" {size}>{"".join(parts)}</svg>')


def marker(x: float, y: float, turn: int, *, size: float = 4.5, opacity: float = 1.0) -> str:
    """Return a circle, square, triangle or diamond."""
    fill = f'fill="var(--s{turn % SERIES})"' + ("" if opacity == 1 else f' opacity="{opacity}"')
    kind = turn % _MARKERS
    if kind == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" {fill}/>'
    if kind == 1:
        side = 1.8 * size
        return f'<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:g}" height="{side:g}" {fill}/>'
    if kind == 2:
        return f'<path d="M{x:.1f} {y - 1.2 * size:.1f}l{1.2 * size:g} {2.1 * size:g}h{-2.4 * size:g}z" {fill}/>'
    return (
        f'<path d="M{x:.1f} {y - 1.3 * size:.1f}l{1.3 * size:g} {1.3 * size:g}l{-1.3 * size:g} {1.3 * size:g}'
        f'l{-1.3 * size:g} {-1.3 * size:g}z" {fill}/>'
    )
