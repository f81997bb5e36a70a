"""How each kind of saved model predicts codes, and the files of its map: classes, clusters or a quantity.

`SAVED` says it by the `kind` of `model.json`: a new kind of model needs a class and a line there, and no more.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import pystac

from esd_tasks.applicability import Applicability
from esd_tasks.area_plan import AreaPlan
from esd_tasks.class_files import OUTPUTS, Predict, class_layers, class_values, write_class_files
from esd_tasks.class_map import ClassMap
from esd_tasks.class_map_item import made_of, write_class_item
from esd_tasks.classifier import Classifier
from esd_tasks.cluster import STATEMENT as CLUSTER_STATEMENT
from esd_tasks.cluster_model import Clusters
from esd_tasks.covariates import Covariate, beside_codes, covariate_facts, open_covariates, see_same_names
from esd_tasks.failures import missing_notes
from esd_tasks.few_shot_model import FewShotModel
from esd_tasks.legend import Legend
from esd_tasks.map_run import Beside, Layer, OfCodes
from esd_tasks.map_store import MapStore
from esd_tasks.model_facts import legend_of_model
from esd_tasks.model_file import CLASSIFY, CLUSTERS, FEW_SHOT, MAKERS, MODEL_JSON, MODEL_TEXT, REGRESSION, read_model
from esd_tasks.regression import Regression
from esd_tasks.report import write_report
from esd_tasks.request import MapBandsRequest
from esd_tasks.target import Grid
from esd_tasks.value_files import write_value_files
from esd_tasks.value_maps import DTYPE, NODATA, value_range
from stactools_esd.blocks import Block
from stactools_esd.errors import UsageError

STATEMENT: Final = (
    "No label was used, so nothing here says how right the map is; the figures beside the model are of the place and "
    "the years that it was trained on."
)
"""Stands wherever a predicted map stands."""

_NOWHERE: Final = np.empty(0)


@dataclass(frozen=True, kw_only=True)
class SavedModel(ABC):
    """A model as its folder holds it, and what its maps are."""

    kind: ClassVar[str]
    """What `model.json` calls it."""

    statement: ClassVar[str] = STATEMENT
    """What a user must know of every map of the model."""

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


@dataclass(frozen=True, kw_only=True)
class SavedTrees(SavedModel):
    """A model of `classify`: it alone has bands beside the classes, and covariates."""

    kind: ClassVar[str] = CLASSIFY

    model: Classifier
    """The trees."""

    legend: Legend
    """Their classes."""

    bands: tuple[str, ...]
    """Bands that are wanted beside the classes."""

    covariates: tuple[Covariate, ...]
    """What the model sees beside the codes, in its order."""

    applicability: Applicability | None
    """What the band `applicability` compares pixels with."""

    @classmethod
    def load(cls, folder: Path, request: MapBandsRequest) -> Self:
        """Read the model."""
        model, facts = Classifier.load(folder)
        legend = legend_of_model(facts)
        if "parent" in request.band and legend.parents is None:
            raise UsageError("got --band parent for a model without parent classes; leave it out")
        return cls(
            folder=folder,
            facts=facts,
            model=model,
            legend=legend,
            bands=request.band,
            covariates=see_same_names(open_covariates(request.covariate), model.covariates),
            applicability=Applicability.load(folder) if "applicability" in request.band else None,
        )

    @property
    def files(self) -> tuple[str, ...]:
        """Trees and facts."""
        return MODEL_TEXT, MODEL_JSON

    @property
    def task_facts(self) -> dict[str, Any]:
        """The covariates."""
        return {"covariates": covariate_facts(self.covariates)} if self.covariates else {}

    @property
    def cost(self) -> dict[str, Any]:
        """The classes."""
        return {"classes": self.legend.by_id}

    def beside(self, grid: Grid) -> Beside | None:
        """Return what reads the covariates."""
        return beside_codes(self.covariates, grid)

    def maker(self, plan: AreaPlan) -> tuple[Sequence[Layer], OfCodes]:
        """Return class, confidence and bands."""
        work = self._work(plan)
        return work.layers, work.of_codes

    def _work(self, plan: AreaPlan) -> ClassMap:
        return ClassMap(
            plan=plan, legend=self.legend, model=self.model, bands=self.bands, applicability=self.applicability
        )

    def write(
        self, plan: AreaPlan, store: MapStore, blocks: Sequence[Block], links: Sequence[pystac.Link]
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Write the class map with its bands."""
        folder, work, missing = plan.request.output_or_default, self._work(plan), store.failures
        counts, outputs = work.write_rasters(store, blocks, note=self.statement, x=_NOWHERE, y=_NOWHERE)
        outputs["report"] = write_report(
            folder,
            title=f"{folder.resolve().name}, {plan.year}",
            legend=self.legend,
            counts=counts,
            caveats=[*missing_notes(missing.missing), *self.notes(plan.year)],
            facts={"Model": self.folder.as_posix(), **made_of(plan)},
        )
        item = write_class_item(work, counts, caveat=self.statement, links=links, missing=tuple(missing.lines))
        return outputs | {"item": item}, {"classes": class_shares(self.legend, counts)}


class Plain(SavedModel):
    """A kind of model that sees codes alone and has no bands."""

    @classmethod
    def see_plain(cls, folder: Path, request: MapBandsRequest) -> None:
        """See that nothing is asked that only a model of `classify` has.

        Raises:
            UsageError: Something is.
        """
        for option in ("band", "covariate", "smooth", "mmu"):
            if getattr(request, option):
                raise UsageError(
                    f"got --{option} for a model of esd-tasks {MAKERS[cls.kind]} ({folder}), expected it for models of "
                    "esd-tasks classify only; leave it out"
                )

    @property
    def files(self) -> tuple[str, ...]:
        """The facts, which are the model."""
        return (MODEL_JSON,)


@dataclass(frozen=True, kw_only=True)
class SavedClasses(Plain):
    """A model of `few-shot`, whose map has the margin beside the class."""

    kind: ClassVar[str] = FEW_SHOT
    described: ClassVar[str] = "Classes at 30 m for {year}, by a model of few labels on ESD codes ({encoder})."
    """What the item says of the map."""

    predict: Predict
    """What predicts."""

    legend: Legend
    """Its classes."""

    @classmethod
    def load(cls, folder: Path, request: MapBandsRequest) -> Self:
        """Read the model."""
        cls.see_plain(folder, request)
        model, facts = cls._open(folder)
        return cls(folder=folder, facts=facts, predict=model.predict, legend=legend_of_model(facts))

    @staticmethod
    def _open(folder: Path) -> tuple[FewShotModel | Clusters, dict[str, Any]]:
        return FewShotModel.load(folder)

    @property
    def cost(self) -> dict[str, Any]:
        """The classes."""
        return {"classes": self.legend.by_id}

    def maker(self, plan: AreaPlan) -> tuple[Sequence[Layer], OfCodes]:  # noqa: ARG002 - of one interface
        """Return class and margin."""
        return class_layers(self.legend), class_values(self.predict)

    def write(
        self, plan: AreaPlan, store: MapStore, blocks: Sequence[Block], links: Sequence[pystac.Link]
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Write the class map."""
        described = self.described.format(year=plan.year, encoder=plan.identity.encoder.label)
        counts, item = write_class_files(
            plan,
            store,
            blocks,
            legend=self.legend,
            note=self.statement,
            description=f"{described} {self.statement}",
            x=_NOWHERE,
            y=_NOWHERE,
            assets={},
            links=links,
        )
        return {**OUTPUTS, "item": item}, {"classes": class_shares(self.legend, counts)}


class SavedClusters(SavedClasses):
    """A model of `cluster`: the clusters of one area looked up in another."""

    statement = f"{CLUSTER_STATEMENT} They were found in the area and the year of the model, not here."
    kind = CLUSTERS
    described = "Clusters at 30 m for {year}, by centres found elsewhere on the vectors of ESD codes ({encoder})."

    @staticmethod
    def _open(folder: Path) -> tuple[FewShotModel | Clusters, dict[str, Any]]:
        return Clusters.load(folder)


@dataclass(frozen=True, kw_only=True)
class SavedRegression(Plain):
    """A model of `regress`, with the ends of its interval where it has one."""

    kind: ClassVar[str] = REGRESSION

    model: Regression
    """The trees."""

    @classmethod
    def load(cls, folder: Path, request: MapBandsRequest) -> Self:
        """Read the model."""
        cls.see_plain(folder, request)
        model, facts = Regression.load(folder)
        return cls(folder=folder, facts=facts, model=model)

    @property
    def files(self) -> tuple[str, ...]:
        """Trees and facts."""
        return *self.facts["models"].values(), MODEL_JSON

    def maker(self, plan: AreaPlan) -> tuple[Sequence[Layer], OfCodes]:  # noqa: ARG002 - of one interface
        """Return prediction, and ends of the interval."""
        return [Layer(name=name, dtype=DTYPE, nodata=NODATA) for name in self.model.bands], self.model.predict

    def notes(self, year: int) -> Iterator[str]:
        """Say how far predictions can reach, beside what holds of every model."""
        yield from super().notes(year)
        if known := self.facts.get("label_range"):
            yield f"trees never predict beyond the labels that they were trained on ({known[0]:g} to {known[1]:g})"
        if self.facts.get("interval"):
            yield (
                f"the interval held {self.facts['interval']:.0%} of the labels left out where the model was trained; "
                "here it may hold fewer"
            )

    def write(
        self, plan: AreaPlan, store: MapStore, blocks: Sequence[Block], links: Sequence[pystac.Link]
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Write the map of the quantity."""
        field, unit = str(self.facts.get("target_field", "prediction")), str(self.facts.get("unit", ""))
        quantity = f"{field} ({unit})" if unit else field
        names = write_value_files(
            plan,
            store,
            blocks,
            kind="prediction",
            bands=self.model.bands,
            unit=unit,
            title="Prediction",
            legend=quantity,
            note=self.statement,
            description=(
                f"{quantity} at 30 m for {plan.year}, predicted by a saved model on ESD codes "
                f"({plan.identity.encoder.label}). {self.statement}"
            ),
            x=_NOWHERE,
            y=_NOWHERE,
            dots="",
            assets={},
            tags={"TARGET": field},
            links=links,
        )
        low, high = value_range(plan.request.output_or_default / names["prediction"])
        return names, {"quantity": quantity, "percentile_2": low, "percentile_98": high}


SAVED: Final[Mapping[str, type[SavedModel]]] = {
    CLASSIFY: SavedTrees,
    FEW_SHOT: SavedClasses,
    CLUSTERS: SavedClusters,
    REGRESSION: SavedRegression,
}
"""How to predict, by the kind of the model."""


def load_saved(folder: Path, request: MapBandsRequest) -> SavedModel:
    """Read a saved model of any kind.

    Raises:
        OutputError: There is none, or it cannot be read.
        UsageError: The request asks for what this kind of model does not have.
    """
    return SAVED[read_model(folder, *SAVED).get("kind", CLASSIFY)].load(folder, request)


def class_shares(legend: Legend, counts: Mapping[int, int]) -> list[dict[str, Any]]:
    """Return each class with its mapped pixels."""
    return [
        {"class_id": class_id, "class_name": name, "mapped_pixels": counts[class_id]}
        for class_id, name in legend.by_id.items()
    ]
