"""Clusters of an area: pixels whose year looks alike, found without labels.

Clusters are no classes: what they are, somebody must say. Their numbers and colours follow their likeness.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import pystac
from numpy.typing import NDArray

from esd_tasks.accuracy import json_number
from esd_tasks.area_plan import AreaPlan, asked_area, items_of_area, see_comparable
from esd_tasks.class_files import OUTPUTS, class_layers, class_values, write_class_files
from esd_tasks.cluster_colours import similar_colours
from esd_tasks.cluster_model import Clusters, fit_clusters
from esd_tasks.legend import Legend, LegendClass
from esd_tasks.map_blocks import fill_blocks
from esd_tasks.map_item import AssetFacts
from esd_tasks.map_run import (
    BLOCK_PIXELS,
    MapResult,
    OnProgress,
    already_done,
    finish,
    opened,
    packages,
    read_result,
)
from esd_tasks.model_facts import further_facts
from esd_tasks.model_file import MODEL_JSON
from esd_tasks.pixel_sample import sample_pixels
from esd_tasks.pull import grid_for
from esd_tasks.report_cluster import write_report
from esd_tasks.request import MapRequest
from esd_tasks.run_record import RUN_JSON
from stactools_esd.blocks import plan_blocks
from stactools_esd.errors import UsageError

MOST_CLUSTERS: Final = 255
"""Clusters that one map may have."""

SAMPLE_PIXELS: Final = 50_000
"""Pixels of the area to which the centres are fitted, but for one in five."""

STATEMENT: Final = (
    "Clusters are pixels whose vectors are alike, not classes: what they are, somebody must say, and no accuracy can "
    "be given. Numbers and colours follow likeness."
)
"""Stands wherever the clusters stand."""

_ASSETS: Final[dict[str, AssetFacts]] = {
    "model": (MODEL_JSON, "Centres of the clusters", str(pystac.MediaType.JSON), ["model"]),
}


@dataclass(frozen=True, kw_only=True)
class ClusterRequest(MapRequest):
    """Options of `cluster`.

    Raises:
        UsageError: See `MapRequest`; no area is given, or the number of clusters is out of range.
    """

    task: ClassVar[str] = "cluster"

    n_clusters: int = 10
    """Clusters to find."""

    @property
    def made(self) -> str:
        """Clusters."""
        return "clusters"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.geometry is None and self.bbox is None:
            raise UsageError("got no area, expected --geometry or --bbox; say where")
        if not 2 <= self.n_clusters <= MOST_CLUSTERS:
            raise UsageError(f"got --n-clusters {self.n_clusters}, expected 2..{MOST_CLUSTERS}; correct it")


@dataclass(frozen=True, kw_only=True)
class ClusterPlan(AreaPlan):
    """What is known before codes are read."""

    request: ClusterRequest
    """What was asked."""

    @property
    def task_facts(self) -> dict[str, Any]:
        """Parameters."""
        request = self.request
        names = ("task", "n_clusters", "min_clear", "seed")
        return {"parameters": {name: getattr(request, name) for name in names} | {"sample_pixels": SAMPLE_PIXELS}}


def make_plan(request: ClusterRequest) -> ClusterPlan:
    """Read the area, find items, year and grid.

    Raises:
        EsdError: See `area_plan.asked_area`, `area_plan.items_of_area` and `area_plan.see_comparable`.
    """
    area = asked_area(request)
    if area is None:  # the request has seen to it
        raise UsageError("got no area, expected --geometry or --bbox; say where")
    year, items = items_of_area(request, area)
    see_comparable(items)
    return ClusterPlan(request=request, area=area, year=year, items=items, grid=grid_for(items, area))


def run_plan(plan: ClusterPlan, *, on_progress: OnProgress | None = None) -> MapResult:
    """Make the map of a plan, or continue it; a finished one is returned as it is.

    Raises:
        UsageError: There are fewer different pixels than clusters.
        NothingFoundError: No pixel of the area can be used.
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: A codes COG is damaged, and no other gives a pixel.
    """
    if done := already_done(plan):
        return done
    request, folder = plan.request, plan.request.output_or_default
    report = on_progress or (lambda *_: None)
    with opened(plan) as store:
        sample = sample_pixels(plan, SAMPLE_PIXELS, report=report, failures=store.failures)
        clusters = fit_clusters(sample, request.n_clusters, seed=request.seed)
        legend = legend_of_clusters(clusters, sample)
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        fill_blocks(plan, blocks, store, class_layers(legend), class_values(clusters.predict), report)
        facts = further_facts(plan.items, [plan.year], legend) | {"software": packages()}
        clusters.save(folder, identity=plan.identity, further=facts)
        nowhere = np.empty(0)
        counts, item = write_class_files(
            plan,
            store,
            blocks,
            legend=legend,
            note=f"{explained_line(clusters.explained, request.n_clusters)}. {STATEMENT}",
            description=(
                f"{request.n_clusters} clusters at 30 m for {plan.year}, by mini-batch k-means on the vectors of ESD "
                f"codes ({plan.identity.encoder.label}). {STATEMENT}"
            ),
            x=nowhere,
            y=nowhere,
            assets=_ASSETS,
        )
        outputs = {**OUTPUTS, "model": MODEL_JSON, "item": item, "run": RUN_JSON}
        result = {
            "n_clusters": request.n_clusters,
            "explained_variance": json_number(clusters.explained),
            "n_fitted": clusters.n_fitted,
            "clusters": [
                {"class_id": entry.class_id, "colour": entry.colour, "mapped_pixels": counts[entry.class_id]}
                for entry in legend.classes
            ],
            "statement": STATEMENT,
        }
        outputs["report"] = write_report(plan, legend, result, missing=store.failures.missing)
        finish(plan, outputs, [], result, store.failures.missing)
    return read_result(folder)


def legend_of_clusters(clusters: Clusters, sample: NDArray[np.uint16]) -> Legend:
    """Return numbers and colours of clusters, by their likeness.

    Args:
        clusters: What was found.
        sample: Codes (n, 12) that tell how large the clusters are.
    """
    sizes = np.bincount(clusters.predict(sample)[0] - 1, minlength=len(clusters.centres))
    colours = similar_colours(clusters.centres, np.maximum(sizes, 1))
    return Legend(
        tuple(
            LegendClass(class_id=number, name=f"cluster {number}", colour=colour)
            for number, colour in enumerate(colours, start=1)
        )
    )


def explained_line(explained: float | None, n_clusters: int) -> str:
    """Say how well clusters describe pixels that they were not fitted to."""
    if explained is None or np.isnan(explained):
        return f"{n_clusters} clusters of pixels that are all alike"
    return f"{n_clusters} clusters explain {explained:.0%} of the variance of vectors of pixels not fitted to"
