"""How reflectance and quality are laid out in a cube, whatever the order and names of its dimensions."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stactools_esd.errors import RasterError
from stactools_esd.product import BANDS
from stactools_esd.sources.cube_bands import find_bands
from stactools_esd.sources.cube_options import CubeOptions
from stactools_esd.sources.cube_place import COLUMNS, ROWS, TIME, find_dimension
from stactools_esd.sources.cube_quality import CubeQuality, find_quality


@dataclass(frozen=True, kw_only=True)
class BandPlace:
    """Where the values of one band stand, and what its numbers mean."""

    variable: Hashable
    """The variable."""

    position: int | None
    """Place along the dimension of bands; None where the variable holds one band alone."""

    scale: float
    """Factor of the numbers that xarray gives, which has applied the file's own."""

    offset: float
    """What is added to the scaled numbers."""

    nodata: float | None
    """Number that means missing beside NaN, before scaling; None where there is none."""

    border: float | None
    """Number that means missing where all six bands have it: of integers without a nodata value; else None."""


@dataclass(frozen=True, kw_only=True)
class CubeLayout:
    """Where everything stands in a cube."""

    time: Hashable
    """Dimension of the images."""

    rows: Hashable
    """Dimension of the rows."""

    columns: Hashable
    """Dimension of the columns."""

    band: Hashable | None
    """Dimension of the bands; None where each is a variable."""

    bands: tuple[BandPlace, ...]
    """The six bands in the order of `product.BANDS`."""

    quality: CubeQuality | None
    """What tells which values are clear; None where nothing does."""

    images_in_chunk: int
    """How many images the file stores together; whoever reads one of them reads them all."""


def find_layout(dataset: Any, where: str, options: CubeOptions) -> CubeLayout:
    """Find dimensions, bands and quality of a cube that xarray has opened.

    Args:
        dataset: The opened cube.
        where: Its name, for messages.
        options: What was said of it.

    Raises:
        RasterError: Something is missing or ambiguous, or numbers have no scale.
    """
    told = ((TIME, options.time), (ROWS, options.y), (COLUMNS, options.x))
    time, rows, columns = (find_dimension(dataset, axis, where, name) for axis, name in told)
    plane = {time, rows, columns}
    if options.scale is None and options.offset:
        raise RasterError(f"got an offset without a scale for {where}, expected both; give the source option scale too")
    variable = options.variable
    if variable is not None and variable not in dataset.data_vars:
        raise RasterError(
            f"got no variable {variable} in {where}, expected {_names(dataset)}; correct the source option variable"
        )
    chosen = [variable] if variable is not None else sorted(dataset.data_vars, key=str)
    numeric = [name for name in chosen if plane <= set(dataset[name].dims) and dataset[name].dtype.kind in "iuf"]
    places, band = _find(dataset, where, numeric, plane, options.bands)
    names = {name for name, _ in places}
    labels = [] if band is None else _labels(dataset, band)
    quality = find_quality(dataset, where, options, plane=plane, band=band, reflectance=names, labels=labels)
    stored = names if quality is None else names | {quality.variable}
    return CubeLayout(
        time=time,
        rows=rows,
        columns=columns,
        band=band,
        bands=tuple(_describe(dataset[name], position, where, options) for name, position in places),
        quality=quality,
        images_in_chunk=max(
            int((dataset[name].encoding.get("preferred_chunks") or {}).get(time, 1)) for name in stored
        ),
    )  # fmt: skip


def _find(
    dataset: Any, where: str, names: list[Any], plane: set[Hashable], bands: Mapping[str, str] | None
) -> tuple[list[tuple[Hashable, int | None]], Hashable | None]:
    """Return variable and place of each band, and the dimension of bands where there is one."""
    flat = [name for name in names if len(dataset[name].dims) == 3]
    for labels in (flat, [dataset[name].attrs.get("common_name", "") for name in flat]):
        found = find_bands([str(label) for label in labels], bands, where)
        if found is not None:
            return [(flat[place], None) for place in found], None
    deep = [name for name in names if len(dataset[name].dims) == 4]
    answers: list[tuple[list[tuple[Hashable, int | None]], Hashable]] = []
    seen: list[str] = [str(name) for name in flat]
    for name in deep:
        (band,) = set(dataset[name].dims) - plane
        for labels in _labels(dataset, band):
            seen += labels
            found = find_bands(labels, bands, where)
            if found is not None:
                answers.append(([(name, place) for place in found], band))
                break
    if len(answers) > 1:
        raise RasterError(
            f"got the six bands in each of {', '.join(str(answer[0][0][0]) for answer in answers)} in {where}, "
            "expected one variable; give the source option variable"
        )
    if not answers:
        got = ", ".join(dict.fromkeys(seen)) or "none"
        raise RasterError(
            f"got the bands {got[:200]} in {where}, expected {', '.join(BANDS)} by these or STAC's common names; "
            "give the source option bands, which label each has"
        )
    return answers[0]


def _labels(dataset: Any, band: Hashable) -> list[list[str]]:
    """Return what stands along a dimension of bands: its own coordinate first, then others of words."""
    along = [name for name in dataset.coords if dataset.coords[name].dims == (band,)]
    along.sort(key=lambda name: (name != band, name != "common_name", str(name)))
    values = [np.asarray(dataset.coords[name].values) for name in along]
    return [
        [label.decode() if isinstance(label, bytes) else str(label) for label in each.tolist()]
        for each in values
        if each.dtype.kind in "OSUTiu"
    ]


def _describe(variable: Any, position: int | None, where: str, options: CubeOptions) -> BandPlace:
    """Say what the numbers of a variable mean."""
    scale, offset = options.scale, options.offset
    stored = np.dtype(variable.encoding.get("dtype") or variable.dtype)
    own_scale = variable.encoding.get("scale_factor")
    own_offset = variable.encoding.get("add_offset")
    scaled = own_scale is not None or own_offset is not None
    if scaled and scale is not None:
        raise RasterError(f"got a scale for {variable.name} in {where}, which has its own, expected one; leave it out")
    integers = stored.kind in "iu"
    if integers and not scaled and scale is None:
        raise RasterError(
            f"got {stored} without a scale for {variable.name} in {where}, expected shares of 1 or a scale_factor; "
            "give the source option scale, 0.0001 for integers of 0-10000"
        )
    if scale is not None and not (np.isfinite([scale, offset]).all() and scale > 0):
        raise RasterError(f"got scale {scale:g} and offset {offset:g} for {where}, expected numbers; say others")
    stated = variable.attrs.get("nodata") if options.nodata is None else options.nodata
    nodata = None if stated is None else float(stated) * float(own_scale or 1) + float(own_offset or 0)
    marked = nodata is not None or any(key in variable.encoding for key in ("_FillValue", "missing_value"))
    return BandPlace(
        variable=variable.name,
        position=position,
        scale=1.0 if scale is None else float(scale),
        offset=0.0 if scale is None else float(offset),
        nodata=nodata,
        border=float(own_offset or 0) if integers and not marked else None,
    )


def _names(dataset: Any) -> str:
    return ", ".join(sorted(map(str, dataset.data_vars))) or "variables"
