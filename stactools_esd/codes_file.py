"""Rasters of codes opened for reading, official files and ours alike.

Reading is the gate: what leaves `CodesFile.read` is whole, is codes, and has the quality band split off.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd import fsq
from stactools_esd import tags as tag_texts
from stactools_esd.errors import ChinaRecipeWarning, GridError, ProductNameError, RasterError
from stactools_esd.files import is_file
from stactools_esd.gdal import check_blocks, has_pixels_together, quiet_gdal, without_query
from stactools_esd.grid import Bounds, check_georeference
from stactools_esd.names import CodesTags, ProductName, parse_name
from stactools_esd.product import (
    CODES_BANDS,
    FSQ,
    NODATA_CODE,
    OFFICIAL_CHINA_RECIPE,
    OFFICIAL_ENCODER,
    OFFICIAL_RECIPE,
    STEPS,
    CodesIdentity,
)
from stactools_esd.signing import signed

MAX_SIDE: Final = 20_000
"""Pixels; a raster that declares more is refused, for a small file can decompress to any size."""

MOST_BLOCK_BYTES: Final = 1 << 27
"""Bytes of an internal block: reading one pixel unpacks a whole one."""

MOST_BLOCKS: Final = 1_000_000
"""Internal blocks of a file; a tile of the product has 196."""

_STRIP_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class CodesBlock:
    """Codes of a window with its quality band apart."""

    codes: NDArray[np.uint16]
    """Shape (12, h, w), each 0..63999; all twelve 0 where there is no data."""

    clear_obs: NDArray[np.uint16]
    """Shape (h, w), cloud-free observations of the year."""

    valid: NDArray[np.bool_]
    """Shape (h, w), True where usable."""


class CodesFile:
    """An open raster of codes; use it as a context manager, from one thread."""

    def __init__(self, path: str, dataset: Any, tags: CodesTags, *, tagged: bool) -> None:
        """Hold an open dataset; `open_codes` makes these."""
        self.path = path
        self.tags = tags
        self.tagged = tagged
        self._dataset = dataset
        self.crs: CRS = dataset.crs
        self.transform: Affine = dataset.transform
        self.width = int(dataset.width)
        self.height = int(dataset.height)
        self.bounds = Bounds(*map(float, dataset.bounds))

    @property
    def identity(self) -> CodesIdentity:
        """Encoder, recipe and format version."""
        return self.tags.identity

    @property
    def name(self) -> ProductName:
        """The name that the file has, or should have."""
        return self.tags.name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the dataset."""
        self._dataset.close()

    def transform_of(self, window: Window) -> Affine:
        """Return the transform of a window: from its (column, row) to (x, y)."""
        return self.transform * Affine.translation(window.col_off, window.row_off)

    def strips(self, rows: int = _STRIP_ROWS) -> Iterator[Window]:
        """Cut the file into windows of full width, for work in bounded memory."""
        for row in range(0, self.height, rows):
            yield Window(0, row, self.width, min(rows, self.height - row))

    def read(self, window: Window | None = None) -> CodesBlock:
        """Read a window.

        Args:
            window: Whole pixels inside the raster; None for all of it.

        Raises:
            GridError: The window is empty, fractional or not inside.
            RasterError: The data are damaged, or hold something else than codes.
        """
        if window is None:
            window = Window(0, 0, self.width, self.height)
        self._check_window(window)
        with quiet_gdal(f"read {self.path}"):
            bands = self._dataset.read(window=window)
        codes = bands[:STEPS]
        highest = codes.max(axis=0)  # one pass for both: whether all are codes, and which pixels have any
        if highest.max() >= FSQ.codebook_size:
            try:
                fsq.check_codes(highest)
            except RasterError as error:
                raise RasterError(f"{error} ({without_query(self.path)})") from error
        return CodesBlock(codes=codes, clear_obs=bands[STEPS], valid=highest != NODATA_CODE)

    def _check_window(self, window: Window) -> None:
        column, row, width, height = window.col_off, window.row_off, window.width, window.height
        inside = column >= 0 and row >= 0 and column + width <= self.width and row + height <= self.height
        whole = all(float(number).is_integer() for number in (column, row, width, height))
        if not (whole and inside and width > 0 and height > 0):
            raise GridError(
                f"got a window of {width:g} x {height:g} pixels at column {column:g} row {row:g}, expected whole "
                f"pixels inside {self.width} x {self.height}; clip the window to the raster"
            )


def open_codes(
    path: str | Path,
    *,
    encoder: str | None = None,
    tile: str | None = None,
    year: int | None = None,
    name: str | None = None,
) -> CodesFile:
    """Open a raster of codes, official or ours.

    Tagged files must agree with their name and with the options. An untagged file is official, and only by its
    official name or because `encoder` says `official-v001`.

    Args:
        path: Local path, GDAL `/vsi...` path or http(s) URL; addresses of the official archive are signed.
        encoder: Label of the encoder, where the file does not say.
        tile: MGRS tile, or `x` and the name of a custom area, where the file does not say.
        year: Calendar year, where the file does not say.
        name: File name that counts, where the path is that of a copy or a gateway; the path's own if it says nothing.

    Raises:
        RasterError: The file is no raster of codes, or tags, name and options disagree.
        ProductNameError: An untagged file whose encoder, tile or year nobody says.
        GridError: Georeference and tile disagree.

    Warns:
        ChinaRecipeWarning: The file is of the official `V001CHN` variant.
    """
    text = str(path)
    shown = without_query(text)
    if "://" not in text and not text.startswith("/vsi") and not is_file(text):
        raise RasterError(f"got no file at {shown}, expected a GeoTIFF of codes; check the path")
    address = signed(text)  # a secret where it differs: nothing keeps or shows it
    with quiet_gdal(f"read {text}"):
        dataset = rasterio.open(address, driver="GTiff")
    try:
        with quiet_gdal(f"read {text}"):
            _check_layout(shown, dataset)
            _check_length(text, dataset)
            texts = dataset.tags()
        written = tag_texts.from_text(texts)
        tags = _resolve(text, (name and parse_name(name)) or parse_name(text), written, encoder, tile, year)
        try:
            check_georeference(tags.tile, dataset.crs, dataset.transform, dataset.shape)
        except GridError as error:
            raise GridError(f"{error} ({shown})") from error
    except BaseException:
        dataset.close()
        raise
    if tags.identity.recipe == OFFICIAL_CHINA_RECIPE:
        warnings.warn(
            f"{Path(shown).name} is of the V001CHN variant: another input recipe, not comparable with other tiles",
            ChinaRecipeWarning,
            stacklevel=2,
        )
    return CodesFile(text, dataset, tags, tagged=written is not None)


def _check_layout(shown: str, dataset: Any) -> None:
    if max(dataset.shape) > MAX_SIDE:
        raise RasterError(
            f"got a raster of {dataset.height} x {dataset.width} pixels, expected at most {MAX_SIDE} a side; "
            f"cut it into tiles ({shown})"
        )
    if dataset.count != len(CODES_BANDS):
        raise RasterError(
            f"got {dataset.count} bands, expected {len(CODES_BANDS)}: twelve of codes and one of clear observations; "
            f"give a codes tile ({shown})"
        )
    check_blocks(shown, dataset, most=MOST_BLOCKS, most_bytes=MOST_BLOCK_BYTES)
    if wrong := sorted(set(dataset.dtypes) - {"uint16"}):
        raise RasterError(
            f"got {wrong[0]} data, expected uint16 codes; give the codes, not values made of them ({shown})"
        )


def _check_length(path: str, dataset: Any) -> None:
    """See that a file of this machine is as long as its own index says: a truncated one is refused at once."""
    if not is_file(path):
        return
    height, width = dataset.block_shapes[0]
    places = product(range(-(-dataset.width // width)), range(-(-dataset.height // height)))
    bands = (1,) if has_pixels_together(dataset) else dataset.indexes
    expected = 0
    for (column, row), band in product(places, bands):
        offset, length = (
            dataset.get_tag_item(f"BLOCK_{fact}_{column}_{row}", "TIFF", bidx=band) for fact in ("OFFSET", "SIZE")
        )
        if offset is not None and length is not None:  # a block of nothing but 0 need not be there
            expected = max(expected, int(offset) + int(length))
    if (size := Path(path).stat().st_size) < expected:
        raise RasterError(
            f"got {size} bytes of {path}, expected at least {expected}: the file is truncated; fetch it again, whole"
        )


def _resolve(
    path: str,
    named: ProductName | None,
    written: CodesTags | None,
    encoder: str | None,
    tile: str | None,
    year: int | None,
) -> CodesTags:
    """Bring tags, name and options together."""
    shown = Path(without_query(path)).name
    if written is None:
        official = named is not None and named.encoder == OFFICIAL_ENCODER
        if not official and encoder != OFFICIAL_ENCODER.label:
            raise ProductNameError(
                f"got untagged {shown}, expected an official name SDC30_EBD_V001_<TILE>_<YEAR>.tif; "
                f"say --encoder {OFFICIAL_ENCODER.label} if it is an official tile"
            )
        recipe = OFFICIAL_CHINA_RECIPE if named is not None and named.china else OFFICIAL_RECIPE
        tile_said, year_said = (named.tile, named.year) if named else (tile, year)
        if tile_said is None or year_said is None:
            raise ProductNameError(
                f"got {shown}, whose name says no tile and year, expected both; say --tile and --year"
            )
        tag_texts.check_tile_and_year(tile_said, year_said)
        tags = CodesTags(
            identity=CodesIdentity(encoder=OFFICIAL_ENCODER, recipe=recipe),
            tile=tile_said,
            year=year_said,
            sources=(recipe.source,),
            software="not stated",
        )
    else:
        tags = written
    says: dict[str, dict[str, Any]] = {"options": {"encoder": encoder, "tile": tile, "year": year}}
    if named is not None:
        says["name"] = {"encoder": named.encoder.label, "tile": named.tile, "year": named.year}
    own = {"encoder": tags.identity.encoder.label, "tile": tags.tile, "year": tags.year}
    for where, facts in says.items():
        for what, fact in facts.items():
            if fact is not None and fact != own[what]:
                raise RasterError(
                    f"got {what} {fact!r} by the {where} and {own[what]!r} by the {'tags' if written else 'name'} of "
                    f"{shown}, expected one; correct the {where}"
                )
    return tags
