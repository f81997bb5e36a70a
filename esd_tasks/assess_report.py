"""An assessment as JSON and as tables for spreadsheets."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from esd_tasks.accuracy import DESIGN_STATEMENT, Accuracy, json_number, weighted_summary
from esd_tasks.accuracy_content import accuracy_content, see_free
from esd_tasks.assess import Assessment
from esd_tasks.assess_figures import area_number, pixel_area, weighted
from esd_tasks.assess_population import BY_AREA
from esd_tasks.assess_request import AREA_UNITS
from esd_tasks.assess_table import write_matrix
from esd_tasks.report_assess import write_report as write_page
from esd_tasks.run_record import software
from stactools_esd.files import write_json

KIND: Final = "assessment with reference data"
"""What the JSON is of."""

ACCURACY_JSON: Final = "accuracy.json"
MATRIX_CSV: Final = "error_matrix.csv"
SHARES_CSV: Final = "error_matrix_shares.csv"

NOT_VALID: Final = (
    f"design-based intervals not valid: {DESIGN_STATEMENT[0].lower()}{DESIGN_STATEMENT[1:]} What follows are plain "
    "counts, of these samples and not of the map; if the map was trained on samples like these, the figures to use are "
    "those of its spatial cross-validation (accuracy.json beside the map)."
)
"""Stands over the figures of a convenience sample."""

WEIGHTED_STATEMENT: Final = (
    "Figures of the map, estimated from a probability sample and weighted by area; standard errors and intervals stand "
    "in area_weighted, counts of samples in matrix and plain."
)
"""Stands over the figures of a probability sample."""

PLAIN_STATEMENT: Final = (
    "Plain figures are shares of the samples: they estimate the map only where every stratum was sampled in proportion "
    "to its area. Area-weighted figures estimate the map; where the two differ, that is the design and no error."
)
"""Stands beside plain figures."""


def report(assessment: Assessment) -> dict[str, Any]:
    """Return the content of `accuracy.json`; what is undefined is None.

    Args:
        assessment: What was found.
    """
    population, request = assessment.population, assessment.request
    valid = assessment.estimates is not None
    plain = assessment.plain.as_dict(assessment.names)
    del plain["matrix"]
    return accuracy_content(
        _measured(assessment).as_dict(assessment.names),
        kind=KIND,
        statement=WEIGHTED_STATEMENT if valid else NOT_VALID,
        design_statement=None if valid else NOT_VALID,
        protocol={
            "sampling": population.sampling,
            "method": population.method,
            "finite_population_correction": population.corrected if valid else None,
            "pixel_weights": BY_AREA if population.by_area else None,
            "confidence": 0.95,
            "record": assessment.record,
        },
        further={
            "area_weighted": weighted(assessment) if valid else None,
            "plain": {"statement": PLAIN_STATEMENT if valid else NOT_VALID, **plain},
            **_sizes(assessment),
            "left_out": assessment.left_out,
            "pixels_not_in_population": {
                "unclassified": population.unclassified,
                "without_stratum": population.no_stratum,
                "excluded": population.left_out,
            },
            "notes": list(assessment.notes),
            "inputs": {
                "map": request.map.as_posix(),
                "map_checksum": assessment.checksum,
                "reference": None if request.reference is None else request.reference.as_posix(),
                "strata": request.strata,
            },
            "software": {name: software()[name] for name in ("stactools-esd", "numpy")},
        },
    )


def _measured(assessment: Assessment) -> Accuracy:
    """Return the figures of the map: those of the estimated shares of area; of the samples where there are none."""
    found, plain = assessment.estimates, assessment.plain
    if found is None:
        return plain
    return weighted_summary(found.proportions, plain.matrix, assessment.class_ids)


def _sizes(assessment: Assessment) -> dict[str, Any]:
    """Return what was mapped, and the strata."""
    population, request = assessment.population, assessment.request
    return {
        "mapped": {
            "statement": "Mapped area is a count of pixels, not an estimate of area.",
            "unit": request.area_unit,
            "classes": [
                {
                    "class_id": class_id,
                    "class_name": assessment.names[class_id],
                    "pixels": int(pixels),
                    "area": area_number(area, assessment),
                }
                for class_id, pixels, area in zip(
                    assessment.class_ids,
                    assessment.mapped(population.pixels),
                    assessment.mapped(population.area),
                    strict=True,
                )
            ],
            "total_area": area_number(population.total_area, assessment),
            "pixel_area": pixel_area(assessment),
        },
        "strata": [
            {
                "stratum": stratum,
                "name": population.stratum_names.get(stratum, str(stratum)),
                "pixels": int(population.sizes[h]),
                "weight": json_number(population.weights[h]),
                "samples": int(assessment.counts[h].sum()),
            }
            for h, stratum in enumerate(population.stratum_ids)
        ]
        if assessment.estimates is not None
        else None,
    }


def write_report(assessment: Assessment) -> dict[str, Path]:
    """Write `accuracy.json`, the error matrix, as counts and as shares of area, and `report.html`.

    The counts go with the mapped pixels and areas where strata are the map's classes: such a table says all that the
    estimates need, and `assess` reads it.

    Returns:
        Files by kind.

    Raises:
        OutputError: The folder holds another assessment, or cannot be written.
    """
    folder = assessment.request.output_or_default
    content = report(assessment)
    path = folder / ACCURACY_JSON
    see_free(path, content, overwrite=assessment.request.overwrite)
    population, unit = assessment.population, assessment.request.area_unit
    sizes: dict[str, Any] = {}
    if population.by_class:
        sizes["pixels"] = assessment.mapped(population.pixels).astype(np.int64)
        if not np.isnan(population.area).any():
            sizes[f"area_{unit}"] = np.round(assessment.mapped(population.area) / AREA_UNITS[unit], 4)
    ids, names = assessment.class_ids, assessment.names
    paths = {"accuracy": path, "matrix": folder / MATRIX_CSV}
    write_matrix(paths["matrix"], ids, names, assessment.counts.sum(axis=0), sizes=sizes)
    if assessment.estimates is not None:
        paths["shares"] = folder / SHARES_CSV
        write_matrix(paths["shares"], ids, names, assessment.estimates.proportions.round(8))
    else:
        (folder / SHARES_CSV).unlink(missing_ok=True)  # of an earlier assessment
    write_json(path, content)
    command = assessment.request.command
    paths["report"] = folder / write_page(folder, content, assessment.counts.tolist(), command=command)
    return paths
