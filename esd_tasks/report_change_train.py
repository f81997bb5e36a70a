"""`report.html` of `change train`: how well the model tells change in blocks that did not train it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.change.pair_samples import PairSamples
from esd_tasks.report_change_accuracy import change_accuracy_sections

if TYPE_CHECKING:
    from esd_tasks.change.train import TrainPlan
    from esd_tasks.change.validation import Validation


def write_report(
    plan: "TrainPlan",
    samples: PairSamples,
    accuracy: Mapping[str, Any],
    validation: "Validation",
    *,
    notes: list[str],
) -> str:
    """Write the report of a model of change.

    Args:
        plan: What was done.
        samples: What the model was trained on.
        accuracy: Content of `accuracy.json`.
        validation: What that was made of.
        notes: What a reader must know, a line each.

    Returns:
        File name.
    """
    folder, pairs = plan.request.output_or_default, plan.pairs.pairs
    names = samples.samples.names
    rows = [[names[one], one, f"{n:,}"] for one, n in samples.samples.counts.items()]
    return page.write_page(
        folder,
        title=folder.resolve().name,
        lead="Model of change from labelled pairs of years",
        parts=[
            parts.caveats([accuracy["statement"], *notes]),
            page.section(
                "Training samples",
                page.table(["Class", "Id", "Pixels"], rows, caption="Pixels that the model was trained on"),
                page.facts({"Pairs of years": ", ".join(f"{first} to {last}" for first, last in pairs)}),
            ),
            *change_accuracy_sections(accuracy, validation),
            parts.made_section_of(
                plan.request.command,
                plan.items,
                plan.items[0].identity,
                years=plan.pairs.years,
                run_key=plan.run_key,
                further={"Trees": plan.facts["parameters"]["trees"]},
            ),
            parts.next_section(f"Map any two years: esd-tasks change pair YEAR1 YEAR2 --model {folder}"),
        ],
    )
