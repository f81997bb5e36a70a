"""Figures of an assessment as JSON holds them: with standard errors, intervals and units."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.accuracy import json_number
from esd_tasks.assess import Assessment
from esd_tasks.assess_request import AREA_UNITS
from esd_tasks.estimates import Z_95
from esd_tasks.wilson import SOURCE as SCORE_SOURCE


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


def weighted(assessment: Assessment) -> dict[str, Any]:
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
