"""Kinds of change as classes of a map: what every pixel was in the first year and is in the last.

A class_id says both: the id of the class that was, times a base, plus the id of the class that is. The base is the
power of ten above the largest id, so that 3 that became 9 reads 309 where ids have two digits at most, 39 where they
have one. Where such numbers do not fit into 16 bits, the places of the classes in the legend stand for their ids, and
their number plus one for the base.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from esd_tasks.legend import LARGEST_ID, UNCLASSIFIED, Legend, LegendClass

_PALE = 0.7
"""How much white is mixed into the colour of a class that stayed."""

_DARKER = 0.3
"""How much black each further class that became the same one brings."""


@dataclass(frozen=True, kw_only=True)
class FromTo:
    """Kinds of change between the classes of a legend.

    Raises:
        LabelsError: No pixel has a class.
    """

    legend: Legend
    """The k classes."""

    pixels: NDArray[np.int64]
    """Pixels by class of the first year (rows) and of the last, (k, k)."""

    @cached_property
    def base(self) -> int:
        """What the class that was is multiplied by."""
        tens = int(10 ** len(str(self.legend.ids[-1])))
        return tens if self.legend.ids[-1] * (tens + 1) <= LARGEST_ID else len(self.legend.ids) + 1

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Number of each class: its id, or its place in the legend from 1 on, (k,)."""
        ids = np.array(self.legend.ids, dtype=np.int64)
        return ids if ids[-1] < self.base else np.arange(1, len(ids) + 1)

    @cached_property
    def kinds(self) -> Legend:
        """The kinds that there are: pale where a class stayed, the colour of what came, darker for each further one."""
        found, names = [], self.legend.names
        for came, entry in enumerate(self.legend.classes):
            order = [one for one in np.argsort(-self.pixels[:, came], kind="stable").tolist() if one != came]
            for rank, was in enumerate([came, *order]):
                if self.pixels[was, came]:
                    shade = (
                        _mixed(entry.rgb, 255, _PALE)
                        if was == came
                        else _mixed(entry.rgb, 0, 1 - (1 - _DARKER) ** (rank - 1))
                    )
                    name = f"{names[was]} stays" if was == came else f"{names[was]} to {names[came]}"
                    number = int(self.numbers[was] * self.base + self.numbers[came])
                    found.append(LegendClass(class_id=number, name=name, colour=shade))
        if len({one.name for one in found}) < len(found):  # classes may be called `a to b`
            found = [
                LegendClass(class_id=one.class_id, name=f"{one.name} ({one.class_id})", colour=one.colour)
                for one in found
            ]
        return Legend(tuple(found))

    @property
    def counts(self) -> dict[int, int]:
        """Pixels of each kind that there is, by class_id."""
        was, came = np.nonzero(self.pixels)
        numbers = self.numbers[was] * self.base + self.numbers[came]
        return dict(zip(numbers.tolist(), self.pixels[was, came].tolist(), strict=True))

    def of(self, first: NDArray[np.integer], last: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the kind of each pixel, 0 where it has no class.

        Args:
            first: class_id in the first year, any shape.
            last: class_id in the last year, the same.
        """
        table = np.zeros(self.legend.ids[-1] + 1, dtype=np.int64)
        table[np.array(self.legend.ids)] = self.numbers
        kind = np.where(first > UNCLASSIFIED, table[first] * self.base + table[last], UNCLASSIFIED)
        return kind.astype(self.kinds.dtype)


def _mixed(rgb: Iterable[int], end: int, share: float) -> str:
    """Return a colour with a share of white (255) or black (0)."""
    return "#" + "".join(f"{round((1 - share) * part + share * end):02x}" for part in rgb)
