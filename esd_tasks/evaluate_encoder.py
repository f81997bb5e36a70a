"""Judge an encoder on tasks by the protocol: land cover, clearings, few labels, change, identity; codes beside raw."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from esd_tasks.encoder_tasks import change, fewshot, identity, inputs, landcover
from esd_tasks.encoder_tasks.class_f1 import judge_class
from esd_tasks.encoder_tasks.inputs import CHANGE, CLEARED, LABELLED, ROWS, EncodesYears
from esd_tasks.encoder_tasks.report import (
    Section,
    auc_section,
    deforestation_section,
    fewshot_section,
    landcover_section,
)
from stactools_esd.errors import UsageError

OnProgress = Callable[[str, int, int], None]
"""Told the stage, how many of its parts are done, and how many there are."""

REPEATS: Final = 10
"""How many times the folds of land cover are drawn."""

_FOLDS: Final = 5


def choose_sets(sets: Sequence[str], *, test: bool) -> tuple[str, ...]:
    """Return the sets to judge on; test sets only where that was said.

    Args:
        sets: Names; empty for all test sets with `test`, else for all others. The change set has no test sister and
            is judged both times.
        test: Whether the recipe is frozen, so that test sets may be scored.

    Raises:
        UsageError: A set is unknown, or a test set and `test` was not said.
    """
    roles = {name: inputs.role_of(name) for name in (sets or (*LABELLED, CLEARED, CHANGE, *ROWS))}
    if not sets:
        return tuple(name for name, role in roles.items() if (role == "test") == test or name == CHANGE)
    if not test and (refused := [name for name, role in roles.items() if role == "test"]):
        raise UsageError(
            f"got test set{'s' if len(refused) > 1 else ''} {', '.join(refused)}, expected train or dev sets; test "
            "sets are scored once, for a frozen recipe: add --test if this is it"
        )
    return tuple(roles)


def evaluate(
    data: Path,
    encoders: Sequence[EncodesYears],
    sets: Sequence[str],
    *,
    repeats: int = REPEATS,
    on_progress: OnProgress = lambda *_: None,
) -> Iterator[Section]:
    """Judge seeds of one encoder, task by task; raw reflectance is judged once.

    Args:
        data: Folder that holds the sets.
        encoders: Seeds of one encoder; figures are means of them.
        sets: What `choose_sets` returned.
        repeats: How many times the folds of land cover are drawn.
        on_progress: Told of the progress.

    Yields:
        A section each for land cover, its class Deforestation, few labels, change and identity, where their sets are
        asked for.

    Raises:
        NothingFoundError: The file of a set is not there.
        ObservationsError: The file of a set cannot be read.
        LabelsError: A set has too few places or classes.
    """
    prefix = f"encoder.{encoders[0].identity.name.removeprefix('esdnet-')}"
    labelled = [inputs.read_labelled(data, name, encoders) for name in sets if name in (*LABELLED, CLEARED)]
    if labelled:
        lines = tuple(f"{years.name}: {note}" for years in labelled for note in years.notes)
        yield Section(lines=lines, figures=())
        total = len(labelled) * (1 + len(encoders)) * repeats * _FOLDS
        done = iter(range(1, total + 1))
        judged = [
            landcover.judge(years, repeats=repeats, on_fold=lambda: on_progress("land cover", next(done), total))
            for years in labelled
        ]
        if pooled := [one for one in judged if one.name in LABELLED]:
            yield landcover_section(prefix, pooled)
        if cleared := [scores for one in judged if (scores := judge_class(one))]:
            yield deforestation_section(prefix, cleared)
    if few := [years for years in labelled if years.name in LABELLED]:
        shots = []
        for number, years in enumerate(few):
            shots.append(fewshot.judge(years))
            on_progress("few-shot", number + 1, len(few))
        yield fewshot_section(prefix, shots)
    if CHANGE in sets:
        yield _change_section(prefix, data, encoders)
    for name in ROWS:
        if name in sets:
            yield _identity_section(prefix, data, name, encoders)


def _change_section(prefix: str, data: Path, encoders: Sequence[EncodesYears]) -> Section:
    windows, detection, untouched = inputs.read_change(data, encoders)
    pairs = change.find_pairs(windows, detection, untouched)
    n_events, n_untouched = int(pairs.event.sum()), int(pairs.untouched.sum())
    return auc_section(
        "change, DETER",
        f"{prefix}.change_auc.deter",
        change.scores(windows, pairs),
        n=n_events,
        split=windows.role,
        notes=(
            f"{n_events} pairs of years with a dated clearing; without: {n_untouched} of primary forest, "
            f"{len(pairs.event) - n_events - n_untouched} before a clearing; intervals clustered by pixel",
            "MODIS at 250 m; green and swir1 imputed by linear regression on the other four bands",
        ),
    )


def _identity_section(prefix: str, data: Path, name: str, encoders: Sequence[EncodesYears]) -> Section:
    years = inputs.read_row(data, name, encoders)
    triples = identity.draw_triples(years)
    harvard = "harvard" if years.role == "test" else name
    pixels = len(set(years.pixel[triples.anchor].tolist()))
    return auc_section(
        "identity, Harvard",
        f"{prefix}.identity_auc.{harvard}",
        identity.scores(years, triples),
        n=len(triples.anchor),
        split=years.role,
        notes=(
            f"{pixels} pixels of {name} have another {identity.APART} px away; {len(years.pixel)} pixel-years; raw is "
            "minus the Euclidean distance of standardised pentads; intervals clustered by pixel",
        ),
    )
