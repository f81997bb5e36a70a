"""Codes COGs: open official files and ours, write ours, check both.

Reading is the gate: what leaves `CodesFile.read` is whole, is codes, and has the quality band split off.
"""

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from stactools_esd import fsq
from stactools_esd import tags as tag_texts
from stactools_esd.errors import ChinaRecipeWarning, EsdError, GridError, ProductNameError, RasterError
from stactools_esd.files import atomic_path
from stactools_esd.grid import Bounds, check_georeference
from stactools_esd.product import (
    CODES_BANDS,
    OFFICIAL_CHINA_RECIPE,
    OFFICIAL_ENCODER,
    OFFICIAL_RECIPE,
    STEPS,
    CodesIdentity,
    CodesTags,
    ProductName,
    parse_name,
)

MAX_SIDE: Final = 20_000
"""Pixels; a raster that declares more is refused, for a small file can decompress to any size."""

BLOCK_SIZE: Final = 256
"""Rows and columns of an internal block of a codes COG."""

READ_OPTIONS: Final = {
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MAX_RETRY": "4",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_PAM_ENABLED": "NO",
}
"""GDAL settings for reading: signed URLs answer GET only, stalls are retried, no sidecar is sought."""

_CREATION: Final = {
    "driver": "COG",
    "COMPRESS": "ZSTD",
    "LEVEL": "9",
    "PREDICTOR": "NO",
    "BLOCKSIZE": str(BLOCK_SIZE),
    "OVERVIEWS": "NONE",
}
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


@contextmanager
def quiet_gdal(what: str) -> Iterator[None]:
    """Run GDAL with this project's settings, its complaints turned into one `RasterError`."""
    try:
        with rasterio.Env(**READ_OPTIONS), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            yield
    except (RasterioError, OSError) as error:
        reason = str(error.__cause__ or error).splitlines()[0] if str(error) else type(error).__name__
        raise RasterError(
            f"cannot read or write {what} ({reason}); check that the file is whole and reachable"
        ) from error


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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        with quiet_gdal(self.path):
            bands = self._dataset.read(window=window)
        try:
            codes = fsq.check_codes(bands[:STEPS])
        except RasterError as error:
            raise RasterError(f"{error} ({self.path})") from error
        return CodesBlock(codes=codes, clear_obs=bands[STEPS], valid=fsq.valid_pixels(codes))

    def _check_window(self, window: Window) -> None:
        column, row, width, height = window.col_off, window.row_off, window.width, window.height
        inside = 0 <= column and 0 <= row and column + width <= self.width and row + height <= self.height
        whole = all(float(number).is_integer() for number in (column, row, width, height))
        if not (whole and inside and width > 0 and height > 0):
            raise GridError(
                f"got a window of {width:g} x {height:g} pixels at column {column:g} row {row:g}, expected whole "
                f"pixels inside {self.width} x {self.height}; clip the window to the raster"
            )


def open_codes(
    path: str | Path, *, encoder: str | None = None, tile: str | None = None, year: int | None = None
) -> CodesFile:
    """Open a raster of codes, official or ours.

    Tagged files must agree with their name and with the options. An untagged file is official, and only by its
    official name or because `encoder` says `official-v001`.

    Args:
        path: Local path, GDAL `/vsi...` path or http(s) URL.
        encoder: Label of the encoder, where the file does not say.
        tile: MGRS tile, or `x` and the name of a custom area, where the file does not say.
        year: Calendar year, where the file does not say.

    Raises:
        RasterError: The file is no raster of codes, or tags, name and options disagree.
        ProductNameError: An untagged file whose encoder, tile or year nobody says.
        GridError: Georeference and tile disagree.

    Warns:
        ChinaRecipeWarning: The file is of the official `V001CHN` variant.
    """
    text = str(path)
    if "://" not in text and not text.startswith("/vsi") and not Path(text).is_file():
        raise RasterError(f"got no file at {text}, expected a GeoTIFF of codes; check the path")
    with quiet_gdal(text):
        dataset = rasterio.open(text, driver="GTiff")
    try:
        with quiet_gdal(text):
            _check_layout(text, dataset)
            texts = dataset.tags()
        written = tag_texts.from_text(texts)
        tags = _resolve(text, written, encoder, tile, year)
        try:
            check_georeference(tags.tile, dataset.crs, dataset.transform, dataset.shape)
        except GridError as error:
            raise GridError(f"{error} ({text})") from error
    except BaseException:
        dataset.close()
        raise
    if tags.identity.recipe == OFFICIAL_CHINA_RECIPE:
        warnings.warn(
            f"{Path(text).name} is of the V001CHN variant: another input recipe, not comparable with other tiles",
            ChinaRecipeWarning,
            stacklevel=2,
        )
    return CodesFile(text, dataset, tags, tagged=written is not None)


def _check_layout(path: str, dataset: Any) -> None:
    if max(dataset.shape) > MAX_SIDE:
        raise RasterError(
            f"got a raster of {dataset.height} x {dataset.width} pixels, expected at most {MAX_SIDE} a side; "
            f"cut it into tiles ({path})"
        )
    if dataset.count != len(CODES_BANDS):
        raise RasterError(
            f"got {dataset.count} bands, expected {len(CODES_BANDS)}: twelve of codes and one of clear observations; "
            f"give a codes tile ({path})"
        )
    if wrong := sorted(set(dataset.dtypes) - {"uint16"}):
        raise RasterError(
            f"got {wrong[0]} data, expected uint16 codes; give the codes, not values made of them ({path})"
        )


def _resolve(
    path: str, written: CodesTags | None, encoder: str | None, tile: str | None, year: int | None
) -> CodesTags:
    """Bring tags, name and options together."""
    named = parse_name(path)
    if written is None:
        official = named is not None and named.encoder == OFFICIAL_ENCODER
        if not official and encoder != OFFICIAL_ENCODER.label:
            raise ProductNameError(
                f"got untagged {Path(path).name}, expected an official name SDC30_EBD_V001_<TILE>_<YEAR>.tif; "
                f"say --encoder {OFFICIAL_ENCODER.label} if it is an official tile"
            )
        recipe = OFFICIAL_CHINA_RECIPE if named is not None and named.china else OFFICIAL_RECIPE
        tile_said, year_said = (named.tile, named.year) if named else (tile, year)
        if tile_said is None or year_said is None:
            raise ProductNameError(
                f"got {Path(path).name}, whose name says no tile and year, expected both; say --tile and --year"
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
                    f"{Path(path).name}, expected one; correct the {where}"
                )
    return tags


def write_codes(
    path: str | Path,
    codes: NDArray[np.integer],
    clear_obs: NDArray[np.integer],
    *,
    transform: Affine,
    crs: CRS,
    tags: CodesTags,
) -> None:
    """Write a codes COG from whole arrays; equal input gives equal bytes.

    Args:
        path: Where; an older file is replaced.
        codes: Shape (12, h, w), 0..63999; all twelve 0 where there is no data.
        clear_obs: Shape (h, w), 0..65535.
        transform: From (column, row) to (x, y).
        crs: A projected CRS in metres.
        tags: What the file says of itself.

    Raises:
        RasterError: Shapes or numbers are not those of codes.
        GridError: The georeference does not fit the tile.
        OutputError: The file cannot be written.
    """
    shape = np.shape(codes)[1:]
    if len(shape) != 2:
        raise RasterError(f"got codes of shape {np.shape(codes)}, expected ({STEPS}, height, width)")
    window = Window(0, 0, shape[1], shape[0])
    write_code_blocks(path, [(window, codes, clear_obs)], shape=shape, transform=transform, crs=crs, tags=tags)


def write_code_blocks(
    path: str | Path,
    pieces: Iterable[tuple[Window, NDArray[np.integer], NDArray[np.integer]]],
    *,
    shape: tuple[int, int],
    transform: Affine,
    crs: CRS,
    tags: CodesTags,
) -> None:
    """Write a codes COG piece by piece, in the memory of one piece; what no piece covers has no data.

    Args:
        path: Where; an older file is replaced.
        pieces: Windows with their codes (12, h, w) and clear observations (h, w).
        shape: (height, width) of the raster.
        transform: From (column, row) to (x, y).
        crs: A projected CRS in metres.
        tags: What the file says of itself.

    Raises:
        RasterError: Shapes or numbers of a piece are not those of codes.
        GridError: The georeference does not fit the tile.
        OutputError: The file cannot be written.
    """
    crs = CRS.from_user_input(crs)
    check_georeference(tags.tile, crs, transform, shape)
    texts = tag_texts.to_text(tags)
    profile = {
        "driver": "GTiff",
        "count": len(CODES_BANDS),
        "dtype": "uint16",
        "height": shape[0],
        "width": shape[1],
        "transform": transform,
        "crs": crs,
        "interleave": "pixel",
        "tiled": True,
        "blockxsize": BLOCK_SIZE,
        "blockysize": BLOCK_SIZE,
        "photometric": "minisblack",
        "SPARSE_OK": True,
    }
    with atomic_path(Path(path)) as final, atomic_path(final.with_suffix(".raw.tif")) as raw, quiet_gdal(str(path)):
        with rasterio.open(raw, "w", **profile) as dataset:
            dataset.update_tags(**texts)
            dataset.descriptions = CODES_BANDS
            for window, codes, clear_obs in pieces:
                dataset.write(_checked_bands(codes, clear_obs, (int(window.height), int(window.width))), window=window)
        rasterio.shutil.copy(raw, final, **_CREATION)


def _checked_bands(
    codes: NDArray[np.integer], clear_obs: NDArray[np.integer], shape: tuple[int, int]
) -> NDArray[np.uint16]:
    if np.shape(codes) != (STEPS, *shape) or np.shape(clear_obs) != shape:
        raise RasterError(
            f"got codes of shape {np.shape(codes)} and clear observations of shape {np.shape(clear_obs)}, expected "
            f"({STEPS}, {shape[0]}, {shape[1]}) and {shape}"
        )
    clear = np.asarray(clear_obs)
    if clear.dtype.kind not in "iu" or (clear.size and (clear.min() < 0 or clear.max() > np.iinfo(np.uint16).max)):
        raise RasterError("got clear observations that are not counts, expected whole numbers 0..65535")
    return np.concatenate([fsq.check_codes(codes), clear[None].astype(np.uint16)])


def check_codes_file(path: str | Path, **said: Any) -> list[str]:
    """Read a whole file and say everything that is wrong with it.

    Args:
        path: As in `open_codes`.
        **said: `encoder`, `tile` and `year` as in `open_codes`.

    Returns:
        One line a problem; empty for a valid file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ChinaRecipeWarning)
            file = open_codes(path, **said)
    except EsdError as error:
        return [str(error)]
    with file:
        problems = _layout_problems(file) if file.tagged else []
        for window in file.strips():
            try:
                file.read(window)
            except EsdError as error:
                return [*problems, str(error)]
    return problems


def _layout_problems(file: CodesFile) -> list[str]:
    """Compare a tagged file with the layout that `write_codes` makes."""
    dataset = file._dataset
    expected: dict[str, tuple[Any, Any]] = {
        "band names": (tuple(dataset.descriptions), CODES_BANDS),
        "block shapes": (set(dataset.block_shapes), {(BLOCK_SIZE, BLOCK_SIZE)}),
        "layout": (dataset.tags(ns="IMAGE_STRUCTURE").get("LAYOUT"), "COG"),
        "overviews": (dataset.overviews(1), []),
        "nodata tag": (dataset.nodata, None),
    }
    return [
        f"got {what} {got}, expected {wanted}; write the file with this software ({file.path})"
        for what, (got, wanted) in expected.items()
        if got != wanted
    ]


logging.getLogger("rasterio").addHandler(logging.NullHandler())
