"""Which names a picture can show: fonts that are installed, and scripts that matplotlib can set.

Matplotlib joins no letters and turns no line around, so scripts that need it (Arabic, Hebrew, Devanagari, Thai, ..) are
not drawn at all; reports and styles have every name as text.
"""

import logging
from functools import cache
from typing import Any, Final

_OWN: Final = "DejaVu Sans"
"""Comes with matplotlib."""

_FALLBACKS: Final = (
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Noto Sans CJK TC",
    "Noto Sans SC",
    "Noto Sans JP",
    "Noto Sans KR",
    "Source Han Sans SC",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "IPAGothic",
    "TakaoGothic",
    "NanumGothic",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "SimHei",
    "Arial Unicode MS",
    "Noto Sans Ethiopic",
    "Noto Sans Georgian",
)
"""Fonts that together have the scripts which can be set letter by letter; those that are there are used."""

_SET_BY_SHAPE: Final = ((0x0590, 0x109F), (0x1780, 0x18AF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFF))
"""Hebrew to Myanmar, Khmer, Mongolian, and presentation forms: letters change their shape or the line its direction."""


@cache
def families() -> tuple[str, ...]:
    """Return fonts that are installed and together cover most scripts, matplotlib's own first."""
    from matplotlib import font_manager

    # A font that has its script in another weight only is used as it is; nobody can do anything about it.
    logging.getLogger("matplotlib.font_manager").addFilter(lambda said: "font weight" not in said.getMessage())
    installed = set(font_manager.get_font_names())
    return (_OWN, *(font for font in _FALLBACKS if font in installed))


def drawable(text: str) -> bool:
    """Tell whether a picture can show every letter of a text as it should look."""
    shaped = any(first <= ord(sign) <= last for sign in text for first, last in _SET_BY_SHAPE)
    return not shaped and text.isprintable() and all(map(_has_glyph, set(text)))


def legible(text: str) -> str:
    """Return a text with `?` for every letter that no font has, for titles and notes."""
    return text if drawable(text) else "".join(sign if sign == "\n" or drawable(sign) else "?" for sign in text)


@cache
def _has_glyph(sign: str) -> bool:
    from matplotlib import font_manager

    return any(_font(font_manager.findfont(family)).get_char_index(ord(sign)) > 0 for family in families())


@cache
def _font(path: str) -> Any:
    from matplotlib import font_manager

    return font_manager.get_font(path)
