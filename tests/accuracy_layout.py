"""What every accuracy.json of the toolkit begins with."""

from typing import Any

import numpy as np

FIRST = ["schema_version", "kind", "statement", "design_based", "n"]
OF_CLASSES = ["overall_accuracy", "balanced_accuracy", "kappa", "classes", "matrix"]
CLASS = ["class_id", "class_name", "n_map", "n_reference", "users_accuracy", "producers_accuracy", "f1"]


def check_order(content: dict[str, Any], *figures: str) -> None:
    """See that a report has what all have, in the order that all have, with figures of its own."""
    expected = [*FIRST, *figures, "protocol"]
    assert list(content)[: len(expected)] == expected
    assert list(content["design_based"]) == ["valid", "statement"]


def check_layout(content: dict[str, Any]) -> None:
    """See that a report of classes has what all have."""
    check_order(content, *OF_CLASSES)
    assert [name for name in content["classes"][0] if name != "note"] == CLASS
    assert list(content["matrix"]) == ["rows", "columns", "class_ids", "class_names", "counts"]
    assert content["n"] == np.sum(content["matrix"]["counts"])
