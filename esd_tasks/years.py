"""Years as users write them."""

import re

from stactools_esd.errors import UsageError

_EXPECTED = "expected years like 2000-2024 or 2000,2005,2010-2015; correct it"


def years_in_a_name(text: str) -> str:
    """Return years as users write them as part of a file name: `2000-2010,2015` is `2000-2010_2015`."""
    return re.sub(r"[,\s]+", "_", re.sub(r"\s*-\s*", "-", text.strip()))


def parse_years(text: str) -> tuple[int, ...]:
    """Read years: single ones and ranges, both ends included, joined by commas.

    Returns:
        Years ascending, each once.

    Raises:
        UsageError: The text says no years, or a range runs backwards.
    """
    years: set[int] = set()
    for part in re.split(r"\s*,\s*", text.strip()):
        match = re.fullmatch(r"((?:19|20)\d\d)(?:\s*-\s*((?:19|20)\d\d))?", part)
        if match is None:
            raise UsageError(f"got --years {text!r}, {_EXPECTED}")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise UsageError(f"got --years {text!r}, which runs backwards; {_EXPECTED}")
        years.update(range(first, last + 1))
    return tuple(sorted(years))
