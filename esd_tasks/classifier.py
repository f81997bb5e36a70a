"""A land-cover classifier on level indices: LightGBM behind `fit` and `predict(codes)`.

Trees see the 72 level indices as `uint8`; they only compare, so the levels need neither centring nor scale. The model
is saved as LightGBM's own text beside a JSON that says what it was trained on: never as a pickle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.features import feature_names, level_features
from stactools_esd.errors import LabelsError, OutputError
from stactools_esd.files import atomic_path, read_json, write_json
from stactools_esd.product import CodesIdentity

MODEL_SCHEMA_VERSION: Final = "1"
"""Version of the layout of `model.json`."""

MODEL_TEXT, MODEL_JSON = "model.txt", "model.json"
"""File names of a saved model."""

_PREDICT_ROWS: Final = 65_536
"""Pixels that are predicted at once: 20 MB of features as LightGBM holds them."""


@dataclass(frozen=True, kw_only=True)
class TreeParameters:
    """What the trees are grown with; every sample counts the same, so the map follows the shares of the samples."""

    rounds: int = 200
    """Boosting rounds; each grows one tree a class."""

    num_leaves: int = 31
    """Leaves of a tree at most."""

    learning_rate: float = 0.1
    """Shrinkage of each tree."""

    feature_fraction: float = 0.5
    """Share of the 72 features that each tree may use."""

    lambda_l2: float = 1.0
    """Ridge penalty on leaf values."""

    max_min_data_in_leaf: int = 20
    """`min_data_in_leaf` for many samples; see `min_data_in_leaf` for few."""

    seed: int = 0
    """Seed of LightGBM."""

    def min_data_in_leaf(self, smallest_class: int) -> int:
        """Return samples a leaf must have: a quarter of the smallest class, at least 1 and at most 20.

        Without this a class of fewer than about 20 samples could never have a leaf of its own.

        Args:
            smallest_class: Number of training samples of the rarest class.
        """
        return max(1, min(self.max_min_data_in_leaf, smallest_class // 4))

    def settings(self, *, min_data_in_leaf: int) -> dict[str, Any]:
        """Return the same as LightGBM takes it: one thread, deterministic, quiet."""
        return {
            "num_leaves": self.num_leaves,
            "learning_rate": self.learning_rate,
            "feature_fraction": self.feature_fraction,
            "lambda_l2": self.lambda_l2,
            "min_data_in_leaf": min_data_in_leaf,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }


DATASET_SETTINGS: Final[Mapping[str, Any]] = {"min_data_in_bin": 1, "feature_pre_filter": False, "verbosity": -1}
"""How LightGBM bins a table: every level is a bin of its own, however rare, so that splits are exact."""


def grow_trees(
    features: NDArray[Any],
    class_id: ArrayLike,
    parameters: TreeParameters,
    *,
    names: Sequence[str] | None = None,
) -> tuple[lightgbm.Booster, NDArray[np.int64]]:
    """Train LightGBM on any table of features: one thread, deterministic, quiet.

    Args:
        features: Shape (n, k), integers or floats; NaN is missing.
        class_id: Integers of shape (n,).
        parameters: How trees are grown.
        names: Feature names.

    Returns:
        The model, whose prediction has one column a class, and the class_id of each column.

    Raises:
        LabelsError: Fewer than two classes, or lengths that differ.
    """
    classes, targets, counts = np.unique(np.asarray(class_id, dtype=np.int64), return_inverse=True, return_counts=True)
    if len(features) != len(targets):
        raise LabelsError(f"got {len(features)} rows of features and {len(targets)} classes, expected one class a row")
    if len(classes) < 2:
        raise LabelsError(f"got samples of {len(classes)} class, expected two or more; add labels of another class")
    data = lightgbm.Dataset(
        features,
        label=targets,
        feature_name="auto" if names is None else list(names),
        params=dict(DATASET_SETTINGS),
    )
    settings = {
        "objective": "multiclass",
        "num_class": len(classes),
        **parameters.settings(min_data_in_leaf=parameters.min_data_in_leaf(int(counts.min()))),
    }
    return lightgbm.train(settings, data, num_boost_round=parameters.rounds), classes


class Classifier:
    """Maps the twelve codes of a pixel to a class_id."""

    def __init__(self, parameters: TreeParameters | None = None, *, threads: int = 1) -> None:
        """Make an untrained classifier.

        Args:
            parameters: How trees are grown.
            threads: Threads of prediction; they do not change the result. Training uses one thread, which is both
                faster on a few thousand samples and the same everywhere.
        """
        self.parameters = parameters or TreeParameters()
        self.threads = threads
        self._booster: lightgbm.Booster | None = None
        self._classes: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    @property
    def classes(self) -> tuple[int, ...]:
        """Every class_id that was trained, ascending; the columns of `predict_proba`."""
        return tuple(self._classes.tolist())

    def fit(self, codes: NDArray[np.uint16], class_id: ArrayLike) -> "Classifier":
        """Train on samples.

        Args:
            codes: Shape (n, 12).
            class_id: Integers of shape (n,), 1 or more; a class needs one sample.

        Returns:
            Itself.

        Raises:
            LabelsError: Fewer than two classes, or lengths that differ.
            RasterError: A number is no code.
        """
        names = feature_names()
        self._booster, self._classes = grow_trees(level_features(codes), class_id, self.parameters, names=names)
        return self

    def predict_proba(self, codes: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Return the probability of each class.

        Args:
            codes: Shape (n, 12); leave out pixels without data.

        Returns:
            Shape (n, k) in the order of `classes`; rows sum to 1. They are the model's own, not calibrated.
        """
        if self._booster is None:
            raise LabelsError("got a classifier without a model, expected a trained one; call fit first")
        probability = np.empty((len(codes), len(self._classes)), dtype=np.float32)
        for first in range(0, len(codes), _PREDICT_ROWS):
            rows = slice(first, first + _PREDICT_ROWS)
            probability[rows] = self._booster.predict(level_features(codes[rows]), num_threads=self.threads)
        return probability

    def predict(self, codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Return the class_id of the most probable class, shape (n,); on a tie the lowest id."""
        return self.class_ids_of(self.predict_proba(codes))

    def class_ids_of(self, probability: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Return the most probable class_id of each row of `predict_proba`."""
        class_id: NDArray[np.uint16] = self._classes[probability.argmax(axis=1)].astype(np.uint16)
        return class_id

    def save(
        self, folder: Path, *, identity: CodesIdentity, names: Mapping[int, str], software: Mapping[str, str]
    ) -> None:
        """Write `model.txt` and `model.json`.

        Args:
            folder: Where to write.
            identity: Encoder and recipe of the codes that the model was trained on; it is good for no others.
            names: Class names by class_id.
            software: Versions of the packages that made it.
        """
        if self._booster is None:
            raise LabelsError("got a classifier without a model, expected a trained one; call fit before save")
        with atomic_path(folder / MODEL_TEXT) as temporary:
            temporary.write_text(self._booster.model_to_string(), encoding="utf-8")
        write_json(
            folder / MODEL_JSON,
            {
                "schema_version": MODEL_SCHEMA_VERSION,
                "model": MODEL_TEXT,
                "classes": [{"class_id": class_id, "class_name": names[class_id]} for class_id in self.classes],
                "features": {"kind": "level_indices", "dtype": "uint8", "names": list(feature_names())},
                **identity.as_dict(),
                "parameters": asdict(self.parameters),
                "software": dict(software),
            },
        )

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> tuple["Classifier", dict[str, Any]]:
        """Read a saved model.

        Returns:
            The classifier and the content of `model.json`.

        Raises:
            OutputError: A file is absent, or of a layout that this release does not know.
        """
        facts = read_json(folder / MODEL_JSON, error=OutputError)
        if not isinstance(facts, dict) or facts.get("schema_version") != MODEL_SCHEMA_VERSION:
            raise OutputError(
                f"got {folder / MODEL_JSON} of another layout, expected schema_version {MODEL_SCHEMA_VERSION}; "
                "train the model again with this release"
            )
        try:
            text = (folder / MODEL_TEXT).read_text(encoding="utf-8")
            model = cls(TreeParameters(**facts["parameters"]), threads=threads)
            model._booster = lightgbm.Booster(model_str=text)
            model._classes = np.array([entry["class_id"] for entry in facts["classes"]], dtype=np.int64)
        except (OSError, KeyError, TypeError, lightgbm.basic.LightGBMError) as error:
            raise OutputError(f"cannot read the model in {folder} ({error}); train it again") from error
        return model, facts
