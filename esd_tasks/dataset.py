"""Codes of a place and of years as an xarray Dataset: read block by block when they are needed.

With dask installed a block of a year is read when something is computed from it. Without dask everything is read at
once, within a limit. Levels and vectors come from the accessor: `ds.esd.levels()`, `ds.esd.vectors()`.
"""

import threading
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window

from esd_tasks import cf
from esd_tasks.chosen_grid import grid_in, grid_like, parse_crs
from esd_tasks.codes_item import CodesItem
from esd_tasks.extras import needed
from esd_tasks.items import items_of_years
from esd_tasks.places import bbox_geometry, wrap_longitudes
from esd_tasks.pull_values import LEVELS_NODATA
from esd_tasks.request import DEFAULT_CATALOG
from esd_tasks.series import Series
from esd_tasks.target import Grid, projected
from stactools_esd import fsq
from stactools_esd.errors import UsageError
from stactools_esd.product import CODES_BANDS, FSQ, STEPS

CHUNK_PIXELS: Final = 512
"""Rows and columns of a lazy block; a year of one takes 7 MB."""

MOST_BYTES: Final = 2 << 30
"""Codes that are read at once where dask is not installed."""

MOST_OPEN: Final = 32
"""Files that one thread keeps open; dask has a thread a core."""

_DEGREES_AROUND = 0.001


def open_dataset(
    catalog: str | Path | Sequence[str | Path] = DEFAULT_CATALOG,
    *,
    geometry: shapely.Geometry | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    years: int | Iterable[int] | None = None,
    crs: str | None = None,
    resolution: float | None = None,
    like: str | Path | None = None,
    min_clear: int = 0,
    chunks: int = CHUNK_PIXELS,
) -> Any:
    """Open the codes of a place as a Dataset; `esd_tasks.open` is this.

    Args:
        catalog: As in `items.find_items`.
        geometry: Area in WGS84; pixels whose middle lies outside have no data.
        bbox: (west, south, east, north) in degrees; west > east crosses the antimeridian. Excludes `geometry`. Without
            either, everything that the catalogue has, or all pixels of `like`.
        years: One or more; all that there are if None. Each pixel comes from the same tile in every year.
        crs: CRS of the pixels, e.g. `EPSG:3035`; that of the tile that owns the middle if None.
        resolution: Side of a pixel in units of the CRS.
        like: Raster whose pixels are taken; excludes `crs` and `resolution`.
        min_clear: Pixels with fewer clear observations have no data in that year.
        chunks: Rows and columns of a lazy block.

    Returns:
        Dataset with `codes` (year, step, y, x), `uint16`, all twelve 0 where there is no data, and `clear_obs`
        (year, y, x); the accessor `esd` gives levels and vectors.

    Raises:
        MissingExtraError: xarray is not installed.
        UsageError: Options exclude each other, or all of it is too large to be read at once without dask.
        EsdError: See `items.find_items` and `series.Series`.
    """
    xarray = needed("xarray", "cube")
    if (geometry is not None and bbox is not None) or (like is not None and (crs or resolution)):
        raise UsageError("got two places or two grids, expected geometry or bbox, and like or crs; leave one out")
    area = wrap_longitudes(geometry) if geometry is not None else bbox and bbox_geometry(*bbox)
    wanted = [years] if isinstance(years, int) else None if years is None else list(years)
    chosen = None if like is None else grid_like(Path(like), area)
    searched = area if area is not None else chosen and wrap_longitudes(chosen.footprint())
    items = items_of_years(catalog, geometry=searched, years=wanted)
    with Series(items) as series:
        covered = shapely.union_all([item.footprint for item in series.items])
        place = covered if searched is None else searched
        grid = chosen or series.grid_for(place)
        if crs is not None or resolution is not None:
            inside = shapely.intersection(place, covered)
            grid = grid_in(grid.crs if crs is None else parse_crs(crs), resolution, inside)
        items, found = list(series.items), series.years
    bands = _bands(_Reader(items, grid, area, min_clear), grid, found, chunks)
    coordinates = cf.coordinates(grid, found)
    kept = {name: (name, *coordinates[name]) for name in ("year", "step", "y", "x")}
    on_grid = {"grid_mapping": cf.GRID_MAPPING}
    return xarray.Dataset(
        {
            "codes": (("year", "step", "y", "x"), bands[:, :STEPS], on_grid | {"long_name": "codes 0..63999"}),
            "clear_obs": (("year", "y", "x"), bands[:, STEPS], on_grid | {"long_name": "cloud-free observations"}),
        },
        coords=kept | {cf.GRID_MAPPING: ((), 0, cf.grid_mapping(grid))},
        attrs=cf.identity_attributes(items[0].identity),
    )


class _Reader:
    """Reads blocks of a cube, from any thread or process."""

    def __init__(self, items: list[CodesItem], grid: Grid, area: shapely.Geometry | None, min_clear: int) -> None:
        self._items, self._grid, self._area, self._min_clear = items, grid, area, min_clear
        self._own = threading.local()

    def __getstate__(self) -> tuple[Any, ...]:
        return self._items, self._grid, self._area, self._min_clear

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def read(self, years: Sequence[int], window: Window) -> NDArray[np.uint16]:
        """Return codes and clear observations, shape (years, 13, h, w)."""
        shape = (int(window.height), int(window.width))
        bands = np.zeros((len(years), len(CODES_BANDS), *shape), dtype=np.uint16)
        inside = self._inside(window)
        if not inside.any():
            return bands
        series = self._series()
        owners = series.locate(self._grid, window)
        for position, year in enumerate(years):
            block = series.read_year(year, owners)
            there = inside & block.valid
            bands[position, :STEPS] = np.where(there & (block.clear_obs >= self._min_clear), block.codes, 0)
            bands[position, STEPS] = np.where(there, block.clear_obs, 0)
        return bands

    def _inside(self, window: Window) -> NDArray[np.bool_]:
        """Tell which pixels have their middle in the area; by shapely, for GDAL's rasters warn across threads."""
        if self._area is None:
            return np.ones((int(window.height), int(window.width)), dtype=np.bool_)
        around = shapely.buffer(self._grid.footprint(window), _DEGREES_AROUND)
        near = projected(shapely.intersection(self._area, around), self._grid.crs)
        shapely.prepare(near)
        return np.asarray(shapely.contains_xy(near, *self._grid.centres(window)))

    def _series(self) -> Series:
        """Return the series of this thread, for open files belong to one."""
        if not hasattr(self._own, "series"):
            self._own.series = Series(self._items, most_open=MOST_OPEN)
        series: Series = self._own.series
        return series


def _bands(reader: _Reader, grid: Grid, years: Sequence[int], chunks: int) -> Any:
    """Return codes and clear observations of all years, shape (years, 13, h, w): lazy where dask is installed."""
    shape = (len(years), len(CODES_BANDS), grid.height, grid.width)
    if find_spec("dask") is None:
        if (size := 2 * int(np.prod(shape))) > MOST_BYTES:
            raise UsageError(
                f"got {size / 1e9:.1f} GB of codes, expected at most {MOST_BYTES / 1e9:.1f} GB at once; install "
                "'stactools-esd[distributed]' to read them by blocks, or ask for fewer years or a smaller area"
            )
        return reader.read(years, Window(0, 0, grid.width, grid.height))
    import dask.array

    rows, columns = _sizes(grid.height, chunks), _sizes(grid.width, chunks)
    map_blocks: Any = dask.array.map_blocks  # it has no types
    return map_blocks(
        _read_block,
        chunks=((1,) * len(years), (len(CODES_BANDS),), rows, columns),
        dtype=np.uint16,
        meta=np.empty((0, 0, 0, 0), dtype=np.uint16),
        reader=reader,
        years=tuple(years),
        name=f"esd-codes-{dask.base.tokenize(reader.__getstate__(), tuple(years), chunks)}",
    )


def _read_block(reader: _Reader, years: Sequence[int], block_info: Any = None) -> NDArray[np.uint16]:
    """Read the block of which dask tells the place."""
    (first, _), _, (top, bottom), (left, right) = block_info[None]["array-location"]
    return reader.read(years[first : first + 1], Window(left, top, right - left, bottom - top))


def _sizes(length: int, chunk: int) -> tuple[int, ...]:
    """Cut a length into chunks."""
    return tuple(min(chunk, length - first) for first in range(0, length, chunk))


class EsdAccessor:
    """What the codes of a Dataset say: `ds.esd`."""

    def __init__(self, dataset: Any) -> None:
        """Look at a Dataset with `codes`."""
        self._codes = dataset["codes"]

    def valid(self) -> Any:
        """Return where there is data: (year, y, x), True where usable."""
        return (self._codes != 0).any("step").rename("valid")

    def levels(self) -> Any:
        """Return level indices: (year, step, dimension, y, x), `uint8`, 255 where there is no data."""
        return self._per_dimension(fsq.codes_to_level_indices, np.uint8, LEVELS_NODATA, "levels")

    def vectors(self) -> Any:
        """Return vectors -1..1: (year, step, dimension, y, x), `float32`, NaN where there is no data."""
        return self._per_dimension(fsq.codes_to_vectors, np.float32, np.nan, "vectors")

    def _per_dimension(self, decode: Any, dtype: Any, nodata: float, name: str) -> Any:
        """Decode codes block by block, a dimension more."""
        xarray = needed("xarray", "cube")
        dimensions = np.arange(1, FSQ.dimensions + 1)
        decoded = xarray.apply_ufunc(
            decode,
            self._codes,
            output_core_dims=[["dimension"]],
            dask="parallelized",
            output_dtypes=[dtype],
            dask_gufunc_kwargs={"output_sizes": {"dimension": len(dimensions)}},
        )
        decoded = decoded.assign_coords(dimension=dimensions).where(self.valid(), np.asarray(nodata, dtype=dtype))
        axes = [axis if axis != "step" else ("step", "dimension") for axis in self._codes.dims]
        order = [name for axis in axes for name in (axis if isinstance(axis, tuple) else (axis,))]
        return decoded.transpose(*order).rename(name)


def register() -> None:
    """Give every Dataset the accessor `esd`."""
    xarray = needed("xarray", "cube")
    if not hasattr(xarray.Dataset, "esd"):
        xarray.register_dataset_accessor("esd")(EsdAccessor)


if find_spec("xarray") is not None:
    register()
