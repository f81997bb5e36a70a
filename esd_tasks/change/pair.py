"""`change pair`: where two years of a place differ by more than is usual between them."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.change import pair_outputs
from esd_tasks.change.area import ChangePlan, plan_change
from esd_tasks.change.block_run import MAPPED, YearsRead, make_blocks, telling
from esd_tasks.change.distances import pair_distances
from esd_tasks.change.model import ChangeModel
from esd_tasks.change.noise import PairNoise, pair_noise
from esd_tasks.change.pair_samples import PairSamples, pair_samples
from esd_tasks.change.population import Population, draw_population
from esd_tasks.change.reference import CHANGE, NO_CHANGE, PairLabels, read_pairs
from esd_tasks.change.request import PairRequest
from esd_tasks.change.stored import EventBlocks
from esd_tasks.change.thresholds import threshold_for_rate
from esd_tasks.change.validation import Validation, validate_threshold
from esd_tasks.codes_item import CodesItem
from esd_tasks.failures import Failures
from esd_tasks.items import find_items
from esd_tasks.map_run import MapResult, OnProgress, already_done, opened, read_result
from esd_tasks.model_facts import see_usable
from esd_tasks.model_file import CHANGE as CHANGE_MODEL
from esd_tasks.model_file import model_folder
from esd_tasks.series import Series
from esd_tasks.training_pixels import see_sound
from stactools_esd.blocks import Block, BlockStore, plan_blocks

BLOCK_PIXELS: Final = 512
"""Rows and columns of a block."""

PIXEL_BYTES: Final = 600
"""Of a pixel, from reading until it is stored: codes of two years three times, distances, and scores in pieces."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PairPlan(ChangePlan):
    """The plan of a comparison of two years."""

    request: PairRequest
    """What was asked."""

    reference: PairLabels | None = None
    """Places that choose the threshold."""

    model: ChangeModel | None = None
    """A trained model in place of distance and threshold."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What makes a pixel changed."""

    noise: PairNoise
    """What is usual between both years."""

    threshold: float
    """Scores above it are changes."""

    model: ChangeModel | None = None
    """Scores by probability where it is there."""

    validation: Validation | None = None
    """How well the rule does on reference samples."""

    samples: PairSamples | None = None
    """These samples."""


def plan_pair(request: PairRequest) -> PairPlan:
    """Read the reference or the model, find items and grid.

    Raises:
        EsdError: See `area.plan_change`, `reference.read_pairs` and `model.ChangeModel.load`.
    """
    years = (request.year1, request.year2)
    named = ("expected_rate", "measure", "min_patch", "block_size")
    if request.model is not None:
        see_sound(model_folder(request.model, CHANGE_MODEL))
    reference: PairLabels | None = None
    around: tuple[CodesItem, ...] = ()
    if request.reference is not None:
        reference = read_pairs(request.reference, layer=request.layer, class_field=request.class_field, years=years)
        # Places may lie outside the area that is mapped.
        around = tuple(find_items(request.catalog_or_default, geometry=reference.labels.envelope, years=years))
    files = {name: path for name in ("reference", "model") if (path := getattr(request, name)) is not None}
    base = plan_change(
        request, years, parameters={name: getattr(request, name) for name in named}, files=files, label_items=around
    )
    model = None
    if request.model is not None:
        model = ChangeModel.load(request.model)
        see_usable(model.facts, base.items, request.model)
    return PairPlan(
        **{name: getattr(base, name) for name in base.__dataclass_fields__}, reference=reference, model=model
    )


def run_pair(plan: PairPlan, *, on_progress: OnProgress | None = None) -> MapResult:
    """Make the map of a plan, or continue it; a finished one is returned as it is.

    Raises:
        NothingFoundError: Too few pixels have both years.
        LabelsError: The reference cannot choose a threshold.
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: A codes COG is damaged, and no other gives a pixel.
    """
    if (done := already_done(plan)) is not None:
        return done
    report = on_progress or (lambda *_: None)
    failures = Failures()
    with opened(plan, failures) as store, Series(plan.items, on_failure=failures.hear) as series:
        report("population", 0, 1)
        population = draw_population(series, plan.area, min_clear=plan.request.min_clear, seed=plan.request.seed)
        with telling(failures):
            rule = make_rule(plan, population, failures)
        report("population", 1, 1)
        _log.info("threshold %.4g in robust standard deviations of %d pixels", rule.threshold, rule.noise.n)
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        make_blocks(
            plan,
            store,
            blocks,
            partial(_compare, plan, rule),
            block_bytes=BLOCK_PIXELS * BLOCK_PIXELS * PIXEL_BYTES,
            stage="compare",
            report=report,
        )
        pair_outputs.write(plan, rule, store, blocks, _pieces(plan, store, blocks))
    return read_result(plan.request.output_or_default)


def make_rule(plan: PairPlan, population: Population, failures: Failures | None = None) -> Rule:
    """Learn what is usual, and choose the threshold: by the model, by reference samples or by the expected rate.

    Raises:
        NothingFoundError: Too few pixels have both years.
        LabelsError: The reference cannot choose a threshold.
    """
    request = plan.request
    both = population.usable.all(axis=0)
    level, cosine = pair_distances(population.codes[0, both], population.codes[1, both])
    distance = level if request.measure == "level" else cosine
    clear = population.clear_obs[:, both].min(axis=0).astype(np.int64)
    before = population.codes[0, both]
    noise = pair_noise(distance, clear, before, seed=request.seed)
    if plan.model is not None:
        return Rule(noise=noise, threshold=plan.model.threshold, model=plan.model)
    if plan.reference is None:
        rate = request.expected_rate or 0.0
        return Rule(noise=noise, threshold=threshold_for_rate(noise.score(distance, clear, before), rate))
    samples = pair_samples(
        plan.reference, plan.label_items, min_clear=request.min_clear, seed=request.seed, failures=failures
    )
    validation = validate_threshold(
        samples.samples,
        samples.changed,
        noise.score(samples.distances(request.measure), samples.clear, samples.before),
        rate=request.expected_rate,
        block_size=request.block_size,
        seed=request.seed,
    )
    return Rule(noise=noise, threshold=validation.final_threshold(), validation=validation, samples=samples)


def _compare(plan: PairPlan, rule: Rule, block: Block, given: YearsRead | None) -> dict[str, NDArray[Any]]:
    """Return distances, score and class of a block; NaN and 0 where there is nothing to compare."""
    shape = (block.height, block.width)
    out: dict[str, NDArray[Any]] = {name: np.full(shape, np.nan, np.float32) for name in pair_outputs.MAGNITUDES}
    out |= {"class_id": np.zeros(shape, np.uint16), MAPPED: np.array(0)}
    if given is None or not (usable := given.usable.all(axis=0)).any():
        return out
    pulled = given.pulled
    before, after = (codes[:, usable].T for codes in pulled.codes)
    level, cosine = pair_distances(before, after)
    clear = pulled.clear_obs[:, usable].min(axis=0).astype(np.int64)
    out["level_distance"][usable], out["cosine_distance"][usable] = level, cosine
    if rule.model is None:
        score = rule.noise.score(level if plan.request.measure == "level" else cosine, clear, before)
        class_id = np.where(score > rule.threshold, CHANGE, NO_CHANGE)
    else:
        score, class_id = rule.model.judge(before, after)
    out["score"][usable], out["class_id"][usable] = score, class_id
    out[MAPPED] = np.array(usable.sum())
    return out


def _pieces(plan: PairPlan, store: BlockStore, blocks: Sequence[Block]) -> Iterator[tuple[Block, NDArray[Any]]]:
    """Yield the classes of blocks, patches of change that are too small turned to no change."""

    def planes(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        return np.asarray(arrays["class_id"] >= CHANGE)[None]

    patched = EventBlocks(store, blocks, plan.grid, BLOCK_PIXELS, planes)
    for block in blocks:
        class_id = store.get(block)["class_id"]
        kept = patched.in_patches(block, plan.request.min_patch)[0]
        yield block, np.where((class_id >= CHANGE) & ~kept, NO_CHANGE, class_id)
