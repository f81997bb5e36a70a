"""`model.json`: what every saved model says first, its kind and the version of its layout."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from stactools_esd.errors import OutputError, UsageError
from stactools_esd.files import read_json

MODEL_JSON, MODEL_TEXT = "model.json", "model.txt"
"""File of every model, and of the trees beside it where it has some."""

SCHEMA_VERSION: Final = "1"
"""Version of the layout of `model.json`."""

CLASSIFY, FEW_SHOT, REGRESSION, CLUSTERS = "classify", "few-shot", "regression", "clusters"
CHANGE = "change between two years"
"""Kinds of models; a file that does not say its kind is of the first."""

MAKERS: Final[Mapping[str, str]] = {
    CLASSIFY: "classify",
    FEW_SHOT: "few-shot",
    REGRESSION: "regress",
    CLUSTERS: "cluster",
    CHANGE: "change train",
}
"""Command of `esd-tasks` that saves each kind."""

PREDICTED: Final = (CLASSIFY, FEW_SHOT, REGRESSION, CLUSTERS)
"""Kinds that `predict` uses."""

MALFORMED: Final = (LookupError, TypeError, ValueError, OverflowError, AttributeError)
"""What goes wrong where a model says something else than it should."""

_USERS: Final = dict.fromkeys(PREDICTED, "predict") | {CHANGE: "change pair --model"}


def model_folder(path: Path, *kinds: str) -> Path:
    """Return the folder of a model, of which the folder or one of its files was named.

    Args:
        path: Folder or file.
        kinds: Kinds that can be used, for messages; those of `predict` if none.

    Raises:
        UsageError: Nothing of this name is there.
        OutputError: There is no model.
    """
    expected = f"expected a folder that esd-tasks {_makers(kinds or PREDICTED)} wrote; name that folder"
    if not path.exists():
        raise UsageError(f"got model {path}, which does not exist, {expected}")
    folder = path.parent if path.name in (MODEL_TEXT, MODEL_JSON) else path
    if not (folder / MODEL_JSON).is_file():
        raise OutputError(f"got model {path} without {MODEL_JSON}, {expected}")
    return folder


def read_model(folder: Path, *kinds: str) -> dict[str, Any]:
    """Return the content of `model.json`.

    Args:
        folder: Of the model.
        kinds: Kinds that can be used.

    Raises:
        OutputError: The file is absent or damaged, of another kind, or of a layout that this release does not know.
    """
    facts = read_json(folder / MODEL_JSON, error=OutputError)
    if not isinstance(facts, dict):
        raise OutputError(f"got {folder / MODEL_JSON}, which is no model; expected one of esd-tasks, name its folder")
    if (kind := facts.get("kind", CLASSIFY)) not in kinds:
        mend = f"`esd-tasks {_USERS[str(kind)]}` uses it" if str(kind) in _USERS else "name another folder"
        raise OutputError(
            f"got {folder / MODEL_JSON} of kind {str(kind)[:80]!r}, expected a model of esd-tasks {_makers(kinds)}; "
            f"{mend}"
        )
    if (version := facts.get("schema_version")) != SCHEMA_VERSION:
        raise OutputError(
            f"got {folder / MODEL_JSON} of another layout (schema_version {version}), expected {SCHEMA_VERSION}; "
            f"make the model again with esd-tasks {MAKERS[kind]} of this release"
        )
    return facts


def _makers(kinds: Iterable[str]) -> str:
    return ", ".join(MAKERS[one] for one in kinds)
