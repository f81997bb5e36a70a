"""A saved model as `predict` uses it: what every kind of model has, and the report of its map."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import pystac

from esd_tasks.area_plan import AreaPlan
from esd_tasks.class_map_item import made_of
from esd_tasks.failures import missing_notes
from esd_tasks.legend import Legend
from esd_tasks.map_run import Beside, Layer, OfCodes
from esd_tasks.map_store import MapStore
from esd_tasks.report import write_report
from esd_tasks.request import MapBandsRequest
from esd_tasks.target import Grid
from stactools_esd.blocks import Block

STATEMENT: Final = (
    "No label was used, so nothing here says how right the map is; the figures beside the model are of the place and "
    "the years that it was trained on."
)
"""Stands wherever a predicted map stands."""

NOWHERE: Final = np.empty(0)
"""Places of labels, of which there are none."""


@dataclass(frozen=True, kw_only=True)
class SavedModel(ABC):
    """A model as its folder holds it, and what its maps are."""

    kind: ClassVar[str]
    """What `model.json` calls it."""

    statement: ClassVar[str] = STATEMENT
    """What a user must know of every map of the model."""

    next_steps: ClassVar[tuple[str, ...]] = (
        "For the accuracy of the map, draw reference places with esd-tasks design, then esd-tasks assess.",
    )
    """What the report advises."""

    folder: Path
    """Where the model is."""

    facts: Mapping[str, Any]
    """Content of `model.json`."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, request: MapBandsRequest) -> Self:
        """Read the model.

        Raises:
            OutputError: It cannot be read.
            UsageError: The request asks for what this kind of model does not have.
        """

    @property
    @abstractmethod
    def files(self) -> tuple[str, ...]:
        """Names of the files that hold the model."""

    @abstractmethod
    def maker(self, plan: AreaPlan) -> tuple[Sequence[Layer], OfCodes]:
        """Return what is made of every block, and what makes it of codes."""

    @abstractmethod
    def write(
        self, plan: AreaPlan, store: MapStore, blocks: Sequence[Block], links: Sequence[pystac.Link]
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Write every file of the map but `run.json`, and return their names by kind, and figures."""

    @property
    def task_facts(self) -> dict[str, Any]:
        """What decides the map beside model and codes."""
        return {}

    @property
    def cost(self) -> dict[str, Any]:
        """What `--dry-run` tells of the model."""
        return {}

    def beside(self, grid: Grid) -> Beside | None:  # noqa: ARG002 - few kinds see more than codes
        """Return what reads further features, or None."""
        return None

    def notes(self, year: int) -> Iterator[str]:
        """Say what a user should know of the model on codes of a year."""
        yield self.statement
        years = self.facts.get("years", [])
        if years and year not in years:
            listed = ", ".join(map(str, years))
            yield f"the model was trained on {listed}: it is transferred in time to {year}, which nothing here tests"


def class_shares(legend: Legend, counts: Mapping[int, int]) -> list[dict[str, Any]]:
    """Return each class with its mapped pixels."""
    return [
        {"class_id": class_id, "class_name": name, "mapped_pixels": counts[class_id]}
        for class_id, name in legend.by_id.items()
    ]


def class_report(saved: SavedModel, plan: AreaPlan, store: MapStore, legend: Legend, counts: Mapping[int, int]) -> str:
    """Write the report of a predicted class map, and return its file name."""
    folder = plan.request.output_or_default
    return write_report(
        folder,
        title=f"{folder.resolve().name}, {plan.year}",
        legend=legend,
        counts=counts,
        caveats=[*missing_notes(store.failures.missing), *saved.notes(plan.year)],
        facts={"Model": saved.folder.as_posix(), **made_of(plan)},
        next_steps=saved.next_steps,
    )
