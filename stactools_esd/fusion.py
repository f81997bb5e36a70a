"""How gaps are filled, as a command line says it: a way of filling and the years that it may look at."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import UsageError
from stactools_esd.guide import Guide
from stactools_esd.observations import Dates, Observations, YearWindow
from stactools_esd.seamless import FUSION, prepare, prepare_process, process_fusion
from stactools_esd.temporal_context import DEFAULT_CONTEXT, TemporalContext, check_context, span

Fill = Literal["linear", "gp"]
"""`linear`: straight lines within the window, the fast path; `gp`: a robust Gaussian process."""

FILLS: Final[tuple[Fill, ...]] = get_args(Fill)
"""All ways of filling."""

DEFAULT_FILL: Final[Fill] = "linear"
"""What the shipped encoder was trained on."""


@dataclass(frozen=True, kw_only=True)
class Fusion:
    """A way of filling gaps with the years that it looks at; make one with `fusion`."""

    fill: Fill
    """`linear` or `gp`."""

    context: TemporalContext
    """`year`, `past` or `both`; always `year` for `linear`."""

    guided: bool = False
    """Whether a coarse sensor guides; never for `linear`."""

    @property
    def name(self) -> str:
        """Name of the recipe, for `esd:input_recipe`."""
        return FUSION if self.fill == "linear" else process_fusion(self.context, guided=self.guided)

    def span(self, window: YearWindow) -> tuple[date, date]:
        """Return the first and the last day that images are read of."""
        return span(window, self.context)

    def positions(self, dates: Dates, window: YearWindow) -> tuple[int, ...]:
        """Return which images are read.

        Args:
            dates: Days of all images, never decreasing (t,).
            window: The 365 days wanted.
        """
        first, last = self.span(window)
        start, stop = np.searchsorted(dates, [np.datetime64(first), np.datetime64(last) + 1])
        return tuple(range(int(start), int(stop)))

    def prepare(
        self, observations: Observations, window: YearWindow, guide: Guide | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
        """Fill the gaps of an area.

        Args:
            observations: Images in order of time.
            window: The 365 days wanted.
            guide: What a coarse sensor saw around the pixels, for a guided way.

        Returns:
            Reflectance (n, 365, 6), pixels in row-major order, NaN where nothing founds it; and the clear observations
            of the window that were left after screening (n,).
        """
        if self.fill == "linear":
            return prepare(observations, window)
        made = prepare_process(observations, window, context=self.context, guide=guide)
        return made.reflectance, made.clear_obs


def fusion(fill: str = DEFAULT_FILL, context: str | None = None, *, guided: bool = False) -> Fusion:
    """Choose a way of filling gaps.

    Args:
        fill: `linear` or `gp`.
        context: `year`, `past` or `both`; None for `year` with `linear`, and for the measured default with `gp`.

        guided: Whether a coarse sensor guides.

    Raises:
        UsageError: There is no such fill, or it cannot look at other years, or at a guide.
        ObservationsError: There is no such context.
    """
    for known in FILLS:
        if fill == known:
            break
    else:
        raise UsageError(f"got fill {fill!r}, expected {' or '.join(FILLS)}; choose one of them")
    if known == "gp":
        chosen = DEFAULT_CONTEXT if context is None else check_context(context)
        return Fusion(fill=known, context=chosen, guided=guided)
    if guided:
        raise UsageError(
            "got a guide for straight lines, expected one for --fill gp alone; choose it, or leave the guide out"
        )
    if context is not None and check_context(context) != "year":
        raise UsageError(
            f"got the context {context} with straight lines, expected year, for they look at no other; "
            "choose --fill gp, or leave the context out"
        )
    return Fusion(fill=known, context="year")
