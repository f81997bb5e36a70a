"""A land-cover classifier on level indices: LightGBM behind `fit` and `predict(codes)`.

Trees see the 72 level indices as `uint8`; they only compare, so the levels need neither centring nor scale. The model
is saved as LightGBM's own text beside a JSON that says what it was trained on: never as a pickle.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.features import feature_names
from esd_tasks.forest import Columns, Predictor
from esd_tasks.forest.text_booster import TextBooster
from esd_tasks.model_file import CLASSIFY, MALFORMED, MODEL_JSON, MODEL_TEXT, SCHEMA_VERSION, read_model
from esd_tasks.trees import DATASET_SETTINGS, TreeParameters, grow_trees
from stactools_esd.errors import LabelsError, OutputError
from stactools_esd.files import atomic_path, write_json
from stactools_esd.product import CodesIdentity

if TYPE_CHECKING:
    import lightgbm

__all__ = ["DATASET_SETTINGS", "Classifier", "TreeParameters", "grow_trees"]


class Classifier:
    """Maps the twelve codes of a pixel, and what covariates say of it, to a class_id."""

    def __init__(self, parameters: TreeParameters | None = None) -> None:
        """Make an untrained classifier.

        Args:
            parameters: How trees are grown: in one thread, which is both faster on a few thousand samples and the same
                everywhere.
        """
        self.parameters = parameters or TreeParameters()
        self._booster: lightgbm.Booster | TextBooster | None = None
        self._predictor: Predictor | None = None
        self._classes: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.covariates: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[int, ...]:
        """Every class_id that was trained, ascending; the columns of `predict_proba`."""
        return tuple(self._classes.tolist())

    def fit(
        self,
        codes: NDArray[np.uint16],
        class_id: ArrayLike,
        *,
        covariates: Mapping[str, NDArray[np.floating]] | None = None,
        weight: ArrayLike | None = None,
    ) -> "Classifier":
        """Train on samples.

        Args:
            codes: Shape (n, 12).
            class_id: Integers of shape (n,), 1 or more; a class needs one sample.
            covariates: Values beside the codes by their names, each (n,); NaN is missing.
            weight: Positive weights, (n,).

        Returns:
            Itself.

        Raises:
            LabelsError: Fewer than two classes, or lengths that differ.
            RasterError: A number is no code.
        """
        self.covariates = tuple(covariates or ())
        beside = np.column_stack(list(covariates.values())) if covariates else np.empty((len(codes), 0), np.float32)
        features = Columns(beside=len(self.covariates)).features([codes], beside)
        self._booster, self._classes = grow_trees(
            features, class_id, self.parameters, names=self.feature_names, weight=weight
        )
        return self

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns that the trees see: levels, then covariates."""
        return feature_names() + self.covariates

    @property
    def gain(self) -> NDArray[np.float64]:
        """By how much each feature lowered the loss in all splits together, in the order of `feature_names`."""
        return np.asarray(self._trained.feature_importance("gain"), dtype=np.float64)

    def predict_proba(
        self, codes: NDArray[np.uint16], covariates: NDArray[np.floating] | None = None
    ) -> NDArray[np.float32]:
        """Return the probability of each class.

        Args:
            codes: Shape (n, 12); leave out pixels without data.
            covariates: Shape (n, c) in the order of `self.covariates`, where the model was trained with some.

        Returns:
            Shape (n, k) in the order of `classes`; rows sum to 1. They are the model's own, not calibrated.
        """
        return self._predictor_for(covariates).predict(codes, beside=covariates, dtype=np.float32)

    def most_probable(
        self, codes: NDArray[np.uint16], covariates: NDArray[np.floating] | None = None
    ) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
        """Return the class_id of the most probable class, on a tie the lowest, and its probability, (n,) each."""
        member, probability = self._predictor_for(covariates).most_probable(codes, beside=covariates)
        return self._classes[member].astype(np.uint16), probability

    def predict(self, codes: NDArray[np.uint16], covariates: NDArray[np.floating] | None = None) -> NDArray[np.uint16]:
        """Return the class_id of the most probable class, shape (n,); on a tie the lowest id."""
        return self.most_probable(codes, covariates)[0]

    def class_ids_of(self, probability: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Return the most probable class_id of each row of `predict_proba`."""
        class_id: NDArray[np.uint16] = self._classes[probability.argmax(axis=1)].astype(np.uint16)
        return class_id

    def _predictor_for(self, covariates: NDArray[np.floating] | None) -> Predictor:
        if (0 if covariates is None else covariates.shape[1]) != len(self.covariates):
            raise LabelsError(f"got a model with covariates {', '.join(self.covariates)}, expected a value for each")
        return self._own_predictor()

    def _own_predictor(self) -> Predictor:
        booster = self._trained
        if self._predictor is None or self._predictor.booster is not booster:
            self._predictor = Predictor(booster, Columns(beside=len(self.covariates)))
        return self._predictor

    def __getstate__(self) -> dict[str, Any]:
        """Travel with the trees laid out, where there are some."""
        return self.__dict__ | ({} if self._booster is None else {"_predictor": self._own_predictor()})

    @property
    def _trained(self) -> "lightgbm.Booster | TextBooster":
        if self._booster is None:
            raise LabelsError("got a classifier without a model, expected a trained one; call fit first")
        return self._booster

    def save(
        self,
        folder: Path,
        *,
        identity: CodesIdentity,
        names: Mapping[int, str],
        software: Mapping[str, str],
        further: Mapping[str, Any] | None = None,
    ) -> None:
        """Write `model.txt` and `model.json`.

        Args:
            folder: Where to write.
            identity: Encoder and recipe of the codes that the model was trained on; it is good for no others.
            names: Class names by class_id.
            software: Versions of the packages that made it.
            further: What else belongs into `model.json`.
        """
        with atomic_path(folder / MODEL_TEXT) as temporary:
            temporary.write_text(self._trained.model_to_string(), encoding="utf-8")
        write_json(
            folder / MODEL_JSON,
            {
                "schema_version": SCHEMA_VERSION,
                "kind": CLASSIFY,
                "model": MODEL_TEXT,
                "classes": [{"class_id": class_id, "class_name": names[class_id]} for class_id in self.classes],
                "features": {
                    "kind": "level_indices",
                    "dtype": "float32" if self.covariates else "uint8",
                    "names": list(feature_names()),
                    "covariates": list(self.covariates),
                },
                **identity.as_dict(),
                "parameters": asdict(self.parameters),
                "software": dict(software),
                **(further or {}),
            },
        )

    @classmethod
    def load(cls, folder: Path) -> tuple["Classifier", dict[str, Any]]:
        """Read a saved model.

        Returns:
            The classifier and the content of `model.json`.

        Raises:
            OutputError: A file is absent, or of a kind or layout that this release does not know.
        """
        facts = read_model(folder, CLASSIFY)
        try:
            text = (folder / MODEL_TEXT).read_text(encoding="utf-8")
            model = cls(TreeParameters(**facts["parameters"]))
            model._booster = TextBooster(text)
            model._classes = np.array([entry["class_id"] for entry in facts["classes"]], dtype=np.int64)
            model.covariates = tuple(facts["features"].get("covariates", ()))
        except (OSError, *MALFORMED) as error:
            raise OutputError(f"cannot read the model in {folder} ({error}); train it again") from error
        of_others = model._booster.num_model_per_iteration() != len(model._classes)
        if of_others or model._booster.feature_name() != list(model.feature_names):
            raise OutputError(f"got {MODEL_TEXT} and {MODEL_JSON} of two models in {folder}; train the model again")
        return model, facts
