"""Landsat 4 to 9, Collection 2 Level-2 surface reflectance, on any grid.

Scenes lie in a folder as USGS delivers them, flat or one folder a scene, or are named by local STAC items. Those of
several paths, rows and UTM zones are laid on one grid by GDAL's warper, window by window. Each scene is an image of
its own: neighbouring rows of a path are two images of one day.

Reflectance is 0.0000275 x number - 0.2. A pixel counts where QA_PIXEL has neither fill nor dilated cloud, cirrus (where
the sensor can see it), cloud or cloud shadow; a band of it where it is neither fill, as in the gaps that Landsat 7 has
since its scan-line corrector failed, nor saturated by QA_RADSAT. Snow and water are ground, and kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.transform import array_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from stactools_esd.errors import NothingFoundError, RasterError
from stactools_esd.gdal import quiet_gdal
from stactools_esd.observations import Dates
from stactools_esd.product import BANDS
from stactools_esd.sources.harmonise import Harmonise, recipe_words, to_oli
from stactools_esd.sources.landsat_qa import UNUSABLE, Flag, checked_flags, unsaturated, usable
from stactools_esd.sources.landsat_scene import OFFSET, SCALE, Scene, find_scenes, open_scene
from stactools_esd.sources.source import OnGrid, TargetGrid, check_window

FILL: Final = 0
"""Number of a band where nothing was observed."""

TOLERANCE: Final = 1e-9
"""Pixels by which the warper may be wrong: it asks for every pixel where it lies, so that a window always equals the
crop of the whole. With GDAL's own 0.125 it would depend on the window. All files of a scene are warped in one go, so
every pixel is asked for once."""


@dataclass(frozen=True, kw_only=True)
class LandsatSource(OnGrid):
    """Landsat scenes on one grid; make one with `open_landsat`."""

    grid: TargetGrid
    """The grid of the images."""

    scenes: tuple[Scene, ...]
    """The scenes that touch the grid, in order of date, then of name."""

    harmonise: Harmonise = "none"
    """Which sensors are brought to OLI, see `harmonise`."""

    unusable: frozenset[str] = frozenset(UNUSABLE)
    """Flags of QA_PIXEL that make a pixel missing, see `landsat_qa`."""

    bad: tuple[str, ...] = ()
    """Names of damaged or incomplete scenes that were passed over."""

    @cached_property
    def dates(self) -> Dates:
        """Days of the scenes, never decreasing (t,)."""
        return np.array([scene.name.date for scene in self.scenes], "datetime64[D]")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scenes, in the order of `dates`."""
        return tuple(scene.name.text for scene in self.scenes)

    @property
    def files(self) -> tuple[tuple[Path, ...], ...]:
        """The eight files of each scene, in the order of `dates`: six bands, QA_PIXEL, QA_RADSAT."""
        return tuple(scene.files for scene in self.scenes)

    @property
    def harmonisation(self) -> str:
        """How sensors were brought to one scale, in the words of the input recipe."""
        return recipe_words(self.harmonise)

    def read_image(self, position: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read a window of one scene on the grid, and no more of its files than that needs.

        Args:
            position: Which scene, in the order of `dates`.
            window: Whole pixels inside the grid.

        Returns:
            Reflectance as a share of 1 in the order of `product.BANDS`, and whether it was observed, both (6, rows,
            columns); reflectance is 0 where it was not.

        Raises:
            GridError: The window leaves the grid.
            RasterError: A file is missing, truncated or damaged.
        """
        rows, columns = check_window(window, self.shape)
        scene = self.scenes[position]
        numbers = _warp(scene, self.grid, rows, columns)
        bands, qa_pixel, qa_radsat = numbers[: len(BANDS)], numbers[len(BANDS)], numbers[len(BANDS) + 1]
        sensor = scene.name.sensor
        valid = (bands != FILL) & usable(qa_pixel, sensor, self.unusable) & unsaturated(qa_radsat, sensor)
        reflectance = to_oli(bands * np.float32(SCALE) + np.float32(OFFSET), sensor, self.harmonise)
        reflectance[~valid] = 0
        return reflectance, valid


def open_landsat(
    path: str | Path,
    grid: TargetGrid,
    *,
    harmonise: Harmonise = "none",
    unusable: Iterable[Flag] = UNUSABLE,
    skip_bad: bool = False,
) -> LandsatSource:
    """Find Landsat scenes and look at the headers of their files.

    Each pixel of the grid takes the scene's pixel that holds its centre, in bands and quality alike: so no value mixes
    with cloud or fill beside it, quality is that of the very value, and in the scene's own zone, whose grid the tiles
    share, nothing is resampled at all. In another zone a value may lie up to half a pixel off.

    Args:
        path: A folder of scene files, flat or with one folder a scene; a folder of STAC items of USGS or of the
            Planetary Computer with local hrefs; or one JSON file, an item or a collection of items.
        grid: Where to lay the images; `source.tile_grid` gives that of a product tile.
        harmonise: Which sensors to bring to OLI by Roy et al. (2016): `none` by default, for the lines were not made
            for Collection 2 and harm dark surfaces; `etm`; or `etm+tm`, whose use for TM is an assumption. See
            `harmonise`.
        unusable: Flags of QA_PIXEL that make a pixel missing; add `snow` where snow is not wanted.
        skip_bad: Pass over scenes that lack a file, cannot be opened or are of another collection or level, and name
            them in `bad`.

    Raises:
        RasterError: There is no scene, a scene is there twice, or one is bad and `skip_bad` was not said.
        NothingFoundError: No scene touches the grid.
        UsageError: There is no such harmonisation or flag.
    """
    recipe_words(harmonise)  # refuses unknown ones
    flags = checked_flags(unusable)
    scenes: list[Scene] = []
    bad: list[str] = []
    for name, files in find_scenes(Path(path)).items():
        try:
            scenes.append(open_scene(name, files))
        except RasterError:
            if not skip_bad:
                raise
            bad.append(name)
    _refuse_twice(scenes)
    touching = sorted((scene for scene in scenes if _touches(scene, grid)), key=_order)
    if not touching:
        why = f"{len(bad)} were bad, first {bad[0]}" if bad else f"{len(scenes)} lie elsewhere"
        raise NothingFoundError(
            f"got no Landsat scene in {path} that touches the grid, {why}; give scenes of the place, or another tile"
        )
    return LandsatSource(grid=grid, scenes=tuple(touching), harmonise=harmonise, unusable=flags, bad=tuple(bad))


def _order(scene: Scene) -> tuple[np.datetime64, str]:
    return scene.name.date, scene.name.text


def _refuse_twice(scenes: list[Scene]) -> None:
    """See that nothing was seen once and is there twice, as a scene is that was processed again."""
    for one, other in pairwise(sorted(scenes, key=lambda scene: (scene.name.observation, scene.name.text))):
        if one.name.observation == other.name.observation:
            raise RasterError(
                f"got one scene twice, {one.name.text} and {other.name.text}, expected one processing of each; "
                "remove the older one"
            )


def _touches(scene: Scene, grid: TargetGrid) -> bool:
    """Tell whether the rectangle of a scene meets that of a grid."""
    crs, transform, shape = scene.grid
    try:
        with quiet_gdal(f"place the scene {scene.name.text}"):
            west, south, east, north = transform_bounds(crs, grid.crs, *array_bounds(*shape, transform))
    except RasterError:  # too far off for the grid's projection
        return False
    left, bottom, right, top = array_bounds(*grid.shape, grid.transform)
    return bool(west < right and east > left and south < top and north > bottom)


def _warp(scene: Scene, grid: TargetGrid, rows: slice, columns: slice) -> NDArray[np.uint16]:
    """Read all files of a scene on a part of a grid: integers (8, rows, columns), 0 outside the scene."""
    part = {
        "crs": grid.crs,
        "transform": grid.transform * Affine.translation(columns.start, rows.start),
        "height": rows.stop - rows.start,
        "width": columns.stop - columns.start,
    }
    with (
        quiet_gdal(f"read the scene {scene.name.text}"),
        MemoryFile(_stack(scene).encode(), ext="vrt") as memory,
        memory.open() as stack,
        WarpedVRT(stack, resampling=Resampling.nearest, tolerance=TOLERANCE, **part) as warped,
    ):
        numbers: NDArray[np.uint16] = warped.read()
    return numbers


def _stack(scene: Scene) -> str:
    """Describe the files of a scene as the bands of one raster, in GDAL's XML for virtual rasters.

    The files' own nodata values are left out, for the numbers are wanted as they are.
    """
    crs, transform, (height, width) = scene.grid
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{number}"><SimpleSource>'
        f'<SourceFilename relativeToVRT="0">{escape(str(file.resolve()))}</SourceFilename><SourceBand>1</SourceBand>'
        f'<SourceProperties RasterXSize="{width}" RasterYSize="{height}" DataType="UInt16"/>'
        "</SimpleSource></VRTRasterBand>"
        for number, file in enumerate(scene.files, start=1)
    )
    return (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>{escape(crs.to_wkt())}</SRS>'
        f"<GeoTransform>{', '.join(map(repr, transform.to_gdal()))}</GeoTransform>{bands}</VRTDataset>"
    )
