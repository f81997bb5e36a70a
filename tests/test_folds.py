"""Spatial blocks and folds reduce the leak from a sample to its neighbours."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esd_tasks import folds
from stactools_esd.errors import LabelsError, UsageError


@dataclass
class Placed:
    """Samples as folds see them."""

    x: np.ndarray
    y: np.ndarray
    class_id: np.ndarray
    group: np.ndarray = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.group is None:
            self.group = np.arange(len(self.x))


def scattered(n: int = 400, extent: float = 80_000.0, classes: int = 3, seed: int = 0) -> Placed:
    """Draw samples over a square of `extent` metres, far from the origin of the projection."""
    generator = np.random.default_rng(seed)
    x, y = generator.uniform(0, extent, (2, n))
    return Placed(x + 400_000, y + 5_600_000, generator.integers(1, classes + 1, n))


def chip(pixels: int = 32, pixel: float = 20.0) -> Placed:
    """Lay one sample on every pixel of a small chip whose corner is on no round number."""
    row, column = np.mgrid[:pixels, :pixels]
    class_id = 1 + (row // 8 + column // 8).ravel() % 3
    return Placed(500_130 + column.ravel() * pixel, 5_629_970 - row.ravel() * pixel, class_id)


@settings(max_examples=50)
@given(
    st.integers(0, 10_000), st.integers(5, 60), st.sampled_from([500.0, 3_000.0, 10_000.0]), st.integers(0, 2**31 - 1)
)
def test_a_block_is_tested_whole_and_its_surroundings_do_not_train(
    draw: int, n_groups: int, size: float, seed: int
) -> None:
    """Whatever the samples: every sample is tested once, no block or polygon is split, the buffer holds."""
    samples = scattered(300, extent=25_000.0, seed=draw)
    samples.group = np.random.default_rng(draw).integers(0, n_groups, 300)
    try:
        plan = folds.spatial_folds(samples, block_size=size, seed=seed)
    except LabelsError:
        assert folds.spatial_blocks(samples.x, samples.y, size, group=samples.group).max() + 1 < 5
        return
    tested = np.zeros(300, dtype=int)
    for train, test in plan.splits():
        assert len(test) > 0
        tested[test] += 1
        assert not set(plan.block[train]) & set(plan.block[test])
        assert not set(samples.group[train]) & set(samples.group[test])
        if len(train):
            gaps = np.hypot(*(place[train][:, None] - place[test][None] for place in (samples.x, samples.y)))
            assert gaps.min() > size / 10
    assert (tested == 1).all()
    for group in np.unique(samples.group):
        assert len(set(plan.block[samples.group == group])) == 1


def test_no_fold_is_empty_however_few_the_blocks() -> None:
    """Five blocks make five folds, also where their classes are so uneven that the dealer joins two of them."""
    generator = np.random.default_rng(0)
    for _ in range(300):
        sizes = generator.integers(1, 12, 5)
        block = np.repeat(np.arange(5), sizes)
        shares = generator.dirichlet((0.3, 0.3), 5)[block]
        class_id = 1 + (generator.random(len(block)) > shares[:, 0])
        if np.bincount(class_id).max() < 5:
            continue
        plan = folds.spatial_folds(Placed(block * 1_000.0, np.zeros(len(block)), class_id), block_size=1_000.0)
        assert sorted(set(plan.fold.tolist())) == [0, 1, 2, 3, 4]
        assert all(len(set(plan.fold[block == one].tolist())) == 1 for one in range(5))


def test_the_same_seed_gives_the_same_folds() -> None:
    """Folds depend on samples, size and seed, and on nothing else."""
    samples = scattered()
    first, again, other = (folds.spatial_folds(samples, seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(first.fold, again.fold)
    assert not np.array_equal(first.fold, other.fold)


def test_auto_takes_ten_kilometres_where_the_labels_allow_it() -> None:
    """Wide labels are split into the 10 km blocks of the protocol, with a buffer of 1 km."""
    plan = folds.spatial_folds(scattered())
    assert (plan.block_size, plan.buffer, plan.automatic) == (10_000.0, 1_000.0, True)
    assert plan.n_blocks >= 20
    assert sum(plan.n_dropped) > 0


@pytest.mark.parametrize(("extent", "size"), [(30_000.0, 5_000.0), (4_000.0, 500.0), (700.0, 120.0)])
def test_auto_shrinks_with_the_extent(extent: float, size: float) -> None:
    """In smaller areas `auto` takes the largest size of its ladder that gives twenty blocks."""
    assert folds.choose_block_size(scattered(extent=extent)) == size


def test_auto_wants_every_class_in_two_blocks() -> None:
    """A class in one corner makes the blocks smaller, so that it can be trained and tested."""
    samples = scattered(classes=2)
    corner = (samples.x < 409_000) & (samples.y < 5_609_000)
    samples.class_id[corner] = 3
    plan = folds.spatial_folds(samples)
    assert plan.block_size == 5_000.0
    assert plan.single_block_classes == ()


def test_auto_says_which_class_lies_in_one_block() -> None:
    """A class of one place cannot be cross-validated: it is listed, and missing where it is tested."""
    samples = scattered(classes=2)
    samples.class_id[0] = 9
    plan = folds.spatial_folds(samples)
    assert plan.single_block_classes == (9,)
    assert plan.block_size == 10_000.0
    assert [9 in missing for missing in plan.missing_classes] == [number == plan.fold[0] for number in range(5)]


def test_too_few_blocks_name_the_option() -> None:
    """Labels in fewer than five blocks are an error that says how to get more."""
    samples = scattered(n=50, extent=9_000.0)
    with pytest.raises(LabelsError, match=r"got samples in \d blocks? of 10000 m.*--block-size|got samples in 1 "):
        folds.spatial_folds(samples, block_size=10_000)
    with pytest.raises(LabelsError, match=r"1 spatial block of 120 m.*--block-size"):
        folds.spatial_folds(scattered(n=50, extent=60.0))


def test_one_polygon_is_one_block() -> None:
    """Pixels of one polygon lie whole in the block of its mean place, however large it is."""
    samples = scattered()
    samples.group[:100] = 1_000
    block = folds.spatial_blocks(samples.x, samples.y, 10_000, group=samples.group)
    assert len(set(block[:100])) == 1
    assert len(set(block)) > 20


def test_a_small_chip_has_the_blocks_one_counts_in_pixels() -> None:
    """Blocks of eight pixels cut a chip of 32 x 32 pixels into sixteen, wherever its corner lies."""
    samples = chip()
    block = folds.spatial_blocks(samples.x, samples.y, 8 * 20.0)
    assert np.array_equal(np.bincount(block), np.full(16, 64))


def test_random_splits_of_blocks() -> None:
    """Random splits never share a block between training and test, test the asked share, and repeat by seed."""
    samples = chip()
    block = folds.spatial_blocks(samples.x, samples.y, 160.0)
    splits = folds.random_block_splits(samples, block_size=160.0, n_splits=20, test_share=0.25, seed=3)
    assert len(splits) == 20
    for train, test in splits:
        assert len(set(block[test])) == 4
        assert not set(block[train]) & set(block[test])
        assert len(train) + len(test) == 1024
    again = folds.random_block_splits(samples, block_size=160.0, n_splits=20, test_share=0.25, seed=3)
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(splits[4], again[4], strict=True))
    assert len({tuple(test) for _, test in splits}) > 10
    train, test = folds.random_block_splits(samples, block_size=160.0, buffer=30.0, seed=3)[0]
    assert len(train) + len(test) < 1024


def test_random_folds_keep_the_shares_of_classes() -> None:
    """The random folds printed as the gap test each sample once, each class in equal parts."""
    samples = scattered()
    plan = folds.random_folds(samples, seed=1)
    table = np.array(
        [[np.sum((plan.fold == number) & (samples.class_id == c)) for c in (1, 2, 3)] for number in range(5)]
    )
    assert np.ptp(table, axis=0).max() <= 1
    assert plan.block_size is None
    assert sum(len(test) for _, test in plan.splits()) == 400


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"block_size": 0.0}, UsageError),
        ({"block_size": float("nan")}, UsageError),
        ({"block_size": 40.0, "test_share": 1.0}, UsageError),
        ({"block_size": 1e6}, LabelsError),
    ],
)
def test_impossible_splits_are_refused(options: dict[str, float], error: type[Exception]) -> None:
    """A size or share out of range, or a single block, is one line and no empty training set."""
    with pytest.raises(error):
        folds.random_block_splits(chip(), **options)


def test_samples_of_many_tiny_classes_are_refused() -> None:
    """Five folds need a class of five samples; two of each class is an error, not a traceback of the splitter."""
    samples = scattered(n=8)
    samples.class_id = np.array([1, 1, 2, 2, 3, 3, 4, 4])
    with pytest.raises(LabelsError, match="at most 2 samples in a class"):
        folds.spatial_folds(samples, block_size=100.0)
