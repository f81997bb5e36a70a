"""The items that files and folders hold: item documents, and codes COGs that have none yet."""

import json
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import rasterio
import shapely
import shapely.geometry

from stactools_esd.catalog_files import DOCUMENTS, linked_below
from stactools_esd.collection import ESD_EXTENSION
from stactools_esd.errors import CatalogError, NothingFoundError, RasterError, UsageError
from stactools_esd.files import read_json
from stactools_esd.gdal import quiet_gdal
from stactools_esd.hrefs import LINK_SCHEMES, check_enclosed, check_href
from stactools_esd.item_folder import pictures_beside
from stactools_esd.model_item import MODEL_RELATION
from stactools_esd.names import parse_name
from stactools_esd.schema import esd_problems
from stactools_esd.stac import create_item, local_path, tags_of
from stactools_esd.tags import VERSION_KEY

STRUCTURE = frozenset({"root", "parent", "self", "collection", "child", "item"})
"""Relations that place a document in a catalogue; a catalogue writes them anew."""

Json = dict[str, Any]


def find_items(
    sources: Iterable[str | Path], *, prefer: Path, allowed: Collection[str] = (), enclosed: bool = False
) -> dict[str, Json]:
    """Collect the items of sources by id, sorted: asset hrefs absolute, links other than structure kept.

    Args:
        sources: Items, codes COGs, or folders of either, searched through; in any order.
        prefer: Where equal items name files in two places, those in this folder are taken.
        allowed: Further schemes of hrefs of assets; see `hrefs.check_href`.
        enclosed: Refuse items whose local files, symbolic links followed, lie neither in a source nor in the item's own
            folder: they will be copied.

    Raises:
        NothingFoundError: There is none.
        CatalogError: Two of them share an id and differ, or an href is none that an item may name.
    """
    sources = list(sources)
    found: dict[str, Json] = {}
    sources = list(sources)
    documents, rasters, remote = _find(sources)
    for path, content in documents.items():
        _check(path, content)
        for asset in content["assets"].values():
            check_href(asset["href"], allowed=allowed)
        for link in _kept_links(content):
            check_href(link["href"], allowed=(*allowed, *LINK_SCHEMES))
    placed = [(_absolute(content, path.parent), path.parent) for path, content in documents.items()]
    described = {asset["href"] for item, _ in placed for asset in item["assets"].values()}
    for raster in sorted(rasters):
        if raster.as_posix() not in described:
            placed.append((_item_of(raster), raster.parent))
    if enclosed:
        roots = {Path(os.path.realpath(root)) for source in sources if (root := _root_of(source)) is not None}
        for item, folder in placed:
            for asset in item["assets"].values():
                check_enclosed(asset["href"], folder, roots)
    items = [item for item, _ in placed]
    items += [create_item(check_href(url, allowed=allowed)).to_dict(False, False) for url in sorted(remote)]
    for item in sorted(items, key=lambda item: _preference(item, prefer)):
        _check_name(item)
        known = found.setdefault(item["id"], item)
        if _content(known) != _content(item):
            raise CatalogError(
                f"got two different items {item['id']!r}, of {known['assets']['embeddings']['href']} and of "
                f"{item['assets']['embeddings']['href']}, expected one; leave one of them out"
            )
    if not found:
        raise NothingFoundError(
            f"got no item and no codes COG in {', '.join(map(str, sources)) or 'no source'}, expected at least one; "
            "give the folder that `stac esd create-item` or `stac esd encode` wrote"
        )
    return dict(sorted(found.items()))


def _find(sources: Iterable[str | Path]) -> tuple[dict[Path, Json], set[Path], set[str]]:
    """Return items by path, paths of codes COGs and URLs of codes COGs."""
    documents: dict[Path, Json] = {}
    rasters: set[Path] = set()
    remote: set[str] = set()
    for source in sources:
        path = local_path(str(source))
        if path is None:
            remote.add(str(source))
        elif path.is_dir() or path.name in DOCUMENTS:
            in_folder, of_codes = search_folder(path if path.is_dir() else path.parent)
            documents |= in_folder
            rasters |= of_codes
        elif path.suffix == ".json":
            content = read_json(path)
            if not is_esd_item(content):
                raise CatalogError(f"got {path}, expected an item of the esd extension; give an item or a codes COG")
            documents[path.resolve()] = content
        elif path.is_file():
            rasters.add(path.resolve())
        else:
            raise UsageError(f"got no file or folder at {path}, expected items or codes COGs; check the path")
    return documents, rasters, remote


def _root_of(source: str | Path) -> Path | None:
    """Return what a source lets be copied: a folder, that of a catalogue, or a file; None for a URL."""
    path = local_path(str(source))
    return path.parent if path is not None and path.name in DOCUMENTS else path


def search_folder(folder: Path) -> tuple[dict[Path, Json], set[Path]]:
    """Search a folder through; hidden names are unfinished work, other rasters and documents are passed by.

    Returns:
        Items by path, and paths of all codes COGs, those of the items among them; paths are resolved.
    """
    documents: dict[Path, Json] = {}
    rasters: set[Path] = set()
    for parent, folders, names in os.walk(folder.resolve()):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(parent, name) for name in sorted(names) if not name.startswith(".")):
            if path.suffix == ".json" and is_esd_item(content := read_json(path)):
                documents[path] = content
            elif path.suffix == ".tif" and (parse_name(path.name) or _is_tagged(path)):
                rasters.add(path)
    return documents, rasters


def years_of(collection: Path) -> list[int]:
    """Return the years of a collection of ours, none where it is not there yet."""
    if not collection.is_file():
        return []
    below = (path.parent.name for rel, path in linked_below(collection) if rel == "child")
    return sorted(int(name) for name in below if name.isdecimal())


def items_of_year(folder: Path) -> Iterator[Json]:
    """Yield the items of a year of a catalogue of ours, as `find_items` has them; none where it is not there yet.

    Args:
        folder: `<catalogue>/<collection>/<year>`.

    Raises:
        CatalogError: A link is broken, or leads out of the folder.
    """
    waiting = [folder / "catalog.json"] if (folder / "catalog.json").is_file() else []
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        content = read_json(path)
        if isinstance(content, dict) and content.get("type") == "Feature":
            yield _absolute(content, path.parent)
            continue
        for _, below in reversed(linked_below(path)):
            if not below.is_relative_to(folder) or below in seen:
                raise CatalogError(f"got a link in {path} to {below}, expected one below {folder}, once; mend it")
            seen.add(below)
            waiting.append(below)


def is_esd_item(content: Any) -> bool:
    """Tell whether a JSON content is an item that declares the esd extension."""
    declared = content.get("stac_extensions") if isinstance(content, dict) else None
    return isinstance(declared, list) and content.get("type") == "Feature" and ESD_EXTENSION in declared


def _check(path: Path, item: Json) -> None:
    problem = next(esd_problems(item), None)
    if problem is None:
        try:
            shapely.geometry.shape(item["geometry"])
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, shapely.errors.ShapelyError) as error:
            problem = f"at geometry: {(str(error) or type(error).__name__).splitlines()[0]}"
    if problem:
        raise CatalogError(f"got an invalid item in {path}: {problem}; `stac esd validate {path}` lists everything")


def _is_tagged(path: Path) -> bool:
    try:
        with quiet_gdal(f"read {path}"), rasterio.open(path) as dataset:
            return VERSION_KEY in dataset.tags()
    except RasterError:
        return False


def _item_of(raster: Path) -> Json:
    """Describe a codes COG with the pictures beside it."""
    visual, thumbnail = pictures_beside(raster)
    return create_item(raster, visual_href=visual, thumbnail_href=thumbnail).to_dict(False, False)


def _absolute(item: Json, folder: Path) -> Json:
    """Return an item without structure, local hrefs of assets and links absolute.

    A model that lies in a catalogue is part of its structure, one at a URL is not.
    """
    links = _kept_links(item)
    moved = {key: value for key, value in item.items() if key not in ("collection", "links", "assets")}
    moved["links"] = [link | {"href": _resolve(link["href"], folder)} for link in links]
    moved["assets"] = {key: asset | {"href": _resolve(asset["href"], folder)} for key, asset in item["assets"].items()}
    return moved


def _kept_links(item: Json) -> list[Json]:
    """Return the links that an item keeps wherever it stands."""
    return [
        link
        for link in item.get("links", [])
        if link["rel"] not in STRUCTURE and not (link["rel"] == MODEL_RELATION and local_path(link["href"]))
    ]


def _resolve(href: str, folder: Path) -> str:
    path = local_path(href)
    return href if path is None else Path(os.path.realpath(folder / path)).as_posix()


def _check_name(item: Json) -> None:
    expected = tags_of(item).name.item_id
    if item["id"] != expected:
        raise CatalogError(
            f"got item {item['id']!r}, expected the id {expected!r} by its tile, year and encoder; make it again"
        )


def _content(item: Json) -> str:
    """Return what makes an item itself: all but where its files lie."""
    assets = {key: asset | {"href": ""} for key, asset in item["assets"].items()}
    return json.dumps(item | {"assets": assets, "links": []}, sort_keys=True)


def _preference(item: Json, prefer: Path) -> tuple[bool, str]:
    """Order equal items so that files inside the preferred folder come first, then by path, not as they came."""
    href = item["assets"]["embeddings"]["href"]
    path = local_path(href)
    return path is None or not path.is_relative_to(prefer.resolve()), href
