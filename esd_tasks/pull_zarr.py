"""Pulled codes as a Zarr cube with CF coordinates, which xarray opens, and GDAL where it is of version 2."""

import shutil
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from esd_tasks import cf
from esd_tasks.extras import needed
from esd_tasks.output_folder import CUBE_SUFFIX, PARTIAL
from esd_tasks.pull_plan import PullPlan
from esd_tasks.pull_result import OnProgress
from esd_tasks.pull_values import Kind
from stactools_esd.errors import OutputError

if TYPE_CHECKING:
    from esd_tasks.pull_files import Piece

CHUNK_PIXELS: Final = 256
"""Rows and columns of a chunk of codes; a year of one takes 1.6 MB."""

_WIDE_CHUNK_PIXELS = 128


def write_cube(
    plan: PullPlan,
    pieces: Mapping[int, Iterable["Piece"]],
    kind: Kind,
    on_progress: OnProgress,
) -> dict[str, str]:
    """Write a cube (year, step, y, x), or (year, step, dimension, y, x), and its clear observations (year, y, x).

    An older cube in the folder of the plan is replaced when the new one is whole.

    Args:
        plan: What was asked.
        pieces: Blocks with data of each year.
        kind: What is written.
        on_progress: Hears of each year.

    Returns:
        The cube by its first document, relative to the folder.

    Raises:
        MissingExtraError: zarr is not installed.
        OutputError: The cube cannot be written.
    """
    zarr = needed("zarr", "cube")
    folder, name, version = plan.folder, f"{kind.name}{CUBE_SUFFIX}", plan.request.zarr_format_or_default
    scratch = folder / PARTIAL / name
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        root = zarr.create_group(store=str(scratch), zarr_format=version, attributes=_attributes(plan, kind))
        values, clear = _lay_out(root, plan, kind, list(pieces), version)
        for position, of_year in enumerate(pieces.values()):
            for piece in of_year:
                block = piece.block
                rows = slice(block.row, block.row + block.height)
                columns = slice(block.column, block.column + block.width)
                whole = kind.of_block(piece.codes, piece.valid)
                values[position, ..., rows, columns] = whole.reshape(*kind.shape, block.height, block.width)
                clear[position, rows, columns] = piece.clear_obs
            on_progress("write", position + 1, len(pieces))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that version 3 does not name consolidated metadata yet; xarray wants them
            zarr.consolidate_metadata(str(scratch))
        shutil.rmtree(folder / name, ignore_errors=True)
        scratch.rename(folder / name)
    except OSError as error:
        raise OutputError(
            f"cannot write {folder / name} ({error.strerror or error}); make room and run again"
        ) from error
    return {"zarr": f"{name}/{'zarr.json' if version == 3 else '.zgroup'}"}


def _lay_out(root: Any, plan: PullPlan, kind: Kind, years: list[int], version: int) -> tuple[Any, Any]:
    """Make the arrays of a cube; return those of values and of clear observations."""
    grid = plan.grid
    coordinates = cf.coordinates(grid, years)
    axes = ("year", "step", *(("dimension",) if len(kind.shape) > 1 else ()), "y", "x")
    for name, (numbers, attributes) in coordinates.items():
        if name in axes:
            _array(root, name, (name,), numbers.shape, numbers.shape, numbers.dtype, attributes, version)[:] = numbers
    mapping = cf.grid_mapping(grid)
    _array(root, cf.GRID_MAPPING, (), (), (), np.dtype(np.int32), mapping, version)[...] = 0
    side = CHUNK_PIXELS if kind.name == "codes" else _WIDE_CHUNK_PIXELS
    on_grid = {"grid_mapping": cf.GRID_MAPPING, "coordinates": cf.GRID_MAPPING}
    values = _array(
        root,
        kind.name,
        axes,
        (len(years), *kind.shape, grid.height, grid.width),
        (1, *kind.shape, min(side, grid.height), min(side, grid.width)),
        np.dtype(kind.dtype),
        on_grid | {"long_name": kind.meaning},
        version,
        fill=kind.nodata,
    )
    clear = _array(
        root,
        "clear_obs",
        ("year", "y", "x"),
        (len(years), grid.height, grid.width),
        (1, min(CHUNK_PIXELS, grid.height), min(CHUNK_PIXELS, grid.width)),
        np.dtype(np.uint16),
        on_grid | {"long_name": "cloud-free observations of the year", "units": "1"},
        version,
    )
    return values, clear


def _array(
    root: Any,
    name: str,
    axes: tuple[str, ...],
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    dtype: np.dtype[Any],
    attributes: Mapping[str, Any],
    version: int,
    fill: float = 0,
) -> Any:
    """Make one array with named axes.

    Readers of version 2 take a fill value of whole numbers for missing data, and would turn codes into floats.
    """
    unmasked = version == 2 and fill == 0
    named = {"dimension_names": axes} if version == 3 else {}
    older = {"_ARRAY_DIMENSIONS": list(axes)} if version == 2 else {}
    return root.create_array(
        name,
        shape=shape,
        chunks=chunks or "auto",
        dtype=dtype,
        fill_value=None if unmasked else fill,
        attributes={**attributes, **older},
        **named,
    )


def _attributes(plan: PullPlan, kind: Kind) -> dict[str, Any]:
    regridding = {} if plan.regridding is None else {"resampled": plan.regridding}
    return (
        cf.identity_attributes(plan.items[0].identity)
        | regridding
        | {
            "title": f"ESD {kind.name} of {plan.name}",
            "source": ", ".join(item.id for item in plan.items),
        }
    )
