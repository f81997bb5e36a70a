"""A trained model of change, as its folder tells."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esd_tasks.failures import see_whole
from esd_tasks.run_record import RUN_JSON
from stactools_esd.files import read_json


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """A trained model, as its folder tells."""

    folder: Path
    """Where everything is."""

    paths: dict[str, Path]
    """Files by kind."""

    accuracy: dict[str, Any]
    """Content of `accuracy.json`."""

    notes: tuple[str, ...]
    """What the user should know, a line each."""

    missing: tuple[str, ...]
    """What could not be read, a line each; its labels did not train."""

    already_done: bool
    """True where nothing was done."""

    def see_whole(self) -> None:
        """See that nothing is missing.

        Raises:
            PartlyDoneError: Something is; the message lists it.
        """
        see_whole(self.missing)

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON content."""
        return {
            "folder": self.folder.as_posix(),
            "already_done": self.already_done,
            "paths": {kind: path.as_posix() for kind, path in self.paths.items()},
            "accuracy": self.accuracy,
            "missing": list(self.missing),
            "notes": list(self.notes),
        }


def read_training(folder: Path, *, already_done: bool) -> TrainResult:
    """Read a finished folder."""
    record = read_json(folder / RUN_JSON)
    return TrainResult(
        folder=folder,
        paths={kind: folder / name for kind, name in record["outputs"].items()},
        accuracy=read_json(folder / record["outputs"]["accuracy"]),
        notes=tuple(record["notes"]),
        missing=tuple(record["missing"]),
        already_done=already_done,
    )
