"""What a codes COG says of itself in its TIFF tags, and how that is read back.

Every key begins with `ESD_`, so that other software's tags do not meet ours.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from stactools_esd.errors import ProductNameError, RasterError
from stactools_esd.names import CodesTags, area_tile, is_tile
from stactools_esd.product import (
    CODE_RULE,
    FSQ,
    NODATA_RULE,
    READABLE_FORMAT_VERSIONS,
    CodesIdentity,
    EncoderIdentity,
    InputRecipe,
)

YEARS: Final = range(1972, 2100)
"""Years that a tag, a name or an option may hold: from the first Landsat on."""

VERSION_KEY: Final = "ESD_FORMAT_VERSION"
"""Its presence makes a file tagged."""

_REQUIRED_KEYS = (
    "ESD_ENCODER",
    "ESD_INPUT_RECIPE",
    "ESD_TILE",
    "ESD_YEAR",
    "ESD_TEMPORAL_CONTEXT",
    "ESD_SOURCES",
    "ESD_LICENCE",
    "ESD_SOFTWARE",
)
_SKIPPED_KEY = "ESD_SKIPPED_IMAGES"  # there only where some were
_ENGINE_KEY = "ESD_ENGINE"  # files of before engines, and official ones, lack it
_FSQ_FACTS = {
    "ESD_LEVELS": ",".join(map(str, FSQ.levels)),
    "ESD_BASIS": ",".join(map(str, FSQ.basis)),
    "ESD_RULE": CODE_RULE,
    "ESD_NODATA_RULE": NODATA_RULE,
}


def check_tile_and_year(tile: str, year: int, window_start: date | None = None) -> None:
    """Check the form of a tile, the range of a year, and that a flagged window starts in it.

    Raises:
        ProductNameError: One of them is impossible.
    """
    if not is_tile(tile):
        if not tile.startswith("x"):
            raise ProductNameError(
                f"got tile {tile!r}, expected an MGRS tile such as 50TMK, or x and the name of a custom area; "
                "correct it"
            )
        area_tile(tile.removeprefix("x"))
    if year not in YEARS:
        raise ProductNameError(f"got year {year}, expected {YEARS[0]}-{YEARS[-1]}; check the name or the options")
    if window_start is not None and window_start.year != year:
        raise ProductNameError(f"got a window from {window_start} in year {year}, expected the year in which it starts")


def checked_engine(name: str | None) -> str | None:
    """Return the name of an engine, which need not be one that this release has; None where none is said.

    Raises:
        ProductNameError: It is no such name.
    """
    if name is not None and re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) is None:
        raise ProductNameError(f"got engine {name[:20]!r}, expected a name such as torch; make the file again")
    return name


def to_text(tags: CodesTags) -> dict[str, str]:
    """Write tags as the texts that stand in the TIFF.

    Raises:
        ProductNameError: Tile, year or engine is impossible.
    """
    check_tile_and_year(tags.tile, tags.year, tags.window_start)
    checked_engine(tags.engine)
    identity = tags.identity
    return {
        VERSION_KEY: identity.format_version,
        **_FSQ_FACTS,
        "ESD_ENCODER": identity.encoder.label,
        "ESD_WEIGHTS_SHA256": identity.encoder.weights_sha256 or "",
        "ESD_INPUT_RECIPE": json.dumps(identity.recipe.as_dict()),
        "ESD_TILE": tags.tile,
        "ESD_YEAR": str(tags.year),
        "ESD_WINDOW_START": tags.window_start.isoformat() if tags.window_start else "",
        "ESD_TEMPORAL_CONTEXT": tags.temporal_context,
        "ESD_SOURCES": json.dumps(list(tags.sources)),
        **({_SKIPPED_KEY: str(tags.skipped_images)} if tags.skipped_images else {}),
        **({_ENGINE_KEY: tags.engine} if tags.engine else {}),
        "ESD_LICENCE": tags.licence,
        "ESD_SOFTWARE": tags.software,
    }


def from_text(texts: Mapping[str, str]) -> CodesTags | None:
    """Read the tags of a TIFF.

    Args:
        texts: All of its tags, ours and others'.

    Returns:
        What they say, or None where the file is not tagged.

    Raises:
        RasterError: They are of an unknown format version, incomplete, or contradict the format.
    """
    version = texts.get(VERSION_KEY)
    if version is None:
        return None
    if version not in READABLE_FORMAT_VERSIONS:
        raise RasterError(
            f"got codes of format version {version[:20]!r}, expected {', '.join(sorted(READABLE_FORMAT_VERSIONS))}; "
            "install a newer release"
        )
    if missing := [key for key in (*_FSQ_FACTS, *_REQUIRED_KEYS) if key not in texts]:
        raise RasterError(f"got no tag {missing[0]}, expected a complete set of ESD tags; make the file again")
    for key in ("ESD_LEVELS", "ESD_BASIS"):
        if texts[key] != _FSQ_FACTS[key]:
            raise RasterError(
                f"got {key} {texts[key][:40]!r}, expected {_FSQ_FACTS[key]!r}; the codes are of another kind"
            )
    try:
        return _parse(version, texts)
    except (ValueError, RecursionError, ProductNameError) as error:
        raise RasterError(f"got unreadable ESD tags: {str(error).splitlines()[0]}; make the file again") from error


def _parse(version: str, texts: Mapping[str, str]) -> CodesTags:
    # GDAL drops empty tags.
    weights = texts.get("ESD_WEIGHTS_SHA256", "")
    if weights and re.fullmatch(r"[0-9a-f]{64}", weights) is None:
        raise ValueError(f"weights hash {weights[:70]!r}, expected 64 hexadecimal digits")
    recipe = _texts(json.loads(texts["ESD_INPUT_RECIPE"]), dict)
    sources = _texts(json.loads(texts["ESD_SOURCES"]), list)
    start = texts.get("ESD_WINDOW_START", "")
    window_start = date.fromisoformat(start) if start else None
    tile, year = texts["ESD_TILE"], int(texts["ESD_YEAR"])
    check_tile_and_year(tile, year, window_start)
    return CodesTags(
        identity=CodesIdentity(
            encoder=EncoderIdentity.parse(texts["ESD_ENCODER"], weights or None),
            recipe=InputRecipe.from_dict(recipe),
            format_version=version,
        ),
        tile=tile,
        year=year,
        window_start=window_start,
        sources=tuple(sources),
        temporal_context=texts["ESD_TEMPORAL_CONTEXT"],
        skipped_images=_count(texts.get(_SKIPPED_KEY, "0")),
        licence=texts["ESD_LICENCE"],
        engine=checked_engine(texts.get(_ENGINE_KEY)),
        software=texts["ESD_SOFTWARE"],
    )


def _count(text: str) -> int:
    """Read a count."""
    if not text.isdecimal():
        raise ValueError(f"count {text[:20]!r}, expected a whole number")
    return int(text)


def _texts(content: Any, kind: type) -> Any:
    """Return a JSON object or list after checking that it holds texts only."""
    values = content.values() if isinstance(content, dict) else content
    if not isinstance(content, kind) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"expected a JSON {'object' if kind is dict else 'list'} of texts")
    return content
