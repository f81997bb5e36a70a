"""Where else it looks like this: a map of the similarity to a few example places."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import pystac
import shapely

from esd_tasks.accuracy import json_number
from esd_tasks.area_plan import AreaPlan, around, asked_area, items_of_area, items_of_labels, see_comparable
from esd_tasks.codes_item import by_year
from esd_tasks.failures import Failures
from esd_tasks.label_table import POLYGON_CAP, label_table
from esd_tasks.labels import Labels
from esd_tasks.map_blocks import fill_blocks
from esd_tasks.map_item import AssetFacts
from esd_tasks.map_run import (
    BLOCK_PIXELS,
    Layer,
    MapResult,
    OnProgress,
    already_done,
    finish,
    opened,
    read_result,
)
from esd_tasks.plan import places_facts
from esd_tasks.pull import grid_for
from esd_tasks.report_parts import Shown
from esd_tasks.report_similar import write_report
from esd_tasks.request import MapRequest
from esd_tasks.run_record import RUN_JSON
from esd_tasks.samples import extract
from esd_tasks.similar_places import share_above, top_places, write_places
from esd_tasks.similarity import (
    SCALE,
    STATEMENT,
    WAYS,
    examples_left_out,
    similarity,
    suggest_threshold,
    targets_of,
)
from esd_tasks.target import WGS84, transformer
from esd_tasks.unclassed import read_unclassed
from esd_tasks.value_files import write_value_files
from esd_tasks.value_maps import DTYPE, NODATA
from stactools_esd.blocks import plan_blocks
from stactools_esd.errors import UsageError
from stactools_esd.files import write_json

MOST_PLACES: Final = 500
"""Places that `--top` may ask for."""

FIGURES_JSON, PLACES = "similarity.json", "places.gpkg"
"""File names."""

_ASSETS: Final[dict[str, AssetFacts]] = {
    "figures": (FIGURES_JSON, "Examples left out, and a threshold", str(pystac.MediaType.JSON), ["metadata"]),
    "places": (PLACES, "The most similar places", str(pystac.MediaType.GEOPACKAGE), ["data"]),
}


@dataclass(frozen=True, kw_only=True)
class SimilarRequest(MapRequest):
    """Options of `similar`; the tiles that hold the examples are mapped where no area is given.

    Raises:
        UsageError: See `MapRequest`; another option is out of range.
    """

    task: ClassVar[str] = "similar"

    examples: Path
    """File of example points or polygons."""

    layer: str | tuple[str, ...] | None = None
    """Layer of the examples where the file has several, or several layers that are read as one."""

    compare: str = "prototype"
    """One of `WAYS`."""

    top: int = 0
    """How many of the most similar places are written."""

    apart: float = 300.0
    """Least distance in metres between these places, and from the examples."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.compare not in WAYS:
            raise UsageError(f"got --compare {self.compare}, expected {' or '.join(WAYS)}; choose one")
        if not 0 <= self.top <= MOST_PLACES:
            raise UsageError(f"got --top {self.top}, expected 0..{MOST_PLACES}; correct it")
        if not 0 <= self.apart < float("inf"):
            raise UsageError(f"got --apart {self.apart}, expected metres, 0 or more; correct it")

    @property
    def named_after(self) -> Path | None:
        """The examples."""
        return self.examples


@dataclass(frozen=True, kw_only=True)
class SimilarPlan(AreaPlan):
    """What is known before codes are read."""

    request: SimilarRequest
    """What was asked."""

    examples: Labels
    """The examples, all of one class."""

    @property
    def task_facts(self) -> dict[str, Any]:
        """Examples and parameters."""
        request = self.request
        return {
            "examples": places_facts(request.examples, request.layer, self.examples),
            "parameters": {
                name: getattr(request, name) for name in ("task", "compare", "top", "apart", "min_clear", "seed")
            },
        }

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and map, examples included."""
        return super().cost() | {"labels": len(self.examples.class_id)}


def make_plan(request: SimilarRequest) -> SimilarPlan:
    """Read the examples, find items, year and grid.

    Raises:
        EsdError: See `unclassed.read_unclassed`, `area_plan.items_of_area` and `area_plan.see_comparable`.
    """
    examples, _ = read_unclassed(request.examples, name="example", layer=request.layer)
    asked = asked_area(request)
    year, items = items_of_area(request, asked or around(examples.envelope))
    area = asked or shapely.union_all([item.footprint for item in items])
    example_items = items_of_labels(request, examples.envelope, {year})
    see_comparable([*items, *example_items])
    return SimilarPlan(
        request=request,
        area=area,
        year=year,
        items=items,
        label_items=example_items,
        grid=grid_for(items, area),
        examples=examples,
    )


def run_plan(plan: SimilarPlan, *, on_progress: OnProgress | None = None) -> MapResult:
    """Make the map of a plan, or continue it; a finished one is returned as it is.

    Raises:
        LabelsError: No example lies on a usable pixel.
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: A codes COG is damaged, and no other gives a pixel.
    """
    if done := already_done(plan):
        return done
    request, folder = plan.request, plan.request.output_or_default
    failures = Failures()
    samples = extract(
        plan.examples,
        by_year(plan.label_items),
        min_clear=request.min_clear,
        polygon_cap=POLYGON_CAP,
        seed=request.seed,
        year=plan.year,
        failures=failures,
        least_classes=1,
    )
    table = label_table(samples)
    targets = targets_of(table.rows, request.compare)
    report = on_progress or (lambda *_: None)
    with opened(plan, failures) as store:
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        layer = Layer(name="similarity", dtype=DTYPE, nodata=NODATA)
        fill_blocks(plan, blocks, store, [layer], lambda codes: {"similarity": similarity(codes, targets)}, report)
        left_out = examples_left_out(table, request.compare)
        threshold = suggest_threshold(left_out)
        x, y = transformer(WGS84, plan.grid.crs).transform(table.lon, table.lat)
        figures = {
            "compare": request.compare,
            "scale": SCALE,
            "n_examples": len(table),
            "left_out": [json_number(value) for value in left_out],
            "threshold": json_number(threshold),
            "share_above_threshold": json_number(share_above(store, blocks, threshold)),
            "statement": STATEMENT,
        }
        write_json(folder / FIGURES_JSON, figures)
        outputs = {"figures": FIGURES_JSON, "run": RUN_JSON}
        if request.top:
            places = top_places(store, blocks, plan.grid, n=request.top, apart=request.apart, x=x, y=y)
            write_places(folder / PLACES, places, plan.grid)
            outputs["places"] = PLACES
        names = write_value_files(
            plan,
            store,
            blocks,
            kind="similarity",
            bands=("similarity",),
            unit="1",
            title="Similarity",
            legend="Similarity, 0..1",
            note=f"{threshold_line(figures)}. {STATEMENT}",
            description=(
                f"Similarity at 30 m for {plan.year} to {len(table)} examples, by ESD codes "
                f"({plan.identity.encoder.label}). {STATEMENT}"
            ),
            x=x,
            y=y,
            dots="examples",
            assets=_ASSETS,
            tags={"SCALE": SCALE},
        )
        notes, missing = list(_notes(plan, samples.dropped)), store.failures.missing
        outputs["report"] = write_report(plan, figures, Shown(notes=notes, missing=missing, x=x, y=y))
        finish(plan, names | outputs, notes, figures, missing)
    return read_result(folder)


def threshold_line(figures: Mapping[str, Any]) -> str:
    """Say the suggested threshold and what lies above it."""
    if figures["threshold"] is None:
        return f"No threshold: it takes two examples to leave one out, and there is {figures['n_examples']}"
    share = figures["share_above_threshold"]
    return (
        f"Suggested threshold {figures['threshold']:.3f}, from {figures['n_examples']} examples left out one by one; "
        f"{share:.1%} of the map lies at or above it"
    )


def _notes(plan: SimilarPlan, dropped: Mapping[str, Mapping[int, int]]) -> Iterator[str]:
    """Say what a user should know of the examples."""
    yield from plan.examples.notes
    for reason, counts in dropped.items():
        yield f"{sum(counts.values())} pixels or examples left out: {reason}"
