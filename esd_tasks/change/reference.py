"""Places that changed and places that did not, each with its two years, read from any vector file."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks import vector_file
from esd_tasks.accuracy import Accuracy, weighted_summary
from esd_tasks.labels import CLASS_FIELDS, Labels
from stactools_esd.errors import LabelsError, UsageError

NO_CHANGE: Final = 1
"""The class_id of places that stayed what they were."""

CHANGE: Final = 2
"""The class_id of places that changed, where only that is told; from-to classes have 2 and up."""

NO_CHANGE_NAME, CHANGE_NAME = "no change", "change"
"""Names of these classes."""

CHANGE_NAMES: Final = {NO_CHANGE: NO_CHANGE_NAME, CHANGE: CHANGE_NAME}
"""Names by class_id."""

_STAYED: Final = frozenset({"no change", "nochange", "no_change", "no-change", "unchanged", "not changed", "stable"} | {
    "none", "no", "0", "false",
})  # fmt: skip
_CHANGED: Final = frozenset({"change", "changed", "yes", "1", "true"})
_FIELDS: Final = (("change", "changed"), CLASS_FIELDS)


@dataclass(frozen=True, kw_only=True)
class PairLabels:
    """Labelled places with the two years that they speak of."""

    labels: Labels
    """Places and classes; `year` is the later year."""

    before: NDArray[np.int64]
    """The earlier year of each, (m,)."""

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Every pair of years, once, ascending."""
        after = self.labels.year if self.labels.year is not None else self.before
        return sorted(set(zip(self.before.tolist(), after.tolist(), strict=True)))

    @property
    def years(self) -> list[int]:
        """Every year, ascending."""
        return sorted({year for pair in self.pairs for year in pair})


def read_pairs(
    path: Path,
    *,
    layer: str | None = None,
    class_field: str | None = None,
    year_fields: tuple[str, str] | None = None,
    years: tuple[int, int] | None = None,
) -> PairLabels:
    """Read places with a class of change.

    Classes that mean no change (`no change`, `unchanged`, `stable`, 0, `no`, `false`, ..) are one class; where all
    others mean change and no more (`change`, `changed`, 1, `yes`, `true`) they are the other, else each is its own.

    Args:
        path: GeoPackage, GeoJSON or Shapefile.
        layer: Which layer, where there are several.
        class_field: Field of the class; by default the one that is called like one.
        year_fields: Fields of the earlier and the later year.
        years: Both years of all places, where the file does not say.

    Raises:
        UsageError: Layer, field or years must be chosen.
        LabelsError: The file cannot be used as it is.
    """
    frame = vector_file.read_frame(path, layer)
    fields = [str(name) for name in frame.columns if name != frame.geometry.name]
    options = ("--year1-field", "--year2-field")
    year_names = [
        vector_file.find_field(name, fields, path, option)
        for name, option in zip(year_fields or (), options, strict=False)
    ]
    class_name = (
        vector_file.find_field(class_field, fields, path, "--class-field")
        if class_field
        else _guess(fields, year_names, path)
    )
    geometry, repaired = vector_file.sound_geometry(frame, path)
    texts = np.array([_text(value) for value in frame[class_name]], dtype=object)
    columns = [np.array([vector_file.year_of(value, name) or 0 for value in frame[name]]) for name in year_names]
    if not columns:
        if years is None:
            raise UsageError(f"got no years for {path.name}, expected two; name their fields or give two years")
        columns = [np.full(len(frame), year) for year in years]
    reasons = np.full(len(frame), "", dtype=object)
    reasons[(columns[0] == 0) | (columns[1] == 0)] = "one of its years is missing"
    reasons[(columns[0] >= columns[1]) & (reasons == "")] = "the years are in the wrong order"
    reasons[texts == ""] = f"no class in field {class_name}"
    reasons[[part is None or part.is_empty for part in geometry]] = "empty geometry"
    kept = reasons == ""
    dropped = dict(Counter(reasons[~kept].tolist()))
    if not kept.any():
        said = "; ".join(f"{reason}: {n}" for reason, n in dropped.items()) or "the layer is empty"
        raise LabelsError(
            f"got no usable feature among {len(frame)} in {path.name} ({said}), expected points or polygons that say "
            "change or no change; correct the file"
        )
    class_id, names = _classes(texts[kept], class_name)
    labels = Labels(
        geometry=geometry[kept],
        class_id=class_id,
        year=columns[1][kept].astype(np.int64),
        names=names,
        class_field=class_name,
        crs=frame.crs.to_string(),
        dropped=dropped,
        repaired=repaired,
    )
    return PairLabels(labels=labels, before=columns[0][kept].astype(np.int64))


def changed_summary(
    mapped: NDArray[np.bool_], reference: NDArray[np.bool_], weight: NDArray[np.float64] | None = None
) -> Accuracy:
    """Compute the measures of a map of change and no change.

    Args:
        mapped: Where the map says change, (n,).
        reference: Where there was change, (n,).
        weight: What each place stands for, (n,); all alike if None.
    """
    pair = 2 * mapped.astype(np.int64) + reference
    counts = np.bincount(pair, minlength=4).reshape(2, 2)
    shares = counts if weight is None else np.bincount(pair, weights=weight, minlength=4).reshape(2, 2)
    return weighted_summary(shares, counts, tuple(CHANGE_NAMES))


def is_changed(value: Any) -> bool | None:
    """Tell whether a value means change; None where it says neither."""
    text = _text(value).casefold()
    return False if text in _STAYED or not text else True if text in _CHANGED else None


def _guess(fields: Sequence[str], years: Sequence[str], path: Path) -> str:
    """Return the one field that is called change, else the one called like a class, or else the only one there is."""
    others = [name for name in fields if name not in years]
    for names in _FIELDS:
        if likely := [name for name in others if name.casefold() in names]:
            break
    if len(likely or others) == 1:
        return (likely or others)[0]
    raise UsageError(
        f"got no --class-field for {path.name}, expected the field that says change or no change; choose one of "
        f"{', '.join(likely or others) or 'none'}"
    )


def _text(value: Any) -> str:
    """Return a class as text: trimmed, composed, whole numbers without zeros behind them; empty for nothing."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | float | np.number):
        return f"{value:g}"
    return unicodedata.normalize("NFC", str(value)).strip()


def _classes(texts: NDArray[np.object_], field: str) -> tuple[NDArray[np.uint16], dict[int, str]]:
    """Return class ids and their names."""
    stayed = np.array([text.casefold() in _STAYED for text in texts])
    others = sorted({text for text, still in zip(texts, stayed, strict=True) if not still})
    if stayed.all() or not stayed.any():
        raise LabelsError(
            f"got {'only places without change' if stayed.all() else 'no place without change'} in field {field} "
            f"({', '.join(sorted(set(texts))[:5])}), expected both; write `{NO_CHANGE_NAME}` for places that stayed "
            "what they were"
        )
    if all(text.casefold() in _CHANGED for text in others):
        return np.where(stayed, NO_CHANGE, CHANGE).astype(np.uint16), {NO_CHANGE: NO_CHANGE_NAME, CHANGE: CHANGE_NAME}
    ids = {text: number for number, text in enumerate(others, start=CHANGE)}
    class_id = [NO_CHANGE if still else ids[text] for text, still in zip(texts, stayed, strict=True)]
    return np.array(class_id, np.uint16), {NO_CHANGE: NO_CHANGE_NAME} | {number: text for text, number in ids.items()}
