"""`report.html` of `change series`: map of break years, breaks by year, and what the search rests on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.change.series_picture import CALM, year_colours
from esd_tasks.preview import share_text
from esd_tasks.report_chart import bar
from esd_tasks.report_map import map_figure
from esd_tasks.report_page import Html

if TYPE_CHECKING:
    from esd_tasks.change.series import SeriesPlan

_TALLIES = {
    "mapped": "with enough usable years",
    "changed": "with a break",
    "changed_after_filters": "with a break after all filters",
    "baseline": "flagged by the leave-one-out medoid distance",
    "both": "flagged by both",
}


def write_report(plan: "SeriesPlan", result: Mapping[str, Any], *, notes: Sequence[str], missing: Sequence[str]) -> str:
    """Write the report of a search for breaks.

    Args:
        plan: What was done; the maps lie in its output folder.
        result: Figures, as `run.json` has them.
        notes: What a reader must know, a line each.
        missing: What could not be read, a line each.

    Returns:
        File name.
    """
    folder, first, last = plan.request.output_or_default, plan.years[0], plan.years[-1]
    return page.write_page(
        folder,
        title=f"{folder.resolve().name}, {first} to {last}",
        lead=f"Every break from {first} to {last}; a break year t lies between t - 1 and t",
        parts=[
            parts.caveats(notes, missing),
            breaks_figure(plan, result),
            years_section(result),
            search_section(plan, result),
            parts.made_section(plan, years=plan.years),
            parts.next_section(
                f"Look at {folder / 'breaks.tif'} in QGIS; magnitude.tif and duration.tif have what belongs to each "
                "break, and --table writes every one as a row.",
                f"Judge the breaks by dated places: esd-tasks change assess {folder} --reference ..",
            ),
        ],
    )


def breaks_figure(plan: "SeriesPlan", result: Mapping[str, Any]) -> Html:
    """Draw the year of the largest break of each pixel."""
    colours = year_colours(plan.years[1:])

    def colour(values: NDArray[Any]) -> NDArray[np.uint8]:
        out = np.zeros((*values.shape, 4), np.uint8)
        out[values == 0] = CALM
        for year, rgb in colours.items():
            out[values == year] = (*rgb, 255)
        return out

    keys = [page.swatch("#{:02x}{:02x}{:02x}".format(*CALM[:3]), "no break")]
    keys += [page.swatch("#{:02x}{:02x}{:02x}".format(*rgb), year) for year, rgb in colours.items()]
    tallies = result["tallies"]
    share = share_text(tallies["changed_after_filters"], tallies["mapped"])
    return map_figure(
        plan.request.output_or_default / "breaks.tif",
        colour,
        alt=f"Map of the year of the largest break, {plan.years[0]} to {plan.years[-1]}; {share} of the pixels broke.",
        caption="Year of the largest break of each pixel. Pixels with too few usable years are blank.",
        keys=keys,
    )


def years_section(result: Mapping[str, Any]) -> Html:
    """Count breaks by year."""
    by_year, mapped = result["pixels_by_break_year"], result["tallies"]["mapped"]
    most = max(by_year.values(), default=0)
    rows = [[year, f"{n:,}", share_text(n, mapped), bar(n / most if most else 0.0)] for year, n in by_year.items()]
    return page.section(
        "Breaks by year",
        page.table(
            ["Break year", "Breaks", "Of the mapped pixels", ""], rows, caption="All breaks that passed the filters"
        ),
        page.paragraph("Counts of mapped breaks: they carry the errors of the map and are no areas of change."),
    )


def search_section(plan: "SeriesPlan", result: Mapping[str, Any]) -> Html:
    """Say what was found, beside a simple baseline, and what a break must save."""
    tallies, request = result["tallies"], plan.request
    least_last = request.min_years if request.min_last is None else request.min_last
    rows = [
        [f"Pixels {words}", f"{tallies[key]:,}", share_text(tallies[key], tallies["mapped"])]
        for key, words in _TALLIES.items()
    ]
    return page.section(
        "How breaks were told",
        page.table(["", "Pixels", "Of the mapped pixels"], rows, caption="What was found, and what a baseline flags"),
        page.facts(
            {
                "Changeless series that would show a break": f"{result['false_alarms']:.2%}",
                "Pixels that tell what is usual": f"{result['calm_pixels']:,} of {result['population_pixels']:,}",
                "A break must save, usual distances": page.number(result["penalty"]),
                "Clear observations of a full year": page.number(result["full_clear"], 1),
                "Most breaks of a pixel": result["most_events_of_a_pixel"],
                "Breaks of a pixel in the maps": result["events_with_bands"],
                "Least years of a state, at the end": f"{request.min_years}, {least_last}",
                "Least magnitude": request.min_magnitude,
                "Least patch, pixels": request.min_patch,
            }
        ),
    )
