"""Encoders that come with the package: their names, and the folder of their weights and cards. Without torch."""

import re
from pathlib import Path
from typing import Final

from stactools_esd.errors import WeightsError

SHIPPED: Final = Path(__file__).parent / "encoder" / "weights"
"""Folder of the weights that come with the package: `<label>.safetensors`, `<label>.json` and `<label>.md`."""

DEFAULT_ENCODER: Final = "esdnet-small"
"""Name of the encoder that is used where none is said."""


def shipped(folder: Path = SHIPPED) -> list[str]:
    """Return the labels of the encoders that come with the package, by name, older versions first."""
    cards = [path.stem for path in folder.glob("*-v*.json") if re.fullmatch(r".+-v\d+", path.stem)]
    return sorted(cards, key=lambda label: (label.rpartition("-v")[0], int(label.rpartition("-v")[2])))


def shipped_names() -> list[str]:
    """Return their names without versions, each of which loads the newest: the default first, then by name."""
    names = dict.fromkeys(label.rpartition("-v")[0] for label in shipped())
    return sorted(names, key=lambda name: (name != DEFAULT_ENCODER, name))


def newest(name: str) -> str:
    """Turn `esdnet-small` into the label of its newest version; a label with version stays as it is.

    Raises:
        WeightsError: No such encoder comes with the package.
    """
    labels = shipped()
    versions = [label for label in labels if label == name or re.fullmatch(rf"{re.escape(name)}-v\d+", label)]
    if not versions:
        raise WeightsError(
            f"got encoder {name!r}, expected one of {', '.join(labels) or 'none shipped'}, "
            "or the path of a .safetensors file; choose one of them"
        )
    return versions[-1]
