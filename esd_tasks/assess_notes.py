"""What a user must know of an assessment, and what no assessment can do without."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.assess_population import Population
from esd_tasks.assess_sample import TRAINED, Sample
from esd_tasks.assess_setting import Setting
from esd_tasks.estimates import Estimates
from esd_tasks.training_pixels import UNKNOWN_TRAINING, is_untold
from stactools_esd.errors import LabelsError

FEW_SAMPLES: Final = 20
"""A stratum with fewer samples is named: intervals that hang on it are rough."""

UNKNOWN_SAMPLING: Final = (
    "nobody said how the reference was drawn, so it is taken for a convenience sample; where it was drawn at random, "
    "say so: --sampling stratified (within the map's classes, or --strata), or --sampling simple (over the whole map)"
)
"""Stands where neither the user nor a record of the draw says how samples were drawn."""

_MOST_NAMED: Final = 12
_NO_WIDTH: Final = 1e-9


def refuse_empty(counts: NDArray[np.int64], population: Population) -> None:
    """See that every stratum has a sample.

    Args:
        counts: Samples by stratum, map class and reference class, (H, k, k).
        population: The strata.

    Raises:
        LabelsError: One has none; the message names it, and the ways out.
    """
    empty = np.flatnonzero(counts.sum(axis=(1, 2)) == 0)
    if not len(empty):
        return
    what = "class" if population.by_class else "stratum"
    told = [
        f"{population.stratum_names[population.stratum_ids[h]]} ({int(population.sizes[h]):,} pixels, "
        f"{population.weights[h]:.2%} of the map)"
        for h in empty[:_MOST_NAMED].tolist()
    ]
    mend = f"sample it (esd-tasks design), or join it with another {what}"
    if population.by_class:
        first = population.stratum_names[population.stratum_ids[int(empty[0])]]
        mend = f"sample it (esd-tasks design), or leave it out of the population with --exclude {first!r}"
    if population.sampling == "simple":
        mend += ", or give up weights by class with --no-post-strata"
    raise LabelsError(f"got no reference sample in {what} {', '.join(told)}, expected at least 2 in each; {mend}")


def estimate_notes(
    counts: NDArray[np.int64], population: Population, estimates: Estimates, names: Sequence[str]
) -> Iterator[str]:
    """Say which estimates rest on little.

    Args:
        counts: Samples by stratum, map class and reference class, (H, k, k).
        population: The strata.
        estimates: What was estimated.
        names: Names of the k classes.
    """
    what = "class" if population.by_class else "stratum"
    samples = counts.sum(axis=(1, 2))
    named = [population.stratum_names[stratum] for stratum in population.stratum_ids]
    if single := [name for name, n in zip(named, samples.tolist(), strict=True) if n == 1]:
        yield (
            f"{what} {_listed(single)} has one sample, from which no standard error can be computed: whatever hangs on "
            "it has none; add a sample"
        )
    if few := [f"{name} ({n})" for name, n in zip(named, samples.tolist(), strict=True) if 1 < n < FEW_SAMPLES]:
        yield f"{what} {_listed(few)} has fewer than {FEW_SAMPLES} samples: intervals that hang on it are rough"
    for whose, errors in (("user's", estimates.users_se), ("producer's", estimates.producers_se)):
        if sure := [name for name, error in zip(names, errors.tolist(), strict=True) if error < _NO_WIDTH]:
            yield (
                f"the interval of the {whose} accuracy of {_listed(sure)} has no width, for all its samples agree: "
                "that is not certainty, the errors were just not met"
            )


def sample_notes(setting: Setting, population: Population, sample: Sample) -> Iterator[str]:
    """Say what of the reference and of the map was not used.

    Args:
        setting: What the assessment works on.
        population: The strata.
        sample: The samples that are used.
    """
    if setting.sampling == "convenience" and setting.request.sampling is None:
        yield UNKNOWN_SAMPLING
    if is_untold(setting.raster.path.parent):
        yield UNKNOWN_TRAINING
    for reason, n in sample.left_out.items():
        yield f"{n:,} point{'s' * (n > 1)} left out: {reason}"
    if setting.reference.n_empty:
        yield f"{setting.reference.n_empty:,} features left out: without a place"
    if sample.unanswered and setting.sampling != "convenience":
        strata = ", ".join(
            f"{population.stratum_names.get(stratum, stratum)} {n}" for stratum, n in sorted(sample.unanswered.items())
        )
        yield (
            f"points without a reference class ({strata}) are taken to be missing at random within their strata; if "
            "they are the hard ones, the estimates flatter"
        )
    if TRAINED in sample.left_out and setting.sampling != "convenience":
        yield "estimates are of the map without the pixels that trained it"
    if population.no_stratum:
        yield f"{population.no_stratum:,} classified pixels without a stratum are not part of the population"
    if population.left_out:
        yield f"{population.left_out:,} pixels of excluded classes are not part of the population"
    if population.by_area:
        times = setting.raster.areas.spread(setting.raster.height, setting.raster.width)
        yield (
            f"the largest pixels have {times:.2g} times the area of the smallest, and every pixel was as likely to be "
            "drawn: each sample counts with the true area of its pixel; error_matrix.csv alone does not give these "
            "estimates. Where the sample was drawn by area, say --drawn-by area"
        )
    if setting.field is not None:
        yield "sizes of strata were taken as given; whether the map covers the strata, nobody checked"
    if setting.sampling == "simple" and setting.request.post_strata:
        yield "weights by map class take the samples of each class as given, as post-stratification does"


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
