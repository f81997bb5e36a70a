"""From a map and reference data to accuracy and area with honest intervals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.accuracy import Accuracy, summary
from esd_tasks.assess_counts import count, moments_of, score_intervals
from esd_tasks.assess_notes import UNKNOWN_SAMPLING, estimate_notes, refuse_empty, sample_notes
from esd_tasks.assess_population import Population, by_area, population_of
from esd_tasks.assess_reference import EMPTY
from esd_tasks.assess_request import AssessRequest
from esd_tasks.assess_sample import TRAINED
from esd_tasks.assess_setting import open_setting
from esd_tasks.assess_table import Table, read_table
from esd_tasks.estimates import Estimates, Moments, estimate
from esd_tasks.strata_counts import StrataCounts
from esd_tasks.strata_names import find_classes
from stactools_esd.errors import LabelsError, NothingFoundError, UsageError

OnProgress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """Accuracy and area of a map; k classes of map or reference, H strata."""

    request: AssessRequest
    """What was asked."""

    class_ids: tuple[int, ...]
    """Classes of rows and columns."""

    names: dict[int, str]
    """Names by class_id."""

    population: Population
    """Strata and sizes."""

    counts: NDArray[np.int64]
    """Samples by stratum, map class and reference class, (H, k, k)."""

    plain: Accuracy
    """Measures of the counts alone, all strata together."""

    estimates: Estimates | None
    """Design-based estimates; None for a convenience sample."""

    score_users: NDArray[np.float64]
    """Score intervals of user's accuracies, (k, 2); NaN where they are no simple proportion."""

    score_overall: NDArray[np.float64]
    """Score interval of overall accuracy, (2,); NaN where it is no simple proportion."""

    left_out: dict[str, int]
    """Points left out, by reason."""

    notes: tuple[str, ...]
    """What the user should know, a line each."""

    nominal_pixel: float | None
    """Square metres of a pixel as the map's projection has it; None for a table or a grid of degrees."""

    checksum: str | None
    """Multihash of the map; None for a table."""

    record: str | None
    """Name of the record of the draw that was used."""

    def mapped(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return values of the map's classes for all classes, 0 for those that were never mapped, (k,).

        Args:
            values: One a class of the population.
        """
        by_id = dict(zip(self.population.class_ids, values.tolist(), strict=True))
        return np.array([by_id.get(class_id, 0) for class_id in self.class_ids], dtype=np.float64)


def assess(map: str | Path, *, on_progress: OnProgress | None = None, **options: Any) -> Assessment:
    """Assess a map; nothing is written (`assess_report.write_report` does).

    Args:
        map: Raster of classes, the folder that `classify` wrote, or a table of counts.
        on_progress: Hears how far the count of pixels is.
        **options: Fields of `AssessRequest`: reference, sampling, strata, ..

    Raises:
        EsdError: See `run_assess`.
    """
    return run_assess(AssessRequest(map=Path(map), **options), on_progress)


def run_assess(request: AssessRequest, on_progress: OnProgress | None = None) -> Assessment:
    """Assess a map.

    Raises:
        UsageError: Options are missing or wrong.
        RasterError: The map is no raster of classes.
        LabelsError: The reference cannot be used, a class has no sample, or the samples trained the map.
        IncomparableError: The record of the draw is of another map.
        NothingFoundError: No reference point has both a class of the map and a reference class.
    """
    if request.is_table:
        return _assess_table(request, read_table(request.map, request.pixel_size))
    if request.reference is None:
        raise UsageError("got no --reference, expected a file of reference points; name it")
    with open_setting(request, request.reference) as setting:
        population, names, numbers = setting.population(
            None if on_progress is None else lambda done, total: on_progress("count pixels", done, total)
        )
        sample = setting.sample(names, numbers)
        n_empty = setting.reference.n_empty
        left_out = ({EMPTY: n_empty} if n_empty else {}) | sample.left_out
        if not len(sample.mapped):
            if TRAINED in sample.left_out:
                raise LabelsError(
                    f"got {request.reference.name}, whose points lie on pixels from which {setting.raster.path} was "
                    "made, expected samples that the model never saw; its cross-validation is in accuracy.json beside "
                    "the map, and esd-tasks design draws new samples"
                )
            told = "; ".join(f"{reason}: {n}" for reason, n in left_out.items()) or "the layer is empty"
            raise NothingFoundError(
                f"got no usable reference point in {request.reference.name} ({told}), expected points on the map "
                f"with a class; fill in field {setting.reference.field}, or check where they lie"
            )
        ids = tuple(sorted({*population.class_ids, *sample.reference.tolist()}))
        if (areas := setting.pixel_areas(sample)) is not None:
            population = by_area(population, sample.stratum, areas)
        return _assessment(
            request,
            population,
            count(sample, population, ids),
            {class_id: names.get(class_id, str(class_id)) for class_id in ids},
            moments=moments_of(sample, population, ids, areas),
            left_out=left_out,
            notes=sample_notes(setting, population, sample),
            nominal_pixel=setting.raster.areas.nominal,
            checksum=setting.checksum,
            record=None if setting.record is None else setting.record.name,
        )


def _assess_table(request: AssessRequest, table: Table) -> Assessment:
    """Assess an error matrix that somebody has counted; classes without pixels are in the reference only."""
    excluded = np.isin(table.class_ids, find_classes(request.exclude, table.names))
    mapped = (table.pixels > 0) & ~excluded
    if (stray := (table.pixels == 0) & (table.counts.sum(axis=1) > 0)).any():
        name = table.names[table.class_ids[int(np.argmax(stray))]]
        raise LabelsError(f"got samples mapped as {name}, which has 0 pixels, expected its pixels; fill them in")
    rows = np.flatnonzero(mapped)
    if not len(rows):
        raise NothingFoundError(f"got no class with pixels in {request.map.name}, expected some; fill in pixels")
    ids = tuple(table.class_ids[row] for row in rows)
    counts = StrataCounts(
        stratum_ids=ids,
        class_ids=ids,
        pixels=np.diag(table.pixels[rows]),
        area=np.diag(table.area[rows]) if not np.isnan(table.area).any() else np.full((len(ids),) * 2, np.nan),
        left_out=int(table.pixels[excluded].sum()),
    )
    population = population_of(
        counts, request.sampling or "convenience", names=table.names, post_strata=request.post_strata
    )
    matrix = np.where(mapped[:, None], table.counts, 0)
    seen = np.flatnonzero(mapped | (matrix.sum(axis=0) > 0))
    matrix = matrix[np.ix_(seen, seen)]
    by_class = np.where(np.isin(seen, rows), np.arange(len(seen)), -1)
    cube = matrix[None]
    if population.by_class:
        cube = np.stack([np.where((by_class == k)[:, None], matrix, 0) for k in by_class[by_class >= 0].tolist()])
    return _assessment(
        request,
        population,
        cube,
        {table.class_ids[k]: table.names[table.class_ids[k]] for k in seen.tolist()},
        left_out={},
        notes=[] if request.sampling else [UNKNOWN_SAMPLING],
    )


def _assessment(
    request: AssessRequest,
    population: Population,
    counts: NDArray[np.int64],
    names: dict[int, str],
    *,
    left_out: dict[str, int],
    notes: Iterable[str],
    moments: Moments | None = None,
    nominal_pixel: float | None = None,
    checksum: str | None = None,
    record: str | None = None,
) -> Assessment:
    """Estimate, and say what is to be known of it."""
    ids = tuple(names)
    told, estimates = list(notes), None
    score_users, score_overall = np.full((len(ids), 2), np.nan), np.full(2, np.nan)
    if population.sampling != "convenience":
        refuse_empty(counts, population)
        possible = None
        if population.possible is not None:
            possible = np.zeros(counts.shape[:2], dtype=np.bool_)
            possible[:, [ids.index(class_id) for class_id in population.class_ids]] = population.possible
        sizes = population.sizes if population.corrected else None
        estimates = estimate(counts, population.weights, sizes=sizes, possible=possible, moments=moments)
        if moments is None:
            score_users, score_overall = score_intervals(counts, possible)
        told += estimate_notes(counts, population, estimates, list(names.values()))
    return Assessment(
        request=request,
        class_ids=ids,
        names=names,
        population=population,
        counts=counts,
        plain=summary(counts.sum(axis=0), ids),
        estimates=estimates,
        score_users=score_users,
        score_overall=score_overall,
        left_out=left_out,
        notes=tuple(told),
        nominal_pixel=nominal_pixel,
        checksum=checksum,
        record=record,
    )
