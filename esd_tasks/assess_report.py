"""An assessment as JSON and as tables for spreadsheets."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.accuracy import DESIGN_STATEMENT, json_number
from esd_tasks.assess import Assessment
from esd_tasks.assess_request import AREA_UNITS
from esd_tasks.assess_table import write_matrix
from esd_tasks.estimates import Z_95
from esd_tasks.run_record import software
from esd_tasks.wilson import SOURCE as SCORE_SOURCE
from stactools_esd.errors import OutputError
from stactools_esd.files import json_text, read_json, write_json

SCHEMA_VERSION: Final = "1"
"""Version of the layout of `accuracy.json` of an assessment."""

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
    matrix = plain.pop("matrix")
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "design_based": {
            "valid": valid,
            "statement": None if valid else NOT_VALID,
            "sampling": population.sampling,
            "method": population.method,
            "finite_population_correction": population.corrected if valid else None,
            "confidence": 0.95,
            "record": assessment.record,
        },
        "area_weighted": _weighted(assessment) if valid else None,
        "plain": {"statement": PLAIN_STATEMENT if valid else NOT_VALID, **plain},
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
        if valid
        else None,
        "matrix": matrix,
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
    }


def write_report(assessment: Assessment) -> dict[str, Path]:
    """Write `accuracy.json` and the error matrix, as counts and as shares of area.

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
    if path.exists() and not assessment.request.overwrite:
        there = read_json(path, error=OutputError)
        if json_text(there) != json_text(content):
            raise OutputError(
                f"got {folder} with another accuracy.json, expected an empty folder; choose another with -o, or "
                "replace it with --overwrite"
            )
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
    return paths


def pixel_area(assessment: Assessment) -> dict[str, Any] | None:
    """Return how the map's pixels compare to what its projection says; None where areas are not known.

    Args:
        assessment: What was found.
    """
    population, nominal = assessment.population, assessment.nominal_pixel
    if assessment.checksum is None or np.isnan(population.total_area):
        return None
    mean = population.total_area / int(population.pixels.sum())
    off = None if nominal is None else json_number(100 * (nominal / mean - 1), 4)
    return {"mean_m2": json_number(mean, 4), "nominal_m2": nominal, "nominal_off_by_percent": off}


def area_number(square_metres: float, assessment: Assessment) -> float | None:
    """Return an area in the unit that was asked for, as JSON can hold it.

    Args:
        square_metres: The area.
        assessment: Whose area it is.
    """
    return json_number(square_metres / AREA_UNITS[assessment.request.area_unit], 4)


def _weighted(assessment: Assessment) -> dict[str, Any]:
    """Return the design-based estimates."""
    found, total = assessment.estimates, assessment.population.total_area
    if found is None:
        return {}
    return {
        "overall_accuracy": _figure(found.overall, found.overall_se) | _score(assessment.score_overall),
        "classes": [
            {
                "class_id": class_id,
                "class_name": assessment.names[class_id],
                "users_accuracy": _figure(found.users[k], found.users_se[k]) | _score(assessment.score_users[k]),
                "producers_accuracy": _figure(found.producers[k], found.producers_se[k]),
                "share": _figure(found.shares[k], found.shares_se[k]),
                "area": _area(found.shares[k] * total, found.shares_se[k] * total, assessment),
            }
            for k, class_id in enumerate(assessment.class_ids)
        ],
        "score_interval_statement": SCORE_SOURCE,
        "area_unit": assessment.request.area_unit,
        "matrix": {
            "rows": "map",
            "columns": "reference",
            "class_ids": list(assessment.class_ids),
            "shares": _rounded(found.proportions),
        },
    }


def _figure(value: float, error: float) -> dict[str, Any]:
    """Return a share with its standard error and interval of 95 %, cut to 0..1."""
    half = Z_95 * error
    interval = (
        None if np.isnan(value + half) else [json_number(max(0, value - half)), json_number(min(1, value + half))]
    )
    return {
        "estimate": json_number(value),
        "standard_error": json_number(error),
        "half_width_95": json_number(half),
        "interval_95": interval,
    }


def _score(interval: NDArray[np.float64]) -> dict[str, Any]:
    """Return a score interval, None where the figure is no simple proportion."""
    low, high = interval.tolist()
    return {"score_interval_95": None if low != low else [json_number(low), json_number(high)]}


def _area(value: float, error: float, assessment: Assessment) -> dict[str, Any]:
    """Return an area with its standard error and interval of 95 %, not below 0."""
    half = Z_95 * error
    interval = None
    if not np.isnan(value + half):
        interval = [area_number(max(0.0, value - half), assessment), area_number(value + half, assessment)]
    return {
        "estimate": area_number(value, assessment),
        "standard_error": area_number(error, assessment),
        "half_width_95": area_number(half, assessment),
        "interval_95": interval,
    }


def _rounded(values: NDArray[np.float64]) -> list[list[float | None]]:
    return [[json_number(value, 8) for value in row] for row in values.tolist()]
