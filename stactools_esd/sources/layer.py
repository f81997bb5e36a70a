"""One layer of a coarse product, wherever it stands: a GeoTIFF of its own, a band of one, or a data set in HDF."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd.errors import GridError, RasterError
from stactools_esd.gdal import check_size, quiet_gdal
from stactools_esd.sources.coarse_product import CoarseProduct
from stactools_esd.sources.source import TargetGrid

_HDF5_DRIVER: Final = "HDF5"


class Layer(Protocol):
    """Integers of one layer, read by window."""

    @property
    def path(self) -> Path:
        """File that holds the layer."""

    @property
    def grid(self) -> TargetGrid:
        """Its own grid, coarse and in its own projection."""

    @property
    def nodata(self) -> float | None:
        """Number that the file calls missing, beside the product's own; None where there is none."""

    def read(self, window: Window) -> NDArray[Any]:
        """Read a window (rows, columns) as it is stored.

        Raises:
            RasterError: The data are truncated or damaged.
        """


@dataclass(frozen=True, kw_only=True)
class RasterLayer:
    """A band that GDAL reads."""

    path: Path
    """File that holds the layer."""

    address: str
    """What GDAL opens: the path, or a data set within it."""

    band: int
    """Number of the band, from 1."""

    grid: TargetGrid
    """Grid of the layer."""

    nodata: float | None
    """Number that the file calls missing."""

    def read(self, window: Window) -> NDArray[Any]:
        """Read a window (rows, columns) as it is stored.

        Raises:
            RasterError: The data are truncated or damaged.
        """
        with quiet_gdal(f"read {self.path}"), rasterio.open(self.address) as dataset:
            values: NDArray[Any] = dataset.read(self.band, window=window)
        return values


def raster_layers(path: Path, product: CoarseProduct, layer: str | None) -> dict[str, RasterLayer]:
    """Look at the header of a GeoTIFF.

    Args:
        path: The file.
        product: What it should hold.
        layer: The layer that the file's name says; None where the bands' descriptions name them.

    Returns:
        Layer to where it stands; bands that nobody reads are left out.

    Raises:
        RasterError: The file cannot be opened, has no place or an unknown scale, or its bands no names.
    """
    with quiet_gdal(f"open {path}"), rasterio.open(path) as dataset:
        check_size(path, dataset)
        if layer is not None and dataset.count != 1:
            raise RasterError(
                f"got {dataset.count} bands in {path}, expected one, for its name says {layer}; "
                "give each layer a file, or one file with named bands"
            )
        names = [layer] if layer else [product.layer_of(name or "") for name in dataset.descriptions]
        found = {
            name: _raster_layer(path, str(path), dataset, band, name, product)
            for band, name in enumerate(names, start=1)
            if name is not None
        }
        if not found:
            raise RasterError(
                f"got no layer of {product.name} in {path}, expected bands described as {', '.join(product.required)}; "
                "describe the bands or give each layer a file"
            )
    return found


def hdf5_layers(path: Path, product: CoarseProduct) -> dict[str, RasterLayer]:
    """Look at the data sets of an HDF-EOS5 file; GDAL reads their grids from its `StructMetadata.0`.

    Raises:
        RasterError: This build of rasterio reads no HDF5, or the file cannot be opened.
    """
    with rasterio.Env() as environment:
        if _HDF5_DRIVER not in environment.drivers():
            raise RasterError(
                f"got the HDF5 file {path}, expected GeoTIFF, for this build of rasterio reads no HDF5; "
                "convert its layers to GeoTIFF"
            )
    with quiet_gdal(f"open {path}"), rasterio.open(path, driver=_HDF5_DRIVER) as dataset:
        addresses = list(dataset.subdatasets)
    found: dict[str, RasterLayer] = {}
    for address in addresses:
        name = product.layer_of(address.rpartition("/")[2])
        if name is not None:
            with quiet_gdal(f"open {path}"), rasterio.open(address) as dataset:
                check_size(path, dataset)
                found[name] = _raster_layer(path, address, dataset, 1, name, product)
    return found


def _raster_layer(path: Path, address: str, dataset: Any, band: int, name: str, product: CoarseProduct) -> RasterLayer:
    """Describe a band of an open raster."""
    if dataset.crs is None:
        raise RasterError(
            f"got {path} without a coordinate reference system, expected a georeferenced image; assign its CRS"
        )
    try:
        grid = TargetGrid(crs=dataset.crs, transform=dataset.transform, shape=dataset.shape)
    except GridError as error:
        raise RasterError(f"cannot place {path}: {error}") from error
    check_numbers(
        path,
        product,
        name,
        np.dtype(dataset.dtypes[band - 1]),
        float(dataset.scales[band - 1]),
        float(dataset.offsets[band - 1]),
    )
    return RasterLayer(
        path=path,
        address=address,
        band=band,
        grid=grid,
        nodata=dataset.nodatavals[band - 1],
    )


def check_numbers(
    path: Path, product: CoarseProduct, layer: str, kind: np.dtype[Any], scale: float, offset: float
) -> None:
    """Make sure that a layer holds the integers that the product's guide tells of.

    Args:
        path: The file, for messages.
        product: The product.
        layer: Name of the layer.
        kind: Type of the stored numbers.
        scale: Factor that the file states, 1 where it states none; the divisor 10000 is taken for the same.
        offset: Offset that the file states.

    Raises:
        RasterError: The numbers are not integers, or reflectance is of another scale.
    """
    expected = f"{product.scale:g}"
    if kind.kind not in "iu" or (layer in product.layers and kind.itemsize == 1):
        raise RasterError(
            f"got {kind} numbers of {layer} in {path}, expected the integers of {product.name} (scale {expected}); "
            "give the layer as the archive stores it"
        )
    known = np.isclose(scale, (1.0, product.scale, 1 / product.scale)).any()
    if layer in product.layers and (offset != 0 or not known):
        raise RasterError(
            f"got scale {scale:g} and offset {offset:g} of {layer} in {path}, expected {expected} and 0; "
            "give the layer as the archive stores it"
        )
