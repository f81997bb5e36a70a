"""Saved models that see codes alone and have no bands: of few labels, of clusters, of a quantity."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import pystac

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.area_plan import AreaPlan
from esd_tasks.class_files import OUTPUTS, Predict, class_layers, class_values, write_class_files
from esd_tasks.cluster import STATEMENT as CLUSTER_STATEMENT
from esd_tasks.cluster_model import Clusters
from esd_tasks.few_shot_model import FewShotModel
from esd_tasks.legend import Legend
from esd_tasks.map_run import Layer, OfCodes
from esd_tasks.map_store import MapStore
from esd_tasks.model_facts import legend_of_model
from esd_tasks.model_file import CLUSTERS, FEW_SHOT, MAKERS, MODEL_JSON, REGRESSION
from esd_tasks.regression import Regression
from esd_tasks.report_map import value_map_figure
from esd_tasks.request import MapBandsRequest
from esd_tasks.saved_model import NOWHERE, SavedModel, class_report, class_shares
from esd_tasks.value_files import write_value_files
from esd_tasks.value_maps import DTYPE, NODATA, value_range
from stactools_esd.blocks import Block
from stactools_esd.errors import UsageError


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
            x=NOWHERE,
            y=NOWHERE,
            assets={},
            links=links,
        )
        report = class_report(self, plan, store, self.legend, counts)
        return {**OUTPUTS, "item": item, "report": report}, {"classes": class_shares(self.legend, counts)}


class SavedClusters(SavedClasses):
    """A model of `cluster`: the clusters of one area looked up in another."""

    statement = f"{CLUSTER_STATEMENT} They were found in the area and the year of the model, not here."
    kind = CLUSTERS
    next_steps = ("Look at the map in QGIS and see whether a cluster is here what it is in the area of the model.",)
    described = "Clusters at 30 m for {year}, by centres found elsewhere on the vectors of ESD codes ({encoder})."

    @staticmethod
    def _open(folder: Path) -> tuple[FewShotModel | Clusters, dict[str, Any]]:
        return Clusters.load(folder)


@dataclass(frozen=True, kw_only=True)
class SavedRegression(Plain):
    """A model of `regress`, with the ends of its interval where it has one."""

    kind: ClassVar[str] = REGRESSION
    next_steps: ClassVar[tuple[str, ...]] = ("Hold it against places that were measured here, before it is used.",)

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
            x=NOWHERE,
            y=NOWHERE,
            dots="",
            assets={},
            tags={"TARGET": field},
            links=links,
        )
        folder = plan.request.output_or_default
        low, high = value_range(folder / names["prediction"])
        title = f"{folder.resolve().name}, {plan.year}"
        picture = value_map_figure(
            folder / names["prediction"],
            low=low,
            high=high,
            name=quantity,
            alt=f"Map of {quantity} of {title}: 96 % of it between {low:.4g} and {high:.4g}.",
            caption="Prediction; pixels without data are blank.",
        )
        names["report"] = page.write_page(
            folder,
            title=title,
            lead=f"{quantity} predicted by a saved model",
            parts=[
                parts.caveats(list(self.notes(plan.year)), store.failures.missing),
                picture,
                parts.made_section(plan, further={"Model": self.folder.as_posix()}),
                parts.next_section(*self.next_steps),
            ],
        )
        return names, {"quantity": quantity, "percentile_2": low, "percentile_98": high}


PLAIN: Final[Mapping[str, type[SavedModel]]] = {
    FEW_SHOT: SavedClasses,
    CLUSTERS: SavedClusters,
    REGRESSION: SavedRegression,
}
"""How to predict, by the kind of the model."""
