"""Items of codes: found by place and year in a static catalogue, a folder, or plain files."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import shapely
import shapely.geometry

from esd_tasks.codes_item import CodesItem, available_years, years_in_words
from esd_tasks.places import near_zone, wrap_longitudes
from stactools_esd import grid, stac
from stactools_esd.cog import open_codes
from stactools_esd.errors import CatalogError, EsdError, NothingFoundError
from stactools_esd.files import read_json
from stactools_esd.names import CodesTags, parse_name

CODES_ASSET: Final = "embeddings"
"""Key of the asset that holds the codes."""

_NO_CATALOG = "name a catalogue, item, codes COG or folder of these with --catalog or ESD_CATALOG (default ./catalog)"


def find_items(
    catalog: str | Path | Sequence[str | Path],
    *,
    geometry: shapely.Geometry | None = None,
    years: Iterable[int] | None = None,
) -> list[CodesItem]:
    """Find the items of a place and of years.

    Args:
        catalog: catalog.json, collection.json, an item, a codes COG, a folder of these, or several of them. Codes COGs
            may be URLs.
        geometry: Where, in WGS84; may cross the antimeridian in two parts or by longitudes beyond 180 degrees.
            Anywhere if None.
        years: Which years; all if None.

    Returns:
        Items by year, tile and id; they may be of several encoders (see `one_identity`).

    Raises:
        CatalogError: There is no catalogue, a link is broken, or an item is invalid.
        NothingFoundError: The catalogue has nothing there, or not in these years.
    """
    sources = [catalog] if isinstance(catalog, str | Path) else list(catalog)
    wanted = _Wanted.of(geometry, years)
    if found := _sorted(_all(sources, wanted)):
        return found
    said = ", ".join(str(source) for source in sources)
    if wanted.years is not None and (others := _sorted(_all(sources, _Wanted.of(geometry, None)))):
        raise NothingFoundError(
            f"got year {years_in_words(wanted.years)}, expected one of {years_in_words(available_years(others))}, the "
            f"years that {said} has here; choose among them"
        )
    if wanted.geometry is None:
        raise NothingFoundError(f"got no item of codes in {said}, expected at least one; {_NO_CATALOG}")
    bounds = ", ".join(f"{value:.5g}" for value in wanted.geometry.bounds)
    raise NothingFoundError(
        f"got no item of {said} that meets the area {bounds} (west, south, east, north), expected at least one; "
        "check the area or choose another catalogue"
    )


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What a walk looks for."""

    geometry: shapely.Geometry | None
    years: frozenset[int] | None

    @classmethod
    def of(cls, geometry: shapely.Geometry | None, years: Iterable[int] | None) -> "_Wanted":
        whole = None if geometry is None else wrap_longitudes(geometry)
        if whole is not None:
            shapely.prepare(whole)
        return cls(geometry=whole, years=None if years is None else frozenset(years))

    def takes(self, item: CodesItem) -> bool:
        return (self.years is None or item.year in self.years) and (
            self.geometry is None or bool(shapely.intersects(self.geometry, item.footprint))
        )

    def enters(self, parent: Mapping[str, Any], folder: Path, child: Path) -> bool:
        """Tell whether a child catalogue may hold what is wanted, by the layout collection / year / zone."""
        name = child.parent.name
        if parent.get("type") == "Collection" and re.fullmatch(r"\d{4}", name):
            return self.years is None or int(name) in self.years
        if re.fullmatch(r"\d{4}", folder.name) and re.fullmatch(r"0[1-9]|[1-5]\d|60", name):
            return self.geometry is None or near_zone(self.geometry, int(name))
        return True


def _all(sources: Iterable[str | Path], wanted: _Wanted) -> Iterator[CodesItem]:
    for source in sources:
        yield from _items(source, wanted)


def _sorted(items: Iterable[CodesItem]) -> list[CodesItem]:
    unique = {(item.id, item.href): item for item in items}
    return sorted(unique.values(), key=lambda item: (item.year, item.tile, item.id, item.href))


def _items(source: str | Path, wanted: _Wanted) -> Iterator[CodesItem]:
    """Yield the wanted items of one source."""
    path = stac.local_path(str(source))
    if path is None:
        if str(source).split("?", 1)[0].endswith(".json"):
            raise CatalogError(f"got the remote catalogue {source}, expected one on this machine; copy it here first")
        found: Iterable[CodesItem] = [_from_file(str(source))]
    elif path.is_dir():
        roots = [path / name for name in ("catalog.json", "collection.json") if (path / name).is_file()]
        found = _walk(roots[0], wanted, set()) if roots else _from_folder(path)
    elif not path.exists():
        raise CatalogError(f"got no catalogue at {path}, expected one; {_NO_CATALOG}")
    else:
        found = _walk(path, wanted, set()) if path.suffix.lower() == ".json" else [_from_file(str(path.absolute()))]
    yield from (item for item in found if wanted.takes(item))


def _walk(path: Path, wanted: _Wanted, seen: set[Path]) -> Iterator[CodesItem]:
    """Yield the items below a catalogue, or the item that a file is; other collections' items are passed over."""
    path = path.absolute()
    if path in seen:
        return
    seen.add(path)
    content = read_json(path)
    kind = content.get("type") if isinstance(content, dict) else None
    if kind == "Feature":
        if any(key.startswith("esd:") for key in content.get("properties", {})):
            yield _from_item(content, path)
        return
    if kind not in ("Catalog", "Collection"):
        raise CatalogError(f"got {path}, which is no STAC catalogue, collection or item; {_NO_CATALOG}")
    for link in content.get("links", []):
        if link.get("rel") in ("child", "item"):
            target = _resolved(str(link.get("href")), path)
            if stac.local_path(target) is None or not Path(target).is_file():
                raise CatalogError(
                    f"got a broken link in {path} to {link.get('href')}, expected a file; build the catalogue again"
                )
            if link["rel"] == "item" or wanted.enters(content, path.parent, Path(target)):
                yield from _walk(Path(target), wanted, seen)


def _resolved(href: str, beside: Path) -> str:
    """Return an href as an absolute path or URL, relative ones counted from the file that holds it."""
    path = stac.local_path(href.removeprefix("file://"))
    return href if path is None else str((beside.parent / path).resolve())


def _from_item(content: Mapping[str, Any], path: Path) -> CodesItem:
    """Make an item of its JSON."""
    try:
        tags = stac.tags_of(content)
        asset = content["assets"][CODES_ASSET]
        return _item_of(
            tags,
            id=str(content["id"]),
            href=_resolved(str(asset["href"]), path),
            footprint=shapely.geometry.shape(content["geometry"]),
            checksum=asset.get("file:checksum"),
            size=asset.get("file:size"),
            item_href=str(path),
        )
    except (KeyError, TypeError, AttributeError, ValueError, shapely.errors.ShapelyError) as error:
        raise CatalogError(
            f"got item {path} without a sound {error}, expected an item of codes; make it again"
        ) from error


def _from_file(href: str) -> CodesItem:
    """Make an item of a codes COG alone."""
    with open_codes(href) as codes:
        footprint = shapely.geometry.shape(grid.footprint(codes.crs, codes.bounds))
        return _item_of(codes.tags, id=codes.name.item_id, href=href, footprint=footprint)


def _item_of(tags: CodesTags, **fields: Any) -> CodesItem:
    return CodesItem(identity=tags.identity, tile=tags.tile, year=tags.year, window_start=tags.window_start, **fields)


def _from_folder(folder: Path) -> Iterator[CodesItem]:
    """Yield the items of a folder without a catalogue: its item files, then the codes COGs that none of them names."""
    items: list[CodesItem] = []
    refused = ""
    for path in _files(folder, ".json"):
        content = read_json(path)
        if isinstance(content, dict) and content.get("type") == "Feature" and "stac_version" in content:
            items.extend(_walk(path, _Wanted.of(None, None), set()))
    known = {item.href for item in items}
    for path in _files(folder, ".tif"):
        if str(path.resolve()) not in known:
            try:
                items.append(_from_file(str(path.absolute())))
            except EsdError as error:
                if parse_name(path.name) is not None:
                    raise
                refused = f"; {path.name}: {error}"
    if not items:
        raise CatalogError(f"got {folder} without catalogue, item or codes COG{refused}; {_NO_CATALOG}")
    yield from items


def _files(folder: Path, suffix: str) -> list[Path]:
    """Return the files of a kind below a folder, without hidden folders, in a stable order."""
    return sorted(
        path
        for path in folder.rglob(f"*{suffix}")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
