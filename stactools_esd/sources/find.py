"""What a path holds, and the reader for it: opened on the grid of a tile, or on its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from stactools_esd.errors import GridError, RasterError, UsageError
from stactools_esd.grid import check_georeference
from stactools_esd.names import is_tile
from stactools_esd.sources.cube import HELD_BYTES, CubeSource, open_cube
from stactools_esd.sources.cube_options import QUALITY_OPTIONS, CubeOptions
from stactools_esd.sources.folder import TERRAIN_FILE, open_folder
from stactools_esd.sources.granule_name import read_name
from stactools_esd.sources.harmonise import Harmonise
from stactools_esd.sources.image import date_of, opened
from stactools_esd.sources.landsat import open_landsat
from stactools_esd.sources.landsat_name import looks_like_landsat
from stactools_esd.sources.modis import MODIS_PRODUCTS, open_modis
from stactools_esd.sources.sdc30 import open_sdc30
from stactools_esd.sources.source import Source, TargetGrid, tile_grid
from stactools_esd.sources.source_options import Given, in_words, reader_options
from stactools_esd.sources.viirs import VIIRS_PRODUCTS, open_viirs

SourceType = Literal["folder", "sdc30", "landsat", "modis", "viirs", "cube"]
"""Kinds of source that can be opened by path."""

SOURCE_TYPES: Final[tuple[SourceType, ...]] = get_args(SourceType)
"""All kinds."""

AUTO: Final = "auto"
"""Stands for the kind that `recognise` finds."""

READER_BYTES: Final[dict[SourceType, int]] = {"cube": 3 * HELD_BYTES}
"""Memory that readers keep between images, and take to fill it."""

_LOOKED_FOR: Final = (
    "SDC30_V003_<tile>_<YYYYMMDD>.tif or CSDC30_<tile>_<YYYYDDD>.tif, Landsat Collection 2 scenes or their STAC items, "
    "MOD09, MYD09, MCD43A4, VNP09, VNP43 and VJ1 files, GeoTIFFs *_YYYYMMDD.tif or *_YYYYDDD.tif, a Zarr store or a "
    "NetCDF file"
)

_CUBE_SUFFIXES: Final = (".zarr", ".nc", ".nc4")
_ZARR_NAMES: Final = ("zarr.json", ".zgroup", ".zmetadata")


@dataclass(frozen=True, kw_only=True)
class FoundSource:
    """A source with what it was taken for."""

    source: Source
    """The opened source."""

    source_type: SourceType
    """Its kind."""

    name: str
    """What the images are, as the input recipe says it unless the user knows better."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the reader that were given, by key."""

    words: str = ""
    """What a person should know of how it was read, such as the options; empty where nothing is to be said."""


def recognise(path: str | Path) -> SourceType:
    """Tell by names which reader a path is for; no file is opened.

    A name of an archive wins over plain dated GeoTIFFs, whose rule its files would satisfy too.

    Args:
        path: Folder or store, JSON file of STAC items, or NetCDF file.

    Raises:
        UsageError: There is no such path.
        RasterError: There is nothing that a reader knows; the message lists what was looked for.
    """
    place = _existing(path)
    suffix = place.suffix.lower()
    if suffix in _CUBE_SUFFIXES or any((place / name).is_file() for name in _ZARR_NAMES):
        return "cube"
    if place.is_file():
        if suffix == ".json":
            return "landsat"
        raise RasterError(f"got the file {path}, expected {_LOOKED_FOR}; give the folder that holds the images")
    found = {_kind_of(file) for file in _names(place)}
    for kind in ("sdc30", "landsat", "modis", "viirs", "folder"):
        if kind in found:
            return kind
    raise RasterError(
        f"got no raster in {path} that a reader knows, expected {_LOOKED_FOR}; give the folder that holds the images"
    )


def _existing(path: str | Path) -> Path:
    if not Path(path).exists():
        raise UsageError(f"got {path}, which does not exist, expected a folder of dated images; check the path")
    return Path(path)


def _names(folder: Path) -> Iterator[Path]:
    """Yield files of a folder, and of folders below it that hold scenes of Landsat or items."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == TERRAIN_FILE:
            continue
        if path.is_dir():
            below = (file for file in path.glob("*.*") if file.suffix.lower() in (".tif", ".json"))
            yield from (file for file in below if _kind_of(file) == "landsat")
        else:
            yield path


def _kind_of(file: Path) -> SourceType | None:
    """Tell by its name what a file belongs to."""
    suffix = file.suffix.lower()
    if looks_like_landsat(file.stem) and suffix in (".tif", ".tiff", ".json", ".tar"):
        return "landsat"
    if suffix not in (".tif", ".tiff", ".hdf", ".h5"):
        return None
    if file.stem.startswith(("SDC30_V", "CSDC30_")):
        return "sdc30"
    try:
        product = read_name(file).product
    except RasterError:
        return "folder" if suffix in (".tif", ".tiff") and _is_dated(file) else None
    return "modis" if product in MODIS_PRODUCTS else "viirs" if product in VIIRS_PRODUCTS else None


def _is_dated(file: Path) -> bool:
    """Tell whether a name ends in a date, as plain images have it."""
    try:
        date_of(file)
    except RasterError:
        return False
    return True


def find_source(
    path: str | Path,
    tile: str,
    *,
    source_type: str = AUTO,
    grid: TargetGrid | None = None,
    harmonise: Harmonise = "none",
    options: Given = None,
    skip_bad: bool = False,
) -> FoundSource:
    """Open a source.

    Args:
        path: Folder or store, JSON file of STAC items, or NetCDF file.
        tile: MGRS tile, or `x` and the name of a custom area.
        source_type: One of `SOURCE_TYPES`, or `auto` to recognise it.
        grid: Grid of the images. By default that of the tile for readers that resample, and the files' own for others;
            for a custom area readers that resample need it. A cube keeps its own pixels where the tile has the same.
        harmonise: Which sensors of Landsat are brought to OLI, see `sources.harmonise`.
        options: Options of the reader, see `sources.source_options`.
        skip_bad: Pass over damaged files, and name them in `bad` of the source.

    Raises:
        RasterError: The path is not recognised, or cannot be read as what it is.
        NothingFoundError: Nothing of it touches the grid.
        UsageError: There is no such path, the kind is unknown, or options do not fit it.
        GridError: There is no such tile.
    """
    if source_type not in (AUTO, *SOURCE_TYPES):
        raise UsageError(f"got source type {source_type!r}, expected {', '.join((AUTO, *SOURCE_TYPES))}; choose one")
    kind = recognise(path) if source_type == AUTO else _as_type(source_type)
    if harmonise != "none" and kind != "landsat":
        raise UsageError(
            f"got harmonise {harmonise} for a source of type {kind}, expected one of Landsat; leave it out"
        )
    chosen = reader_options(options, kind)
    source = _open(kind, _existing(path), _grid(kind, tile, grid), harmonise, chosen, skip_bad)
    if kind == "cube" and grid is None and is_tile(tile) and not _fits(source, tile):
        source = _open(kind, Path(path), tile_grid(tile), harmonise, chosen, skip_bad)
    return FoundSource(
        source=source, source_type=kind, name=_name(kind, source), options=chosen, words=_words(source, chosen)
    )


def _words(source: Source, options: Mapping[str, Any]) -> str:
    """Say how a source was read: what a cube takes for valid, and all options but those that this follows from."""
    if not isinstance(source, CubeSource):
        return in_words(options)
    quality = source.layout.quality
    valid = "no quality read" if quality is None else quality.words
    others = {key: value for key, value in options.items() if key not in QUALITY_OPTIONS}
    return ", ".join(filter(None, (valid, in_words(others))))


def grid_of(path: Path) -> TargetGrid:
    """Take the grid of a raster.

    Raises:
        RasterError: The file is no raster, or has no CRS.
        GridError: Its grid is not north up.
    """
    with opened(path) as dataset:
        if dataset.crs is None:
            raise RasterError(f"got {path} without a coordinate reference system, expected a grid; assign its CRS")
        return TargetGrid(crs=dataset.crs, transform=dataset.transform, shape=dataset.shape)


def _as_type(text: str) -> SourceType:
    return next(kind for kind in SOURCE_TYPES if kind == text)


def _grid(kind: SourceType, tile: str, grid: TargetGrid | None) -> TargetGrid | None:
    """Return the grid to open a source on; None for its own."""
    if kind == "folder":
        if grid is not None:
            raise UsageError(
                "got a grid for a folder of GeoTIFFs, expected none, for they have their own; leave it out"
            )
        return None
    if grid is not None or kind in ("sdc30", "cube"):
        return grid
    if not is_tile(tile):
        raise UsageError(
            f"got a custom area of {kind} without a grid, expected one, for its images are resampled; "
            "give --like with a raster of that grid, or --tile"
        )
    return tile_grid(tile)


def _fits(source: Source, tile: str) -> bool:
    """Tell whether a source lies on the pixels of a tile."""
    try:
        check_georeference(tile, source.crs, source.transform, source.shape)
    except GridError:
        return False
    return True


def _needed(grid: TargetGrid | None) -> TargetGrid:
    if grid is None:
        raise UsageError("got no grid, expected one, for the images are resampled; give a tile or a grid")
    return grid


def _open(
    kind: SourceType,
    path: Path,
    grid: TargetGrid | None,
    harmonise: Harmonise,
    options: Mapping[str, Any],
    skip_bad: bool,
) -> Source:
    """Open a source as what it is."""
    match kind:
        case "folder":
            return open_folder(path, skip_bad=skip_bad)
        case "sdc30":
            return open_sdc30(path, grid, skip_bad=skip_bad)
        case "landsat":
            return open_landsat(path, _needed(grid), harmonise=harmonise, skip_bad=skip_bad, **options)
        case "modis":
            return open_modis(path, _needed(grid), skip_bad=skip_bad, **options)
        case "viirs":
            return open_viirs(path, _needed(grid), skip_bad=skip_bad, **options)
        case "cube":
            return open_cube(path, grid, options=CubeOptions(**options), skip_bad=skip_bad)


def _name(kind: SourceType, source: Source) -> str:
    """Say what the images are, the same for every year of one archive."""
    if kind == "sdc30":
        return source.names[0].rpartition("_")[0].rpartition("_")[0]
    if kind == "landsat":
        return "landsat-c2-l2"
    if kind in ("modis", "viirs"):
        return source.names[0].partition(".")[0]
    return "unspecified"
