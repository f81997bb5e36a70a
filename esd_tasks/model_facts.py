"""What `model.json` says beside the model: on which codes it may be used, and how its classes are drawn."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from esd_tasks.codes_item import CodesItem
from esd_tasks.legend import Legend, LegendClass, legend_of
from esd_tasks.model_file import MALFORMED, MODEL_JSON
from stactools_esd.errors import EsdError, IncomparableError, OutputError
from stactools_esd.product import CodesIdentity, EncoderIdentity, InputRecipe, require_comparable


def legend_facts(legend: Legend) -> list[dict[str, Any]]:
    """Return a legend as JSON content."""
    return [
        {"class_id": entry.class_id, "class_name": entry.name, "colour": entry.colour}
        | ({"parent": entry.parent} if entry.parent else {})
        for entry in legend.classes
    ]


def first_day(item: CodesItem) -> str:
    """Return the day on which the years of codes start, as `MM-DD`."""
    return f"{item.window_start:%m-%d}" if item.window_start else "01-01"


def further_facts(items: Sequence[CodesItem], years: Iterable[int], legend: Legend | None = None) -> dict[str, Any]:
    """Return what every model says beside its identity: legend, first day and years of the codes it was trained on."""
    drawn = {} if legend is None else {"legend": legend_facts(legend)}
    return {
        **drawn,
        "first_day": first_day(items[0]),
        "years": sorted({int(year) for year in years}),
    }


def legend_of_model(facts: Mapping[str, Any]) -> Legend:
    """Return the legend of a saved model.

    Raises:
        OutputError: It is damaged.
    """
    try:
        if "legend" not in facts:
            return legend_of({entry["class_id"]: entry["class_name"] for entry in facts["classes"]})
        return Legend(
            tuple(
                LegendClass(
                    class_id=entry["class_id"],
                    name=entry["class_name"],
                    colour=entry["colour"],
                    parent=entry.get("parent"),
                )
                for entry in facts["legend"]
            )
        )
    except MALFORMED as error:
        raise OutputError(f"got {MODEL_JSON} with a legend that lacks {error}, train the model again") from error


def see_usable(facts: Mapping[str, Any], items: Sequence[CodesItem], folder: Path) -> None:
    """See that a model may be used on codes.

    Raises:
        IncomparableError: It was trained on codes of another encoder or recipe, or of years that start on another day.
        OutputError: It does not say on which.
    """
    try:
        identity = CodesIdentity(
            encoder=EncoderIdentity.parse(facts["encoder"], facts.get("weights_sha256")),
            recipe=InputRecipe.from_dict(facts["input_recipe"]),
            format_version=str(facts["format_version"]),
        )
    except (*MALFORMED, EsdError) as error:
        raise OutputError(
            f"got {folder / MODEL_JSON} without its encoder or recipe ({error}), train it again"
        ) from error
    require_comparable({f"the model in {folder}": identity} | {item.id: item.identity for item in items})
    starts = facts.get("first_day", "01-01")
    if other := [item for item in items if first_day(item) != starts]:
        raise IncomparableError(
            f"got {other[0].id}, whose 365 days start on {first_day(other[0])} (month-day), expected {starts} as the "
            f"codes that the model in {folder} was trained on; choose items that start alike"
        )
