"""What a user asks of `design`, before anything is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from esd_tasks.design_sizes import ALLOCATIONS, Allocation
from esd_tasks.run_record import RUN_JSON
from esd_tasks.strata_raster import MAP_FILE
from stactools_esd.errors import UsageError
from stactools_esd.files import read_json

EXPECTED_USERS: Final = 0.8
"""User's accuracy that is expected of a class where nobody says one."""


@dataclass(frozen=True, kw_only=True)
class DesignRequest:
    """Options of `design`; paths stand as the user gave them.

    Raises:
        UsageError: A value is out of range.
    """

    map: Path
    """Raster of classes, or the folder that `classify` wrote."""

    expected_accuracy: str | None = None
    """Expected user's accuracies: one number, one a class in the order of ids, `name=0.9,..`, or an accuracy.json."""

    standard_error: float = 0.01
    """Wish for the standard error of overall accuracy; decides the total where none is given."""

    total: int | None = None
    """Samples in all."""

    allocation: Allocation = "olofsson"
    """How samples are shared out."""

    minimum: int = 50
    """Samples of a rare class under `olofsson`."""

    exclude: tuple[str, ...] = ()
    """Names or ids of classes that are not part of the population."""

    legend: Path | None = None
    """CSV of class ids and names."""

    blind: bool = False
    """Hide from the interpreter what the map says: no stratum, class or weights in the points."""

    seed: int = 0
    """Seed of the draw."""

    overwrite: bool = False
    """Replace an earlier sample."""

    output: Path | None = None
    """GeoPackage of the points; `<map>-sample.gpkg` beside the map if None."""

    def __post_init__(self) -> None:
        if self.allocation not in ALLOCATIONS:
            raise UsageError(f"got --allocation {self.allocation}, expected one of {', '.join(ALLOCATIONS)}")
        if not 0 < self.standard_error < 0.5:
            raise UsageError(
                f"got --standard-error {self.standard_error}, expected a fraction between 0 and 0.5; 0.01 is 1 %"
            )
        for option, value, lowest in (("--total", self.total, 2), ("--minimum", self.minimum, 2)):
            if value is not None and value < lowest:
                raise UsageError(f"got {option} {value}, expected {lowest} or more; correct it")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"got --seed {self.seed}, expected 0..{2**31 - 1}; choose another")
        if self.output is not None and self.output.suffix.lower() != ".gpkg":
            raise UsageError(f"got -o {self.output}, expected a name that ends in .gpkg; correct it")

    @property
    def output_or_default(self) -> Path:
        """The points' file."""
        if self.output is not None:
            return self.output
        folder = self.map if self.map.is_dir() else self.map.parent
        if self.map.is_dir() or (self.map.name == MAP_FILE and (folder / RUN_JSON).is_file()):
            folder = folder if folder.name else folder.resolve()
            return folder.with_name(f"{folder.name}-sample.gpkg")  # beside the folder of a map, not in it
        return self.map.with_name(f"{self.map.stem}-sample.gpkg")

    def expected_users(self, names: Mapping[int, str]) -> list[float]:
        """Return the expected user's accuracy of each class.

        Args:
            names: Names of the classes that have pixels, by class_id, ascending.

        Raises:
            UsageError: The text does not fit the classes, or a value is no share.
        """
        text = (self.expected_accuracy or str(EXPECTED_USERS)).strip()
        if text.lower().endswith(".json"):
            return _from_report(Path(text), names)
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if any("=" in part for part in parts):
            given = dict(part.rpartition("=")[::2] for part in parts)
            keys = {**{name: name for name in names.values()}, **{str(i): name for i, name in names.items()}}
            if unknown := [key for key in given if key.strip() not in keys]:
                raise UsageError(
                    f"got --expected-accuracy of {', '.join(unknown)}, expected classes of the map: "
                    f"{', '.join(names.values())}"
                )
            by_name = {keys[key.strip()]: value for key, value in given.items()}
            return [_share(by_name.get(name, str(EXPECTED_USERS))) for name in names.values()]
        if len(parts) not in (1, len(names)):
            raise UsageError(
                f"got {len(parts)} numbers in --expected-accuracy, expected one, or one for each of the {len(names)} "
                f"classes: {', '.join(names.values())}"
            )
        return [_share(part) for part in parts] * (1 if len(parts) == len(names) else len(names))


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"got --expected-accuracy {text}, expected fractions 0..1 such as 0.85; correct it")
    return value


def _from_report(path: Path, names: Mapping[int, str]) -> list[float]:
    """Read user's accuracies of a cross-validation, as `classify` writes them."""
    try:
        classes = read_json(path, error=UsageError)["classes"]
        found = {int(entry["class_id"]): entry["users_accuracy"] for entry in classes}
        return [EXPECTED_USERS if found.get(key) is None else float(found[key]) for key in names]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"got --expected-accuracy {path}, which holds no user's accuracies, expected the accuracy.json of classify"
        ) from error
