"""How each kind of saved model predicts codes, and the files of its map: classes, clusters or a quantity.

The `kind` of `model.json` says which: a new kind of model needs a class and a line of `plain_models.PLAIN`. What the
others need is loaded for them alone: it takes longer than many a map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pystac

from esd_tasks.area_plan import AreaPlan
from esd_tasks.class_map import ClassMap
from esd_tasks.class_map_item import write_class_item
from esd_tasks.classifier import Classifier
from esd_tasks.covariates import Covariate, beside_codes, covariate_facts, open_covariates, see_same_names
from esd_tasks.legend import Legend
from esd_tasks.map_run import Beside, Layer, OfCodes
from esd_tasks.map_store import MapStore
from esd_tasks.model_facts import legend_of_model
from esd_tasks.model_file import CLASSIFY, MODEL_JSON, MODEL_TEXT, PREDICTED, read_model
from esd_tasks.request import MapBandsRequest
from esd_tasks.saved_model import NOWHERE, SavedModel, class_report, class_shares
from esd_tasks.target import Grid
from stactools_esd.blocks import Block
from stactools_esd.errors import UsageError

if TYPE_CHECKING:
    from esd_tasks.applicability import Applicability


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

    applicability: "Applicability | None"
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
            applicability=_applicability(folder, model) if "applicability" in request.band else None,
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
        work, missing = self._work(plan), store.failures
        counts, outputs = work.write_rasters(store, blocks, note=self.statement, x=NOWHERE, y=NOWHERE)
        outputs["report"] = class_report(self, plan, store, self.legend, counts)
        item = write_class_item(work, counts, caveat=self.statement, links=links, missing=tuple(missing.lines))
        return outputs | {"item": item}, {"classes": class_shares(self.legend, counts)}


def _applicability(folder: Path, model: Classifier) -> "Applicability":
    """Read what pixels are compared with; what that needs is loaded for this alone."""
    from esd_tasks.applicability import Applicability

    return Applicability.load(folder, model.covariates)


def load_saved(folder: Path, request: MapBandsRequest) -> SavedModel:
    """Read a saved model of any kind.

    Raises:
        OutputError: There is none, or it cannot be read.
        UsageError: The request asks for what this kind of model does not have.
    """
    kind = read_model(folder, *PREDICTED).get("kind", CLASSIFY)
    if kind == CLASSIFY:
        return SavedTrees.load(folder, request)
    from esd_tasks.plain_models import PLAIN

    return PLAIN[kind].load(folder, request)
