"""Tables of accuracy for reports: by class and as matrices, whatever was judged (`accuracy_content`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.report_chart import bar
from esd_tasks.report_page import Html


def class_accuracy_table(classes: Sequence[Mapping[str, Any]], *, caption: str) -> Html:
    """Return user's and producer's accuracy and F1 of each class, with bars.

    Args:
        classes: `classes` of `accuracy.json`.
        caption: What was tested, and how.
    """
    rows = [
        [
            one["class_name"],
            one["n_reference"],
            page.number(one["users_accuracy"]),
            bar(one["users_accuracy"]),
            page.number(one["producers_accuracy"]),
            bar(one["producers_accuracy"], turn=1),
            page.number(one["f1"]),
        ]
        for one in classes
    ]
    return page.table(["Class", "Samples", "User's", "", "Producer's", "", "F1"], rows, caption=caption)


def count_matrix(matrix: Mapping[str, Any], *, caption: str) -> Html:
    """Return an error matrix of counts as heat.

    Args:
        matrix: `matrix` of `accuracy.json`.
        caption: What it tells.
    """
    return parts.matrix_table(matrix["class_names"], matrix["counts"], numbers=matrix.get("class_ids"), caption=caption)
