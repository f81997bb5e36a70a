"""The forest in level space says bit by bit what LightGBM says, or leaves it to LightGBM and says why."""

import logging
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from esd_tasks.features import feature_names, level_features
from esd_tasks.forest import Columns, Predictor
from esd_tasks.forest import predictor as at_work
from esd_tasks.forest.leaf_numbers import BLOCK
from stactools_esd.errors import RasterError
from stactools_esd.fsq import level_indices_to_codes
from stactools_esd.product import FSQ

SIZES = [0, 1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 65]
QUIET = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 1, "deterministic": True}
TABLE = {"min_data_in_bin": 1, "feature_pre_filter": False, "verbosity": -1}


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pixels go through the forest as well."""
    monkeypatch.setattr(at_work, "LEAST_ROWS", 0)


def draw_codes(n: int, seed: int) -> NDArray[np.uint16]:
    """Draw codes (n, 12) whose levels differ in how common they are."""
    rng = np.random.default_rng(seed)
    share = rng.beta(0.7, 0.7, (12, 6))
    return level_indices_to_codes(rng.binomial(np.array(FSQ.levels) - 1, share, (n, 12, 6)))


def train(table: NDArray[Any], target: NDArray[Any], rounds: int, **options: Any) -> lightgbm.Booster:
    """Train on few rows."""
    data = lightgbm.Dataset(table, label=target, params=TABLE, free_raw_data=False)
    return lightgbm.train({**QUIET, **options}, data, num_boost_round=rounds)


def assert_same(found: Predictor, features: NDArray[Any], *years: NDArray[np.uint16], **beside: Any) -> None:
    """See that the forest is at work, and that raw scores and predictions have the bits of LightGBM's."""
    assert found.forest is not None
    for raw_score in (True, False):
        ours = found.predict(*years, **beside, raw_score=raw_score)
        theirs = found.booster.predict(features, raw_score=raw_score) if len(features) else np.empty(0)
        assert ours.dtype == np.float64
        assert ours.tobytes() == np.reshape(theirs, ours.shape).astype(np.float64).tobytes()
    probability = found.predict(*years, **beside, dtype=np.float32)
    member, confidence = found.most_probable(*years, **beside)
    assert np.array_equal(member, probability.argmax(axis=1))
    assert np.array_equal(confidence, probability.max(axis=1))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    objective=st.sampled_from(["multiclass", "multiclassova", "binary", "regression", "quantile"]),
    boosting=st.sampled_from(["gbdt", "dart"]),
    leaves=st.sampled_from([2, 5, 31, 32, 33, 64, 200]),
    classes=st.integers(2, 6),
    rounds=st.integers(1, 9),
    n=st.sampled_from(SIZES),
)
def test_scores_have_the_bits_of_lightgbm(
    seed: int, objective: str, boosting: str, leaves: int, classes: int, rounds: int, n: int
) -> None:
    """Of random models and codes: all objectives that maps use, small and large trees, any number of pixels."""
    codes = draw_codes(400, seed)
    levels = level_features(codes).astype(float)
    noise = np.random.default_rng(seed).normal(size=400)
    signal = levels[:, 3] - levels[:, 30] * levels[:, 50] / 4 + noise
    ranks = signal.argsort().argsort() * (2 if objective == "binary" else classes) // 400
    options: dict[str, Any] = {"num_class": classes} if objective.startswith("multiclass") else {}
    target = signal if objective in ("regression", "quantile") else ranks
    model = train(
        level_features(codes), target, rounds, objective=objective, boosting=boosting, num_leaves=leaves, **options
    )
    mapped = draw_codes(n, seed + 1)
    assert_same(Predictor(model), level_features(mapped), mapped)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), use_missing=st.booleans(), gaps=st.booleans())
def test_numbers_beside_the_levels_may_be_missing(seed: int, use_missing: bool, gaps: bool) -> None:
    """Covariates are compared as float32; NaN goes where the node says, or counts as 0 where NaN was never seen."""
    rng = np.random.default_rng(seed)
    codes, beside = draw_codes(1500, seed), rng.normal(size=(1500, 3)).astype(np.float32)
    signal = beside[:, 0] + beside[:, 2] * level_features(codes)[:, 8]
    beside[rng.random(beside.shape) < 0.2 * gaps] = np.nan
    beside[rng.random(beside.shape) < 0.1] = 0
    columns = Columns(beside=3)
    model = train(columns.features([codes], beside), signal, 6, objective="regression", use_missing=use_missing)
    beside[rng.random(beside.shape) < 0.2] = np.nan
    assert_same(Predictor(model, columns), columns.features([codes], beside), codes, beside=beside)


def test_two_years_and_their_differences() -> None:
    """A model of change sees levels of both years, differences -7..7, and other numbers."""
    before, after = draw_codes(3000, 1), draw_codes(3000, 2)
    columns = Columns(years=2, differences=True, beside=1)
    beside = np.random.default_rng(3).random((3000, 1), np.float32)
    features = columns.features([before, after], beside)
    target = (features[:, 150] + 3 * features[:, 216] > 1).astype(int) + (features[:, 20] > features[:, 100])
    model = train(features, target, 8, objective="multiclass", num_class=3)
    assert {150, 216} <= set(np.flatnonzero(model.feature_importance()))
    assert_same(Predictor(model, columns), features, before, after, beside=beside)


def test_trees_of_one_leaf_and_ties() -> None:
    """Classes that nothing tells apart have trees of one leaf; of equal probabilities the first class is taken."""
    codes = draw_codes(100, 5)
    constant = np.repeat(codes[:1], 100, axis=0)
    model = train(level_features(constant), np.arange(100) % 4, 3, objective="multiclass", num_class=4)
    found = Predictor(model)
    assert_same(found, level_features(codes), codes)
    assert found.forest is not None
    assert found.forest.leaves.max() == 1
    assert not found.most_probable(codes)[0].any()


def test_what_ends_early_ends_early() -> None:
    """A model that keeps its best iteration predicts with the trees up to it."""
    codes = draw_codes(600, 6)
    model = train(level_features(codes), level_features(codes)[:, 4], 12, objective="regression")
    model.best_iteration = 5
    assert_same(Predictor(model), level_features(codes), codes)
    assert model.num_trees() == 12


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "an average over trees"),
        ({"zero_as_missing": True}, "zero as missing value"),
        ({"linear_tree": True}, "linear leaves"),
        ({"num_leaves": 400, "min_sum_hessian_in_leaf": 0}, "a tree of"),
        ({"objective": "poisson"}, "the objective poisson"),
        ({"reg_sqrt": True}, "the objective regression sqrt"),
    ],
)
def test_what_the_forest_cannot_do_lightgbm_does(
    options: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The prediction is LightGBM's own, and one line says what the model has."""
    codes = draw_codes(2000, 8)
    features = level_features(codes)
    signal = features[:, :3] @ [1.0, 3.0, 2.0] + features[:, 40] + np.random.default_rng(0).random(2000)
    data = lightgbm.Dataset(features.astype(np.float32), label=signal, params={**TABLE, **options})
    model = lightgbm.train({"objective": "regression", **QUIET, **options}, data, num_boost_round=3)
    caplog.set_level(logging.INFO)
    found = Predictor(model)
    ours = found.predict(codes)
    assert found.predict(codes[:0]).shape == (0, 1)
    assert found.forest is None
    assert [record.message for record in caplog.records if reason in record.message]
    assert len(caplog.records) == 1
    assert np.array_equal(ours[:, 0], np.asarray(model.predict(features)))


def test_categories_are_left_to_lightgbm(caplog: pytest.LogCaptureFixture) -> None:
    """Splits by sets of categories are no comparison of levels."""
    codes = draw_codes(2000, 8)
    features = level_features(codes)
    data = lightgbm.Dataset(features, label=(features[:, 0] * 5) % 8, categorical_feature=[0, 1], params=TABLE)
    model = lightgbm.train({"objective": "regression", **QUIET}, data, num_boost_round=3)
    caplog.set_level(logging.INFO)
    assert np.array_equal(Predictor(model).predict(codes)[:, 0], np.asarray(model.predict(features)))
    assert "categorical splits" in caplog.text


def test_more_features_than_are_known_are_left_to_lightgbm(caplog: pytest.LogCaptureFixture) -> None:
    """A split on a column that is not among the levels cannot be walked."""
    rng = np.random.default_rng(9)
    model = train(rng.random((200, 80)), rng.random(200), 3, objective="regression")
    caplog.set_level(logging.INFO)
    assert Predictor(model).forest is None
    assert "where 72 are known" in caplog.text


def test_threads_and_pieces_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels are scored in bounded pieces by as many threads as are wanted, with equal results."""
    codes = draw_codes(9000, 11)
    model = train(level_features(codes), level_features(codes)[:, 7] // 2, 4, objective="multiclass", num_class=4)
    whole = Predictor(model).predict(codes)
    monkeypatch.setattr(at_work, "_ROWS", 1000)
    assert np.array_equal(Predictor(model, threads=3).predict(codes), whole)
    assert np.array_equal(Predictor(model).predict(np.asfortranarray(codes)), whole)


def test_few_pixels_need_no_forest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handful of pixels is predicted by LightGBM, with the same bits, before the forest is made and after."""
    monkeypatch.undo()
    codes = draw_codes(300, 12)
    model = train(level_features(codes), level_features(codes)[:, 7], 4, objective="regression")
    found = Predictor(model)
    by_lightgbm = found.predict(codes)
    assert "forest" not in vars(found)
    assert found.forest is not None
    assert np.array_equal(found.predict(codes), by_lightgbm)


def test_wrong_codes_are_refused() -> None:
    """Other shapes, numbers that are no codes, and missing years or covariates are errors of ours."""
    codes = draw_codes(50, 13)
    model = train(level_features(codes), level_features(codes)[:, 7], 2, objective="regression")
    with pytest.raises(RasterError, match=r"\(n, 12\)"):
        Predictor(model).predict(codes[:, :11])
    with pytest.raises(RasterError, match="64000"):
        Predictor(model).predict(np.full((3, 12), 64_000, np.uint16))
    with pytest.raises(RasterError, match="of 2 years"):
        Predictor(model).predict(codes, codes)
    with pytest.raises(RasterError, match="other features"):
        Predictor(model, Columns(beside=1)).predict(codes)


def test_features_are_those_of_the_classifier() -> None:
    """The columns of one year are the levels in the order of their names."""
    assert Columns().count == len(feature_names())
    codes = draw_codes(5, 14)
    assert np.array_equal(Columns().features([codes], np.empty((5, 0))), level_features(codes))
