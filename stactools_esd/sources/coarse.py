"""Coarse images of MODIS or VIIRS on a finer grid: a source like any other, made of granules.

Each pixel of the grid takes the coarse pixel that holds its centre (`nearest`). Sinusoidal tiles of one day are put
together, for a product tile may lie on four of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd.errors import NothingFoundError
from stactools_esd.observations import Dates
from stactools_esd.product import BANDS
from stactools_esd.sources.coarse_product import ALL_BANDS, NO_BAND, CoarseProduct, has_band
from stactools_esd.sources.granule import Granule, open_granules
from stactools_esd.sources.nearest import Nearest, find_nearest, meets
from stactools_esd.sources.source import OnGrid, TargetGrid, check_window

HARMONISATION: Final = "none"
"""Coarse reflectance is given as its producers give it; whoever guides by it fits the sensors to each other."""


@dataclass(frozen=True, kw_only=True)
class CoarseImage:
    """Granules of one day, or what they saw on one day of a composite."""

    name: str
    """Short unique name, e.g. `MOD09A1.A2020185`, or `MOD09A1.A2020185.day187` for one day of a composite."""

    date: np.datetime64
    """Day of the image."""

    granules: tuple[Granule, ...]
    """Granules of one product and day, of different places."""

    only_day: bool = False
    """True where only the pixels count that were seen on `date`, by the composite's layer of days."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that the image is read from."""
        return tuple(dict.fromkeys(file for granule in self.granules for file in granule.files))


@dataclass(frozen=True, kw_only=True)
class CoarseSource(OnGrid):
    """Coarse images on a finer grid; make one with `open_modis` or `open_viirs`."""

    grid: TargetGrid
    """The finer grid."""

    images: tuple[CoarseImage, ...]
    """The images, in order of date, then of name."""

    bad: tuple[str, ...] = ()
    """Names of granules that were damaged or lacked a layer, and were left out."""

    harmonisation: str = HARMONISATION
    """How sensors were brought to one scale: not at all."""

    @cached_property
    def dates(self) -> Dates:
        """Days of the images, never decreasing (t,)."""
        return np.array([image.date for image in self.images], "datetime64[D]")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images, in the order of `dates`."""
        return tuple(image.name for image in self.images)

    @property
    def files(self) -> tuple[tuple[Path, ...], ...]:
        """Files that each image is read from, in the order of `dates`."""
        return tuple(image.files for image in self.images)

    def read_image(self, position: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read a window of one image.

        Args:
            position: Which image, in the order of `dates`.
            window: Part of the grid.

        Returns:
            Reflectance as a share of 1, 0 where it is not valid, and where it is valid, both (6, rows, columns).

        Raises:
            RasterError: A file is truncated or damaged.
            GridError: The window leaves the grid.
        """
        check_window(window, self.shape)
        image = self.images[position]
        shape = (len(BANDS), int(window.height), int(window.width))
        reflectance, valid = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
        day = image.date if image.only_day else None
        for granule in image.granules:
            _add_granule(granule, self.grid, window, day, reflectance, valid)
        return reflectance, valid


def _add_granule(
    granule: Granule,
    grid: TargetGrid,
    window: Window,
    day: np.datetime64 | None,
    reflectance: NDArray[np.float32],
    valid: NDArray[np.bool_],
) -> None:
    """Write what a granule saw where nothing is yet; `day` says on which day of a composite."""
    product = granule.product
    dropped = np.zeros(reflectance.shape[1:], np.uint8)
    for name in (*product.quality, *(() if day is None else (product.observed_day,))):
        if name not in granule.layers:
            continue
        found = _read(granule, name, grid, window)
        if found is None:
            return
        nearest, values = found
        if name == product.observed_day:
            lost = np.where(_seen_on(values, granule.day) == day, NO_BAND, ALL_BANDS)
        else:
            lost = product.dropped(name, values)
        dropped |= np.where(nearest.inside, nearest.gather(lost), ALL_BANDS)
    if (dropped == ALL_BANDS).all():
        return
    for band, layer in enumerate(product.layers):
        found = None if layer is None else _read(granule, layer, grid, window)
        if layer is None or found is None:
            continue
        nearest, numbers = found
        low, high = product.valid_range
        good = (numbers >= low) & (numbers <= high) & (numbers != product.fill)
        nodata = granule.layers[layer].nodata
        if nodata is not None:
            good &= numbers != nodata
        seen = nearest.gather(good) & nearest.inside & ~has_band(dropped, band) & ~valid[band]
        scaled = (numbers * product.scale).astype(np.float32)
        reflectance[band][seen] = nearest.gather(scaled)[seen]
        valid[band] |= seen


def _read(granule: Granule, layer: str, grid: TargetGrid, window: Window) -> tuple[Nearest, NDArray[Any]] | None:
    """Read the part of a layer under a window, or None where it does not meet the window."""
    where = granule.layers[layer]
    nearest = find_nearest(where.grid, grid, window)
    return None if nearest is None else (nearest, where.read(nearest.part))


def _seen_on(days_of_year: NDArray[np.integer], first: np.datetime64) -> NDArray[np.datetime64]:
    """Turn days of the year into dates; a day before the composite's first is of the next year."""
    year = first.astype("datetime64[Y]")
    days = days_of_year.astype(np.int64) - 1
    seen = year.astype("datetime64[D]") + days
    later = (year + 1).astype("datetime64[D]") + days
    dates: NDArray[np.datetime64] = np.where(seen < first, later, seen)
    return dates


def open_coarse(
    path: str | Path,
    grid: TargetGrid,
    products: Mapping[str, CoarseProduct],
    *,
    observed_days: bool = True,
    skip_bad: bool = False,
) -> CoarseSource:
    """Look at the headers of a folder of coarse images.

    Files are GeoTIFFs, one a layer as the archive or AppEEARS names them, or one for all layers with the bands
    described by their names; or the archive's own HDF files.

    Args:
        path: Folder of files of one product and collection.
        grid: Grid that the images are put on, in any CRS.
        products: Products that can be read, by short name.
        observed_days: Where a composite tells on which day each pixel was seen, make one image of each of its days,
            which holds the pixels seen on that day. Else a composite is one image of its first day.
        skip_bad: Leave damaged and incomplete granules out, and name them in `bad`.

    Returns:
        A source of the images that meet the grid.

    Raises:
        RasterError: As `open_granules`.
        NothingFoundError: No granule meets the grid.
        MissingExtraError: A file is HDF4 and pyhdf is not installed.
    """
    granules, bad = open_granules(path, products, skip_bad=skip_bad)
    near = [granule for granule in granules if any(meets(layer.grid, grid) for layer in granule.layers.values())]
    if not near:
        left = f", {len(bad)} of them damaged" if bad else ""
        raise NothingFoundError(
            f"got {len(granules) + len(bad)} granules in {path}{left}, expected one that meets the grid of "
            f"{grid.shape[0]} x {grid.shape[1]} pixels at {grid.transform.c:.10g}, {grid.transform.f:.10g}; "
            "download the tiles that cover it"
        )
    images: list[CoarseImage] = []
    for _, group in groupby(near, lambda granule: granule.day):
        images += _images(tuple(group), observed_days)
    images.sort(key=lambda image: (image.date, image.name))
    return CoarseSource(grid=grid, images=tuple(images), bad=bad)


def _images(granules: Sequence[Granule], observed_days: bool) -> list[CoarseImage]:
    """Make the images of the granules of one day: one, or one a day of a composite."""
    first = granules[0]
    product, record = first.product, np.datetime64(first.product.first_day, "D")
    image = CoarseImage(
        name=f"{product.name}.A{first.day.item():%Y%j}", date=max(first.day, record), granules=tuple(granules)
    )
    days = product.observed_day
    if not observed_days or days is None or any(days not in granule.layers for granule in granules):
        return [image]
    dates = first.day + np.arange(product.days)
    return [
        replace(image, name=f"{image.name}.day{date.item():%j}", date=date, only_day=True)
        for date in dates
        if date >= record
    ]
