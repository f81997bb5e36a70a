"""HDF-EOS2 files of MODIS through pyhdf, an optional extra: the wheels of rasterio have no HDF4.

The grid comes from the text `StructMetadata.0` of the file (HDF-EOS Library User's Guide); windows are read as
hyperslabs, so that no layer is read whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd.errors import MissingExtraError, RasterError
from stactools_esd.sources.coarse_product import CoarseProduct
from stactools_esd.sources.layer import check_numbers
from stactools_esd.sources.sinusoidal import grids_of_fields
from stactools_esd.sources.source import TargetGrid

_STRUCTURE: Final = "StructMetadata."


@dataclass(frozen=True, kw_only=True)
class Hdf4Layer:
    """A data set of an HDF4 file."""

    path: Path
    """The file."""

    name: str
    """Name of the data set."""

    grid: TargetGrid
    """Grid of the layer."""

    nodata: float | None
    """Number that the file calls missing."""

    def read(self, window: Window) -> NDArray[Any]:
        """Read a window (rows, columns) as it is stored.

        Raises:
            RasterError: The data are truncated or damaged.
            MissingExtraError: pyhdf is not installed.
        """
        with _opened(self.path) as file:
            data = file.select(self.name)
            values = data.get(
                start=(int(window.row_off), int(window.col_off)), count=(int(window.height), int(window.width))
            )
            data.endaccess()
        return np.asarray(values)


def hdf4_layers(path: Path, product: CoarseProduct) -> dict[str, Hdf4Layer]:
    """Look at the data sets of an HDF-EOS2 file.

    Returns:
        Layer to its data set; data sets that nobody reads are left out.

    Raises:
        RasterError: The file cannot be opened, or its grid cannot be placed.
        MissingExtraError: pyhdf is not installed.
    """
    found: dict[str, Hdf4Layer] = {}
    with _opened(path) as file:
        grids = grids_of_fields(path, _structure(file.attributes()))
        for name, (_, shape, *_) in file.datasets().items():
            layer = product.layer_of(name)
            if layer is None or name not in grids:
                continue
            if tuple(shape) != grids[name].shape:
                raise RasterError(
                    f"got {name} of {tuple(shape)} pixels in {path}, expected {grids[name].shape} like its grid; "
                    "download the file again"
                )
            data = file.select(name)
            attributes = data.attributes()
            kind = np.asarray(data.get(start=(0, 0), count=(1, 1))).dtype
            data.endaccess()
            scale, offset = float(attributes.get("scale_factor", 1)), float(attributes.get("add_offset", 0))
            check_numbers(path, product, layer, kind, scale, offset)
            found[layer] = Hdf4Layer(path=path, name=name, grid=grids[name], nodata=attributes.get("_FillValue"))
    return found


def _structure(attributes: dict[str, Any]) -> str:
    """Join the parts into which long metadata are cut: `StructMetadata.0`, `.1` and so on."""
    names = [name for name in attributes if name.startswith(_STRUCTURE)]
    parts = (str(attributes[name]) for name in sorted(names, key=lambda name: int(name.removeprefix(_STRUCTURE))))
    return "".join(part.rstrip("\x00") for part in parts)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open an HDF4 file for reading, pyhdf's complaints turned into one line."""
    try:
        damaged = import_module("pyhdf.error").HDF4Error
        library = import_module("pyhdf.SD")
    except ImportError as error:
        raise MissingExtraError(
            f"got the HDF4 file {path}, expected pyhdf to be installed; install stactools-esd[hdf4], "
            "or give its layers as GeoTIFFs"
        ) from error
    try:
        file = library.SD(str(path), library.SDC.READ)
        try:
            yield file
        finally:
            file.end()
    except damaged as error:
        raise RasterError(f"cannot read {path} ({error}), expected a whole HDF4 file; download it again") from error
