"""Pulled codes as files: a GeoTIFF a year, a Zarr cube, or a table of pixels."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks import run_record
from esd_tasks.features import feature_names
from esd_tasks.maps import write_raster
from esd_tasks.pull_plan import PullPlan
from esd_tasks.pull_result import OnProgress
from esd_tasks.pull_threads import steady_warnings
from esd_tasks.pull_values import KINDS, Kind
from esd_tasks.pull_zarr import write_cube
from esd_tasks.table_file import GEOMETRY, TableFile
from stactools_esd.blocks import Block
from stactools_esd.cog import write_code_blocks
from stactools_esd.fsq import valid_pixels
from stactools_esd.names import CodesTags
from stactools_esd.product import CODES_BANDS

_CLEAR_NODATA = 65_535
_CONTEXTS = ("year", "past", "both")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A block of one year."""

    block: Block
    """Where."""

    codes: NDArray[np.uint16]
    """Shape (12, h, w); all twelve 0 where there is no data, too little seen, or another area."""

    clear_obs: NDArray[np.uint16]
    """Shape (h, w); 0 where there is no data, or another area."""

    owner: NDArray[np.int16]
    """Shape (h, w), position of the tile that each pixel is from."""

    @cached_property
    def valid(self) -> NDArray[np.bool_]:
        """Shape (h, w), True where usable."""
        return valid_pixels(self.codes)


def write_files(
    plan: PullPlan, pieces: Mapping[int, Iterable[Piece]], *, tiles: Sequence[str], on_progress: OnProgress
) -> dict[str, str]:
    """Write what was pulled in the format that was asked for.

    Args:
        plan: What was asked.
        pieces: Blocks with data of each year, walked once or more.
        tiles: Names of the owners.
        on_progress: Hears of each year.

    Returns:
        File names by kind, relative to the folder of the plan.
    """
    kind = KINDS[plan.request.values]
    if plan.request.format_or_default == "zarr":
        return write_cube(plan, pieces, kind, on_progress)
    if plan.request.format_or_default == "geoparquet":
        return _write_table(plan, pieces, kind, tiles, on_progress)
    if plan.opens_as_codes:
        write = _write_codes
    else:
        write = partial(_write_plain_codes if kind.name == "codes" else _write_bands, kind=kind)
    outputs: dict[str, str] = {}
    # A file is one thread's work, most of it GDAL's compression, which holds no lock of Python.
    threads = min(plan.threads, len(pieces))
    with steady_warnings(), ThreadPoolExecutor(threads, thread_name_prefix="esd-write") as pool:
        written = pool.map(lambda year: write(plan, year, pieces[year]), pieces)
        for position, names in enumerate(written, start=1):
            outputs |= names
            on_progress("write", position, len(pieces))
    return outputs


def _write_codes(plan: PullPlan, year: int, pieces: Iterable[Piece]) -> dict[str, str]:
    """Write codes of a year as a codes COG, which opens as codes again."""
    items = [item for item in plan.items if item.year == year]
    identity = items[0].identity
    name = f"ESD_{identity.encoder.label}_{plan.name}_{year}.tif"
    contexts = {item.temporal_context for item in items}
    tags = CodesTags(
        identity=identity,
        tile=plan.name,
        year=year,
        window_start=items[0].window_start,
        sources=tuple(_sources(plan, [item.id for item in items])),
        temporal_context=max(contexts, key=lambda context: _CONTEXTS.index(context) if context in _CONTEXTS else 3),
        licence=" AND ".join(sorted({item.licence for item in items})),
        software=f"stactools-esd {run_record.software()['stactools-esd']}",
    )
    write_code_blocks(
        plan.folder / name,
        ((piece.block.window, piece.codes, piece.clear_obs) for piece in pieces),
        shape=(plan.grid.height, plan.grid.width),
        transform=plan.grid.transform,
        crs=plan.grid.crs,
        tags=tags,
    )
    return {str(year): name}


def _sources(plan: PullPlan, ids: Sequence[str]) -> Iterator[str]:
    yield from ids
    if plan.regridding is not None:
        yield plan.regridding
    if plan.request.min_clear:
        yield f"pixels with at least {plan.request.min_clear} clear observations"


def _write_plain_codes(plan: PullPlan, year: int, pieces: Iterable[Piece], kind: Kind) -> dict[str, str]:
    """Write codes of a year with the bands of a codes COG on a grid that none has: degrees, feet, oblong pixels.

    It says neither tile nor format version, so nothing takes it for codes of a place whose pixels are square metres.
    """
    name = f"codes_{year}.tif"
    write_raster(
        plan.folder / name,
        (
            (piece.block, np.concatenate([piece.codes, np.where(piece.valid, piece.clear_obs, 0)[None]]))
            for piece in pieces
        ),
        grid=plan.grid,
        dtype=kind.dtype,
        bands=CODES_BANDS,
        nodata=None,
        tags=_plain_tags(plan, year, kind) | {"VALUES": f"{kind.meaning}; band 13 counts clear observations"},
        overview_resampling="nearest",
        overviews="NONE",
    )
    return {str(year): name}


def _plain_tags(plan: PullPlan, year: int, kind: Kind) -> dict[str, str]:
    """Return the tags of rasters that are no codes COGs."""
    identity = plan.items[0].identity
    regridding = {} if plan.regridding is None else {"RESAMPLED": plan.regridding}
    return {
        "TITLE": f"{kind.name} of {plan.name}, {year}",
        "YEAR": str(year),
        "ENCODER": identity.encoder.label,
        "INPUT_RECIPE": json.dumps(identity.recipe.as_dict()),
        "VALUES": kind.meaning,
        "RUN_KEY": plan.run_key,
        **regridding,
    }


def _write_bands(plan: PullPlan, year: int, pieces: Iterable[Piece], kind: Kind) -> dict[str, str]:
    """Write level indices or vectors of a year, and its clear observations in a file of their own."""
    tags = _plain_tags(plan, year, kind)
    values_name, clear_name = f"{kind.name}_{year}.tif", f"clear_obs_{year}.tif"
    write_raster(
        plan.folder / values_name,
        ((piece.block, kind.of_block(piece.codes, piece.valid)) for piece in pieces),
        grid=plan.grid,
        dtype=kind.dtype,
        bands=feature_names(),
        nodata=kind.nodata,
        tags=tags,
        overview_resampling="nearest",
        overviews="NONE",
    )
    write_raster(
        plan.folder / clear_name,
        (
            (piece.block, np.where(piece.valid, np.minimum(piece.clear_obs, _CLEAR_NODATA - 1), _CLEAR_NODATA))
            for piece in pieces
        ),
        grid=plan.grid,
        dtype="uint16",
        bands=("clear_obs",),
        nodata=_CLEAR_NODATA,
        tags=tags | {"VALUES": "cloud-free observations of the year"},
        overview_resampling="average",
    )
    return {str(year): values_name, f"clear_obs_{year}": clear_name}


def _write_table(
    plan: PullPlan,
    pieces: Mapping[int, Iterable[Piece]],
    kind: Kind,
    tiles: Sequence[str],
    on_progress: OnProgress,
) -> dict[str, str]:
    """Write one row a pixel with data and year: the middle of the pixel, its place in the grid, and its values."""
    import pyarrow as pa

    columns = {"year": pa.int16(), "tile": pa.string(), "row": pa.int32(), "column": pa.int32()}
    columns |= {"clear_obs": pa.uint16()}
    columns |= {name: pa.from_numpy_dtype(kind.dtype) for name in kind.bands} | {GEOMETRY: pa.binary()}
    facts = {"values": kind.meaning, "resampled": plan.regridding, **plan.items[0].identity.as_dict()}
    name = f"{kind.name}.parquet"
    names = np.array(tiles)
    with TableFile(plan.folder / name, columns, crs=plan.grid.crs, facts=facts) as table:
        for position, (year, of_year) in enumerate(pieces.items(), start=1):
            for piece in of_year:
                row, column = np.nonzero(piece.valid)
                if not len(row):
                    continue
                values = kind.of_rows(piece.codes[:, row, column].T)
                x, y = plan.grid.centres(piece.block.window)
                table.write(
                    {
                        "year": np.full(len(row), year, dtype=np.int16),
                        "tile": names[piece.owner[row, column]],
                        "row": piece.block.row + row,
                        "column": piece.block.column + column,
                        "clear_obs": piece.clear_obs[row, column],
                        **{band: values[:, k] for k, band in enumerate(kind.bands)},
                        GEOMETRY: shapely.to_wkb(shapely.points(x[row, column], y[row, column])),
                    }
                )
            on_progress("write", position, len(pieces))
    return {"table": name}
