"""Colours of classes: what their names mean on maps, else colours that people can tell apart.

Colours come from the meaning of a name where it has one that maps agree on (water is blue; a lake beside a river is
another blue), else from a palette that people with a colour vision deficiency can tell apart (Okabe and Ito 2008, then
Paul Tol's light scheme).
"""

import colorsys
import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

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
    (r"maize|corn", "#f4a300"),
    (r"rice|paddy", "#9ad0c2"),
    (r"soy\w*", "#7d8c1f"),
    (r"wheat|cereal\w*|barley|rye|oat", "#f3dfa8"),
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

_KIN: Final = {"#edc948": ("#8c5a1e", "#f28e2b", "#fff3b0", "#99931a", "#4f3b08")}
"""What stands for further classes of one name where shades of its colour are hard to tell apart, as those of yellow."""

_SHADES: Final = ((0.5, 255), (0.45, 0), (0.75, 255), (0.25, 255))
"""Shades of the colour of a name: how much of white (255) or black (0) is mixed into it."""

_UNLIKE: Final = 80.0
"""Least distance (see `_unlikeness`) of the colour of a name, or of a shade of it, from the colours already used."""


def colour_of_name(name: str) -> str | None:
    """Return the colour that maps commonly give to a class of this name, or None where there is none."""
    words = re.sub(r"[\W_]+", " ", name).casefold()
    for pattern, colour in _NAMED_COLOURS:
        if re.search(rf"\b(?:{pattern})s?\b", words):
            return colour
    return None


def colours_of(entries: Sequence[tuple[str, str | None]]) -> list[str]:
    """Give each class without a colour one of its own: that of its name or a shade of it, else one that stands out.

    Args:
        entries: Name and colour, if it has one, of each class.

    Returns:
        `#rrggbb` of each.
    """
    colours = {position: colour for position, (_, colour) in enumerate(entries) if colour}
    for position, (name, colour) in enumerate(entries):
        meant = colour_of_name(name)
        if colour is None and meant is not None and _nearest(meant, colours.values()) >= _UNLIKE:
            colours[position] = meant
    for position, (name, _) in enumerate(entries):
        meant = colour_of_name(name)
        if position not in colours and meant is not None:
            unlike = (shade for shade in _shades(meant) if _nearest(shade, colours.values()) >= _UNLIKE)
            if shade := next(unlike, None):
                colours[position] = shade
    left = [position for position in range(len(entries)) if position not in colours]
    colours |= dict(zip(left, _free_colours(tuple(colours.values()), len(left), len(entries)), strict=True))
    return [colours[position] for position in range(len(entries))]


def _shades(colour: str) -> tuple[str, ...]:
    """Return what goes with a colour, then lighter and darker shades of it."""
    parts = bytes.fromhex(colour[1:])
    mixed = [bytes(round((1 - share) * part + share * end) for part in parts) for share, end in _SHADES]
    return (*_KIN.get(colour, ()), *(f"#{shade.hex()}" for shade in mixed))


def _free_colours(used: Sequence[str], wanted: int, count: int) -> list[str]:
    """Return colours, each the first that is clearly unlike all before it, or the one most unlike them.

    Args:
        used: Colours that are taken.
        wanted: How many are returned.
        count: Number of classes: beyond the palette, as many hues are tried, a golden angle apart.
    """
    hues = [
        colorsys.hsv_to_rgb((0.1 + 0.381966 * number) % 1, 0.45 + 0.25 * (number % 2), 0.85) for number in range(count)
    ]
    candidates = [*_PALETTE, *(f"#{''.join(f'{round(255 * part):02x}' for part in hue)}" for hue in hues)]
    distances = {colour: _nearest(colour, used) for colour in candidates}
    found: list[str] = []
    for _ in range(wanted):
        clear = (colour for colour in _PALETTE if distances[colour] >= _CLEARLY_UNLIKE)
        best = next(clear, None) or max(candidates, key=lambda colour: distances[colour])
        distances = {colour: min(one, _unlikeness(colour, best)) for colour, one in distances.items()}
        found.append(best)
    return found


def _nearest(colour: str, used: Iterable[str]) -> float:
    """Return how far the most similar of some colours is; infinite where there are none."""
    return min((_unlikeness(colour, other) for other in used), default=math.inf)


def _unlikeness(one: str, other: str) -> float:
    """Return how far apart two colours are to the eye: the weighted RGB distance "redmean" (T. Riemersma), 0..765."""
    (r1, g1, b1), (r2, g2, b2) = (tuple(bytes.fromhex(colour[1:])) for colour in (one, other))
    mean_red = (r1 + r2) / 2
    return math.sqrt(
        (2 + mean_red / 256) * (r1 - r2) ** 2 + 4 * (g1 - g2) ** 2 + (2 + (255 - mean_red) / 256) * (b1 - b2) ** 2
    )
