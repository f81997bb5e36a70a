"""Items of codes COGs that stand alone, and of folders without a catalogue."""

from collections.abc import Collection, Iterator
from pathlib import Path

import shapely.geometry

from esd_tasks.codes_item import CodesItem
from esd_tasks.item_sources.catalogue import NO_CATALOG, walk
from esd_tasks.item_sources.wanted import Wanted
from esd_tasks.target import Grid
from stactools_esd import grid
from stactools_esd.cog import open_codes
from stactools_esd.errors import CatalogError, EsdError
from stactools_esd.files import read_json
from stactools_esd.names import parse_name


def from_file(href: str) -> CodesItem:
    """Make an item of a codes COG alone.

    Raises:
        RasterError: It cannot be read, or is no codes COG.
    """
    with open_codes(href) as codes:
        return CodesItem(
            id=codes.name.item_id,
            href=href,
            identity=codes.identity,
            tile=codes.tags.tile,
            year=codes.tags.year,
            window_start=codes.tags.window_start,
            footprint=shapely.geometry.shape(grid.footprint(codes.crs, codes.bounds)),
            temporal_context=codes.tags.temporal_context,
            licence=codes.tags.licence,
            grid=Grid(crs=codes.crs, transform=codes.transform, width=codes.width, height=codes.height),
        )


def from_folder(folder: Path, years: Collection[int] | None = None) -> Iterator[CodesItem]:
    """Yield the items of a folder without a catalogue: its item files, then the codes COGs that none of them names.

    Args:
        folder: Where to look, folders below included.
        years: Files whose names say another year are not opened; None for all years.

    Raises:
        CatalogError: There is none.
        RasterError: A file with the name of a codes COG cannot be read.
    """
    items: list[CodesItem] = []
    refused, passed = "", False
    for path in _files(folder, ".json"):
        content = read_json(path)
        if isinstance(content, dict) and content.get("type") == "Feature" and "stac_version" in content:
            items.extend(walk(str(path), Wanted.of(None, None)))
    known = {item.href for item in items}
    for path in _files(folder, ".tif"):
        if str(path.resolve()) in known:
            continue
        name = parse_name(path.name)
        if name and years is not None and name.year not in years:
            passed = True
            continue
        try:
            items.append(from_file(str(path.absolute())))
        except EsdError as error:
            if name is not None:
                raise
            refused = f"; {path.name}: {error}"
    if not items and not passed:
        raise CatalogError(f"got {folder} without catalogue, item or codes COG{refused}; {NO_CATALOG}")
    yield from items


def _files(folder: Path, suffix: str) -> list[Path]:
    """Return the files of a kind below a folder, without hidden folders, in a stable order."""
    return sorted(
        path
        for path in folder.rglob(f"*{suffix}")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
