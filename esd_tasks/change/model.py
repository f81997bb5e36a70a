"""A trained model of change: LightGBM on the levels of both years and on their differences."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.change.distances import pair_distances
from esd_tasks.change.reference import NO_CHANGE
from esd_tasks.classifier import TreeParameters, grow_trees
from esd_tasks.features import feature_names
from esd_tasks.forest import Columns, Predictor
from esd_tasks.forest.text_booster import TextBooster
from esd_tasks.model_file import CHANGE, MALFORMED, MODEL_JSON, MODEL_TEXT, SCHEMA_VERSION, read_model
from stactools_esd.errors import LabelsError, OutputError
from stactools_esd.files import atomic_path, write_json
from stactools_esd.product import CodesIdentity, EncoderIdentity, InputRecipe

PAIR_COLUMNS: Final = Columns(years=2, differences=True, beside=2)
"""Levels before and after, their differences, level distance and cosine distance."""


def pair_feature_names() -> tuple[str, ...]:
    """Return the names of the features in their order: levels before, after, after minus before, both distances."""
    names = feature_names()
    parts = [f"{part}_{name}" for part in ("before", "after", "difference") for name in names]
    return (*parts, "level_distance", "cosine_distance")


def pair_features(before: NDArray[np.uint16], after: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Turn the codes of two years into features (n, 218), named by `pair_feature_names`.

    Args:
        before: Codes of the earlier year, (n, 12).
        after: Codes of the later year, (n, 12).
    """
    distances = np.stack(pair_distances(before, after), axis=1)
    features: NDArray[np.float32] = PAIR_COLUMNS.features([before, after], distances)
    return features


@dataclass(frozen=True, kw_only=True)
class ChangeModel:
    """Trees that tell change, with the threshold that was chosen for them."""

    booster: lightgbm.Booster | TextBooster
    """The trees."""

    classes: Mapping[int, str]
    """Names by class_id: 1 no change, 2 and up what changed or what into what."""

    threshold: float
    """Probability of change above which a pixel has changed."""

    identity: CodesIdentity
    """Encoder and recipe of the codes; it is good for no others."""

    facts: Mapping[str, Any]
    """What else `model.json` says."""

    def probability(self, before: NDArray[np.uint16], after: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Return the probability of each class (n, k), in the order of `classes`."""
        distances = np.stack(pair_distances(before, after), axis=1)
        return self._predictor.predict(before, after, beside=distances, dtype=np.float32)

    @cached_property
    def _predictor(self) -> Predictor:
        return Predictor(self.booster, PAIR_COLUMNS)

    def judge(
        self, before: NDArray[np.uint16], after: NDArray[np.uint16]
    ) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
        """Return the probability of change, and the class: the likeliest change where it exceeds the threshold."""
        probability = self.probability(before, after)
        ids = np.array(list(self.classes), np.uint16)
        changed = np.asarray(1 - probability[:, ids == NO_CHANGE].sum(axis=1), dtype=np.float32)
        likeliest = ids[ids != NO_CHANGE][probability[:, ids != NO_CHANGE].argmax(axis=1)]
        return changed, np.where(changed > self.threshold, likeliest, NO_CHANGE).astype(np.uint16)

    def save(self, folder: Path, *, software: Mapping[str, str]) -> None:
        """Write `model.txt` and `model.json`."""
        with atomic_path(folder / MODEL_TEXT) as temporary:
            temporary.write_text(self.booster.model_to_string(), encoding="utf-8")
        write_json(
            folder / MODEL_JSON,
            {
                "schema_version": SCHEMA_VERSION,
                "kind": CHANGE,
                "model": MODEL_TEXT,
                "classes": [{"class_id": number, "class_name": name} for number, name in self.classes.items()],
                "threshold": self.threshold,
                "features": {"kind": "level_indices of two years", "names": list(pair_feature_names())},
                **self.identity.as_dict(),
                **self.facts,
                "software": dict(software),
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "ChangeModel":
        """Read a saved model.

        Raises:
            OutputError: A file is absent, of another kind, or of a layout that this release does not know.
        """
        facts = read_model(folder, CHANGE)
        try:
            booster = TextBooster((folder / MODEL_TEXT).read_text(encoding="utf-8"))
            if booster.num_model_per_iteration() != len(facts["classes"]):
                raise ValueError(f"{MODEL_TEXT} and {MODEL_JSON} are of two models")
            return cls(
                booster=booster,
                classes={int(entry["class_id"]): str(entry["class_name"]) for entry in facts["classes"]},
                threshold=float(facts["threshold"]),
                identity=CodesIdentity(
                    encoder=EncoderIdentity.parse(facts["encoder"], facts["weights_sha256"]),
                    recipe=InputRecipe.from_dict(facts["input_recipe"]),
                    format_version=facts["format_version"],
                ),
                facts=facts,
            )
        except (OSError, *MALFORMED) as error:
            raise OutputError(f"cannot read the model in {folder} ({error}); train it again") from error


def grow(
    before: NDArray[np.uint16], after: NDArray[np.uint16], class_id: ArrayLike, parameters: TreeParameters
) -> tuple[lightgbm.Booster, NDArray[np.int64]]:
    """Train on labelled pixels.

    Returns:
        The trees, and the class_id of each column of their prediction.

    Raises:
        LabelsError: Fewer than two classes.
    """
    return grow_trees(pair_features(before, after), class_id, parameters, names=pair_feature_names())


def change_scores(
    booster: lightgbm.Booster, columns: NDArray[np.int64], before: NDArray[np.uint16], after: NDArray[np.uint16]
) -> NDArray[np.float64]:
    """Return the probability that anything changed, (n,).

    Raises:
        LabelsError: The model knows no places without change.
    """
    if NO_CHANGE not in columns:
        raise LabelsError("got a model without the class `no change`, expected one with it; train it again")
    probability = np.asarray(booster.predict(pair_features(before, after), num_threads=1))
    return np.asarray(1 - probability[:, columns == NO_CHANGE].sum(axis=1))
