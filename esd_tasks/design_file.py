"""The record of a drawn sample: what makes it a probability sample, in a JSON file beside its points."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.design_draw import DrawnPixels
from stactools_esd.errors import LabelsError, UsageError
from stactools_esd.files import read_json, write_json

SCHEMA_VERSION: Final = "1"
"""Version of the layout of the record."""

KIND: Final = "stratified random sample of pixels"
"""What the record is of."""

SUFFIX: Final = ".design.json"
"""Ending of the record's name: `sample.gpkg` has `sample.design.json`."""

REFERENCE_FIELD: Final = "reference"
"""Field of the points that people fill in."""


@dataclass(frozen=True, kw_only=True)
class DesignStratum:
    """One stratum of a sample: a class of the map that it was drawn from."""

    stratum: int
    """class_id in that map."""

    class_name: str
    """Its name."""

    pixels: int
    """Pixels in that map: N_h."""

    area_m2: float
    """Their true area."""

    samples: int
    """Pixels drawn: n_h."""

    expected_users_accuracy: float
    """What was expected of the class when the sample was planned; it decides nothing later."""

    @property
    def inclusion_probability(self) -> float:
        """Chance of each of its pixels to be drawn."""
        return self.samples / self.pixels


@dataclass(frozen=True, kw_only=True)
class SampleDesign:
    """A stratified random sample: strata, and the pixels that were drawn."""

    map_name: str
    """Name of the raster that it was drawn from."""

    map_checksum: str
    """Multihash of that raster."""

    shape: tuple[int, int]
    """Rows and columns of that raster."""

    seed: int
    """Seed of the draw."""

    allocation: str
    """How samples were shared out."""

    strata: tuple[DesignStratum, ...]
    """By stratum."""

    drawn: DrawnPixels
    """Row, column and stratum of each sample, in the order of its id, which counts from 1."""

    unclassified: int = 0
    """Pixels of the raster without a class."""

    excluded: tuple[int, ...] = ()
    """Classes that were left out of the population."""

    def stratum_at(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the stratum of each pixel that was drawn, 0 for pixels that were not, (n,)."""
        drawn = self.drawn.row * self.shape[1] + self.drawn.column
        order = np.argsort(drawn)
        wanted = row * self.shape[1] + column
        place = np.minimum(np.searchsorted(drawn, wanted, sorter=order), len(drawn) - 1)
        return np.where(drawn[order[place]] == wanted, self.drawn.stratum[order[place]], 0)


def record_path(sample: Path) -> Path:
    """Return where the record of a file of points is."""
    return sample.with_name(f"{sample.stem}{SUFFIX}")


def write_design(path: Path, design: SampleDesign, further: Mapping[str, Any]) -> None:
    """Write a record.

    Args:
        path: Where.
        design: The sample.
        further: Whatever else is worth keeping.
    """
    write_json(
        path,
        {
            "schema_version": SCHEMA_VERSION,
            "kind": KIND,
            "map": {"name": design.map_name, "checksum": design.map_checksum, "shape": list(design.shape)},
            "seed": design.seed,
            "allocation": design.allocation,
            "unclassified_pixels": design.unclassified,
            "excluded_classes": list(design.excluded),
            "strata": [
                asdict(stratum) | {"inclusion_probability": stratum.inclusion_probability} for stratum in design.strata
            ],
            **further,
            "samples": {
                "row": design.drawn.row.tolist(),
                "column": design.drawn.column.tolist(),
                "stratum": design.drawn.stratum.tolist(),
            },
        },
    )


def read_design(path: Path) -> SampleDesign:
    """Read a record.

    Raises:
        UsageError: There is no such file.
        LabelsError: The file is no such record, or of another version.
    """
    if not path.is_file():
        raise UsageError(f"got design {path}, which is no file; expected the record that esd-tasks design wrote")
    content = read_json(path, error=LabelsError)
    try:
        if content["kind"] != KIND or content["schema_version"] != SCHEMA_VERSION:
            raise LabelsError(
                f"got {path.name} of kind {content['kind']!r}, version {content['schema_version']}, expected "
                f"{KIND!r}, version {SCHEMA_VERSION}; give the record that esd-tasks design wrote"
            )
        fields = DesignStratum.__dataclass_fields__
        rows, columns = content["map"]["shape"]
        return SampleDesign(
            map_name=content["map"]["name"],
            map_checksum=content["map"]["checksum"],
            shape=(int(rows), int(columns)),
            seed=int(content["seed"]),
            allocation=content["allocation"],
            unclassified=int(content["unclassified_pixels"]),
            excluded=tuple(content["excluded_classes"]),
            strata=tuple(DesignStratum(**{name: entry[name] for name in fields}) for entry in content["strata"]),
            drawn=DrawnPixels(
                **{name: np.array(values, dtype=np.int64) for name, values in content["samples"].items()}
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LabelsError(
            f"got {path.name}, which is no record of a sample ({type(error).__name__}: {error}), expected the file "
            "that esd-tasks design wrote beside the points; restore it"
        ) from error
