"""The population that reference samples stand for: strata, their sizes, and what the map says of them."""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.assess_reference import class_text
from esd_tasks.assess_request import Sampling
from esd_tasks.design_file import SampleDesign
from esd_tasks.strata_counts import StrataCounts
from stactools_esd.errors import LabelsError, UsageError

OLOFSSON: Final = "Olofsson et al. 2014: strata are the classes of the map"
POST: Final = "Olofsson et al. 2014: simple random sample, post-stratified by the classes of the map"
STEHMAN: Final = "Stehman 2014: strata are not the classes of the map; ratio estimators"
SIMPLE: Final = "Stehman 2014, one stratum: simple random sample; ratio estimators"
BY_AREA: Final = "each sample with the area of its pixel (separate ratio estimator, Cochran 1977)"
"""Stands behind the estimator where pixels differ in area and were drawn alike."""

NONE: Final = "none: the samples are not a probability sample"


@dataclass(frozen=True, kw_only=True)
class Population:
    """H strata over a map of k classes."""

    sampling: Sampling
    """How samples were drawn."""

    method: str
    """Estimator, and where it is published."""

    stratum_ids: tuple[int, ...]
    """Strata."""

    stratum_names: dict[int, str]
    """Their names."""

    sizes: NDArray[np.int64]
    """Pixels of each stratum, (H,)."""

    weights: NDArray[np.float64]
    """Share of each stratum, (H,), by true area where it is known, else by pixels."""

    class_ids: tuple[int, ...]
    """Classes of the map."""

    pixels: NDArray[np.int64]
    """Mapped pixels of each class, (k,)."""

    area: NDArray[np.float64]
    """Mapped area of each class in square metres, (k,); NaN where it is not known."""

    possible: NDArray[np.bool_] | None
    """Whether a stratum holds a class, (H, k); None where it is not known."""

    by_class: bool
    """Whether the strata are the map's classes."""

    corrected: bool
    """Whether the finite population correction is used."""

    by_area: bool = False
    """Whether each sample counts with the area of its pixel."""

    unclassified: int = 0
    """Pixels of the map without a class."""

    no_stratum: int = 0
    """Classified pixels without a stratum."""

    left_out: int = 0
    """Pixels of excluded classes."""

    @property
    def total_area(self) -> float:
        """Square metres of the population; NaN where areas are not known."""
        return float(self.area.sum())


def population_of(
    counts: StrataCounts,
    sampling: Sampling,
    *,
    names: Mapping[int, str],
    stratum_names: Mapping[int, str] | None = None,
    post_strata: bool = True,
) -> Population:
    """Return the population of a counted map.

    The correction for a finite population is left out where strata are the map's classes, as Olofsson et al. do, and
    used otherwise, as Stehman does.

    Args:
        counts: Pixels by stratum and class.
        sampling: How samples were drawn.
        names: Names of the map's classes.
        stratum_names: Names of strata that are not the map's classes; None where they are.
        post_strata: Weigh a simple random sample by the map's classes.
    """
    by_class = stratum_names is None and (sampling != "simple" or post_strata)
    if sampling == "simple" and not post_strata:
        counts = replace(
            counts,
            stratum_ids=(1,),
            pixels=counts.pixels.sum(axis=0, keepdims=True),
            area=counts.area.sum(axis=0, keepdims=True),
        )
        stratum_names = {1: "the map"}
    method = STEHMAN if sampling == "stratified" else SIMPLE
    if sampling == "convenience":
        method = NONE
    elif by_class:
        method = OLOFSSON if sampling == "stratified" else POST
    return Population(
        sampling=sampling,
        method=method,
        stratum_ids=counts.stratum_ids,
        stratum_names=dict(names if stratum_names is None else stratum_names),
        sizes=counts.sizes,
        weights=counts.weights,
        class_ids=counts.class_ids,
        pixels=np.asarray(counts.pixels.sum(axis=0)),
        area=np.asarray(counts.area.sum(axis=0)),
        possible=counts.pixels > 0,
        by_class=by_class,
        corrected=not by_class,
        unclassified=counts.unclassified,
        no_stratum=counts.no_stratum,
        left_out=counts.left_out,
    )


def counts_of(design: SampleDesign, excluded: Collection[int] = ()) -> StrataCounts:
    """Return the counts that a record of a draw holds: those of the map that it was drawn from.

    Args:
        design: The record.
        excluded: Classes that are not part of the population.
    """
    kept = [stratum for stratum in design.strata if stratum.stratum not in excluded]
    ids = tuple(stratum.stratum for stratum in kept)
    return StrataCounts(
        stratum_ids=ids,
        class_ids=ids,
        pixels=np.diag([stratum.pixels for stratum in kept]),
        area=np.diag([stratum.area_m2 for stratum in kept]),
        unclassified=design.unclassified,
        left_out=sum(stratum.pixels for stratum in design.strata if stratum.stratum in excluded),
    )


def with_sizes(population: Population, sizes: Mapping[str, int]) -> tuple[Population, dict[str, int]]:
    """Put strata that a field names in the place of the map's classes.

    Args:
        population: The map as counted.
        sizes: Pixels of each stratum, by its text in the field.

    Returns:
        The population, and the number that stands for each text.
    """
    numbers = {text: position for position, text in enumerate(sizes, start=1)}
    pixels = np.array(list(sizes.values()), dtype=np.int64)
    return (
        replace(
            population,
            method=STEHMAN,
            stratum_ids=tuple(numbers.values()),
            stratum_names={number: text for text, number in numbers.items()},
            sizes=pixels,
            weights=pixels / pixels.sum(),
            possible=None,
            by_class=False,
            corrected=True,
        ),
        numbers,
    )


def by_area(population: Population, stratum: NDArray[np.int64], areas: NDArray[np.float64]) -> Population:
    """Let each sample count with the area of its pixel.

    Strata of which only the pixels are known have the mean pixel area of their samples.

    Args:
        population: The population.
        stratum: Stratum of each sample, (n,).
        areas: Square metres of the pixel of each, (n,).
    """
    weights = population.weights
    if population.possible is None:
        means = [areas[stratum == one].mean() if (stratum == one).any() else 1.0 for one in population.stratum_ids]
        weights = population.sizes * np.array(means)
        weights = weights / weights.sum()
    return replace(population, by_area=True, weights=weights, method=f"{population.method}; {BY_AREA}")


def read_sizes(path: Path) -> dict[str, int]:
    """Read sizes of strata: a CSV with the columns `stratum` and `pixels`.

    Raises:
        UsageError: There is no such file.
        LabelsError: It is no such table.
    """
    if not path.is_file():
        raise UsageError(f"got --strata-sizes {path}, which is no file, expected a CSV with stratum and pixels")
    sizes: dict[str, int] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                text, pixels = class_text(row["stratum"]), int(row["pixels"])
            except (KeyError, TypeError, ValueError) as error:
                raise LabelsError(
                    f"got line {line} of {path.name} without stratum and pixels, expected both, pixels a whole number; "
                    "name the columns stratum and pixels"
                ) from error
            if text is None or pixels < 1 or text in sizes:
                raise LabelsError(
                    f"got stratum {text!r} with {pixels} pixels in line {line} of {path.name}, expected each stratum "
                    "once, with pixels; correct it"
                )
            sizes[text] = pixels
    if not sizes:
        raise LabelsError(f"got no stratum in {path.name}, expected a line for each; add them")
    return sizes
