"""Classes as fields hold them, names in any script or integers, turned into ids and names."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.legend import LARGEST_ID, UNCLASSIFIED, plain_name
from stactools_esd.errors import LabelsError, UsageError

MOST_CLASSES: Final = 254
"""Classes that one model and one map may have."""


def class_value(value: Any) -> Any:
    """Return a class value with blanks trimmed and Unicode composed, or None where there is none."""
    if value is None or value != value:  # NaN and NaT differ from themselves
        return None
    if isinstance(value, str):
        return plain_name(value) or None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return value.item() if isinstance(value, np.generic) else value


def class_ids(
    values: NDArray[np.object_], legend: Mapping[int, str] | None, field: str, exclude: Sequence[str] = ()
) -> tuple[NDArray[np.uint16], dict[int, str]]:
    """Turn class values into ids, by the legend or by themselves; return ids, 0 of excluded classes, and names."""
    found = sorted(set(values.tolist()), key=str)
    if any(isinstance(value, float) and not value.is_integer() for value in found):
        raise LabelsError(
            f"got fractions in field {field}, expected class names or integers; choose another --class-field"
        )
    texts = {value: _plain(value) for value in found}
    names = _own_names(sorted(set(texts.values())), field) if legend is None else dict(sorted(legend.items()))
    if UNCLASSIFIED in names:
        raise LabelsError("got class 0 in the legend, expected 1 and up: 0 is kept for unclassified pixels; change it")
    by_text = {str(class_id): class_id for class_id in names}
    by_text |= {plain_name(name): class_id for class_id, name in names.items()}
    by_value = {value: by_text.get(str(value), by_text.get(text)) for value, text in texts.items()}
    if unknown := sorted({texts[value] for value, class_id in by_value.items() if class_id is None}):
        raise LabelsError(
            f"got class {', '.join(unknown[:5])} in field {field}, expected classes of the legend "
            f"({', '.join(f'{class_id} {name}' for class_id, name in list(names.items())[:12])}); "
            "add it to the legend or correct the labels"
        )
    excluded = {_excluded(text, by_text) for text in exclude}
    names = {class_id: name for class_id, name in names.items() if class_id not in excluded}
    ids = [by_value[value] for value in values]
    class_id = np.array([UNCLASSIFIED if one in excluded else one for one in ids], dtype=np.uint16)
    if (present := len(kept := np.unique(class_id[class_id != UNCLASSIFIED]))) not in range(2, MOST_CLASSES + 1):
        got = f"one class only ({names[int(kept[0])]})" if present == 1 else f"{present} classes"
        raise LabelsError(
            f"got {got} in field {field}, expected 2 to {MOST_CLASSES}; "
            + ("add labels of another class" if present <= 1 else "choose another --class-field")
        )
    return class_id, names


def _excluded(text: str, by_text: Mapping[str, int]) -> int:
    """Return the class_id that the user named."""
    plain = plain_name(text)
    if plain not in by_text:
        raise UsageError(
            f"got --exclude {text}, expected a class of the labels: {', '.join(by_text)}; name one of them"
        )
    return by_text[plain]


def _plain(value: Any) -> str:
    """Return a class value as text; whole numbers, also in text, without zeros around them."""
    text = str(value)
    return str(int(float(text))) if re.fullmatch(r"-?\d{1,15}(\.0+)?", text) else text


def _own_names(texts: Sequence[str], field: str) -> dict[int, str]:
    """Return ids and names of classes without a legend: integers are ids, other names are counted from 1."""
    if not all(re.fullmatch(r"-?\d+", text) for text in texts):
        return dict(enumerate(texts, start=1))
    ids = sorted({int(text) for text in texts})
    if ids[0] <= UNCLASSIFIED or ids[-1] > LARGEST_ID:
        wrong = ids[0] if ids[0] <= UNCLASSIFIED else ids[-1]
        raise LabelsError(
            f"got class {wrong} in field {field}, expected integers 1..{LARGEST_ID} (0 is kept for unclassified "
            "pixels) or names; give the class another id, or a name in a text field"
        )
    return {class_id: str(class_id) for class_id in ids}
