"""Which years a pixel-year may be made from: its own, those before it too, or those on both sides."""

from datetime import date, timedelta
from typing import Final, Literal, get_args

from stactools_esd.errors import ObservationsError
from stactools_esd.observations import YearWindow

TemporalContext = Literal["year", "past", "both"]
"""`year`: the 365 days of the window; `past`: until its last day; `both`: neighbours on both sides."""

CONTEXTS: Final[tuple[TemporalContext, ...]] = get_args(TemporalContext)
"""All contexts."""

DEFAULT_CONTEXT: Final[TemporalContext] = "past"
"""Of the Gaussian process: chosen by filling error and change detection together, see docs/decisions/0010."""

_REACH_DAYS: Final = {"year": (0, 0), "past": (4 * 365, 0), "both": (3 * 365, 3 * 365)}


def check_context(context: str) -> TemporalContext:
    """Return a context after checking its name.

    Raises:
        ObservationsError: There is none of this name.
    """
    for known in CONTEXTS:
        if context == known:
            return known
    raise ObservationsError(f"got temporal context {context!r}, expected {', '.join(CONTEXTS)}; choose one of them")


def span(window: YearWindow, context: TemporalContext) -> tuple[date, date]:
    """Return the first and the last day that a pixel-year is made from.

    What lies outside changes nothing, so that it need not be read.

    Args:
        window: The 365 days wanted.
        context: `year`: the window itself; `past`: four years before it too; `both`: three years on either side.
    """
    before, after = _REACH_DAYS[context]
    return window.first_day - timedelta(days=before), window.last_day + timedelta(days=after)
