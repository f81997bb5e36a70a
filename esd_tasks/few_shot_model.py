"""A model of few labels: the labels themselves, as numbers, and the head that compares pixels with them.

It is saved as JSON that anybody can read; the head is trained again from it, which takes no time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.code_features import code_vectors
from esd_tasks.features import feature_names
from esd_tasks.heads import HEADS, Head, train
from esd_tasks.model_file import FEW_SHOT, MALFORMED, MODEL_JSON, SCHEMA_VERSION, read_model
from esd_tasks.table_scale import TableScale
from stactools_esd.errors import OutputError
from stactools_esd.files import write_json
from stactools_esd.product import CodesIdentity

_DIGITS: Final = 6
_PREDICT_ROWS: Final = 32_768


@dataclass(frozen=True, kw_only=True)
class FewShotModel:
    """Vectors of labels, their classes, and how pixels are compared with them."""

    head: str
    """Key of `heads.HEADS`."""

    scale: TableScale
    """How vectors are centred and scaled."""

    rows: NDArray[np.float64]
    """Vector of each label, (m, 72)."""

    class_id: NDArray[np.int64]
    """Class of each label, (m,)."""

    def __post_init__(self) -> None:
        # What is saved is what predicts: numbers are cut to the digits of the file beforehand.
        object.__setattr__(self, "rows", np.round(self.rows, _DIGITS))
        mean, deviation = np.round(self.scale.mean, _DIGITS), np.round(self.scale.deviation, _DIGITS)
        object.__setattr__(self, "scale", TableScale(mean=mean, deviation=deviation))

    @cached_property
    def _trained(self) -> Head:
        return train(self.head, self.scale.apply(self.rows), self.class_id)

    def predict(self, codes: NDArray[np.uint16]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the class of pixels, (n,), and by how much it beats the next one, 0..1.

        Args:
            codes: Shape (n, 12), of pixels with data.
        """
        class_id, margin = np.empty(len(codes), dtype=np.int64), np.empty(len(codes))
        for first in range(0, len(codes), _PREDICT_ROWS):
            part = slice(first, first + _PREDICT_ROWS)
            class_id[part], margin[part] = self._trained.scores(self.scale.apply(code_vectors(codes[part])))
        return class_id, margin

    def save(
        self, folder: Path, *, identity: CodesIdentity, names: Mapping[int, str], further: Mapping[str, Any]
    ) -> None:
        """Write `model.json`.

        Args:
            folder: Where to write.
            identity: Encoder and recipe of the codes of the labels; the model is good for no others.
            names: Class names by class_id.
            further: What else belongs into the file, such as the versions of the software.
        """
        write_json(
            folder / MODEL_JSON,
            {
                "schema_version": SCHEMA_VERSION,
                "kind": FEW_SHOT,
                "head": self.head,
                "classes": [
                    {"class_id": class_id, "class_name": names[class_id]}
                    for class_id in np.unique(self.class_id).tolist()
                ],
                "features": {"kind": "vectors", "dtype": "float32", "names": list(feature_names())},
                "scale": self.scale.as_dict(),
                "labels": {"class_id": self.class_id.tolist(), "vectors": self.rows.tolist()},
                **identity.as_dict(),
                **further,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> tuple["FewShotModel", dict[str, Any]]:
        """Read a saved model.

        Returns:
            The model and the content of `model.json`.

        Raises:
            OutputError: The file is absent, damaged, or of a layout that this release does not know.
        """
        facts = read_model(folder, FEW_SHOT)
        try:
            model = cls(
                head={name: name for name in HEADS}[facts["head"]],
                scale=TableScale(**{key: np.array(facts["scale"][key], dtype=float) for key in ("mean", "deviation")}),
                rows=np.array(facts["labels"]["vectors"], dtype=float).reshape(-1, len(feature_names())),
                class_id=np.array(facts["labels"]["class_id"], dtype=np.int64),
            )
        except MALFORMED as error:
            raise OutputError(f"cannot read the model in {folder} ({error!r}); train it again") from error
        return model, facts
