"""`change land-cover`: the classes of every year of a place, made consistent by a transition model."""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.change import hidden_markov, land_cover_outputs
from esd_tasks.change.area import ChangePlan, plan_change
from esd_tasks.change.block_run import MAPPED, YearsRead, make_blocks
from esd_tasks.change.model_request import LandCoverRequest
from esd_tasks.change.noise import year_weights
from esd_tasks.change.population import Population, draw_population
from esd_tasks.change.request import parse_years
from esd_tasks.classifier import Classifier
from esd_tasks.covariates import (
    Covariate,
    covariate_facts,
    open_covariates,
    read_block,
    read_places,
    see_same_names,
)
from esd_tasks.failures import Failures
from esd_tasks.legend import Legend
from esd_tasks.map_run import MapResult, OnProgress, already_done, opened, read_result
from esd_tasks.model_facts import legend_of_model, see_usable
from esd_tasks.model_file import CLASSIFY, model_folder
from esd_tasks.series import Series
from esd_tasks.training_pixels import see_sound
from stactools_esd.blocks import Block, plan_blocks
from stactools_esd.errors import EsdError, OutputError, UsageError
from stactools_esd.files import read_json
from stactools_esd.product import STEPS

BLOCK_PIXELS: Final = 256
"""Rows and columns of a block."""

YEAR_BYTES: Final = 80
"""Of a pixel and year, from reading until it is stored: codes three times, clear observations, classes."""

PIECE_BYTES: Final = 100_000_000
"""Of the probabilities of a piece of a block, for 25 years and ten classes."""

LEARNING_PIXELS: Final = 4000
"""Pixels from which transitions are learnt."""

_ROWS: Final = 4096
_LEAST_ERROR: Final = 0.01
"""A classifier is not taken to be wrong less often than this."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LandCoverPlan(ChangePlan):
    """The plan of a series of class maps."""

    request: LandCoverRequest
    """What was asked."""

    model: Classifier
    """The classifier of single years."""

    legend: Legend
    """Its classes."""

    covariates: tuple[Covariate, ...]
    """What the model sees beside the codes, in its order; the same in every year."""

    class_error: float
    """Share of yearly classes that are wrong."""


@dataclass(frozen=True, kw_only=True)
class Transitions:
    """The transition model."""

    start: NDArray[np.float64]
    """Probability of each class in the first year (classes,)."""

    matrix: NDArray[np.float64]
    """Probability of each class after another, from one year of the series to the next (from, to)."""

    full_clear: float
    """Clear observations with which a year counts fully."""


def plan_land_cover(request: LandCoverRequest) -> LandCoverPlan:
    """Read the model, find items and grid.

    Raises:
        OutputError: There is no model of `classify`, or it is damaged.
        UsageError: A covariate is missing or strange, or the model says nothing of its error and none is stated.
        IncomparableError: The items are of another encoder or recipe than the model.
        EsdError: See `area.plan_change`.
    """
    folder = see_sound(model_folder(request.model, CLASSIFY))
    model, facts = Classifier.load(folder)
    covariates = see_same_names(open_covariates(request.covariate), model.covariates)
    years = parse_years(request.years) if request.years else None
    error = _class_error(request, folder)
    named = ("expected_rate", "learn", "full_clear")
    parameters = {name: getattr(request, name) for name in named} | {"class_error": error}
    if covariates:
        parameters["covariates"] = covariate_facts(covariates)
    plan = plan_change(request, years, parameters=parameters, files={"model": folder})
    see_usable(facts, plan.items, folder)
    base = {name: getattr(plan, name) for name in plan.__dataclass_fields__}
    return LandCoverPlan(**base, model=model, legend=legend_of_model(facts), covariates=covariates, class_error=error)


def run_land_cover(plan: LandCoverPlan, *, on_progress: OnProgress | None = None) -> MapResult:
    """Make the maps of a plan, or continue; a finished run is returned as it is.

    Raises:
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: A codes COG is damaged, and no other gives a pixel.
    """
    if (done := already_done(plan)) is not None:
        return done
    report = on_progress or (lambda *_: None)
    request = plan.request
    failures = Failures()
    with opened(plan, failures) as store, Series(plan.items, on_failure=failures.hear) as series:
        report("population", 0, 1)
        population = draw_population(
            series, plan.area, min_clear=request.min_clear, seed=request.seed, most=LEARNING_PIXELS
        )
        transitions = transitions_of(plan, population)
        report("population", 1, 1)
        stays = transitions.matrix.diagonal().mean()
        _log.info("a class stays what it is with probability %.3f, on average", stays)
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        make_blocks(
            plan,
            store,
            blocks,
            partial(_classify, plan, transitions),
            block_bytes=BLOCK_PIXELS * BLOCK_PIXELS * len(plan.years) * YEAR_BYTES + PIECE_BYTES,
            stage="classes",
            report=report,
        )
        land_cover_outputs.write(plan, transitions, store, blocks)
    return read_result(plan.request.output_or_default)


def transitions_of(plan: LandCoverPlan, population: Population) -> Transitions:
    """Return the transitions that were stated, or learn them from the stated ones on."""
    request, k = plan.request, len(plan.model.classes)
    full_clear = request.full_clear or population.typical_clear
    stated = hidden_markov.stated_transitions(k, request.expected_rate)
    if not request.learn:
        return Transitions(start=np.full(k, 1 / k), matrix=stated, full_clear=full_clear)
    weight = year_weights(population.clear_obs, population.usable, full_clear)
    beside = None
    if plan.covariates:
        values = read_places(plan.covariates, plan.grid, population.lon, population.lat)
        beside = np.column_stack([values[covariate.name] for covariate in plan.covariates])
    probability = _probabilities(plan.model, population.codes, population.usable, beside)
    likelihood = hidden_markov.log_likelihood(probability, weight.T, plan.class_error)
    start, matrix = hidden_markov.learn(likelihood, stated)
    return Transitions(start=start, matrix=matrix, full_clear=full_clear)


def _class_error(request: LandCoverRequest, folder: Path) -> float:
    """Return the stated share of wrong classes, or what the model's cross-validation found."""
    if request.class_error is not None:
        return max(request.class_error, _LEAST_ERROR)
    try:
        overall = float(read_json(folder / "accuracy.json", error=OutputError)["overall_accuracy"])
    except (EsdError, KeyError, TypeError) as error:
        raise UsageError(
            f"got a model in {folder} without accuracy.json beside it, expected to know how often its classes are "
            "wrong; state it with --class-error, a share such as 0.15"
        ) from error
    return max(1 - overall, _LEAST_ERROR)


def _probabilities(
    model: Classifier,
    codes: NDArray[np.uint16],
    usable: NDArray[np.bool_],
    beside: NDArray[np.floating] | None = None,
) -> NDArray[np.float32]:
    """Return what the classifier says of each pixel and year (n, years, classes); equal shares without codes."""
    years, n = usable.shape
    out = np.full((years, n, len(model.classes)), 1 / len(model.classes), np.float32)
    for year in range(years):
        if usable[year].any():
            values = None if beside is None else beside[usable[year]]
            out[year, usable[year]] = model.predict_proba(codes[year, usable[year]], values)
    return out.transpose(1, 0, 2)


def _classify(
    plan: LandCoverPlan, transitions: Transitions, block: Block, given: YearsRead | None
) -> dict[str, NDArray[Any]]:
    """Return class_id of each year, smoothed, and how often a pixel's class changed before and after smoothing."""
    years, shape = len(plan.years), (block.height, block.width)
    class_id = np.zeros((years, shape[0] * shape[1]), plan.legend.dtype)
    tallies = np.zeros(len(land_cover_outputs.TALLIES), np.int64)
    if given is not None:
        pulled, usable = given.pulled, given.usable.reshape(years, -1)
        codes = pulled.codes.reshape(years, STEPS, -1).transpose(0, 2, 1)
        clear_obs, ids = pulled.clear_obs.reshape(years, -1), np.array(plan.model.classes)
        somewhere = usable.any(axis=0)
        places = np.flatnonzero(somewhere)
        beside = None
        if plan.covariates and len(places):
            beside = read_block(plan.covariates, plan.grid, block.window, somewhere.reshape(shape))
        for first in range(0, len(places), _ROWS):
            some = places[first : first + _ROWS]
            seen = usable[:, some]
            values = None if beside is None else beside[first : first + _ROWS]
            probability = _probabilities(plan.model, np.ascontiguousarray(codes[:, some]), seen, values)
            weight = year_weights(clear_obs[:, some], seen, transitions.full_clear)
            likelihood = hidden_markov.log_likelihood(probability, weight.T, plan.class_error)
            decoded = hidden_markov.viterbi(likelihood, transitions.start, transitions.matrix)
            class_id[:, some] = ids[decoded.T]
            single = probability.argmax(axis=2)
            both = (seen[1:] & seen[:-1]).T
            flips = [((one[:, 1:] != one[:, :-1]) & both).sum() for one in (single, decoded)]
            tallies += [len(some), both.sum(), *flips, (~seen).sum()]
    return {"class_id": class_id.reshape(years, *shape), "tallies": tallies, MAPPED: tallies[0]}
