"""A folder of images to a codes COG: blocks of rows in bounded memory, and a killed run continues."""

import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window
from tqdm import tqdm

from stactools_esd.blocks import Block, BlockStore, run_key
from stactools_esd.cog import open_codes, write_code_blocks
from stactools_esd.encoder.inference import MIN_VALID_DAYS, Encoder, load_encoder
from stactools_esd.encoder.terrain import terrain_on_grid
from stactools_esd.errors import NothingFoundError, ObservationsError, OutputError, RasterError, UsageError
from stactools_esd.fsq import valid_pixels
from stactools_esd.grid import check_georeference
from stactools_esd.names import CodesTags
from stactools_esd.observations import YearWindow
from stactools_esd.product import BANDS, DATA_LICENCE, NODATA_CODE, SOFTWARE, STEPS, CodesIdentity, InputRecipe
from stactools_esd.seamless import FUSION, prepare
from stactools_esd.sources.folder import TERRAIN_FILE, FolderSource, open_folder
from stactools_esd.tags import check_tile_and_year

READ_BYTES: Final = 384 << 20
"""How much of the images is held at once where the number of rows is not given."""

PREPARED_PIXELS: Final = 8_192
"""Daily pixel-years that are prepared at once: 9 kB each, a few times over."""


def encode_source(
    source: str | Path,
    destination: str | Path,
    *,
    window: YearWindow,
    tile: str,
    encoder: str | Path | Encoder = "esdnet-small",
    recipe: InputRecipe | None = None,
    source_name: str = "unspecified",
    harmonisation: str = "none",
    dem: Path | None = None,
    dem_name: str | None = None,
    sources: tuple[str, ...] = (),
    licence: str = DATA_LICENCE,
    rows_per_block: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Encode a folder of images.

    Args:
        source: Folder of dated six-band GeoTIFFs, see `sources.folder`.
        destination: Folder for the codes COG; made where it does not exist.
        window: The 365 days.
        tile: MGRS tile, or `x` and the name of a custom area.
        encoder: Name, path of weights, or a loaded encoder.
        recipe: The whole input recipe; None builds it from the next four.
        source_name: What the images are, e.g. `sentinel-2+landsat-8`.
        harmonisation: How sensors were brought to one scale.
        dem: Raster of elevation in metres. Without one, `terrain.tif` of the folder is used where it is there.
        dem_name: What the elevation is; by default the name of its file.
        sources: What the codes were made from, in words or hrefs; by default the name of the folder.
        licence: Licence of the codes.
        rows_per_block: Rows that are read at once; by default as many as fit 384 MiB.
        overwrite: Drop the blocks of another run that was killed here, and replace an item of other codes.

    Returns:
        Path of the codes COG, `<destination>/ESD_<encoder>_<TILE>_<YEAR>.tif`.

    Raises:
        NothingFoundError: No image lies in the window, or no pixel has enough clear observations.
        ProductNameError: The tile or the year is impossible.
        RasterError: The images cannot be read.
        ObservationsError: The images do not hold reflectance, or an option is impossible.
        GridError: The georeference does not fit the tile.
        WeightsError: The encoder cannot be loaded.
        OutputError: The destination cannot be written, or holds another run and `overwrite` is not said.
    """
    check_tile_and_year(tile, window.year, window.start)
    if not (source_name.strip() and harmonisation.strip()):
        raise UsageError(
            "got an empty source name or harmonisation, expected words such as 'sentinel-2' and 'none'; codes are "
            "compared by them"
        )
    images = open_folder(source)
    check_georeference(tile, images.crs, images.transform, images.shape)
    positions = [int(position) for position in np.sort(window.positions(images.dates)[0])]
    if not positions:
        raise NothingFoundError(
            f"got no image of {window.first_day} to {window.last_day} in {source}, expected some; the folder holds "
            f"{images.dates[0]} to {images.dates[-1]}: choose another year or window start"
        )
    loaded = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
    if rows_per_block is not None and rows_per_block < 1:
        raise ObservationsError(f"got {rows_per_block} rows a block, expected at least 1; give a positive number")
    terrain = _Terrain(images, dem)
    tags = CodesTags(
        identity=CodesIdentity(
            encoder=loaded.identity,
            recipe=recipe
            or InputRecipe(
                source=source_name, fusion=FUSION, harmonisation=harmonisation, dem=dem_name or terrain.default_name
            ),
        ),
        tile=tile,
        year=window.year,
        window_start=window.start,
        sources=sources or (Path(source).resolve().name,),
        licence=licence,
        software=f"{SOFTWARE} {version(SOFTWARE)}",
    )
    target = Path(destination) / f"{tags.name.stem}.tif"
    blocks = _row_blocks(images, len(positions), rows_per_block)
    unfinished = target.with_name(f".{target.stem}.partial")
    if overwrite:
        shutil.rmtree(unfinished, ignore_errors=True)
    else:
        _refuse_other(tags, target.parent / tags.name.item_id / target.name)
    store = BlockStore(unfinished, _run_key(tags, images, positions, dem, blocks))

    some_valid = False
    for block in tqdm(blocks, desc=f"encode {tile} {window.year}", unit="block", disable=None):
        if not store.finished(block):
            try:
                codes, clear_obs = _encode_block(images, positions, block, window, loaded, terrain)
            except (RasterError, ObservationsError):
                store.discard()  # mended images are another run: its blocks could not be continued
                raise
            store.put(block, codes=codes, clear_obs=clear_obs)
        some_valid = some_valid or bool(valid_pixels(store.get(block)["codes"]).any())
    if not some_valid:
        store.discard()
        raise NothingFoundError(
            f"got no pixel with at least {MIN_VALID_DAYS} clear days of {window.first_day} to {window.last_day} in "
            f"{source}, expected some; add images or choose another window"
        )
    write_code_blocks(
        target, _pieces(store, blocks), shape=images.shape, transform=images.transform, crs=images.crs, tags=tags
    )
    store.discard()
    return target


def _refuse_other(tags: CodesTags, kept: Path) -> None:
    """See that codes of an item that is there already may be made again: of the same recipe and window."""
    if not kept.is_file():
        return
    with open_codes(kept) as older:
        differences = tags.identity.differences(older.identity)
        if tags.window_start != older.tags.window_start:
            differences.append(f"first day {tags.window_start} against {older.tags.window_start}")
    if differences:
        raise OutputError(
            f"got {kept} with codes of another run ({'; '.join(differences)}), expected those of this one or none; "
            "choose another destination, or replace them with --overwrite"
        )


class _Terrain:
    """Terrain of rows of the grid, from an elevation raster, from the folder's own file, or unknown."""

    def __init__(self, images: FolderSource, dem: Path | None) -> None:
        self._images = images
        self._grid = None if dem is None else terrain_on_grid(dem, images.crs, images.transform, images.shape)
        if dem is not None:
            self.default_name = dem.stem
        else:
            self.default_name = "unspecified" if (images.path / TERRAIN_FILE).exists() else "none"

    def rows(self, first: int, stop: int) -> NDArray[np.float32] | None:
        """Return terrain of rows as (pixels, 3), or None where it is unknown."""
        if self._grid is None:
            return self._images.read_terrain(slice(first, stop))
        return np.ascontiguousarray(self._grid[:, first:stop].reshape(3, -1).T)


def _row_blocks(images: FolderSource, dates: int, rows: int | None) -> list[Block]:
    """Cut the grid into blocks of whole rows."""
    height, width = images.shape
    row_bytes = dates * len(BANDS) * width * (np.dtype(np.float32).itemsize + 1)
    rows = rows or max(1, min(READ_BYTES // row_bytes, 256))
    return [Block(row=row, column=0, height=min(rows, height - row), width=width) for row in range(0, height, rows)]


def _encode_block(
    images: FolderSource,
    positions: list[int],
    block: Block,
    window: YearWindow,
    encoder: Encoder,
    terrain: _Terrain,
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Read, prepare and encode rows: codes (12, h, w) and clear observations (h, w)."""
    observations = images.read(slice(block.row, block.row + block.height), positions=positions)
    codes = np.zeros((STEPS, block.height, block.width), dtype=np.uint16)
    clear_obs = np.zeros((block.height, block.width), dtype=np.uint16)
    at_once = max(1, PREPARED_PIXELS // block.width)
    for first in range(0, block.height, at_once):
        stop = min(first + at_once, block.height)
        reflectance, clear = prepare(observations.window(slice(first, stop)), window)
        found = encoder.encode(reflectance, terrain.rows(block.row + first, block.row + stop))
        # Filling makes 365 days of one observation: what was observed decides whether there are data.
        found[clear < MIN_VALID_DAYS] = NODATA_CODE
        codes[:, first:stop] = found.T.reshape(STEPS, stop - first, block.width)
        clear_obs[first:stop] = clear.reshape(stop - first, block.width)
    return codes, clear_obs


def _pieces(store: BlockStore, blocks: list[Block]) -> Iterator[tuple[Window, NDArray[np.uint16], NDArray[np.uint16]]]:
    for block in blocks:
        arrays = store.get(block)
        yield block.window, arrays["codes"], arrays["clear_obs"]


def _run_key(tags: CodesTags, images: FolderSource, positions: list[int], dem: Path | None, blocks: list[Block]) -> str:
    """Hash what decides the codes: encoder, recipe, window and images."""
    files = [images.path / images.names[position] for position in positions]
    files += [path for path in (images.path / TERRAIN_FILE, dem) if path is not None and path.exists()]
    facts: dict[str, Any] = {
        "encoder": [tags.identity.encoder.label, tags.identity.encoder.weights_sha256],
        "recipe": tags.identity.recipe.as_dict(),
        "window": [tags.year, str(tags.window_start or "")],
        "grid": [str(images.crs), list(images.transform), list(images.shape)],
        "files": [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files],
        "rows": [block.height for block in blocks],
    }
    return run_key(facts)
