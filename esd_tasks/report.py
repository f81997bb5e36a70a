"""`report.html`: a run in one file that a browser shows without a network; pictures are inside."""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from esd_tasks.legend import Legend
from esd_tasks.preview import share_text
from stactools_esd.files import atomic_path

REPORT: Final = "report.html"
"""File name."""

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #ddd}
img{max-width:100%;height:auto}table{border-collapse:collapse;margin:.6rem 0}
td,th{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #eee}td:first-child,th:first-child{text-align:left}
.hit{background:#e6f2e6}.box{display:inline-block;width:.9em;height:.9em;margin-right:.5em;border:1px solid #666}
.scroll{overflow-x:auto}.note{background:#fff8e1;border-left:4px solid #e0a800;padding:.5rem .8rem;margin:.5rem 0}
code{font-size:.85em;overflow-wrap:anywhere}.facts td{text-align:left;vertical-align:top}
"""


def write_report(
    folder: Path,
    *,
    title: str,
    legend: Legend,
    counts: Mapping[int, int],
    caveats: Sequence[str],
    facts: Mapping[str, Any],
    accuracy: Mapping[str, Any] | None = None,
    pictures: Mapping[str, str] | None = None,
) -> str:
    """Write the report of a map.

    Args:
        folder: Where the map and its pictures are.
        title: Heading.
        legend: Classes.
        counts: Mapped pixels by class_id.
        caveats: What a reader must know, a line each.
        facts: What the map was made of and how, shown as a table.
        accuracy: Content of `accuracy.json`, where there is one.
        pictures: Heading of each picture beside the preview, by file name.

    Returns:
        File name.
    """
    parts = [
        f"<h1>{_text(title)}</h1>",
        *(f'<p class="note">{_text(caveat)}</p>' for caveat in caveats),
        _picture(folder / "preview.png", "Class map"),
        "<h2>Classes</h2>",
        _classes(legend, counts, accuracy),
        "<p>Mapped share counts pixels of the map: it carries the errors of the map and is no estimate of area.</p>",
    ]
    if accuracy is not None:
        parts += _accuracy(accuracy)
    for name, heading in (pictures or {}).items():
        parts += [f"<h2>{_text(heading)}</h2>", _picture(folder / name, heading)]
    parts += ["<h2>How it was made</h2>", _table(facts.items())]
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )
    with atomic_path(folder / REPORT) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return REPORT


def _text(value: Any) -> str:
    return html.escape(str(value))


def _picture(path: Path, what: str) -> str:
    """Return a PNG as part of the page."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{_text(what)}" src="data:image/png;base64,{data}">'


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _classes(legend: Legend, counts: Mapping[int, int], accuracy: Mapping[str, Any] | None) -> str:
    """Return the legend with mapped shares, and with samples and accuracies where they are known."""
    total = sum(counts.values())
    known = {entry["class_id"]: entry for entry in accuracy["classes"]} if accuracy else {}
    heads = ["Class", "Id", "Mapped share"] + (["Samples", "User's", "Producer's", "F1"] if accuracy else [])
    rows = []
    for entry in legend.classes:
        cells = [
            f'<span class="box" style="background:{entry.colour}"></span>{_text(entry.name)}',
            str(entry.class_id),
            share_text(counts.get(entry.class_id, 0), total),
        ]
        if accuracy:
            told = known.get(entry.class_id, {})
            cells.append(str(told.get("n_reference", 0)))
            cells += [_figure(told.get(key)) for key in ("users_accuracy", "producers_accuracy", "f1")]
        rows.append(_row(cells))
    return f'<div class="scroll"><table>{_row(heads, "th")}{"".join(rows)}</table></div>'


def _accuracy(accuracy: Mapping[str, Any]) -> list[str]:
    """Return figures, folds, matrix and protocol of a cross-validation."""
    folds, protocol, random = accuracy["overall_accuracy_folds"], accuracy["protocol"], accuracy["random_split"]
    figures = {
        "Overall accuracy, leakage-reduced": _figure(accuracy["overall_accuracy"]),
        "Mean ± SD over folds": f"{_figure(folds['mean'])} ± {_figure(folds['sd'])}",
        "Each fold": ", ".join(_figure(value) for value in folds["values"]),
        "Balanced accuracy": _figure(accuracy["balanced_accuracy"]),
        "Random split, flattering": f"{_figure(random['overall_accuracy'])} (gap {_figure(random['gap'])})",
    }
    shown = {key.replace("_", " "): value for key, value in protocol.items() if not isinstance(value, dict | list)}
    parts = [
        "<h2>Spatial cross-validation</h2>",
        f"<p>{_text(accuracy['statement'])} {_text(accuracy['design_based']['statement'])}</p>",
        _table(figures.items()),
        "<h2>Matrix</h2>",
        _matrix(accuracy["matrix"]),
    ]
    if "parents" in accuracy:
        parts += ["<h2>Matrix of parent classes</h2>", _matrix(accuracy["parents"]["matrix"])]
    return [*parts, "<h2>Protocol</h2>", _table(shown.items())]


def _matrix(matrix: Mapping[str, Any]) -> str:
    """Return an error matrix: rows map, columns reference."""
    names = matrix["class_names"]
    rows = [_row(["map \\ reference", *map(_text, names)], "th")]
    for place, (name, counts) in enumerate(zip(names, matrix["counts"], strict=True)):
        cells = "".join(
            f'<td class="hit">{count}</td>' if place == other else f"<td>{count}</td>"
            for other, count in enumerate(counts)
        )
        rows.append(f"<tr><td>{_text(name)}</td>{cells}</tr>")
    return f'<div class="scroll"><table>{"".join(rows)}</table></div>'


def _table(rows: Iterable[tuple[str, Any]]) -> str:
    body = "".join(_row([_text(key), f"<code>{_text(value)}</code>"]) for key, value in rows)
    return f'<table class="facts">{body}</table>'


def _row(cells: Sequence[str], kind: str = "td") -> str:
    return "<tr>" + "".join(f"<{kind}>{cell}</{kind}>" for cell in cells) + "</tr>"
