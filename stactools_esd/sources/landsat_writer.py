"""Observations as Landsat scenes: the layout of USGS, so that what has other origins goes the road of the archive."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray

from stactools_esd.errors import ObservationsError, OutputError, RasterError
from stactools_esd.files import atomic_path
from stactools_esd.gdal import quiet_gdal
from stactools_esd.observations import Observations
from stactools_esd.product import BANDS
from stactools_esd.sources import landsat_qa
from stactools_esd.sources.landsat import FILL
from stactools_esd.sources.landsat_name import parse_name
from stactools_esd.sources.landsat_qa import Flag
from stactools_esd.sources.landsat_scene import OFFSET, SCALE, layers

LARGEST: Final = 65535
"""Largest number of a band, reflectance 1.6022."""


def write_landsat(
    observations: Observations,
    path: str | Path,
    *,
    missions: str | Sequence[str] = "LC08",
    path_row: str = "001001",
    flags: Mapping[Flag, NDArray[np.bool_]] | None = None,
) -> list[Path]:
    """Write observations as Collection 2 Level-2 scenes that `open_landsat` reads, one folder a scene.

    Values come back within 0.000014, the lowest, -0.2, within 0.000028; what is missing stays missing, band by band.
    QA_PIXEL says fill where no band was observed, and elsewhere clear but for `flags`; QA_RADSAT says nothing. The date
    of processing in the names is that of the observation.

    Args:
        observations: Images to write.
        path: Folder, made where it does not exist.
        missions: Sensor and satellite, e.g. `LT05`: one for all images, or one each.
        path_row: Six digits; a second image of one satellite and day gets the next row, and so on.
        flags: Where pixels (t, y, x) are cloud, snow, and so on, which QA_PIXEL then says of them. What is valid there
            is written all the same, as USGS delivers clouds: `open_landsat` decides by the flag.

    Returns:
        The folders of the scenes, in the order of the dates.

    Raises:
        ObservationsError: There are not as many missions as images, or flags are of another shape.
        UsageError: A flag is unknown.
        RasterError: A mission or path and row is none of Landsat's.
        OutputError: The folder cannot be written.
    """
    each = [missions] * len(observations.dates) if isinstance(missions, str) else list(missions)
    if len(each) != len(observations.dates):
        raise ObservationsError(
            f"got {len(each)} missions for {len(observations.dates)} images, expected one each; give one a date"
        )
    said = {} if flags is None else dict(flags)
    landsat_qa.checked_flags(said)
    for flag, holds in said.items():
        if np.shape(holds) != (len(each), *observations.shape):
            raise ObservationsError(
                f"got {flag} of shape {np.shape(holds)}, expected {(len(each), *observations.shape)}; give one a pixel"
            )
    if re.fullmatch(r"\d{6}", path_row) is None:
        raise RasterError(f"got path and row {path_row!r}, expected six digits such as 012031; correct it")
    seen: Counter[tuple[str, str]] = Counter()
    names: list[str] = []
    for mission, date in zip(each, observations.dates, strict=True):
        day = str(date).replace("-", "")
        row = int(path_row[3:]) + seen[mission, day]
        seen[mission, day] += 1
        names.append(parse_name(f"{mission}_L2SP_{path_row[:3]}{row:03d}_{day}_{day}_02_T1").text)
    folders = [Path(path) / name for name in names]
    for position, folder in enumerate(folders):
        of_image = {flag: holds[position] for flag, holds in said.items()}
        _write_scene(observations, position, folder, of_image)
    return folders


def _write_scene(
    observations: Observations, position: int, folder: Path, flags: Mapping[Flag, NDArray[np.bool_]]
) -> None:
    """Write the eight files of one image."""
    sensor = parse_name(folder.name).sensor
    valid = observations.valid[position]
    stored = np.rint((observations.reflectance[position].astype(np.float64) - OFFSET) / SCALE)
    numbers = np.where(valid, stored.clip(FILL + 1, LARGEST), FILL).astype(np.uint16)
    seen = landsat_qa.pixel_quality(flags, sensor) if flags else np.uint16(sensor.clear)
    qa_pixel = np.where(valid.any(axis=0), seen, landsat_qa.FILL).astype(np.uint16)
    qa_radsat = np.zeros(observations.shape, np.uint16)
    nodata = (FILL,) * len(BANDS) + (landsat_qa.FILL, None)  # as in the files of USGS
    for layer, values, missing in zip(layers(sensor), (*numbers, qa_pixel, qa_radsat), nodata, strict=True):
        _write_layer(folder / f"{folder.name}_{layer}.TIF", values, missing, observations)


def _write_layer(file: Path, values: NDArray[np.uint16], nodata: int | None, observations: Observations) -> None:
    """Write one file, tiled and compressed as those of USGS are."""
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "count": 1,
        "dtype": "uint16",
        "height": observations.shape[0],
        "width": observations.shape[1],
        "crs": observations.crs,
        "transform": observations.transform,
        "nodata": nodata,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "predictor": 2,
    }
    with (
        atomic_path(file) as temporary,
        quiet_gdal(f"write {file}", error=OutputError),
        rasterio.open(temporary, "w", **profile) as dataset,
    ):
        dataset.write(values, 1)
