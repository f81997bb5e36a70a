"""What could not be read while a run went on: damaged tiles and tiles out of reach, each told once.

A result with holes is still written. It names what is missing, and its command leaves with exit code 4.
"""

from collections.abc import Sequence

from esd_tasks.codes_item import CodesItem
from stactools_esd.errors import EsdError, PartlyDoneError
from stactools_esd.gdal import without_query


class Failures:
    """What could not be read so far: each item once, with its first error."""

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}
        self.count = 0
        self.first: EsdError | None = None

    def hear(self, item: CodesItem, error: EsdError) -> None:
        """Note a failure."""
        self.count += 1
        self.first = self.first or error
        self.lines.setdefault(item.id, f"{item.id} ({without_query(' '.join(str(error).split()))})")

    def join(self, later: "Failures") -> None:
        """Note what somebody else heard, after what is noted here."""
        self.count += later.count
        self.first = self.first or later.first
        for item, line in later.lines.items():
            self.lines.setdefault(item, line)

    def sort(self) -> None:
        """Bring the lines into an order that does not depend on who read first."""
        self.lines = dict(sorted(self.lines.items()))

    @property
    def missing(self) -> tuple[str, ...]:
        """What could not be read, a line each."""
        return tuple(self.lines.values())


def missing_notes(missing: Sequence[str]) -> list[str]:
    """Say of a map what could not be read, a line each."""
    return [f"could not be read, so its pixels have no data and its labels are left out: {one}" for one in missing]


def see_whole(missing: Sequence[str]) -> None:
    """See that nothing is missing.

    Args:
        missing: What could not be read, a line each.

    Raises:
        PartlyDoneError: Something could not; the message lists it.
    """
    if missing:
        raise PartlyDoneError(
            f"got {len(missing)} items that could not be read, their pixels are without data: "
            f"{'; '.join(missing[:5])}{'; ..' if len(missing) > 5 else ''}; mend them and run the same command again, "
            "which makes what is missing"
        )
