"""The folder of one item: codes COG, false-colour COG, thumbnail, and the item that describes them.

`DESTINATION/<item id>/<item id>.json` with its assets beside it, as the leaves of the static catalogue have it.
"""

import dataclasses
import importlib.metadata
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pystac
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.cog import CodesFile, check_codes_file, open_codes, write_code_blocks
from stactools_esd.files import PARTIAL_MARK, made_folder, make_folder, write_json
from stactools_esd.hrefs import check_no_secret
from stactools_esd.names import CodesTags, ProductName
from stactools_esd.product import SOFTWARE
from stactools_esd.stac import create_item, local_path, relative_href
from stactools_esd.visual import write_thumbnail, write_visual

DERIVED_FROM: Final = "derived_from"
"""Relation of an item to the files that its codes were made from."""


@dataclass(frozen=True, kw_only=True)
class ItemFolder:
    """What `write_item` made."""

    item: Path
    """The item, `<item id>/<item id>.json`."""

    codes: str
    """Path of the codes COG, or its URL where it was not copied."""

    visual: Path | None = None
    """The false-colour COG."""

    thumbnail: Path | None = None
    """The thumbnail."""


def write_item(
    source: str | Path,
    destination: str | Path,
    *,
    copy: bool = True,
    encoder: str | None = None,
    tile: str | None = None,
    year: int | None = None,
) -> ItemFolder:
    """Make the folder of one item from a codes COG.

    A sound COG of ours is copied byte for byte. An official tile is written again in our layout, with the same codes
    and under its official name, so that it says of itself what it is. All is made aside and moved in at the end, the
    item last: when anything fails there is no item.

    Args:
        source: Codes COG, official or ours; local path or URL.
        destination: Folder that gets the folder `<item id>`.
        copy: False writes only the item, which points at `source` (relatively, where that is a local file).
        encoder: As in `create_item`.
        tile: As in `create_item`.
        year: As in `create_item`.

    Raises:
        EsdError: What `create_item` and `write_codes` raise, and OutputError where the folder cannot be written.
    """
    destination = Path(destination)
    said = {"encoder": encoder, "tile": tile, "year": year}
    with open_codes(source, **said) as codes:  # type: ignore[arg-type]
        name = codes.name
        folder = destination / name.item_id
        item_path = folder / f"{name.item_id}.json"
        if not copy:
            if local_path(str(source)) is not None:
                for window in codes.strips():  # an item promises sound codes; a remote file is not fetched whole
                    codes.read(window)
            return _point_at(source, item_path, said)

        def stage_codes(stage: Path) -> Path:
            kept = folder / f"{name.stem}.tif"
            return _stage_codes(codes, source, kept, stage / kept.name, said)

        return _write_folder(destination, name, stage_codes)


def write_encoded(
    destination: str | Path,
    pieces: Iterable[tuple[Window, NDArray[np.uint16], NDArray[np.uint16]]],
    *,
    shape: tuple[int, int],
    transform: Affine,
    crs: CRS,
    tags: CodesTags,
    inputs: Iterable[Path] = (),
) -> ItemFolder:
    """Make the folder of one item from codes piece by piece; the codes are written once.

    All is made aside and moved in at the end, the item last: when anything fails there is no item.

    Args:
        destination: Folder that gets the folder `<item id>`.
        pieces: As in `cog.write_code_blocks`.
        shape: As there.
        transform: As there.
        crs: As there.
        tags: As there.
        inputs: Files that the codes were made from; the item gets a link `derived_from` to each.

    Raises:
        RasterError: The codes are none.
        GridError: The georeference does not fit the tile.
        OutputError: The folder cannot be written.
    """

    def stage_codes(stage: Path) -> Path:
        path = stage / f"{tags.name.stem}.tif"
        write_code_blocks(path, pieces, shape=shape, transform=transform, crs=crs, tags=tags)
        return path

    return _write_folder(Path(destination), tags.name, stage_codes, inputs)


def _write_folder(
    destination: Path, name: ProductName, stage_codes: Callable[[Path], Path], inputs: Iterable[Path] = ()
) -> ItemFolder:
    """Make codes, pictures and item in a hidden folder, and move them into that of the item."""
    folder = destination / name.item_id
    item_path = folder / f"{name.item_id}.json"
    visual, thumbnail = f"{name.stem}_visual.tif", f"{name.stem}_thumbnail.png"
    prefix = f".{name.item_id}{PARTIAL_MARK}"
    with made_folder(destination), tempfile.TemporaryDirectory(dir=destination, prefix=prefix) as made:
        stage = Path(made)
        staged = stage_codes(stage)
        with open_codes(staged) as sound:
            write_visual(stage / visual, sound)
            write_thumbnail(stage / thumbnail, sound)
        item = create_item(staged, visual_href=stage / visual, thumbnail_href=stage / thumbnail).to_dict(False, False)
        for asset in item["assets"].values():
            asset["href"] = f"./{Path(asset['href']).name}"
        item["links"] += [_derived_from(path, folder) for path in inputs]
        _move_in(stage, folder, item_path)
        write_json(item_path, item)
    return ItemFolder(
        item=item_path, codes=str(folder / f"{name.stem}.tif"), visual=folder / visual, thumbnail=folder / thumbnail
    )


def _derived_from(path: Path, folder: Path) -> dict[str, str]:
    """Return the link to an input; GeoTIFFs are most of them."""
    geotiff = path.suffix.lower() in (".tif", ".tiff")
    kind = {"type": str(pystac.MediaType.GEOTIFF)} if geotiff else {}
    return {"rel": DERIVED_FROM, "href": relative_href(str(path), folder), **kind, "title": path.name}


def _point_at(source: str | Path, item_path: Path, said: dict[str, Any]) -> ItemFolder:
    """Write the item alone; pictures that lie beside the codes under their names are named too."""
    check_no_secret(str(source))
    path = local_path(str(source))
    visual, thumbnail = pictures_beside(path) if path is not None else (None, None)
    item = create_item(source, visual_href=visual, thumbnail_href=thumbnail, **said).to_dict(False, False)
    for asset in item["assets"].values():
        asset["href"] = relative_href(asset["href"], item_path.parent)
    write_json(item_path, item)
    return ItemFolder(item=item_path, codes=str(source), visual=visual, thumbnail=thumbnail)


def pictures_beside(codes: Path) -> tuple[Path | None, Path | None]:
    """Return the false-colour COG and the thumbnail that lie beside a codes COG under its name, None where not."""
    visual, thumbnail = (codes.with_name(f"{codes.stem}_{ending}") for ending in ("visual.tif", "thumbnail.png"))
    return visual if visual.is_file() else None, thumbnail if thumbnail.is_file() else None


def _stage_codes(codes: CodesFile, source: str | Path, kept: Path, staged: Path, said: dict[str, Any]) -> Path:
    """Return where the sound codes COG lies: staged, or already in its place."""
    path = local_path(str(source))
    if codes.tagged and path is not None and not check_codes_file(source, **said):
        if kept.exists() and kept.samefile(path):
            return kept
        shutil.copyfile(path, staged)
        return staged
    tags = codes.tags
    if not codes.tagged:
        tags = dataclasses.replace(tags, software=f"{SOFTWARE} {importlib.metadata.version(SOFTWARE)}")
    write_code_blocks(
        staged,
        _pieces(codes),
        shape=(codes.height, codes.width),
        transform=codes.transform,
        crs=codes.crs,
        tags=tags,
    )
    return staged


def _pieces(codes: CodesFile) -> Iterator[tuple[Window, NDArray[np.uint16], NDArray[np.uint16]]]:
    for window in codes.strips():
        block = codes.read(window)
        yield window, block.codes, block.clear_obs


def _move_in(stage: Path, folder: Path, item_path: Path) -> None:
    """Move finished files into the folder; an older item goes first, for it would describe other files."""
    make_folder(folder)
    item_path.unlink(missing_ok=True)
    for file in sorted(stage.iterdir()):
        file.replace(folder / file.name)
