"""A sample of the pixels of an area, drawn window by window: in bounded memory, however large the area is."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from esd_tasks.area_plan import AreaPlan
from esd_tasks.failures import Failures
from esd_tasks.pull import Mosaic, pixels_inside
from stactools_esd.errors import NothingFoundError

WINDOW_PIXELS: Final = 64
"""Rows and columns of a window."""

MOST_WINDOWS: Final = 400
"""Windows that are read at most; each costs a piece of a file."""

MOST_OF_WINDOW: Final = 512
"""Pixels that one window gives at most, so that a sample is spread over the area."""


def sample_pixels(
    plan: AreaPlan,
    n: int,
    *,
    report: Callable[[str, int, int], None] = lambda *_: None,
    failures: Failures | None = None,
) -> NDArray[np.uint16]:
    """Draw codes of usable pixels: inside the area, with data, and with enough clear observations.

    Windows are drawn at random without replacement until they have given enough or `MOST_WINDOWS` were read. A window
    gives more pixels where there are few windows in all. The same plan and seed give the same pixels.

    Args:
        plan: Items, grid, area, seed and least number of clear observations.
        n: Pixels wanted.
        report: Told of the stage `sample`.
        failures: Hears of items that cannot be read, which then give no pixels; None raises their errors.

    Returns:
        Codes (m, 12), at most `n` of them.

    Raises:
        NothingFoundError: No pixel can be used.
        RasterError: A file is damaged, and nobody hears of it or no other gives a pixel.
    """
    rows, columns = -(-plan.grid.height // WINDOW_PIXELS), -(-plan.grid.width // WINDOW_PIXELS)
    generator = np.random.default_rng([plan.request.seed, n])
    share = max(MOST_OF_WINDOW, -(-n // (rows * columns)))
    parts: list[NDArray[np.uint16]] = []
    with Mosaic(plan.items, on_failure=None if failures is None else failures.hear) as mosaic:
        for number in _windows(rows * columns, generator):
            row, column = divmod(number, columns)
            codes = _codes(plan, mosaic, row * WINDOW_PIXELS, column * WINDOW_PIXELS)
            parts.append(codes[generator.permutation(len(codes))[:share]])
            report("sample", min(sum(map(len, parts)), n), n)
            if sum(map(len, parts)) >= n:
                break
    sample = np.concatenate(parts)
    if not len(sample):
        if failures is not None and failures.first is not None:
            raise failures.first
        raise NothingFoundError(
            "got no pixel with data and enough clear observations where the area was looked at, expected some; "
            "choose another area or year, or a smaller --min-clear"
        )
    return sample[np.sort(generator.permutation(len(sample))[:n])]


def _windows(count: int, generator: np.random.Generator) -> Iterator[int]:
    """Yield windows in random order, each once, without a list of all of them."""
    if count <= 16 * MOST_WINDOWS:
        yield from generator.permutation(count)[:MOST_WINDOWS].tolist()
        return
    seen: set[int] = set()
    while len(seen) < MOST_WINDOWS:
        if (number := int(generator.integers(count))) not in seen:
            seen.add(number)
            yield number


def _codes(plan: AreaPlan, mosaic: Mosaic, row: int, column: int) -> NDArray[np.uint16]:
    """Return the codes of the usable pixels of a window, (k, 12)."""
    grid = plan.grid
    window = Window(column, row, min(WINDOW_PIXELS, grid.width - column), min(WINDOW_PIXELS, grid.height - row))
    inside = pixels_inside(grid, plan.area, window)
    if not inside.any():
        return np.empty((0, 12), dtype=np.uint16)
    pulled = mosaic.read(grid, window)
    usable = inside & pulled.valid & (pulled.clear_obs >= plan.request.min_clear)
    return np.ascontiguousarray(pulled.codes[:, usable].T)
