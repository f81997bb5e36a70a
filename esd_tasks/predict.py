"""A saved model on the codes of any place and year: a map without labels.

The model says which encoder and input recipe it was trained on, and is used on no others. Nothing here measures how
good the map is: the figures beside the model are of its own place and years.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pystac
import shapely

from esd_tasks.area_plan import AreaPlan, asked_area, items_of_area, see_comparable
from esd_tasks.codes_item import by_year, choose_year
from esd_tasks.items import find_items
from esd_tasks.map_blocks import fill_blocks
from esd_tasks.map_run import (
    BLOCK_PIXELS,
    MapResult,
    OnProgress,
    already_done,
    finish,
    opened,
    read_result,
)
from esd_tasks.model_facts import see_usable
from esd_tasks.model_file import MODEL_JSON, model_folder
from esd_tasks.predict_models import load_saved
from esd_tasks.pull import grid_for
from esd_tasks.request import MapBandsRequest
from esd_tasks.run_record import RUN_JSON
from esd_tasks.saved_model import STATEMENT, SavedModel
from esd_tasks.training_pixels import keep_beside, see_sound
from stactools_esd import stac
from stactools_esd.blocks import plan_blocks
from stactools_esd.files import sha256_file

__all__ = ["STATEMENT", "PredictPlan", "PredictRequest", "make_plan", "predict", "run_plan"]


@dataclass(frozen=True, kw_only=True)
class PredictRequest(MapBandsRequest):
    """Options of `predict`.

    Raises:
        UsageError: See `MapRequest`.
    """

    task: ClassVar[str] = "predict"
    positional: ClassVar[tuple[str, ...]] = ("model",)

    model: Path
    """Folder that `classify`, `few-shot`, `regress` or `cluster` wrote, or `model.json` in it."""


@dataclass(frozen=True, kw_only=True)
class PredictPlan(AreaPlan):
    """What is known before codes are read."""

    request: PredictRequest
    """What was asked."""

    saved: SavedModel
    """The model."""

    @cached_property
    def task_facts(self) -> dict[str, Any]:
        """The model by its checksums, and what else decides the map."""
        folder = self.saved.folder
        sums = [sha256_file(folder / name) for name in self.saved.files]
        return self.saved.task_facts | {
            "model": {"path": folder.as_posix(), "content_sha256": "-".join(sums)},
            "parameters": {"min_clear": self.request.min_clear, **self.request.band_facts},
        }

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and map."""
        return super().cost() | self.saved.cost


def predict(model: str | Path, *, on_progress: OnProgress | None = None, **options: Any) -> MapResult:
    """Make a map with a saved model.

    Args:
        model: Folder that `classify`, `few-shot`, `regress` or `cluster` wrote.
        on_progress: Hears how far the run is.
        **options: Fields of `PredictRequest`: catalog, geometry, bbox, year, output, ..

    Raises:
        EsdError: See `make_plan` and `run_plan`.
    """
    return run_plan(make_plan(PredictRequest(model=Path(model), **options)), on_progress=on_progress)


def make_plan(request: PredictRequest) -> PredictPlan:
    """Read the model, find items, year and grid.

    Raises:
        OutputError: There is no model, or it cannot be read.
        UsageError: Several years are there and none is chosen; an option is not for this kind of model.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: Nothing lies in the area or in the year.
        IncomparableError: The items are of another encoder or recipe than the model, or of several.
    """
    saved = load_saved(see_sound(model_folder(request.model)), request)
    area = asked_area(request)
    if area is None:
        found = find_items(request.catalog_or_default)
        year = choose_year(found, request.year)
        items = tuple(by_year(found)[year])
        area = shapely.union_all([item.footprint for item in items])
    else:
        year, items = items_of_area(request, area)
    see_comparable(items)
    see_usable(saved.facts, items, saved.folder)
    return PredictPlan(request=request, area=area, year=year, items=items, grid=grid_for(items, area), saved=saved)


def run_plan(plan: PredictPlan, *, on_progress: OnProgress | None = None) -> MapResult:
    """Make the map of a plan, or continue it; a finished one is returned as it is.

    Raises:
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: A codes COG is damaged, and no other gives a pixel.
    """
    if done := already_done(plan):
        return done
    report = on_progress or (lambda *_: None)
    folder, saved = plan.request.output_or_default, plan.saved
    with opened(plan) as store:
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        layers, of_codes = saved.maker(plan)
        fill_blocks(plan, blocks, store, layers, of_codes, report, beside=saved.beside(plan.grid))
        href = stac.relative_href(str((saved.folder / MODEL_JSON).resolve()), folder)
        link = pystac.Link("related", href, str(pystac.MediaType.JSON), "The model of this map")
        outputs, result = saved.write(plan, store, blocks, [link])
        outputs |= keep_beside(saved.folder, folder)
        result = {"kind": saved.kind, "statement": saved.statement, **result}
        finish(plan, outputs | {"run": RUN_JSON}, list(saved.notes(plan.year)), result, store.failures.missing)
    return read_result(folder)
