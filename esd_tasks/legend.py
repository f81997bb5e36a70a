"""Classes of a map: ids, names and colours.

Ids that the labels or a legend file give are kept; colours that nobody gave come from `class_colours`. A class may
name a wider one that it belongs to, its parent.
"""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from esd_tasks.class_colours import colour_of_name, colours_of
from stactools_esd.errors import LabelsError, UsageError

__all__ = ["LARGEST_ID", "UNCLASSIFIED", "Legend", "LegendClass", "colour_of_name", "legend_of", "read_legend"]

UNCLASSIFIED: Final = 0
"""The class_id of pixels without a class; also the nodata value of a class map."""

LARGEST_ID: Final = 65_535
"""Class maps hold ids in `uint8` where all fit, else in `uint16`."""

_COLUMNS: Final = {
    "class_id": "class_id",
    "id": "class_id",
    "class_name": "class_name",
    "name": "class_name",
    "colour": "colour",
    "color": "colour",
    "parent": "parent",
    "parent_class": "parent",
}
"""Column names that a legend file may use."""

_JOINERS: Final = "\u200c\u200d"

_HEX = re.compile(r"#?([0-9a-fA-F]{6})")


@dataclass(frozen=True, kw_only=True)
class LegendClass:
    """One class of a legend."""

    class_id: int
    """Integer 1..65535 that stands in the map."""

    name: str
    """What people read; any script."""

    colour: str
    """`#rrggbb` in lower case."""

    parent: str | None = None
    """Name of the wider class that it belongs to."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", plain_name(self.name))
        if not self.name:
            raise LabelsError(f"got no name that can be printed for class_id {self.class_id}, expected one; name it")
        if self.parent is not None:
            object.__setattr__(self, "parent", plain_name(self.parent))
        if re.fullmatch("#[0-9a-f]{6}", self.colour) is None:
            raise LabelsError(f"got colour {self.colour[:40]!r} of {self.name!r}, expected #rrggbb; correct it")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green and blue, 0..255."""
        return int(self.colour[1:3], 16), int(self.colour[3:5], 16), int(self.colour[5:7], 16)


@dataclass(frozen=True)
class Legend:
    """Classes in the order of their ids.

    Raises:
        LabelsError: No class, an id out of range, or an id or a name given twice.
    """

    classes: tuple[LegendClass, ...]
    """At least one class, by class_id."""

    def __post_init__(self) -> None:
        if not self.classes:
            raise LabelsError("got a legend without classes, expected at least one; give class_id and class_name rows")
        object.__setattr__(self, "classes", tuple(sorted(self.classes, key=lambda entry: entry.class_id)))
        for entry in self.classes:
            if not 0 < entry.class_id <= LARGEST_ID:
                raise LabelsError(
                    f"got class_id {entry.class_id} for {entry.name!r}, expected 1..{LARGEST_ID} "
                    f"({UNCLASSIFIED} means unclassified in the map); give the class another id"
                )
        for what, values in (("class_id", self.ids), ("class name", self.names)):
            if twice := sorted(str(value) for value, times in Counter[int | str](values).items() if times > 1):
                raise LabelsError(
                    f"got {what} {', '.join(twice)} more than once, expected each once; merge or rename the classes"
                )

    @property
    def ids(self) -> tuple[int, ...]:
        """Every class_id, ascending."""
        return tuple(entry.class_id for entry in self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, in the order of the ids."""
        return tuple(entry.name for entry in self.classes)

    @property
    def dtype(self) -> str:
        """Data type of a map with these ids: `uint8` where all fit, else `uint16`."""
        return "uint8" if self.ids[-1] <= 255 else "uint16"

    @property
    def parents(self) -> "Legend | None":
        """The wider classes, counted from 1 in the order of their first class; None where no class names one.

        A class without a parent is its own, and a parent called like a class has the colour of that class.
        """
        if not any(entry.parent for entry in self.classes):
            return None
        own = {entry.name: entry.colour for entry in self.classes}
        names = list(dict.fromkeys(entry.parent or entry.name for entry in self.classes))
        return _coloured([(place, name, own.get(name), None) for place, name in enumerate(names, start=1)])

    def without(self, class_ids: Collection[int]) -> "Legend":
        """Return the legend without some classes."""
        return Legend(tuple(entry for entry in self.classes if entry.class_id not in class_ids))

    @property
    def parent_ids(self) -> dict[int, int]:
        """The class_id of the parent of each class, in the legend `parents`; empty where there are none."""
        wider = self.parents
        if wider is None:
            return {}
        ids = {entry.name: entry.class_id for entry in wider.classes}
        return {entry.class_id: ids[entry.parent or entry.name] for entry in self.classes}

    @property
    def by_id(self) -> dict[int, str]:
        """Names by class_id, ascending."""
        return dict(zip(self.ids, self.names, strict=True))


def plain_name(text: str) -> str:
    """Return a name as maps, tables and pages can hold it: composed, without signs that are not printed.

    XML and terminals take no control characters, UTF-8 no halves of signs; joiners stay, for they shape words.
    """
    kept = "".join(sign if sign.isprintable() or sign in _JOINERS else " " for sign in text)
    return unicodedata.normalize("NFC", kept).strip()


def legend_of(names: Mapping[int, str]) -> Legend:
    """Make a legend, colours included, from class_id and name.

    Raises:
        LabelsError: See `Legend`.
    """
    return _coloured([(class_id, name, None, None) for class_id, name in sorted(names.items())])


def read_legend(path: Path) -> Legend:
    """Read a legend: a CSV with the columns `class_id`, `class_name` and, if wanted, `colour` and `parent`.

    `id`, `name`, `color` and `parent_class` are taken for the same; a semicolon or a tab may part the columns.

    Raises:
        UsageError: There is no such file.
        LabelsError: The file is no such table, or its ids, names or colours cannot be used.
    """
    if not path.is_file():
        raise UsageError(f"got legend {path}, which is no file; expected a CSV with class_id and class_name")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelsError(f"got legend {path.name} that is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise LabelsError(f"cannot read legend {path} ({error.strerror}), expected a CSV; check the file") from error
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    header, *rows = csv.reader(text.splitlines(), delimiter=delimiter) if text.strip() else [[]]
    columns = _columns(header, path)
    return _coloured(
        [
            _entry(dict(zip(columns, row, strict=False)), f"line {line} of legend {path.name}")
            for line, row in enumerate(rows, start=2)
            if any(cell.strip() for cell in row)
        ]
    )


def _coloured(entries: Sequence[tuple[int, str, str | None, str | None]]) -> Legend:
    """Make a legend of ids, names, colours and parents; colours that nobody gave are found."""
    colours = colours_of([(name, colour) for _, name, colour, _ in entries])
    return Legend(
        tuple(
            LegendClass(class_id=class_id, name=name, colour=colour, parent=parent)
            for (class_id, name, _, parent), colour in zip(entries, colours, strict=True)
        )
    )


def _columns(header: Sequence[str], path: Path) -> list[str]:
    """Return the columns by their one name each."""
    columns = [_COLUMNS.get(name.strip().casefold(), name) for name in header]
    for wanted in ("class_id", "class_name"):
        if columns.count(wanted) != 1:
            raise LabelsError(
                f"got columns {', '.join(header) or 'none'} in legend {path.name}, expected one named {wanted}; "
                "name the columns class_id, class_name and, if wanted, colour"
            )
    return columns


def _entry(row: Mapping[str, str], where: str) -> tuple[int, str, str | None, str | None]:
    """Read id, name, colour and parent of one line."""
    class_id = _integer(row.get("class_id", ""))
    if class_id is None:
        raise LabelsError(f"got class_id {row.get('class_id')!r} in {where}, expected an integer; correct it")
    name = row.get("class_name", "").strip()
    if not name:
        raise LabelsError(f"got no class name in {where}, expected one; name class {class_id}")
    colour, parent = row.get("colour", "").strip(), row.get("parent", "").strip() or None
    if not colour:
        return class_id, name, None, parent
    match = _HEX.fullmatch(colour)
    if match is None:
        raise LabelsError(f"got colour {colour!r} in {where}, expected #rrggbb; correct it or leave it empty")
    return class_id, name, f"#{match[1].lower()}", parent


def _integer(text: str) -> int | None:
    """Return the integer that a text spells (`7`, `7.0`), or None."""
    try:
        number = float(text.strip())
    except ValueError:
        return None
    return int(number) if number.is_integer() else None
