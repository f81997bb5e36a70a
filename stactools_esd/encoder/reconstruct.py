"""Codes back to reflectance: one COG a day, strip by strip in bounded memory."""

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds
from rasterio.windows import Window
from tqdm import tqdm

from stactools_esd.codes_file import CodesFile, open_codes
from stactools_esd.encoder.block_codes import bounded_libraries
from stactools_esd.encoder.inference import Encoder, load_encoder
from stactools_esd.errors import IncomparableError, NothingFoundError, OutputError, UsageError, WeightsError
from stactools_esd.files import PARTIAL_MARK, made_folder, read_json
from stactools_esd.gdal import quiet_gdal
from stactools_esd.memory import CHUNK_PIXELS
from stactools_esd.observations import YearWindow
from stactools_esd.product import BANDS, OFFICIAL_ENCODER, SOFTWARE, CodesIdentity
from stactools_esd.sources.folder import NODATA
from stactools_esd.sources.image import SCALE
from stactools_esd.sources.source import check_window
from stactools_esd.stac import identity_of, local_path

STRIP_BYTES: Final = 128 << 20
"""Reflectance of all days that is held before it is written."""

_STRIP_ROWS = 256
_LARGEST = 32767
_RAW: Final = {"driver": "GTiff", "count": len(BANDS), "dtype": "int16", "nodata": NODATA, "BIGTIFF": "IF_SAFER"}
_CREATION: Final = {
    "driver": "COG",
    "COMPRESS": "DEFLATE",
    "PREDICTOR": "YES",
    "BLOCKSIZE": "256",
    "OVERVIEW_RESAMPLING": "AVERAGE",
    "BIGTIFF": "IF_SAFER",
}


def reconstruct(
    item: str | Path,
    dates: Sequence[date],
    output: str | Path,
    *,
    part: tuple[int, int, int, int] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    encoder: str | Path | None = None,
) -> list[Path]:
    """Decode codes into reflectance of some days.

    Files are `<name of the codes>_<YYYYMMDD>.tif`: six bands by name, `int16` of scale 0.0001, -32768 where there are
    no data. They appear in the folder when all of them are whole.

    Args:
        item: Item, or codes COG; local path, or URL of a codes COG.
        dates: Days of the item's 365; order and repetition change nothing.
        output: Folder for the files, made where it does not exist; older files of these names are replaced.
        part: First row and column, rows and columns of what is wanted; all by default.
        bbox: West, south, east and north of what is wanted, in degrees; all by default.
        encoder: Name of the encoder or path of its weights; by default what the codes name.

    Returns:
        Paths of the files, in order of time.

    Raises:
        WeightsError: The codes are official, or their encoder is not there, or the one given did not make them.
        UsageError: No day is given, or one lies outside the item's.
        NothingFoundError: The codes do not meet the box.
        GridError: The part leaves the grid.
        CatalogError: The item cannot be read.
        IncomparableError: The item and its codes differ in encoder or recipe.
        RasterError: The codes cannot be read.
        OutputError: The files cannot be written.
    """
    if not dates:
        raise UsageError("got no date, expected at least one; give days such as 2020-07-01")
    said, href = _identity_and_href(item)
    with open_codes(href) as codes:
        if said is not None and (differences := said.differences(codes.identity)):
            raise IncomparableError(
                f"got {item} and its codes with {'; '.join(differences)}, expected one; make the item again"
            )
        loaded = _encoder(codes.identity, encoder)
        days = _days(codes, dates)
        window = _window(codes, part, bbox)
        return _write(codes, loaded, days, window, Path(output))


def _identity_and_href(item: str | Path) -> tuple[CodesIdentity | None, str]:
    """Return what an item says of its codes and where they are; of a codes COG only itself."""
    path = local_path(str(item))
    if path is None or path.suffix.lower() != ".json":
        return None, str(item)
    content = read_json(path)
    identity = identity_of(content if isinstance(content, dict) else {})
    _refuse_official(identity)
    href = str(content["assets"]["embeddings"]["href"])
    beside = local_path(href)
    return identity, href if beside is None else str(path.parent / beside)


def _refuse_official(identity: CodesIdentity) -> None:
    if identity.encoder.label == OFFICIAL_ENCODER.label:
        raise WeightsError(
            f"got codes of {identity.encoder.label}, whose weights and decoder are not public, expected codes of an "
            "encoder that is; official codes turn into vectors, but not into reflectance"
        )


def _encoder(identity: CodesIdentity, encoder: str | Path | None) -> Encoder:
    """Load the encoder that made the codes."""
    _refuse_official(identity)
    loaded = load_encoder(encoder or identity.encoder.label)
    if loaded.identity != identity.encoder:
        hashes = [str(one.weights_sha256)[:12] for one in (loaded.identity, identity.encoder)]
        raise WeightsError(
            f"got the encoder {loaded.identity.label} with weights {hashes[0]}.., expected {identity.encoder.label} "
            f"with {hashes[1]}.., which made the codes; give its weights with --encoder"
        )
    return loaded


def _days(codes: CodesFile, dates: Sequence[date]) -> dict[date, int]:
    """Return the day of the window, 0..364, of each date, in order of time."""
    window = YearWindow(year=codes.tags.year, start=codes.tags.window_start)
    days = {day: (day - window.first_day).days for day in sorted(dates)}
    if outside := [day for day, number in days.items() if not 0 <= number < len(window.days)]:
        raise UsageError(
            f"got {outside[0]}, expected days of {window.first_day} to {window.last_day}, the 365 that the codes stand "
            "for; choose others, or the item of another year"
        )
    return days


def _window(
    codes: CodesFile, part: tuple[int, int, int, int] | None, bbox: tuple[float, float, float, float] | None
) -> Window:
    """Return the pixels that are wanted."""
    if part is not None:
        wanted = Window(part[1], part[0], part[3], part[2])
        check_window(wanted, (codes.height, codes.width))
        return wanted
    if bbox is None:
        return Window(0, 0, codes.width, codes.height)
    west, south, east, north = bbox
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise UsageError(
            f"got the box {west:g},{south:g},{east:g},{north:g}, expected west < east and south < north in degrees; "
            "correct it, or cut it at the antimeridian"
        )
    try:
        left, bottom, right, top = transform_bounds("EPSG:4326", codes.crs, *bbox)
        (first_column, first_row), (last_column, last_row) = (
            ~codes.transform * (left, top),
            ~codes.transform * (right, bottom),
        )
        columns = max(0, int(np.floor(first_column))), min(codes.width, int(np.ceil(last_column)))
        rows = max(0, int(np.floor(first_row))), min(codes.height, int(np.ceil(last_row)))
    except (RasterioError, OverflowError, ValueError):  # too far off for the projection
        columns = rows = (0, 0)
    if columns[0] >= columns[1] or rows[0] >= rows[1]:
        raise NothingFoundError(
            f"got the box {west:g},{south:g},{east:g},{north:g}, expected one that meets {codes.name.stem}; give "
            "west,south,east,north of a place in it"
        )
    return Window(columns[0], rows[0], columns[1] - columns[0], rows[1] - rows[0])


def _write(codes: CodesFile, encoder: Encoder, days: dict[date, int], window: Window, output: Path) -> list[Path]:
    """Write all days aside, and move them into the folder in the end."""
    names = {day: f"{codes.name.stem}_{day:%Y%m%d}.tif" for day in days}
    profile = {
        **_RAW,
        "width": int(window.width),
        "height": int(window.height),
        "crs": codes.crs,
        "transform": codes.transform_of(window),
    }
    with (
        made_folder(output),
        tempfile.TemporaryDirectory(dir=output, prefix=f".reconstruct{PARTIAL_MARK}") as made,
        bounded_libraries(),
        quiet_gdal(f"write {output}", error=OutputError),
    ):
        stage = Path(made)
        (stage / "whole").mkdir()
        with ExitStack() as stack:
            files = []
            for day in days:
                file = stack.enter_context(rasterio.open(stage / f"{day}.tif", "w", **profile))
                _describe(file, codes, day)
                files.append(file)
            _decode(codes, encoder, list(days.values()), window, files)
        for day, name in names.items():
            rasterio.shutil.copy(stage / f"{day}.tif", stage / "whole" / name, **_CREATION)
            (stage / f"{day}.tif").unlink()
        for name in names.values():
            shutil.move(stage / "whole" / name, output / name)
    return [output / name for name in names.values()]


def _describe(file: Any, codes: CodesFile, day: date) -> None:
    """Say in a raster what its bands are."""
    file.descriptions = BANDS
    file.scales = (SCALE,) * len(BANDS)
    file.update_tags(
        TIFFTAG_IMAGEDESCRIPTION=f"Reflectance of {day} decoded from the codes {codes.name.stem}",
        TIFFTAG_SOFTWARE=f"{SOFTWARE} {version(SOFTWARE)}",
    )


def _decode(codes: CodesFile, encoder: Encoder, days: Sequence[int], window: Window, files: Sequence[Any]) -> None:
    """Decode strip by strip into open rasters, one a day."""
    height, width = int(window.height), int(window.width)
    rows = max(1, min(_STRIP_ROWS, STRIP_BYTES // (len(days) * len(BANDS) * 2 * width)))
    for first in tqdm(range(0, height, rows), desc=f"decode {codes.name.stem}", unit="strip", disable=None):
        strip = Window(window.col_off, window.row_off + first, width, min(rows, height - first))
        numbers = decode_strip(encoder, codes.read(strip).codes, days)
        for file, image in zip(files, numbers, strict=True):
            file.write(image, window=Window(0, first, width, image.shape[1]))


def decode_strip(encoder: Encoder, codes: NDArray[np.uint16], days: Sequence[int]) -> NDArray[np.int16]:
    """Decode codes into stored numbers of some days.

    Args:
        encoder: The encoder that made them.
        codes: Shape (12, rows, columns).
        days: Days of the window, 0..364.

    Returns:
        Reflectance in units of 0.0001, -32768 where there are no data (days, 6, rows, columns).
    """
    _, rows, columns = codes.shape
    pixels = codes.reshape(len(codes), -1).T
    numbers = np.empty((len(days), len(BANDS), len(pixels)), np.int16)
    for first in range(0, len(pixels), CHUNK_PIXELS):
        chunk = slice(first, first + CHUNK_PIXELS)
        reflectance = encoder.decode(pixels[chunk])[:, list(days)]
        stored = np.rint(reflectance / np.float32(SCALE)).clip(-_LARGEST, _LARGEST)
        numbers[:, :, chunk] = np.where(np.isnan(stored), NODATA, stored).astype(np.int16).transpose(1, 2, 0)
    return numbers.reshape(len(days), len(BANDS), rows, columns)
