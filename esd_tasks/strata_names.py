"""Names of the classes of a raster, and classes that a user names."""

from collections.abc import Iterable, Mapping

from esd_tasks.labels import MOST_CLASSES
from stactools_esd.errors import LabelsError, UsageError


def names_of(
    ids: Iterable[int],
    stated: Mapping[int, str],
    *,
    given: Mapping[int, str] | None = None,
    where: str = "",
) -> dict[int, str]:
    """Return a name for each class_id: from a legend, from the raster, else the id as text.

    Args:
        ids: Classes that the raster has.
        stated: Names that the raster states.
        given: Names of a legend that the user gave; it must hold all classes.
        where: The raster's name, for messages.

    Raises:
        LabelsError: The legend lacks a class, or there are too many classes for a class map.
    """
    ids = sorted(ids)
    if len(ids) > MOST_CLASSES:
        raise LabelsError(
            f"got {len(ids)} values in {where}, expected at most {MOST_CLASSES} classes; give a class map"
        )
    if given is not None and (missing := [class_id for class_id in ids if class_id not in given]):
        raise LabelsError(
            f"got class_id {', '.join(map(str, missing[:10]))} in {where}, expected classes of the legend; "
            "add them to it"
        )
    names = dict(stated if given is None else given)
    return {class_id: names.get(class_id, str(class_id)) for class_id in sorted({*ids, *names})}


def find_classes(wanted: Iterable[str], names: Mapping[int, str]) -> tuple[int, ...]:
    """Return the ids of classes that a user names, by name or by id.

    Args:
        wanted: Names or ids.
        names: Names by class_id; an id that is not there is taken as it stands where the map states no names.

    Raises:
        UsageError: There is no such class.
    """
    by_text = {str(class_id): class_id for class_id in names} | {name: class_id for class_id, name in names.items()}
    found = []
    for text in wanted:
        if text not in by_text and (names or not text.isdigit()):
            raise UsageError(
                f"got --exclude {text}, expected classes of the map: {', '.join(names.values()) or 'their ids'}"
            )
        found.append(by_text.get(text) or int(text))
    return tuple(sorted(found))
