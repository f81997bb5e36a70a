"""A trained regression, with an interval if wanted: predicts from codes, and is saved as text and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.classifier import TreeParameters
from esd_tasks.features import feature_names, level_features
from esd_tasks.forest import Predictor
from esd_tasks.forest.text_booster import TextBooster
from esd_tasks.model_file import MALFORMED, MODEL_JSON, MODEL_TEXT, REGRESSION, SCHEMA_VERSION, read_model
from esd_tasks.regressor import grow_regression
from esd_tasks.value_samples import ValueSamples
from stactools_esd.errors import OutputError
from stactools_esd.files import atomic_path, write_json
from stactools_esd.product import CodesIdentity

if TYPE_CHECKING:
    import lightgbm

TREES: Final[Mapping[str, str]] = {
    "prediction": MODEL_TEXT,
    "lower": "model_lower.txt",
    "upper": "model_upper.txt",
}
"""File of the trees of each band."""


@dataclass(frozen=True, kw_only=True)
class Regression:
    """Trees that predict a quantity, and the ends of an interval around it."""

    boosters: "Mapping[str, lightgbm.Booster | TextBooster]"
    """Trees of `prediction`, and where there is an interval of `lower` and `upper`."""

    offset: float = 0.0
    """What moves the ends of the interval apart, in the unit of the quantity."""

    @property
    def bands(self) -> tuple[str, ...]:
        """What is predicted: `prediction`, or `prediction`, `lower`, `upper`."""
        return tuple(self.boosters)

    def predict(self, codes: NDArray[np.uint16]) -> dict[str, NDArray[np.float32]]:
        """Return each band of pixels, (n,): the ends in order, and the prediction between them.

        Args:
            codes: Shape (n, 12), of pixels with data.
        """
        found = {name: predictor.predict(codes)[:, 0] for name, predictor in self._predictors.items()}
        if "lower" in found:
            ends = np.sort([found["lower"], found["upper"]], axis=0) + np.array([[-self.offset], [self.offset]])
            found["lower"] = np.minimum(ends[0], found["prediction"])
            found["upper"] = np.maximum(ends[1], found["prediction"])
        return {name: values.astype(np.float32) for name, values in found.items()}

    @cached_property
    def _predictors(self) -> Mapping[str, Predictor]:
        return {name: Predictor(booster) for name, booster in self.boosters.items()}

    def save(self, folder: Path, *, identity: CodesIdentity, facts: Mapping[str, Any]) -> dict[str, str]:
        """Write `model.json` and the trees.

        Args:
            folder: Where to write.
            identity: Encoder and recipe of the codes; the model is good for no others.
            facts: What else is worth knowing: field, unit, parameters, software.

        Returns:
            File names by kind.
        """
        for name, booster in self.boosters.items():
            with atomic_path(folder / TREES[name]) as temporary:
                temporary.write_text(booster.model_to_string(), encoding="utf-8")
        write_json(
            folder / MODEL_JSON,
            {
                "schema_version": SCHEMA_VERSION,
                "kind": REGRESSION,
                "models": {name: TREES[name] for name in self.bands},
                "offset": self.offset,
                "features": {"kind": "level_indices", "dtype": "uint8", "names": list(feature_names())},
                **identity.as_dict(),
                **facts,
            },
        )
        names = {f"model_{name}" if name != "prediction" else "model": TREES[name] for name in self.bands}
        return names | {"model_facts": MODEL_JSON}

    @classmethod
    def load(cls, folder: Path) -> tuple["Regression", dict[str, Any]]:
        """Read a saved regression.

        Returns:
            The model and the content of `model.json`.

        Raises:
            OutputError: A file is absent, damaged, or of a layout that this release does not know.
        """
        facts = read_model(folder, REGRESSION)
        try:
            boosters = {
                name: TextBooster((folder / Path(file).name).read_text(encoding="utf-8"))
                for name, file in facts["models"].items()
            }
            model = cls(boosters=boosters, offset=float(facts["offset"]))
        except (OSError, *MALFORMED) as error:
            raise OutputError(f"cannot read the model in {folder} ({error}); train it again") from error
        return model, facts


def train_regression(
    samples: ValueSamples,
    parameters: TreeParameters,
    *,
    quantiles: Sequence[float] = (),
    offset: float = 0.0,
) -> Regression:
    """Train on all samples.

    Args:
        samples: Pixels and numbers.
        parameters: How trees are grown.
        quantiles: Ends of the interval, none or two.
        offset: What moves them apart.

    Raises:
        LabelsError: Too few samples.
    """
    features, weight, names = level_features(samples.codes), samples.weight, feature_names()
    wanted = dict(zip(TREES, (None, *quantiles), strict=False))
    boosters = {
        name: grow_regression(features, samples.value, parameters, weight=weight, quantile=quantile, names=names)
        for name, quantile in wanted.items()
    }
    return Regression(boosters=boosters, offset=offset)
