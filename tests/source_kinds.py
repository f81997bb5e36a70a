"""One small sound source of each kind, and the faults that the world puts into them."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coarse_files
import numpy as np
import pytest
import rasterio
import test_sdc30
import test_viirs
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.grid import tile
from stactools_esd.observations import Observations
from stactools_esd.product import BANDS
from stactools_esd.sources.folder import write_folder
from stactools_esd.sources.landsat_writer import write_landsat
from stactools_esd.sources.source import TargetGrid

DAYS = tuple(f"2020{day:03d}" for day in range(9, 365, 40))
"""Days of the images, nine in the year 2020."""

DATES = np.array([np.datetime64("2020-01-01") + int(day[4:]) - 1 for day in DAYS])
ROWS, COLUMNS = 4, 5

OURS = TargetGrid(crs=CRS.from_epsg(32650), transform=tile("50TMK").transform, shape=(ROWS, COLUMNS))
"""The grid of plain images: a corner of tile 50TMK."""

Fault = tuple[Callable[[Path], object], str]
"""Makes a fault in the folder of the source, and what must stand in the line that refuses it."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of source, how a small one is made, and what may be wrong with it."""

    make: Callable[[Path], object]
    """Writes nine sound images into a folder, which exists."""

    path: str = "."
    """The source within the folder."""

    grid: TargetGrid | None = None
    """Grid of `--like`, for kinds that put images on one."""

    faults: Mapping[str, Fault] = field(default_factory=dict)
    """Faults by name."""


def images() -> Observations:
    """Nine images of reflectance 0.1 in all bands."""
    shape = (len(DATES), 6, ROWS, COLUMNS)
    return Observations(
        dates=DATES, reflectance=np.full(shape, 0.1, np.float32), valid=np.ones(shape, np.bool_),
        transform=OURS.transform, crs=OURS.crs,
    )  # fmt: skip


def rewrite(path: Path, change: Callable[[np.ndarray], np.ndarray] = lambda values: values, **profile: object) -> None:
    """Write a raster again with other values or another profile."""
    with rasterio.open(path) as dataset:
        values, options = change(dataset.read()), dataset.profile
        names = dataset.descriptions[: len(values)]
    options.update(count=len(values), dtype=values.dtype, **profile)
    path.unlink()
    with rasterio.open(path, "w", **options) as dataset:
        dataset.write(values)
        dataset.descriptions = names


def cut(path: Path, share: float = 0.99) -> None:
    """Leave a share of a raster, of which the last bytes are data."""
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def one(pattern: str, change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Change the first file of a pattern."""
    return lambda folder: change(min(folder.glob(pattern)))


def every(pattern: str, change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Change all files of a pattern."""
    return lambda folder: [change(path) for path in sorted(folder.glob(pattern))]


def copied(pattern: str, old: str, new: str) -> Callable[[Path], object]:
    """Copy the first file or folder of a pattern under another name."""

    def copy(path: Path) -> None:
        target = path.with_name(path.name.replace(old, new))
        shutil.copytree(path, target) if path.is_dir() else shutil.copy(path, target)

    return one(pattern, copy)


def plain(path: Path) -> None:
    """A folder of six-band images."""
    write_folder(images(), path)


def sdc30(path: Path) -> None:
    """Files of SDC30, no larger than they need be."""
    for date in DATES:
        name = f"SDC30_V003_50TMK_{str(date).replace('-', '')}.tif"
        test_sdc30.small(path / name, np.full((6, ROWS, COLUMNS), 1000, np.int16))


def landsat(path: Path) -> None:
    """Scenes of Landsat 8, one folder each."""
    write_landsat(images(), path, path_row="123029")


def processed_twice(folder: Path) -> None:
    """Put a scene beside itself as if it was processed again."""
    old, new = f"{FIRST}_02", "20211231_02"
    again = Path(shutil.copytree(folder, folder.with_name(folder.name.replace(old, new))))
    for file in again.iterdir():
        file.rename(file.with_name(file.name.replace(old, new)))


def modis(path: Path) -> None:
    """MOD09A1 without days."""
    for day in DAYS:
        coarse_files.write_layers(path, coarse_files.modis_layers(), day=day)


def viirs(path: Path) -> None:
    """VNP09GA."""
    for day in DAYS:
        coarse_files.write_layers(path, test_viirs.daily(), product="VNP09GA", collection="002", day=day)


def cube(path: Path, change: Callable[[Any], Any] = lambda dataset: dataset) -> None:
    """A store of six variables and SCL, one image a chunk."""
    cube_files = pytest.importorskip("cube_files")
    x, y = OURS.transform.c + 30 * (np.arange(COLUMNS) + 0.5), OURS.transform.f - 30 * (np.arange(ROWS) + 0.5)
    shape = (len(DATES), ROWS, COLUMNS)
    variables = {band: (("time", "y", "x"), np.full(shape, 0.1, np.float32)) for band in BANDS}
    dataset = cube_files.xarray.Dataset(
        variables | {"SCL": (("time", "y", "x"), np.full(shape, 4, np.uint8))},
        coords={"time": DATES.astype("datetime64[ns]"), "x": x, "y": y},
        attrs={"crs": str(OURS.crs)},
    )
    shutil.rmtree(path / "cube.zarr", ignore_errors=True)
    cube_files.write(change(dataset), path / "cube.zarr", chunks=(1, ROWS, COLUMNS))


def again(change: Callable[[Any], Any]) -> Callable[[Path], object]:
    """Write the cube again, changed."""
    return lambda folder: cube(folder, change=change)


def floats(path: Path) -> None:
    """Make the numbers of a raster floats."""
    rewrite(path, lambda values: values.astype(np.float32))


def five_bands(path: Path) -> None:
    """Take the last band out of a raster."""
    rewrite(path, lambda values: values[:5])


def all_of(number: int) -> Callable[[Path], None]:
    """Give all pixels of a raster one number."""
    return lambda path: rewrite(path, lambda values: np.full_like(values, number))


FIRST = str(DATES[0]).replace("-", "")
CHUNK = "cube.zarr/red/c/3/0/0"

KINDS: dict[str, Kind] = {
    "folder": Kind(make=plain, faults={
        "missing band": (one("*.tif", five_bands), f"SR_{FIRST}"),
        "date twice": (copied("*.tif", f"_{FIRST}", f"_{DAYS[0]}"), "got 2020-01-09 twice"),
        "two tiles": (one("*.tif", lambda path: rewrite(path, transform=tile("50TNK").transform)), "another grid"),
        "truncated": (one("*.tif", lambda path: cut(path, 0.2)), f"SR_{FIRST}"),
        "unknown scale": (
            one("*.tif", lambda path: rewrite(path, lambda values: values.astype(np.uint8), nodata=None)),
            "uint8 numbers of unknown scale",
        ),
        "nothing clear": (every("*.tif", all_of(-32768)), "no pixel"),
    }),
    "sdc30": Kind(make=sdc30, grid=OURS, faults={
        "missing band": (one("*.tif", five_bands), "got 5 bands"),
        "date twice": (copied("*.tif", ".tif", ".tiff"), "got 2020-01-09 twice"),
        "two tiles": (copied("*.tif", "50TMK", "50TNK"), "one tile"),
        "truncated": (one("*.tif", cut), f"SDC30_V003_50TMK_{FIRST}"),
        "unknown scale": (one("*.tif", floats), "float32"),
        "nothing clear": (every("*.tif", all_of(0)), "no pixel"),
    }),
    "landsat": Kind(make=landsat, grid=OURS, faults={
        "missing band": (one("*/*SR_B4.TIF", Path.unlink), "without SR_B4"),
        "date twice": (one("LC08*", processed_twice), "got one scene twice"),
        "truncated": (one("*/*SR_B4.TIF", cut), "SR_B4"),
        "unknown scale": (
            one("*/*SR_B4.TIF", floats), "got float32"
        ),
        "nothing clear": (every("*/*QA_PIXEL.TIF", all_of(8)), "no pixel"),
    }),
    "modis": Kind(make=modis, grid=coarse_files.GRID, faults={
        "missing band": (one("*b02.tif", Path.unlink), "without sur_refl_b02"),
        "date twice": (copied("*b02.tif", "2020200123456", "2021200123456"), "got 2020-01-09 twice"),
        "two tiles": (
            every("*.tif", lambda path: path.rename(path.with_name(path.name.replace("h26v04", "h27v04")))), "h27v04"
        ),
        "truncated": (one("*b02.tif", cut), "sur_refl_b02"),
        "unknown scale": (one("*b02.tif", floats), "float32"),
        "nothing clear": (every("*state*.tif", all_of(1)), "no pixel"),
    }),
    "viirs": Kind(make=viirs, grid=coarse_files.GRID, faults={
        "missing band": (one("*I2_1.tif", Path.unlink), "without SurfReflect_I2"),
        "date twice": (copied("*I2_1.tif", "2020200123456", "2021200123456"), "got 2020-01-09 twice"),
        "truncated": (one("*I2_1.tif", cut), "SurfReflect_I2"),
        "unknown scale": (one("*I2_1.tif", floats), "float32"),
        "nothing clear": (every("*QF1*.tif", all_of(15)), "no pixel"),
    }),
    "cube": Kind(make=cube, path="cube.zarr", faults={
        "missing band": (again(lambda dataset: dataset.drop_vars("nir")), "got the bands"),
        "date twice": (
            again(lambda dataset: dataset.assign_coords(time=dataset["time"].values[[0, 0, *range(2, len(DATES))]])),
            "got 2020-01-09T00:00:00 twice",
        ),
        "truncated": (one(CHUNK, lambda path: path.write_bytes(b"no chunk")), "cube.zarr"),
        "unknown scale": (
            again(lambda dataset: dataset.assign(red=(dataset["red"] * 1e4).astype(np.int16))), "int16 without a scale"
        ),
        "unknown quality": (again(lambda dataset: dataset.rename(SCL="mask")), "quality: mask and quality_kind"),
        "nothing clear": (again(lambda dataset: dataset.assign(SCL=dataset["SCL"] * 0 + 9)), "no pixel"),
    }),
}  # fmt: skip
"""Kinds of source, each with the faults that can befall it."""


def write_like(path: Path, grid: TargetGrid) -> None:
    """Write a raster whose grid `--like` takes."""
    height, width = grid.shape
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "height": height, "width": width}
    with rasterio.open(path, "w", **profile, crs=grid.crs, transform=grid.transform) as dataset:
        dataset.write(np.zeros((1, height, width), np.uint8))


def elsewhere(grid: TargetGrid) -> TargetGrid:
    """A grid of the same CRS a hundred kilometres to the north."""
    return TargetGrid(crs=grid.crs, transform=Affine.translation(0, 100_000) * grid.transform, shape=grid.shape)
