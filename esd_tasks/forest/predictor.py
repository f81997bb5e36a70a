"""`Booster.predict` from codes: the same bits, by the forest where the model allows it and by LightGBM where not."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.features import check_rows
from esd_tasks.forest.columns import Columns
from esd_tasks.forest.loops import make_room, score_pixels
from esd_tasks.forest.model_text import UnfitModelError, read_model_text
from esd_tasks.forest.outputs import best_of_softmax, check_objective, convert
from esd_tasks.forest.tables import ForestTables, compile_forest
from esd_tasks.forest.text_booster import TextBooster
from stactools_esd.errors import RasterError

if TYPE_CHECKING:
    import lightgbm

LEAST_ROWS: Final = 4096
"""Fewer pixels go through LightGBM, which needs no preparation."""

_ROWS: Final = 8192
"""Pixels that a thread takes at once: 0.7 MB of scores of ten classes, which the caches of one core hold."""

_log = logging.getLogger(__name__)

Codes = NDArray[np.uint16]


class Predictor:
    """Trees that predict from codes."""

    def __init__(
        self, booster: "lightgbm.Booster | TextBooster", columns: Columns | None = None, *, threads: int = 1
    ) -> None:
        """Take a trained model.

        Args:
            booster: The model.
            columns: What its features are; the 72 levels of one year if None.
            threads: Threads of prediction; they do not change the result.
        """
        self.booster = booster
        self.columns = columns or Columns()
        self.threads = threads
        self.objective: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Travel with the trees as the loops read them, so that no other process lays them out again."""
        return self.__dict__ | {"forest": self.forest, "objective": self.objective}

    @cached_property
    def forest(self) -> ForestTables | None:
        """The trees as the loops read them, or None for a model that they cannot evaluate."""
        try:
            known = self.booster.model if isinstance(self.booster, TextBooster) else None
            model = known or read_model_text(self.booster.model_to_string())
            check_objective(model.objective)
            tables = compile_forest(model, self.columns)
        except UnfitModelError as reason:
            _log.warning("predicting with LightGBM, which is slower: the model has %s", reason)
            return None
        self.objective = model.objective
        return tables

    def predict(
        self,
        *years: Codes,
        beside: NDArray[np.floating[Any]] | None = None,
        raw_score: bool = False,
        dtype: type[np.floating[Any]] = np.float64,
    ) -> NDArray[Any]:
        """Return what `Booster.predict` returns for the features of these pixels, (n, k) also for one column.

        Args:
            years: Codes of each year, (n, 12).
            beside: Other numbers, (n, c); NaN is missing.
            raw_score: Leave out the objective's last step: sums of leaf values.
            dtype: Kind of number to return.

        Raises:
            RasterError: Codes have another shape, or a number is no code.
        """
        pixels = self._pixels(years, beside)
        found = np.empty((pixels.count, self.booster.num_model_per_iteration()), dtype=dtype)
        if self._forest_for(pixels.count) is None:
            for rows in _pieces(pixels.count):
                features = self.columns.features(*pixels.piece(rows))
                part = self.booster.predict(features, raw_score=raw_score, num_threads=self.threads)
                found[rows] = np.reshape(part, (len(features), -1))
        else:
            objective = () if raw_score else self.objective
            self._for_scores(pixels, lambda rows, scores: convert(scores, objective, found[rows]))
        return found

    def most_probable(
        self, *years: Codes, beside: NDArray[np.floating[Any]] | None = None
    ) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
        """Return the column of the largest probability, the first of several, and that probability as `float32`, (n,).

        It is what `argmax` and `max` give for `predict(dtype=np.float32)`, without keeping all of them.
        """
        pixels = self._pixels(years, beside)
        if self._forest_for(pixels.count) is None or self.objective[:1] != ("multiclass",):
            probability = self.predict(*years, beside=beside, dtype=np.float32)
            return probability.argmax(axis=1).astype(np.uint16), probability.max(axis=1)
        member, confidence = np.empty(pixels.count, np.uint16), np.empty(pixels.count, np.float32)
        self._for_scores(pixels, lambda rows, scores: best_of_softmax(scores, member[rows], confidence[rows]))
        return member, confidence

    def _pixels(self, years: tuple[Codes, ...], beside: NDArray[np.floating[Any]] | None) -> "_Pixels":
        if len(years) != self.columns.years:
            raise RasterError(f"got codes of {len(years)} years, expected {self.columns.years}; give each year once")
        if len(counts := {len(codes) for codes in years}) > 1:
            raise RasterError(f"got years of {sorted(counts)} pixels, expected as many of each; give the same pixels")
        others = np.empty((len(years[0]), 0), np.float32) if beside is None else beside
        if others.shape != (len(years[0]), self.columns.beside):
            raise RasterError(
                f"got other features of shape {others.shape}, expected {(len(years[0]), self.columns.beside)}; give "
                "those that the model was trained with"
            )
        return _Pixels(tuple(check_rows(codes) for codes in years), others)

    def _forest_for(self, count: int) -> ForestTables | None:
        """Return the forest, unless there is none or it is not worth making for so few pixels."""
        return self.forest if "forest" in self.__dict__ or count >= LEAST_ROWS else None

    def _for_scores(self, pixels: "_Pixels", use: Callable[[slice, NDArray[np.float64]], None]) -> None:
        """Hand over raw scores (k, rows) of pieces of pixels, from as many threads as are wanted."""
        tables, classes = self.forest, self.booster.num_model_per_iteration()
        if tables is None:
            return
        pieces = list(_pieces(pixels.count))
        shares = max(1, min(self.threads, len(pieces)))

        def work(share: int) -> None:
            room, line = make_room(tables), np.empty(classes * _ROWS)
            for rows in pieces[share::shares]:
                years, beside = pixels.piece(rows)
                bands = np.concatenate([np.ascontiguousarray(codes.T) for codes in years])
                scores = line[: classes * bands.shape[1]].reshape(classes, -1)
                score_pixels(bands, np.array(beside.T, np.float32, order="C"), tables, room, scores)
                use(rows, scores)

        if shares == 1:
            work(0)
            return
        with ThreadPoolExecutor(shares) as pool:
            for done in [pool.submit(work, share) for share in range(shares)]:
                done.result()


@dataclass(frozen=True)
class _Pixels:
    """Codes of each year, and what stands beside them."""

    years: tuple[Codes, ...]
    beside: NDArray[np.floating[Any]]

    @property
    def count(self) -> int:
        return len(self.beside)

    def piece(self, rows: slice) -> tuple[tuple[Codes, ...], NDArray[np.floating[Any]]]:
        return tuple(codes[rows] for codes in self.years), self.beside[rows]


def _pieces(count: int) -> Iterator[slice]:
    return (slice(first, min(first + _ROWS, count)) for first in range(0, count, _ROWS))
