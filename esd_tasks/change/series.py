"""`change series`: every break of every pixel of a place."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.change import series_outputs
from esd_tasks.change.area import ChangePlan, plan_change
from esd_tasks.change.block_run import MAPPED, YearsRead, make_blocks, telling
from esd_tasks.change.distances import distance_matrix
from esd_tasks.change.events import Events
from esd_tasks.change.medoid import first_above, medoid_scores
from esd_tasks.change.noise import year_weights
from esd_tasks.change.population import Population, draw_population
from esd_tasks.change.request import SeriesRequest, parse_years
from esd_tasks.change.segments import LEAST_YEARS, Calibration, SegmentRules, calibrate, find_breaks
from esd_tasks.change.stored import EventBlocks
from esd_tasks.change.whitening import Whitening, learn_whitening
from esd_tasks.codes_item import years_in_words
from esd_tasks.failures import Failures
from esd_tasks.map_run import MapResult, OnProgress, already_done, opened, read_result
from esd_tasks.series import Series
from stactools_esd.blocks import Block, BlockStore, plan_blocks
from stactools_esd.errors import NothingFoundError

BLOCK_PIXELS: Final = 256
"""Rows and columns of a block."""

YEAR_BYTES: Final = 80
"""Of a pixel and year, from reading until it is stored: codes three times, clear observations, weights."""

PIECE_BYTES: Final = 150_000_000
"""Of the distances of a piece of a block, for 25 years."""

_ROWS: Final = 8192
"""Pixels whose distances lie in memory at once: 40 MB for 25 years."""

_KEPT: Final = "kept"
"""Folder of the events that passed all filters, within that of the blocks."""

TALLIES: Final = ("mapped", "changed", "baseline", "both")
"""What each block counts of its pixels: with enough years, with a break, flagged by the baseline, both."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SeriesPlan(ChangePlan):
    """The plan of a search for breaks."""

    request: SeriesRequest
    """What was asked."""


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What the population says."""

    full_clear: float
    """Clear observations with which a year counts fully."""

    whitening: Whitening
    """How distances are taken."""

    calibration: Calibration
    """What is usual, and what a break must save."""

    baseline: float
    """Robust z that as many pixels of the population exceed in some year as have a break."""


def plan_series(request: SeriesRequest) -> SeriesPlan:
    """Find items and grid.

    Raises:
        NothingFoundError: There are too few years.
        EsdError: See `area.plan_change`.
    """
    years = parse_years(request.years) if request.years else None
    named = ("false_alarms", "min_years", "min_last", "min_magnitude", "min_patch", "full_clear", "max_events", "table")
    plan = plan_change(request, years, parameters={name: getattr(request, name) for name in named})
    rules = rules_of(request)
    if len(plan.years) < (needed := max(LEAST_YEARS, rules.least_years + rules.last)):
        raise NothingFoundError(
            f"got {len(plan.years)} years, {years_in_words(plan.years)}, expected {needed} or more for a series with "
            f"states of {rules.least_years} and, at its end, {rules.last} years; add years, or compare two with "
            "`esd-tasks change pair`"
        )
    return SeriesPlan(**{name: getattr(plan, name) for name in plan.__dataclass_fields__})


def rules_of(request: SeriesRequest) -> SegmentRules:
    """Return what counts as a state."""
    return SegmentRules(
        least_years=request.min_years, least_last=request.min_last, least_magnitude=request.min_magnitude
    )


def run_series(plan: SeriesPlan, *, on_progress: OnProgress | None = None) -> MapResult:
    """Find the breaks of a plan, or continue it; a finished one is returned as it is.

    Raises:
        NothingFoundError: Too few pixels have enough years.
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: A codes COG is damaged, and no other gives a pixel.
    """
    if (done := already_done(plan)) is not None:
        return done
    request = plan.request
    report = on_progress or (lambda *_: None)
    failures = Failures()
    with opened(plan, failures) as store, Series(plan.items, on_failure=failures.hear) as series:
        report("population", 0, 1)
        population = draw_population(series, plan.area, min_clear=request.min_clear, seed=request.seed)
        with telling(failures):
            learnt = learn(population, plan.years, request)
        report("population", 1, 1)
        _log.info("a break must save %.3f usual distances", learnt.calibration.penalty)
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        make_blocks(
            plan,
            store,
            blocks,
            partial(_find, plan, learnt),
            block_bytes=BLOCK_PIXELS * BLOCK_PIXELS * len(plan.years) * YEAR_BYTES + PIECE_BYTES,
            stage="breaks",
            report=report,
        )
        kept = _filtered(plan, store, blocks)
        series_outputs.write(plan, learnt, kept, blocks, failures.missing)
    return read_result(plan.request.output_or_default)


def learn(population: Population, years: Sequence[int], request: SeriesRequest) -> Learnt:
    """Learn from a population how distances are taken, what is usual, and what a break must save.

    Raises:
        NothingFoundError: Too few pixels have enough years.
    """
    full_clear = request.full_clear or population.typical_clear
    weight = year_weights(population.clear_obs, population.usable, full_clear).T
    whitening = learn_whitening(population.codes, population.usable, seed=request.seed)
    matrix = whitening.distances(population.codes)
    rules = rules_of(request)
    calibration = calibrate(
        matrix, weight, tuple(years), rules=rules, false_alarms=request.false_alarms, seed=request.seed
    )
    level = distance_matrix(population.codes)
    changed = find_breaks(matrix, level, weight, calibration, rules).there.any(axis=1)
    scores = medoid_scores(level, weight)
    seen = np.isfinite(scores).any(axis=1)
    highest = np.nanmax(scores[seen], axis=1) if seen.any() else np.zeros(1)
    return Learnt(
        full_clear=full_clear,
        whitening=whitening,
        calibration=calibration,
        baseline=float(np.quantile(highest, 1 - changed.mean())),
    )


def _find(plan: SeriesPlan, learnt: Learnt, block: Block, given: YearsRead | None) -> dict[str, NDArray[Any]]:
    """Return the events of a block, which of its pixels have enough years, and its tallies."""
    rules, shape = rules_of(plan.request), (block.height, block.width)
    mapped, tallies = np.zeros(shape, np.bool_), np.zeros(len(TALLIES), np.int64)
    parts: list[Events] = []
    if given is not None:
        pulled, usable = given.pulled, given.usable
        mapped = usable.sum(axis=0) >= rules.least_years + rules.last
        places = np.flatnonzero(mapped)
        codes = pulled.codes.reshape(*pulled.codes.shape[:2], -1).transpose(0, 2, 1)
        clear_obs, seen = (array.reshape(len(plan.years), -1) for array in (pulled.clear_obs, usable))
        for first in range(0, len(places), _ROWS):
            some = places[first : first + _ROWS]
            rows = np.ascontiguousarray(codes[:, some])
            weight = year_weights(clear_obs[:, some], seen[:, some], learnt.full_clear).T
            level = distance_matrix(rows)
            breaks = find_breaks(learnt.whitening.distances(rows), level, weight, learnt.calibration, rules)
            parts.append(Events.of(breaks, some))
            ours = breaks.there.any(axis=1)
            theirs = first_above(medoid_scores(level, weight), learnt.baseline) >= 0
            tallies += [len(some), ours.sum(), theirs.sum(), (ours & theirs).sum()]
    columns = [part.as_arrays() for part in parts] or [_none().as_arrays()]
    joined = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    return {**joined, "mapped": mapped, "tallies": tallies, MAPPED: np.array(mapped.sum())}


def _filtered(plan: SeriesPlan, store: BlockStore, blocks: Sequence[Block]) -> BlockStore:
    """Drop events in patches that are too small, before any are chosen for bands; return the store of the others."""
    shutil.rmtree(store.folder / _KEPT, ignore_errors=True)  # of a run that was killed here, or had other holes
    kept = BlockStore(store.folder / _KEPT, plan.run_key)
    shapes = {(block.row, block.column): (block.height, block.width) for block in blocks}

    def planes(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        return Events.from_arrays(arrays).planes(len(plan.years), arrays["mapped"].shape)

    patched = EventBlocks(store, blocks, plan.grid, BLOCK_PIXELS, planes)
    for block in blocks:
        arrays = store.get(block)
        events = Events.from_arrays(arrays)
        if plan.request.min_patch > 1 and len(events):
            width = shapes[block.row, block.column][1]
            there = patched.in_patches(block, plan.request.min_patch)
            events = events.only(there[events.year, events.pixel // width, events.pixel % width])
        kept.put(block, **events.as_arrays(), mapped=arrays["mapped"], tallies=arrays["tallies"])
    return kept


def _none() -> Events:
    """Return no events."""
    types = {"pixel": "i4", "year": "u1", "magnitude": "f4", "strength": "f4", "duration": "u1", "since": "i2"}
    return Events.from_arrays({name: np.empty(0, dtype) for name, dtype in types.items()})
