"""A saved model by its text: LightGBM, whose import takes longer than many a map, is loaded where it is needed."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from esd_tasks.forest.model_text import ModelText, UncheckedModelError, UnfitModelError, header_of, read_model_text

if TYPE_CHECKING:
    import lightgbm

_LAST_LINE = "\nend of trees"


class TextBooster:
    """What `lightgbm.Booster` is to those who predict; all that the text alone cannot answer is asked of LightGBM."""

    def __init__(self, text: str) -> None:
        """Read a model.

        Args:
            text: What `Booster.model_to_string` gave.

        Raises:
            ValueError: The text is no model.
        """
        self._text = text
        if _LAST_LINE not in text:
            raise UncheckedModelError("a text that is cut off")
        self._names = header_of(text).get("feature_names", "").split(" ")
        self._columns = self.model.classes if self.model else int(self._booster.num_model_per_iteration())

    def __getstate__(self) -> dict[str, Any]:
        """Travel as text: thousands of small arrays take longer."""
        return {name: value for name, value in self.__dict__.items() if name not in ("model", "_booster")}

    @cached_property
    def model(self) -> ModelText | None:
        """What the text says, or None where the forest in level space cannot do it."""
        try:
            return read_model_text(self._text)
        except UncheckedModelError:
            raise
        except UnfitModelError:
            return None

    def model_to_string(self) -> str:
        """Return the text."""
        return self._text

    def feature_name(self) -> list[str]:
        """Return the names of the features."""
        return list(self._names)

    def num_model_per_iteration(self) -> int:
        """Return how many columns a prediction has."""
        return self._columns

    @cached_property
    def _booster(self) -> "lightgbm.Booster":
        import lightgbm

        try:
            return lightgbm.Booster(model_str=_without_offsets(self._text))
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(str(error)) from error

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_text" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._booster, name)


def _without_offsets(text: str) -> str:
    """Leave out where each tree begins: LightGBM looks there unseen, and finds the trees without."""
    header, tree, others = text.partition("\nTree=")
    return "\n".join(line for line in header.split("\n") if not line.startswith("tree_sizes=")) + tree + others
