"""Landsat scenes on disk: which files belong to one, found by name in a folder or through local STAC items."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import url2pathname

import numpy as np

from stactools_esd.errors import RasterError
from stactools_esd.files import read_json
from stactools_esd.gdal import quiet_gdal
from stactools_esd.product import BANDS
from stactools_esd.sources.image import Grid, check_grid, opened
from stactools_esd.sources.landsat_name import SceneName, is_scene, looks_like_landsat, parse_name, split_name
from stactools_esd.sources.landsat_qa import Sensor
from stactools_esd.web import split_address

SCALE: Final = 0.0000275
"""Factor of the integers of all Collection 2 Level-2 reflectance."""

OFFSET: Final = -0.2
"""What is added to the scaled integers."""

QA_LAYERS: Final = ("QA_PIXEL", "QA_RADSAT")
"""Quality layers of a scene, which follow the six bands wherever the eight are listed."""

ASSETS: Final = ("blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel", "qa_radsat")
"""Keys of the eight files in items of USGS and of the Planetary Computer, in the order of `layers`."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One Landsat scene whose eight files are there and fit together."""

    name: SceneName
    """What its name says."""

    files: tuple[Path, ...]
    """Files of the six bands in the order of `product.BANDS`, then QA_PIXEL and QA_RADSAT."""

    grid: Grid
    """CRS, transform, and rows and columns of all eight."""


def layers(sensor: Sensor) -> tuple[str, ...]:
    """Return the ends of the names of a scene's eight files: `SR_B2` and so on, then the quality layers."""
    return (*(f"SR_B{number}" for number in sensor.band_numbers), *QA_LAYERS)


def find_scenes(path: Path) -> Mapping[str, Mapping[str, Path] | RasterError]:
    """Find the files of scenes, and look into none of them.

    USGS delivers scenes as .tar files: one that was not unpacked is bad, for else it would be left out in silence.

    Args:
        path: A folder of scene files, flat or with one folder a scene; a folder of STAC items, flat or with one folder
            an item; or one JSON file, an item or a collection of items. Items beside scene files are left alone, for
            USGS delivers them with addresses of its own.

    Returns:
        By name of the scene its files by layer, or what is wrong with its name or its item.

    Raises:
        RasterError: There is nothing of Landsat, a file of a scene is there twice, or a JSON file cannot be read.
    """
    if not path.exists():
        raise RasterError(f"got {path}, expected a folder of Landsat scenes or a STAC item; check the path")
    found: dict[str, Mapping[str, Path] | RasterError] = {}
    if path.is_dir():
        for file in _within(path, (".tif", ".tiff")):
            if looks_like_landsat(file.stem):
                _put(found, *split_name(file.stem), file)
    if not found:
        items = _within(path, (".json",)) if path.is_dir() else iter((path,))
        for item_file in items:
            for item in _items(item_file):
                name, files = _item_files(item, item_file)
                if name in found:
                    raise RasterError(f"got {name} twice in {path}, expected one item a scene; remove one")
                found[name] = files
    if path.is_dir():
        packed = [file for file in _within(path, (".tar",)) if is_scene(file.stem)]
        found |= {
            file.stem: RasterError(f"got {file}, which is packed, expected its files; unpack it")
            for file in packed
            if file.stem not in found  # else it is just kept
        }
    if not found:
        raise RasterError(
            f"got no Landsat scene in {path}, expected STAC items, or files such as "
            "LC08_L2SP_012031_20200704_20200910_02_T1_SR_B2.TIF; give the folder that holds them"
        )
    return found


def _within(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files of a folder and of the folders in it, in the order of their names, hidden ones left out."""
    for path in sorted((*folder.glob("*"), *folder.glob("*/*"))):
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file():
            yield path


def _put(found: dict[str, Mapping[str, Path] | RasterError], name: str, layer: str, file: Path) -> None:
    """Add a file to its scene."""
    files = found.setdefault(name, {})
    if isinstance(files, RasterError):
        return
    if layer in files:
        raise RasterError(f"got {file.name} twice, {files[layer]} and {file}, expected one file a layer; remove one")
    found[name] = {**files, layer: file}


def _items(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the items of a JSON file that are of surface reflectance; none where it is something else."""
    content = read_json(path, error=RasterError)
    kind = content.get("type") if isinstance(content, dict) else None
    features = content.get("features", []) if kind == "FeatureCollection" else [content] if kind == "Feature" else []
    # USGS has an item of surface temperature beside each of surface reflectance.
    yield from (each for each in features if isinstance(each, dict) and not str(each.get("id")).endswith("_ST"))


def _item_files(item: Mapping[str, Any], path: Path) -> tuple[str, Mapping[str, Path] | RasterError]:
    """Return the name of an item's scene and its files by layer, or what is wrong with the item."""
    name = str(item.get("id")).removesuffix("_SR")
    try:
        sensor = parse_name(name).sensor
        assets = item.get("assets") or {}
        files = {}
        for key, layer in zip(ASSETS, layers(sensor), strict=True):
            if key in assets:
                _check_asset(assets[key], key, name)
                files[layer] = _local(str(assets[key].get("href")), path, name)
    except RasterError as error:
        return name, error
    full_name, _ = split_name(files[layers(sensor)[0]].stem) if layers(sensor)[0] in files else (name, "")
    # The Planetary Computer leaves the date of processing out of ids; file names keep it.
    same = full_name.startswith(name[:25]) and looks_like_landsat(full_name)
    return (full_name if same else name), files


def _check_asset(asset: Mapping[str, Any], key: str, name: str) -> None:
    """See that an item states no other scale than that of Collection 2."""
    stated = (asset.get("raster:bands") or [{}])[0]
    scale, offset = stated.get("scale", SCALE), stated.get("offset", OFFSET)
    if not key.startswith("qa_") and not np.allclose((scale, offset), (SCALE, OFFSET), rtol=1e-6, atol=0):
        raise RasterError(
            f"got scale {scale} and offset {offset} for {key} in the item {name}, expected {SCALE} and {OFFSET}; "
            "get the scene as USGS delivers it"
        )


def _local(href: str, item_file: Path, name: str) -> Path:
    """Turn an href into the path of a local file, relative to the item where it is so."""
    parts = split_address(href)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    if len(parts.scheme) > 1:  # one letter is a drive
        raise RasterError(
            f"got the remote file {parts.scheme}://{parts.netloc}{parts.path} in the item {name}, expected a local "
            "one; download the assets and make their hrefs relative"
        )
    return item_file.parent / href


def open_scene(name: str, files: Mapping[str, Path] | RasterError) -> Scene:
    """Look at the headers of a scene's files.

    Args:
        name: Name of the scene.
        files: Its files by layer, or what was wrong when they were looked for.

    Raises:
        RasterError: The name is of another collection or level, a file is missing or cannot be opened, or one has
            another grid, type or scale than it should.
    """
    if isinstance(files, RasterError):
        raise files
    parsed = parse_name(name)
    wanted = layers(parsed.sensor)
    if missing := [layer for layer in wanted if layer not in files or not files[layer].is_file()]:
        raise RasterError(
            f"got the scene {name} without {', '.join(missing)}, expected {', '.join(wanted)}; get the missing files"
        )
    paths = tuple(files[layer] for layer in wanted)
    grids = [_grid_of(file, reflectance=place < len(BANDS)) for place, file in enumerate(paths)]
    for file, grid in zip(paths, grids, strict=True):
        check_grid(file, grid, grids[0])
    return Scene(name=parsed, files=paths, grid=grids[0])


def _grid_of(file: Path, *, reflectance: bool) -> Grid:
    """Read the grid of one file after checking that it holds what it should."""
    with quiet_gdal(f"open {file}"), opened(file) as dataset:
        kinds, scale, offset = dataset.dtypes, dataset.scales[0], dataset.offsets[0]
        if dataset.crs is None:
            raise RasterError(f"got {file} without a coordinate reference system, expected one; get the file again")
        grid: Grid = (dataset.crs, dataset.transform, dataset.shape)
    if kinds != ("uint16",):
        raise RasterError(f"got {', '.join(kinds)} in {file}, expected one band of uint16; get the file again")
    unscaled = (scale, offset) == (1.0, 0.0)
    if reflectance and not unscaled and not np.allclose((scale, offset), (SCALE, OFFSET), rtol=1e-6, atol=0):
        raise RasterError(
            f"got scale {scale:g} and offset {offset:g} in {file}, expected {SCALE} and {OFFSET}; get the file again"
        )
    return grid
