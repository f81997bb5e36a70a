"""The loops of the forest against trees walked node by node, with the compiler and without it."""

import numpy as np
import plain_forest
import pytest
from numpy.typing import NDArray

from esd_tasks.forest import Columns
from esd_tasks.forest.leaf_numbers import AT_ONCE, BLOCK, GROUP_LEAVES, WORDS, add_values, number_leaves
from esd_tasks.forest.loops import make_room, score_pixels
from esd_tasks.forest.model_text import ModelText, Tree, UnfitModelError
from esd_tasks.forest.tables import LIMIT_ZERO, MOST_LEAVES, compile_forest

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where numba compiles nothing, too."""
    plain_forest.without_compiler(monkeypatch)


def codes_of(seed: int, n: int) -> NDArray[np.uint16]:
    """Draw codes, (n, 12), with the first and the last one."""
    codes = np.random.default_rng(seed).integers(0, 64_000, (n, 12)).astype(np.uint16)
    codes[0, :2] = 0, 63_999
    return codes


def pixel_order() -> NDArray[np.int64]:
    """Return the pixel of every bit: bit `8 j + k` of word `w` is the pixel at `256 k + 8 w + j`."""
    word, bit = np.divmod(np.arange(BLOCK), 64)
    return 256 * (bit % 8) + 8 * word + bit // 8


@pytest.mark.parametrize("leaves", [1, 2, 3, 5, 9, 17, 31, 32, 33, 64, 65, 97, 256])
def test_a_leaf_number_is_the_highest_set(leaves: int) -> None:
    """Every pixel gets the number of the highest set that it is in, 0 without one; other rows stay as they are."""
    rng = np.random.default_rng(leaves)
    rows = -(-leaves // GROUP_LEAVES) * GROUP_LEAVES
    share = 10.0 ** rng.uniform(-3, 0, (rows, 1))
    there = (rng.random((rows, BLOCK)) < share) & (np.arange(rows) < leaves)[:, None]
    there[0] = False
    bits = np.packbits(there, axis=1, bitorder="little").view(np.uint64)
    numbers = np.full((AT_ONCE + 1, BLOCK // 8), 77, np.uint64)
    number_leaves(bits.reshape(-1), leaves, WORDS, numbers, 2)
    found = numbers[2].view(np.uint8)
    assert np.array_equal(found[pixel_order()], np.where(there, np.arange(rows)[:, None], 0).max(axis=0))
    assert (numbers[[0, 1, 3]] == 77).all()


def test_values_of_four_trees_are_added_in_turn() -> None:
    """Each pixel's sum grows by the value of its leaf in each of the four trees, from the one that is named."""
    rng = np.random.default_rng(3)
    numbers = rng.integers(0, 256, (AT_ONCE + 1, BLOCK), dtype=np.uint8)
    values = rng.normal(size=(9, 256)) * 10.0 ** rng.integers(-9, 9, (9, 256))
    sums = rng.normal(size=BLOCK)
    expected = sums.copy()
    for one in range(AT_ONCE):
        expected = expected + values[3 + one, numbers[one]]
    add_values(numbers.view(np.uint64), values, 3, sums)
    assert sums.tobytes() == expected.tobytes()


def scored(model: ModelText, columns: Columns, years: list[NDArray], beside: NDArray) -> NDArray[np.float64]:
    """Return raw scores of the loops; of fewer pixels after more, so that what is left over shows."""
    tables = compile_forest(model, columns)
    room = make_room(tables)
    bands = np.concatenate([codes.T for codes in years])
    scores = np.full((model.classes, bands.shape[1]), np.nan)
    score_pixels(np.ascontiguousarray(bands), np.array(beside.T, np.float32, order="C"), tables, room, scores)
    return scores


def test_scores_of_one_year() -> None:
    """Classes, rounds that do not fill four trees, more pixels than a block: sums have the bits of the plain walk."""
    codes = codes_of(1, BLOCK + 5)
    model = plain_forest.random_model(5, Columns(), classes=2, rounds=3, leaves=12)
    seen = [*range(0, 40), *range(200, BLOCK, 97), *range(BLOCK, BLOCK + 5)]
    features = Columns().features([codes], np.empty((len(codes), 0)))
    expected = plain_forest.plain_scores(model, features[seen])
    assert scored(model, Columns(), [codes], np.empty((len(codes), 0)))[:, seen].tobytes() == expected.tobytes()


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("sizes", [(32, 4, 1, 31, 2, 17), (64, 34, 2, 33, 1, 50)])
def test_scores_of_trees_of_any_size(sizes: tuple[int, ...], wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller trees after larger ones; those of one group of leaves also where values are looked up in registers."""
    plain_forest.without_compiler(monkeypatch, wide=wide)
    codes, model = codes_of(4, 130), plain_forest.random_model(3, Columns(), classes=1, rounds=6, leaves=sizes)
    expected = plain_forest.plain_scores(model, Columns().features([codes], np.empty((130, 0))))
    assert scored(model, Columns(), [codes], np.empty((130, 0))).tobytes() == expected.tobytes()


@pytest.mark.parametrize("leaves", [2, 40])
def test_scores_of_two_years_and_numbers_beside(leaves: int) -> None:
    """Differences, covariates on their limits, missing ones to either side, more leaves than one group holds."""
    columns = Columns(years=2, differences=True, beside=3)
    before, after = codes_of(7, 300), codes_of(8, 300)
    beside = (np.random.default_rng(9).integers(-10, 20, (300, 3)) / 2).astype(np.float32)
    beside[::7] = np.nan
    beside[1::11] = np.float32(1e-40)
    model = plain_forest.random_model(leaves, columns, classes=1, rounds=3, leaves=leaves)
    assert set(np.concatenate([tree.feature for tree in model.trees]) >= columns.level_rows) != {True}
    features = columns.features([before, after], beside)
    expected = plain_forest.plain_scores(model, features)
    assert scored(model, columns, [before, after], beside).tobytes() == expected.tobytes()


def of_one_node(feature: int, limit: float, *, missing_left: bool = False) -> ModelText:
    """Return a model of one tree of two leaves: 1.0 on the left, 2.0 on the right."""
    tree = Tree(
        feature=np.array([feature]),
        limit=np.array([limit]),
        decision=np.array([MISSING]),
        missing_left=np.array([missing_left]),
        left=np.array([-1]),
        right=np.array([-2]),
        value=np.array([1.0, 2.0]),
    )
    return ModelText(trees=(tree,), classes=1, objective=())


MISSING = plain_forest.MISSING_IS_NAN


@pytest.mark.parametrize("limit", [-1e9, -0.5, 0.0, 2.999, 3.0, 7.5, 300.0, 1e300])
def test_limits_of_levels(limit: float) -> None:
    """Any limit splits levels 0..7 as a comparison of numbers does, however far out it lies."""
    codes = np.zeros((8, 12), np.uint16)
    codes[:, 0] = np.arange(8)
    found = scored(of_one_node(0, limit), Columns(), [codes], np.empty((8, 0)))
    assert found[0].tolist() == [1.0 if level <= limit else 2.0 for level in range(8)]


@pytest.mark.parametrize("limit", [-8.0, -7.0, -0.5, 0.0, 6.5, 7.0])
def test_limits_of_differences(limit: float) -> None:
    """A difference of levels runs from -7 to 7 and is later less earlier."""
    before, after = np.zeros((15, 12), np.uint16), np.zeros((15, 12), np.uint16)
    before[:, 0], after[:, 0] = [7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0], [0] * 8 + [1, 2, 3, 4, 5, 6, 7]
    found = scored(of_one_node(144, limit), Columns(years=2, differences=True), [before, after], np.empty((15, 0)))
    assert found[0].tolist() == [1.0 if change <= limit else 2.0 for change in range(-7, 8)]


@pytest.mark.parametrize("limit", [0.1, -0.1, 1e300, -1e300, 1e-300, 16777217.0])
def test_limits_of_numbers_beside(limit: float) -> None:
    """A float32 is compared with a limit of float64 as numbers are, also where no float32 is the limit."""
    near = np.float32(np.clip(limit, -3e38, 3e38))
    numbers = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf)), np.float32(0)]
    found = scored(of_one_node(72, limit), Columns(beside=1), [np.zeros((4, 12), np.uint16)], np.array([numbers]).T)
    assert found[0].tolist() == [1.0 if float(number) <= limit else 2.0 for number in numbers]


def test_predicates_are_shared() -> None:
    """Equal splits of levels are one predicate, whatever they say of missing ones; those of other numbers are two."""
    columns = Columns(beside=1)
    nodes = [of_one_node(3, 2.25, missing_left=left) for left in (True, False)]
    nodes += [of_one_node(72, 2.25, missing_left=left) for left in (True, False, True)]
    model = ModelText(trees=tuple(node.trees[0] for node in nodes), classes=1, objective=())
    tables = compile_forest(model, columns)
    assert tables.level_feature.tolist() == [3]
    assert tables.level_limit.tolist() == [2 + LIMIT_ZERO]
    assert tables.beside_feature.tolist() == [0, 0]
    assert tables.beside_limit.tolist() == [2.25] * 2
    assert tables.missing_left.tolist() == [False, True]
    assert tables.nodes[:, 0].tolist() == [0, 0, 2, 1, 2]


def test_trees_are_filled_up_to_whole_fours() -> None:
    """Of each class, with trees of one leaf of value 0; values have room for whole groups of leaves."""
    model = plain_forest.random_model(2, Columns(), classes=2, rounds=5, leaves=33)
    tables = compile_forest(model, Columns())
    assert tables.leaves.shape == (16,)
    assert tables.values.shape == (16, 64)
    by_class = [len(tree.value) for member in (0, 1) for tree in model.trees[member::2]]
    assert [*tables.leaves[:5], *tables.leaves[8:13]] == by_class
    assert tables.leaves[[5, 6, 7, 13, 14, 15]].tolist() == [1] * 6
    assert not tables.values[[5, 6, 7, 13, 14, 15]].any()
    assert tables.first_node.tolist() == [0, *np.cumsum(tables.leaves - 1)]
    assert tables.level_rows == 72


def test_what_does_not_fit_is_refused_and_says_what() -> None:
    """Leaves whose numbers are no bytes, and features that nobody knows; the largest that fits, fits."""
    most = plain_forest.random_model(1, Columns(), classes=1, rounds=1, leaves=MOST_LEAVES)
    assert compile_forest(most, Columns()).values.shape == (4, 256)
    more = plain_forest.random_model(1, Columns(), classes=1, rounds=1, leaves=MOST_LEAVES + 1)
    with pytest.raises(UnfitModelError, match=r"^a tree of 257 leaves$"):
        compile_forest(more, Columns())
    assert compile_forest(of_one_node(72, 1.0), Columns(beside=1)).beside_feature.tolist() == [0]
    with pytest.raises(UnfitModelError, match=r"^feature 72, where 72 are known$"):
        compile_forest(of_one_node(72, 1.0), Columns())
    with pytest.raises(UnfitModelError, match=r"^feature 500, where 72 are known$"):
        compile_forest(of_one_node(500, 1.0), Columns())


def test_different_splits_are_counted_in_sixteen_bits() -> None:
    """65,535 different splits of numbers beside the levels fit, one more does not."""
    columns = Columns(beside=1)
    one = of_one_node(72, 0.0).trees[0]
    limits = np.arange(65_536, dtype=float)
    shared = {name: np.repeat(getattr(one, name), 255) for name in ("feature", "decision", "missing_left")}
    shared |= {"left": np.append(np.arange(1, 255), -1), "right": -2 - np.arange(255), "value": np.zeros(256)}
    trees = tuple(Tree(**shared, limit=part) for part in limits[:65_535].reshape(257, 255))
    model = ModelText(trees=trees, classes=1, objective=())
    assert len(compile_forest(model, columns).beside_limit) == 65_535
    last = Tree(**(vars(one) | {"limit": limits[-1:]}))
    with pytest.raises(UnfitModelError, match=r"^65536 different splits$"):
        compile_forest(ModelText(trees=(*trees, last), classes=1, objective=()), columns)


def test_room_lies_on_cache_lines() -> None:
    """Rows of words begin where a cache line of 64 bytes does, and the last set holds every pixel."""
    tables = compile_forest(plain_forest.random_model(2, Columns(), classes=1, rounds=1, leaves=33), Columns())
    room = make_room(tables)
    for words in (room.level_words, room.predicates, room.sets, room.numbers, room.sums):
        assert words.ctypes.data % 64 == 0
    assert room.sets.shape == (65, WORDS)
    assert (room.sets[:-1] == 0).all()
    assert (room.sets[-1] == np.iinfo(np.uint64).max).all()
    assert np.shares_memory(room.levels, room.level_words)
    assert room.predicates.shape == (len(tables.level_limit), WORDS)
