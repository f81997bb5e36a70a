"""What every accuracy.json of the toolkit begins with."""

from typing import Any

import numpy as np

SHARED = [
    "schema_version", "kind", "statement", "design_based", "n", "overall_accuracy", "balanced_accuracy", "kappa",
    "classes", "matrix", "protocol",
]  # fmt: skip
CLASS = ["class_id", "class_name", "n_map", "n_reference", "users_accuracy", "producers_accuracy", "f1"]


def check_layout(content: dict[str, Any]) -> None:
    """See that a report has what all have, in the order that all have."""
    assert list(content)[: len(SHARED)] == SHARED
    assert [name for name in content["classes"][0] if name != "note"] == CLASS
    assert list(content["matrix"]) == ["rows", "columns", "class_ids", "class_names", "counts"]
    assert list(content["design_based"]) == ["valid", "statement"]
    assert content["n"] == np.sum(content["matrix"]["counts"])
