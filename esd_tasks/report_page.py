"""One HTML file of sections that a browser shows without a network: no script, nothing fetched, every text escaped.

A report is a title and sections of paragraphs, tables, figures and notes. It is legible light and dark, in print and on
a telephone; pictures are inside and have words for those who do not see them.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from esd_tasks.report_style import STYLE
from stactools_esd.files import atomic_path

REPORT: Final = "report.html"
"""File name."""

_TINTS: Final = {True: "0,114,178", False: "213,94,0"}
"""Red, green and blue behind cells that agree, and behind those that do not."""

_DEEPEST: Final = 0.45
"""Opacity of the deepest tint: ink stays legible on it, light and dark."""


_JOINERS: Final = "\u200c\u200d"
"""Signs that are not printed but shape words of some scripts; others, such as turns of direction, become spaces."""


class Html(str):
    """Markup that is escaped already; any other string is text."""

    __slots__ = ()


@dataclass(frozen=True)
class Cell:
    """A number in a matrix that is shaded as heat."""

    text: str
    """What stands there."""

    heat: float = 0.0
    """Depth of the shade, 0..1."""

    agrees: bool = True
    """Blue where map and reference agree, orange where not."""


def text(value: object) -> Html:
    """Escape a value, unless it is markup; None and NaN are a dash, controls a space."""
    if isinstance(value, Html):
        return value
    if value is None or value != value:
        return Html("–")
    told = "".join(sign if sign.isprintable() or sign in _JOINERS else " " for sign in str(value))
    return Html(html.escape(told))


def join(parts: Iterable[str], between: str = "\n") -> Html:
    """Put parts together, text among them escaped."""
    return Html(between.join(text(part) for part in parts))


def paragraph(said: object) -> Html:
    """Return a paragraph."""
    return Html(f"<p>{text(said)}</p>")


def note(said: object, *, calm: bool = False) -> Html:
    """Return a caveat in a box, or with `calm` a remark."""
    return Html(f'<p class="note{" calm" if calm else ""}">{text(said)}</p>')


def swatch(colour: str, name: object) -> Html:
    """Return a name behind a box of a colour, `#rrggbb`."""
    return Html(f'<span class="box" style="background:{text(colour)}"></span><bdi>{text(name)}</bdi>')


def section(title: str, *parts: str) -> Html:
    """Return a section; empty without parts."""
    inside = [part for part in parts if part]
    return Html(f"<section>\n<h2>{text(title)}</h2>\n{join(inside)}\n</section>") if inside else Html("")


def table(
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    caption: str,
    heat: bool = False,
    last_sums: bool = False,
) -> Html:
    """Return a table whose first column names the rows; it scrolls by itself where the page is narrow.

    Args:
        head: A name for each column; none above bars that only repeat the figure beside them.
        rows: Cells: `Cell`, markup or values.
        caption: What the table tells.
        heat: True for a matrix of shaded cells.
        last_sums: True where the last row is a sum.
    """
    listed = list(rows)
    lines = []
    for number, (first, *others) in enumerate(listed, start=1):
        cells = "".join(_cell(one) for one in others)
        kind = ' class="sum"' if last_sums and number == len(listed) else ""
        lines.append(f'<tr{kind}><th scope="row">{text(first)}</th>{cells}</tr>')
    heads = "".join(f'<th scope="col">{text(one)}</th>' if one else "<td></td>" for one in head)
    kind = ' class="heat"' if heat else ""
    body = "\n".join(lines)
    return Html(
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table{kind}>'
        f"<caption>{text(caption)}</caption><thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def facts(pairs: Mapping[str, object]) -> Html:
    """Return a table of names and what they are."""
    rows = "\n".join(
        f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>' for name, value in pairs.items()
    )
    return Html(f'<table class="facts"><tbody>\n{rows}\n</tbody></table>')


def listing(lines: Iterable[object]) -> Html:
    """Return a list of lines."""
    return Html(f"<ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>")


def figure(picture: str, caption: object, *further: str) -> Html:
    """Return a picture, which brings its own words, with a caption and what explains it."""
    return Html(f"<figure>\n{picture}\n{join(further)}\n<figcaption>{text(caption)}</figcaption>\n</figure>")


def side_by_side(*figures: str) -> Html:
    """Return figures beside each other where the page is wide."""
    return Html(f'<div class="beside">{join(figures)}</div>')


def details(summary: object, inside: str) -> Html:
    """Return what only some want to see, behind its summary."""
    return Html(f"<details><summary>{text(summary)}</summary>{text(inside)}</details>")


def write_page(folder: Path, *, title: str, lead: str, parts: Iterable[str], name: str = REPORT) -> str:
    """Write the report of a folder.

    Args:
        folder: Where.
        title: Heading, and the title of the window.
        lead: What the report is of, in a line below.
        parts: Sections, notes and so on, as this module makes them; plain text is escaped.
        name: File name.

    Returns:
        File name.
    """
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{text(title)}</title><style>{STYLE}</style></head>\n'
        f'<body><main>\n<header><h1>{text(title)}</h1><p class="lead">{text(lead)}</p></header>\n'
        f"{join(part for part in parts if part)}\n</main></body>\n</html>\n"
    )
    with atomic_path(folder / name) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return name


def number(value: Any, digits: int = 3) -> str:
    """Return a figure; a dash where it is undefined."""
    return "–" if value is None or value != value else f"{value:,.{digits}f}"


def interval(value: Any, low: Any, high: Any, digits: int = 3) -> str:
    """Return a figure with its interval of 95 %, where there is one."""
    if low is None or high is None or low != low or high != high:
        return number(value, digits)
    return f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]"


def _cell(one: object) -> str:
    if not isinstance(one, Cell):
        return f"<td>{text(one)}</td>"
    depth = _DEEPEST * min(max(one.heat, 0.0), 1.0)
    style = f' style="background:rgba({_TINTS[one.agrees]},{depth:.2f})"' if depth >= 0.01 else ""
    return f"<td{style}>{text(one.text)}</td>"
