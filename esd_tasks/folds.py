"""Spatial blocks and folds: cross-validation that reduces the leak from a sample to its neighbours.

Embeddings stay correlated over 10 km and more, so a random split tests on the neighbours of what was trained. Blocks
reduce that leak; they do not end it. Their accuracy estimates transfer to places without samples, not that of a map.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from sklearn.model_selection import StratifiedGroupKFold

from stactools_esd.errors import LabelsError, UsageError

BLOCK_SIZES: Final = (10_000.0, 5_000.0, 2_000.0, 1_000.0, 500.0, 240.0, 120.0)
"""Sizes in metres that `auto` tries, from the largest; the last is four pixels."""

ENOUGH_BLOCKS: Final = (20, 10, 5)
"""How many blocks with samples `auto` asks for: it is content with less only where no size gives more."""

BUFFER_SHARE: Final = 0.1
"""Training samples nearer to a test sample than this share of the block size are left out."""

Split: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Positions of training samples and of test samples."""


class PlacedSamples(Protocol):
    """What folds need of samples, arrays of shape (n,): `samples.Samples` has it."""

    @property
    def x(self) -> NDArray[np.float64]: ...  # noqa: D102 - metres
    @property
    def y(self) -> NDArray[np.float64]: ...  # noqa: D102 - metres
    @property
    def class_id(self) -> NDArray[np.integer]: ...  # noqa: D102 - classes
    @property
    def group(self) -> NDArray[np.integer]: ...  # noqa: D102 - polygon of each sample, never split


@dataclass(frozen=True, kw_only=True)
class Folds:
    """A plan of cross-validation: which samples are tested together, and which may train meanwhile."""

    fold: NDArray[np.int64]
    """Fold 0..n_folds-1 in which each sample is tested, shape (n,)."""

    block: NDArray[np.int64]
    """Block 0..n_blocks-1 of each sample, shape (n,)."""

    class_id: NDArray[np.integer]
    """Class of each sample, shape (n,)."""

    near: tuple[NDArray[np.intp], ...]
    """For each fold, the samples outside it that lie within the buffer of one inside."""

    n_folds: int
    """Number of folds."""

    seed: int
    """What the folds were drawn from."""

    block_size: float | None = None
    """Side of a block in metres; None where the folds are not spatial."""

    automatic: bool = False
    """True where `auto` chose the block size."""

    buffer: float = 0.0
    """Metres around test samples within which nothing trains."""

    @property
    def n_blocks(self) -> int:
        """Number of blocks that hold samples."""
        return int(self.block.max()) + 1

    @property
    def single_block_classes(self) -> tuple[int, ...]:
        """Classes whose samples all lie in one block: where they are tested, nothing like them was trained."""
        return _single_block_classes(self.block, self.class_id)

    @property
    def missing_classes(self) -> tuple[tuple[int, ...], ...]:
        """For each fold, the classes that are tested there and that no training sample has."""
        return tuple(
            tuple(np.setdiff1d(self.class_id[test], self.class_id[train]).tolist()) for train, test in self.splits()
        )

    @property
    def n_dropped(self) -> tuple[int, ...]:
        """For each fold, how many training samples the buffer left out."""
        return tuple(len(near) for near in self.near)

    def splits(self) -> Iterator[Split]:
        """Yield for each fold the positions of training samples (buffer applied) and of test samples."""
        for number in range(self.n_folds):
            training = self.fold != number
            training[self.near[number]] = False
            yield np.flatnonzero(training), np.flatnonzero(self.fold == number)


def spatial_blocks(x: ArrayLike, y: ArrayLike, size: float, *, group: ArrayLike | None = None) -> NDArray[np.int64]:
    """Return the block of each sample: squares of `size` metres counted from the westernmost and southernmost sample.

    Args:
        x: Metres, shape (n,).
        y: Metres, shape (n,).
        size: Side of a block in metres.
        group: Polygon of each sample, shape (n,); all its samples go to the block of their mean place.

    Returns:
        Blocks 0..n_blocks-1, shape (n,).

    Raises:
        UsageError: The size is not positive.
    """
    if not size > 0:
        raise UsageError(f"got a block size of {size} m, expected more than 0; give --block-size in metres")
    places = np.stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)])
    origin = places.min(axis=1, keepdims=True)
    if group is not None:
        _, member = np.unique(np.asarray(group), return_inverse=True)
        counts = np.bincount(member)
        places = np.stack([(np.bincount(member, weights=values) / counts)[member] for values in places])
    # A thousandth of a metre keeps samples on the edge of a block from falling either way by rounding.
    squares = np.floor((places - origin + 1e-3) / size).astype(np.int64)
    _, block = np.unique(squares, axis=1, return_inverse=True)
    return np.asarray(block, dtype=np.int64).reshape(-1)


def choose_block_size(samples: PlacedSamples) -> float:
    """Return the block size that `auto` means.

    The largest of `BLOCK_SIZES` with at least 20 blocks and every class in two blocks or more; where no size has that,
    at least 10 blocks, then 5; where a class lies in one block whatever the size, the number of blocks alone decides.

    Raises:
        LabelsError: No size gives five blocks.
    """
    blocks = {size: spatial_blocks(samples.x, samples.y, size, group=samples.group) for size in BLOCK_SIZES}
    spread = {size: not _single_block_classes(block, samples.class_id) for size, block in blocks.items()}
    for spread_matters in (True, False):
        for enough in ENOUGH_BLOCKS:
            for size, block in blocks.items():
                if block.max() + 1 >= enough and (spread[size] or not spread_matters):
                    return size
    raise _too_few_blocks(int(blocks[BLOCK_SIZES[-1]].max()) + 1, BLOCK_SIZES[-1], ENOUGH_BLOCKS[-1])


def spatial_folds(
    samples: PlacedSamples, *, block_size: float | Literal["auto"] = "auto", n_folds: int = 5, seed: int = 0
) -> Folds:
    """Deal blocks to folds so that each fold has about the same share of every class.

    A block lies in one fold, a polygon in the block of its mean place, and samples within a tenth of the block size of
    a test sample do not train while it is tested.

    Args:
        samples: At least one sample in each of `n_folds` blocks.
        block_size: Side of a block in metres, or `auto` (see `choose_block_size`).
        n_folds: Number of folds.
        seed: Decides ties between blocks; the same seed gives the same folds.

    Raises:
        LabelsError: The samples lie in fewer blocks than there are folds, or every class has fewer samples.
        UsageError: The block size is not positive.
    """
    size = choose_block_size(samples) if block_size == "auto" else float(block_size)
    block = spatial_blocks(samples.x, samples.y, size, group=samples.group)
    if (n_blocks := int(block.max()) + 1) < n_folds:
        raise _too_few_blocks(n_blocks, size, n_folds)
    fold = _deal(samples.class_id, block, n_folds, seed)
    buffer = size * BUFFER_SHARE
    return Folds(
        fold=fold,
        block=block,
        class_id=samples.class_id,
        near=tuple(near_samples(samples, np.flatnonzero(fold == number), buffer) for number in range(n_folds)),
        n_folds=n_folds,
        block_size=size,
        automatic=block_size == "auto",
        buffer=buffer,
        seed=seed,
    )


def random_folds(samples: PlacedSamples, *, n_folds: int = 5, seed: int = 0) -> Folds:
    """Deal samples to folds at random by class, whatever their neighbours and polygons.

    Its accuracy is too good wherever neighbours resemble each other: print it only as the gap to `spatial_folds`.

    Raises:
        LabelsError: There are fewer samples than folds.
    """
    n = len(samples.class_id)
    if n < n_folds:
        raise LabelsError(f"got {n} samples, expected at least {n_folds}; give more labels")
    order = np.random.default_rng(seed).permutation(n)
    fold = np.empty(n, dtype=np.int64)
    fold[order[np.argsort(samples.class_id[order], kind="stable")]] = np.arange(n) % n_folds
    return Folds(
        fold=fold,
        block=np.arange(n),
        class_id=samples.class_id,
        near=(np.empty(0, dtype=np.intp),) * n_folds,
        n_folds=n_folds,
        seed=seed,
    )


def random_block_splits(
    samples: PlacedSamples,
    *,
    block_size: float,
    n_splits: int = 20,
    test_share: float = 0.3,
    buffer: float = 0.0,
    seed: int = 0,
) -> list[Split]:
    """Draw random shares of the blocks: for areas too small for folds, where the draw matters more than the model.

    Args:
        samples: Samples in at least two blocks.
        block_size: Side of a block in metres.
        n_splits: Number of draws.
        test_share: Share of the blocks that each draw tests, at least one block and never all.
        buffer: Training samples within this many metres of a test sample are left out.
        seed: The same seed gives the same draws.

    Returns:
        Positions of training and test samples of each draw.

    Raises:
        LabelsError: There are fewer than two blocks.
        UsageError: The block size or the share is out of range.
    """
    if not 0 < test_share < 1:
        raise UsageError(f"got a test share of {test_share}, expected between 0 and 1; choose e.g. 0.3")
    block = spatial_blocks(samples.x, samples.y, block_size, group=samples.group)
    if (n_blocks := int(block.max()) + 1) < 2:
        raise _too_few_blocks(n_blocks, block_size, 2)
    generator = np.random.default_rng(seed)
    n_test = min(max(round(n_blocks * test_share), 1), n_blocks - 1)
    splits = []
    for _ in range(n_splits):
        test = np.flatnonzero(np.isin(block, generator.permutation(n_blocks)[:n_test]))
        left_out = np.concatenate([test, near_samples(samples, test, buffer)])
        splits.append((np.setdiff1d(np.arange(len(block)), left_out), test))
    return splits


def _deal(class_id: NDArray[np.integer], block: NDArray[np.int64], n_folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each sample, whole blocks together and classes in equal shares where they allow it."""
    largest = int(np.unique(class_id, return_counts=True)[1].max())
    if largest < n_folds:
        raise LabelsError(
            f"got at most {largest} samples in a class, expected at least {n_folds} in one of them; give more labels"
        )
    fold = np.empty(len(class_id), dtype=np.int64)
    dealer = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Classes with few samples are listed in the result, not warned of.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        for number, (_, test) in enumerate(dealer.split(class_id, class_id, groups=block)):
            fold[test] = number
    sizes, first = np.bincount(block), np.unique(block, return_index=True)[1]
    # Among few blocks the dealer may leave a fold empty: it gets the smallest block of a fold that has several.
    for empty in np.setdiff1d(np.arange(n_folds), fold):
        spare = np.flatnonzero(np.bincount(fold[first])[fold[first]] > 1)
        fold[block == spare[sizes[spare].argmin()]] = empty
    return fold


def near_samples(samples: PlacedSamples, test: NDArray[np.intp], buffer: float) -> NDArray[np.intp]:
    """Return the samples outside `test` that lie within `buffer` metres of one inside."""
    if buffer <= 0 or len(test) == 0:
        return np.empty(0, dtype=np.intp)
    places = np.column_stack([samples.x, samples.y])
    others = np.setdiff1d(np.arange(len(places)), test)
    distance, _ = cKDTree(places[test]).query(places[others], distance_upper_bound=np.nextafter(buffer, np.inf))
    return np.asarray(others[np.isfinite(distance)])


def _single_block_classes(block: NDArray[np.int64], class_id: NDArray[np.integer]) -> tuple[int, ...]:
    """Return the classes that lie in one block only."""
    pairs = np.unique(np.stack([class_id.astype(np.int64), block]), axis=1)
    classes, n_blocks = np.unique(pairs[0], return_counts=True)
    return tuple(classes[n_blocks < 2].tolist())


def _too_few_blocks(n_blocks: int, size: float, expected: int) -> LabelsError:
    """Return the error of samples that lie too close together."""
    return LabelsError(
        f"got samples in {n_blocks} spatial block{'s' if n_blocks != 1 else ''} of {size:g} m, expected at least "
        f"{expected}; choose a smaller --block-size (metres), or give labels from more places"
    )
