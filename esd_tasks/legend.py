"""Classes of a map: ids, names and colours.

Ids that the labels or a legend file give are kept. Colours that nobody gave come from the meaning of the name where it
has one that maps agree on (water is blue; a lake beside a river is another blue), else from a palette that people
with a colour vision deficiency can tell apart (Okabe and Ito 2008, then Paul Tol's light scheme).
"""

import colorsys
import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stactools_esd.errors import LabelsError, UsageError

UNCLASSIFIED: Final = 0
"""The class_id of pixels without a class; also the nodata value of a class map."""

LARGEST_ID: Final = 65_535
"""Class maps hold ids in `uint8` where all fit, else in `uint16`."""

_NAMED_COLOURS: Final = (
    (r"mangrove", "#1b7f79"),
    (r"wetland|marsh|swamp|bog|fen|peat|flooded", "#66c2c2"),
    (r"water|river|lake|sea|ocean|pond|reservoir", "#1f6fc6"),
    (r"snow|ice|glacier", "#dff3ff"),
    (r"deforest\w*|clear ?cut|burn\w*|fire", "#d7301f"),
    (r"conifer\w*|needle\w*|spruce|pine|evergreen", "#0b5d3b"),
    (r"(tree|palm|oil|timber|forest) plantation\w*|orchard|vineyard|plantation", "#7fae3f"),
    (r"forest|tree|wood(?:s|land|ed)?", "#238443"),
    (r"shrub\w*|scrub|bush\w*|heath\w*", "#b5a642"),
    (r"grass\w*|pasture|meadow|savanna\w*|steppe|rangeland|herbaceous", "#a8d46f"),
    (r"maize|corn", "#f2b705"),
    (r"rice|paddy", "#9ad0c2"),
    (r"soy\w*", "#c9a227"),
    (r"wheat|cereal\w*|barley|rye|oat", "#e6c86e"),
    (r"potato\w*", "#b07d4b"),
    (r"beet\w*|vegetable\w*", "#c77cba"),
    (r"crop\w*|agricultur\w*|arable|farm\w*|field|cultivat\w*", "#edc948"),
    (r"urban|built|build\w*|settlement|city|town|artificial|impervious|road|residential|industr\w*", "#c0392b"),
    (r"bare|barren|sand|desert|rock|soil|beach|dune", "#c8b49a"),
    (r"moss|lichen|tundra", "#d0d8a8"),
    (r"cloud|other|unknown", "#8c8c8c"),
)
"""Whole words of a name, English, first match wins; plural `s` is allowed."""

_PALETTE: Final = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#5b4a8a",
    "#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#99ddff", "#44bb99", "#bbcc33", "#aaaa00", "#7a5230", "#4d4d4d",
)  # fmt: skip
"""Colours for names that say nothing."""

_CLEARLY_UNLIKE: Final = 140.0
"""Least distance (see `_unlikeness`) of a palette colour from those already used."""

_SHADES: Final = ((0.5, 255), (0.45, 0), (0.75, 255), (0.25, 255))
"""Shades of the colour of a name: how much of white (255) or black (0) is mixed into it."""

_UNLIKE: Final = 80.0
"""Least distance (see `_unlikeness`) of a shade from the colours already used."""

_COLUMNS: Final = {
    "class_id": "class_id",
    "id": "class_id",
    "class_name": "class_name",
    "name": "class_name",
    "colour": "colour",
    "color": "colour",
}
"""Column names that a legend file may use."""

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
            if twice := sorted({str(value) for value in values if list(values).count(value) > 1}):
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
    def by_id(self) -> dict[int, str]:
        """Names by class_id, ascending."""
        return dict(zip(self.ids, self.names, strict=True))


def legend_of(names: Mapping[int, str]) -> Legend:
    """Make a legend, colours included, from class_id and name.

    Raises:
        LabelsError: See `Legend`.
    """
    return _coloured([(class_id, name, None) for class_id, name in sorted(names.items())])


def read_legend(path: Path) -> Legend:
    """Read a legend: a CSV with the columns `class_id`, `class_name` and, if wanted, `colour`.

    `id`, `name` and `color` are taken for the same; a semicolon or a tab may part the columns.

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


def colour_of_name(name: str) -> str | None:
    """Return the colour that maps commonly give to a class of this name, or None where there is none."""
    words = re.sub(r"[\W_]+", " ", name).casefold()
    for pattern, colour in _NAMED_COLOURS:
        if re.search(rf"\b(?:{pattern})s?\b", words):
            return colour
    return None


def _coloured(entries: Sequence[tuple[int, str, str | None]]) -> Legend:
    """Give each class without a colour one of its own: that of its name or a shade of it, else one that stands out."""
    colours = {position: colour for position, (_, _, colour) in enumerate(entries) if colour}
    for position, (_, name, colour) in enumerate(entries):
        meant = colour_of_name(name)
        if colour is None and meant is not None and meant not in colours.values():
            colours[position] = meant
    for position, (_, name, _) in enumerate(entries):
        meant = colour_of_name(name)
        if position not in colours and meant is not None:
            used = tuple(colours.values())
            unlike = (shade for shade in _shades(meant) if min(_unlikeness(shade, other) for other in used) >= _UNLIKE)
            if shade := next(unlike, None):
                colours[position] = shade
    for position in range(len(entries)):
        if position not in colours:
            colours[position] = _free_colour(list(colours.values()), len(entries))
    return Legend(
        tuple(
            LegendClass(class_id=class_id, name=name, colour=colours[position])
            for position, (class_id, name, _) in enumerate(entries)
        )
    )


def _shades(colour: str) -> tuple[str, ...]:
    """Return lighter and darker shades of a colour."""
    parts = bytes.fromhex(colour[1:])
    mixed = [bytes(round((1 - share) * part + share * end) for part in parts) for share, end in _SHADES]
    return tuple(f"#{shade.hex()}" for shade in mixed)


def _free_colour(used: Sequence[str], count: int) -> str:
    """Return the first colour that is clearly unlike the used ones, or the one most unlike them.

    Args:
        used: Colours that are taken.
        count: Number of classes: beyond the palette, as many hues are tried, a golden angle apart.
    """
    hues = [
        colorsys.hsv_to_rgb((0.1 + 0.381966 * number) % 1, 0.45 + 0.25 * (number % 2), 0.85) for number in range(count)
    ]
    candidates = [*_PALETTE, *(f"#{''.join(f'{round(255 * part):02x}' for part in hue)}" for hue in hues)]
    distances = {colour: min((_unlikeness(colour, other) for other in used), default=1e9) for colour in candidates}
    clear = (colour for colour in _PALETTE if distances[colour] >= _CLEARLY_UNLIKE)
    return next(clear, None) or max(candidates, key=lambda colour: distances[colour])


def _unlikeness(one: str, other: str) -> float:
    """Return how far apart two colours are to the eye: the weighted RGB distance "redmean" (T. Riemersma), 0..765."""
    (r1, g1, b1), (r2, g2, b2) = (tuple(bytes.fromhex(colour[1:])) for colour in (one, other))
    mean_red = (r1 + r2) / 2
    return math.sqrt(
        (2 + mean_red / 256) * (r1 - r2) ** 2 + 4 * (g1 - g2) ** 2 + (2 + (255 - mean_red) / 256) * (b1 - b2) ** 2
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


def _entry(row: Mapping[str, str], where: str) -> tuple[int, str, str | None]:
    """Read id, name and colour of one line."""
    class_id = _integer(row.get("class_id", ""))
    if class_id is None:
        raise LabelsError(f"got class_id {row.get('class_id')!r} in {where}, expected an integer; correct it")
    name = row.get("class_name", "").strip()
    if not name:
        raise LabelsError(f"got no class name in {where}, expected one; name class {class_id}")
    colour = row.get("colour", "").strip()
    if not colour:
        return class_id, name, None
    match = _HEX.fullmatch(colour)
    if match is None:
        raise LabelsError(f"got colour {colour!r} in {where}, expected #rrggbb; correct it or leave it empty")
    return class_id, name, f"#{match[1].lower()}"


def _integer(text: str) -> int | None:
    """Return the integer that a text spells (`7`, `7.0`), or None."""
    try:
        number = float(text.strip())
    except ValueError:
        return None
    return int(number) if number.is_integer() else None
