"""What the portal of the official archive lists: anybody may ask, tile by tile and year by year.

A question is a polygon and a folder such as `SDC30_EBD_V001/2020`; the answer is a list of `gid, file, size, coords`.
The coordinates are boxes through two corners and miss up to 750 m: they are not used. Items made of the listing take
their outline from the tile's name.
"""

import os
import re
from collections.abc import Iterator
from typing import Any, Final

from stactools_esd.errors import CatalogError, NothingFoundError, UsageError
from stactools_esd.listing import Entry
from stactools_esd.names import parse_name
from stactools_esd.product import OFFICIAL_YEARS
from stactools_esd.signing import PORTAL, PORTAL_VARIABLE, archive_href
from stactools_esd.web import check_server, post_json

TABLE: Final = "rs_sdc30_ebd2"
"""Name of the archive in the portal's data base."""

WORLD: Final = (-180.0, -90.0, 180.0, 90.0)
"""Where nobody says where."""

_LIST_PATH = "/aiforearth/api/data/polygonQuery"


def list_archive(
    years: str,
    *,
    box: tuple[float, float, float, float] | None = None,
    variant: str = "V001",
    server: str | None = None,
) -> Iterator[Entry]:
    """Yield what the portal lists, each tile and year once.

    Args:
        years: `2000-2024`, or years with commas.
        box: (west, south, east, north) in degrees; west > east crosses the antimeridian. Everywhere if None.
        variant: `V001`, or `V001CHN` for the tiles over China that another recipe made.
        server: Address of the portal; that of the environment or the official one if None.

    Raises:
        UsageError: Years or box are impossible, or the server would be asked in the clear.
        CatalogError: The portal does not answer, or answers something else.
        NothingFoundError: It lists nothing there.
    """
    place = check_server(server or os.environ.get(PORTAL_VARIABLE) or PORTAL)
    polygons = [_polygon(part) for part in _parts(box or WORLD)]
    seen: dict[tuple[int, str], Entry] = {}
    for year in _years(years):
        folder = f"SDC30_EBD_{variant}/{year}"
        for polygon in polygons:
            for row in _ask(f"{place}{_LIST_PATH}", folder, polygon):
                entry = _entry(row, folder, year)
                seen.setdefault((entry.year, entry.tile), entry)
    if not seen:
        raise NothingFoundError(f"got nothing from the portal for {years}, expected tiles; check years and box")
    yield from seen.values()


def _ask(url: str, folder: str, polygon: str) -> list[Any]:
    question = {"params": {"polygon": polygon, "table": TABLE, "path": folder}}
    status, answer = post_json(url, question)
    if status != 200 or not isinstance(answer, list):
        reason = answer.get("error") if isinstance(answer, dict) else None
        raise CatalogError(
            f"got status {status} ({reason or 'no list'}) from the portal for {folder}, expected its files; try later"
        )
    return answer


def _entry(row: Any, folder: str, year: int) -> Entry:
    """Return a file of the portal as a line of the listing; its name says more than the data base."""
    try:
        file, size = str(row["file"]), int(row["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise CatalogError(
            f"got {str(row)[:80]!r} from the portal, expected file and size; tell its operator"
        ) from error
    named = parse_name(file)
    if named is None or named.year != year or size < 1:
        raise CatalogError(
            f"got the file {file[:80]!r} of {size} bytes in {folder} of the portal, expected "
            "SDC30_EBD_V001_<TILE>_<YEAR>.tif of that year and some bytes; tell its operator"
        )
    return Entry(tile=named.tile, year=year, href=archive_href(folder, file), size=size, china=named.china)


def _years(text: str) -> list[int]:
    """Read `2000-2024` or `2000,2020`."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{4})(?:-(\d{4}))?\s*", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise UsageError(f"got the years {text!r}, expected such as 2015-2020 or 2000,2020; correct them")
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    if outside := sorted(found - set(OFFICIAL_YEARS)):
        raise UsageError(
            f"got the year {outside[0]}, expected {OFFICIAL_YEARS.start}..{OFFICIAL_YEARS.stop - 1}, the years of the "
            "archive; correct it"
        )
    return sorted(found)


def _parts(box: tuple[float, float, float, float]) -> list[tuple[float, float, float, float]]:
    """Return a box, or its two sides of the antimeridian."""
    west, south, east, north = box
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90) or west == east:
        raise UsageError(f"got the box {box}, expected west, south, east, north in degrees; correct it")
    return [box] if west < east else [(west, south, 180.0, north), (-180.0, south, east, north)]


def _polygon(box: tuple[float, float, float, float]) -> str:
    west, south, east, north = (f"{value:g}" for value in box)
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"POLYGON (({', '.join(' '.join(corner) for corner in corners)}))"
