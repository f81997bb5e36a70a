"""The folder of a pull: begun or gone on with, recorded when all of it is written, and read again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esd_tasks import output_folder, run_record
from esd_tasks.failures import Failures, see_whole
from esd_tasks.pull_years import YearsPlan
from stactools_esd.blocks import BlockStore
from stactools_esd.errors import NothingFoundError, OutputError
from stactools_esd.files import read_json, write_json

OnProgress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class PullResult:
    """A finished pull, or one that misses something."""

    folder: Path
    """Where everything is."""

    paths: dict[str, Path]
    """Files by kind or year, and `run`."""

    years: tuple[int, ...]
    """Years, ascending."""

    counted: str
    """What is counted: pixels, points or units."""

    valid: dict[int, int]
    """How many of them have values, by year."""

    missing: tuple[str, ...]
    """What could not be read, a line each; empty for a whole result."""

    notes: tuple[str, ...]
    """What the user should know, a line each."""

    already_done: bool
    """True where an earlier run had made the same result and nothing was done."""

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON content."""
        return {
            "folder": self.folder.as_posix(),
            "years": list(self.years),
            "already_done": self.already_done,
            "paths": {kind: path.as_posix() for kind, path in self.paths.items()},
            "counted": self.counted,
            "valid": {str(year): count for year, count in self.valid.items()},
            "missing": list(self.missing),
            "notes": list(self.notes),
        }

    def see_whole(self) -> None:
        """See that nothing is missing.

        Raises:
            PartlyDoneError: Something is; the message lists it.
        """
        see_whole(self.missing)

    def see_something(self) -> None:
        """See that at least one year has values.

        Raises:
            NothingFoundError: None has.
        """
        if not any(self.valid.values()):
            raise NothingFoundError(
                f"got no {self.counted} with values in {self.folder}, expected some; check the place, or lower "
                "--min-clear"
            )


def finished(plan: YearsPlan) -> PullResult | None:
    """Return the result of a plan that was carried out before, all of it, else None.

    Raises:
        OutputError: The folder holds another run, or files that no run of ours made.
    """
    if _starts_anew(plan) or not output_folder.is_finished(plan.folder, plan.run_key):
        return None
    return read_result(plan.folder, already_done=True)


@contextmanager
def opened(plan: YearsPlan) -> Iterator[BlockStore]:
    """Keep the output folder of a plan for this run, and lend the store of what is finished of it.

    Raises:
        OutputError: The folder belongs to another run, or another run is writing it.
    """
    with output_folder.locked(plan.folder):
        if _starts_anew(plan):
            output_folder.clear(plan.folder)
        yield BlockStore(plan.folder / output_folder.PARTIAL, plan.run_key)


def see_read(store: BlockStore, failures: Failures, counts: Iterable[int]) -> None:
    """See that something has values, unless nothing that was asked for could have any.

    Args:
        store: What is finished of a pull; it goes where nothing could be read.
        failures: What could not be read.
        counts: How many pixels, points or units have values; looked at only where something failed.

    Raises:
        EsdError: The first failure, where nothing has values.
    """
    if failures.first is not None and not any(counts):
        store.discard()
        raise failures.first


def record(
    plan: YearsPlan,
    store: BlockStore,
    outputs: Mapping[str, str],
    *,
    valid: Mapping[int, int],
    missing: Sequence[str],
    notes: Sequence[str],
) -> PullResult:
    """Write `run.json`, last of all outputs; what was stored goes, unless something is missing.

    Args:
        plan: What was done.
        store: What is finished of it.
        outputs: File name of each output, by kind.
        valid: Pixels, points or units with values, by year.
        missing: What could not be read, a line each.
        notes: What the user should know, a line each.
    """
    content = run_record.run_record(
        run_key=plan.run_key,
        command=plan.command,
        facts=plan.facts,
        items=plan.items,
        folder=plan.folder,
        outputs={**outputs, "run": run_record.RUN_JSON},
        counted=plan.counted,
        valid={str(year): int(count) for year, count in valid.items()},
        missing=list(missing),
        notes=list(notes),
    )
    write_json(plan.folder / run_record.RUN_JSON, content)
    if not missing:
        store.discard()
    return read_result(plan.folder)


def lacking(places: int, valid: Mapping[int, int]) -> Iterator[str]:
    """Say how many rows of a table, one a place and year, have no values.

    Args:
        places: How many.
        valid: How many of them have values, by year.
    """
    rows = places * len(valid)
    if without := rows - sum(valid.values()):
        yield f"{without} of {rows} rows have no values; column status says why"


def read_result(folder: Path, *, already_done: bool = False) -> PullResult:
    """Read a folder that a run has written."""
    content = read_json(folder / run_record.RUN_JSON, error=OutputError)
    return PullResult(
        folder=folder,
        paths={kind: folder / (name.split("/")[0]) for kind, name in content["outputs"].items()},  # a cube is a folder
        years=tuple(content["years"]),
        counted=content["counted"],
        valid={int(year): count for year, count in content["valid"].items()},
        missing=tuple(content["missing"]),
        notes=tuple(content["notes"]),
        already_done=already_done,
    )


def _starts_anew(plan: YearsPlan) -> bool:
    return output_folder.starts_anew(plan.folder, plan.run_key, plan.command, overwrite=plan.request.overwrite)
