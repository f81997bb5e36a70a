"""A folder of MODIS or VIIRS files, put together into granules: all layers of one product, day and place."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from stactools_esd.errors import RasterError
from stactools_esd.sources.coarse_product import CoarseProduct
from stactools_esd.sources.granule_name import GranuleName, read_name
from stactools_esd.sources.layer import Layer, hdf5_layers, raster_layers
from stactools_esd.sources.modis_hdf import hdf4_layers
from stactools_esd.sources.sinusoidal import check_tile

_GEOTIFF: Final = (".tif", ".tiff")


@dataclass(frozen=True, kw_only=True)
class Granule:
    """One product of one day on one sinusoidal tile or AppEEARS area."""

    product: CoarseProduct
    """What the layers are."""

    name: str
    """Short name, e.g. `MOD09A1.A2020185.h26v04`."""

    day: np.datetime64
    """Day of the image; of a composite the first."""

    layers: Mapping[str, Layer]
    """Layers that are read, by name."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that the layers stand in, each once."""
        return tuple(dict.fromkeys(layer.path for layer in self.layers.values()))


def open_granules(
    path: str | Path, products: Mapping[str, CoarseProduct], *, skip_bad: bool = False
) -> tuple[list[Granule], tuple[str, ...]]:
    """Look at the headers of a folder of files of one product.

    Args:
        path: The folder; files that are neither GeoTIFF nor of the product's own suffix are left alone.
        products: Products that can be read, by short name.
        skip_bad: Leave granules out that are damaged or lack a layer, instead of raising.

    Returns:
        Granules in order of day, then of place; and the names of those left out.

    Raises:
        RasterError: There is no folder or no file; two products or collections meet, or one is unknown; a name
            cannot be read; a day is before the record or there twice; a file lies on another tile than it says; and,
            unless `skip_bad`, a file is damaged or a layer is missing.
        MissingExtraError: A file is HDF4 and pyhdf is not installed.
    """
    folder = Path(path)
    named = {file: read_name(file) for file in _files(folder, products)}
    product = _one_product(folder, named, products)
    granules: list[Granule] = []
    bad: list[str] = []

    def key(file: Path) -> tuple[str, str]:
        return str(named[file].day), named[file].place

    for (_, place), group in groupby(sorted(named, key=lambda file: (*key(file), file.name)), key):
        files = list(group)
        first = named[files[0]]
        name = f"{product.name}.A{first.day.item():%Y%j}.{place}"
        _check_once(files, named)
        try:
            opened = [_layers_of_file(file, named[file].layer, product) for file in files]
            _check_complete(name, files, opened, product)
        except RasterError:
            if not skip_bad:
                raise
            bad.append(name)
            continue
        layers = _together(name, opened)
        for layer in layers.values():
            check_tile(layer.path, place, layer.grid)
        granules.append(Granule(product=product, name=name, day=first.day, layers=layers))
    return granules, tuple(bad)


def _files(folder: Path, products: Mapping[str, CoarseProduct]) -> list[Path]:
    """List the files of a folder that could be read."""
    suffixes = (*_GEOTIFF, *sorted({product.container for product in products.values()}))
    if not folder.is_dir():
        raise RasterError(
            f"got {folder}, expected a folder of files of {', '.join(products)}; give the folder that holds the files"
        )
    files = [file for file in folder.iterdir() if file.suffix.lower() in suffixes and not file.name.startswith(".")]
    if not files:
        raise RasterError(
            f"got no file in {folder}, expected {', '.join(suffixes)} of one of {', '.join(products)}; "
            "give the folder that holds the files"
        )
    return sorted(files)


def _one_product(
    folder: Path, named: Mapping[Path, GranuleName], products: Mapping[str, CoarseProduct]
) -> CoarseProduct:
    """Return the product that all files are of."""
    first, *others = named
    for other in others:
        mine, theirs = ((named[file].product, named[file].collection) for file in (first, other))
        if mine != theirs:
            raise RasterError(
                f"got {first.name} and {other.name} in {folder}, expected one product of one collection; "
                "give each a folder of its own"
            )
    product = products.get(named[first].product)
    if product is None:
        raise RasterError(
            f"got {first.name}, expected one of the products {', '.join(products)}; choose the reader of this product"
        )
    if named[first].collection not in product.collections:
        raise RasterError(
            f"got collection {named[first].collection} of {first.name}, expected "
            f"{' or '.join(sorted(product.collections))}, whose scale and quality bits are known; download that one"
        )
    for file, name in named.items():
        if name.day + np.timedelta64(product.days - 1, "D") < np.datetime64(product.first_day, "D"):
            raise RasterError(
                f"got {file.name}, expected a day from {product.first_day}, when the record of {product.name} begins; "
                "correct the name or remove the file"
            )
    return product


def _check_once(files: list[Path], named: Mapping[Path, GranuleName]) -> None:
    """Make sure that files of one day and place were made at one time."""
    first, *others = files
    for other in others:
        if named[other].made != named[first].made:
            raise RasterError(
                f"got {named[first].day} twice, in {first.name} and {other.name}, expected one file a layer, day and "
                "place; remove the older"
            )


def _check_complete(name: str, files: list[Path], opened: list[Mapping[str, Layer]], product: CoarseProduct) -> None:
    """Make sure that no layer is missing."""
    there = {layer for layers in opened for layer in layers}
    if missing := [layer for layer in product.required if layer not in there]:
        raise RasterError(
            f"got {name} in {files[0].parent} without {', '.join(missing)}, expected {', '.join(product.required)}; "
            "add the missing files"
        )


def _together(name: str, opened: list[Mapping[str, Layer]]) -> dict[str, Layer]:
    """Put the layers of several files together."""
    together: dict[str, Layer] = {}
    for layers in opened:
        for layer, where in layers.items():
            if layer in together:
                raise RasterError(
                    f"got {layer} of {name} twice, in {together[layer].path.name} and {where.path.name}, expected one "
                    "file a layer, day and place; remove one"
                )
            together[layer] = where
    return together


def _layers_of_file(file: Path, said: str | None, product: CoarseProduct) -> Mapping[str, Layer]:
    """Open a file; one whose name says a layer that nobody reads is not opened."""
    suffix = file.suffix.lower()
    if suffix == ".hdf":
        return hdf4_layers(file, product)
    if suffix == ".h5":
        return hdf5_layers(file, product)
    if said is None:
        return raster_layers(file, product, None)
    layer = product.layer_of(said)
    return {} if layer is None else raster_layers(file, product, layer)
