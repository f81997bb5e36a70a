"""Which predictor works, forest or booster, and that both are asked for the same thing."""

import logging
import pickle
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import plain_forest
import pytest

from esd_tasks.features import level_features
from esd_tasks.forest import Columns, Predictor, text_booster
from esd_tasks.forest import predictor as at_work
from esd_tasks.forest.model_text import ModelText
from esd_tasks.forest.text_booster import TextBooster, _without_offsets
from stactools_esd.errors import RasterError

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")

CODES = np.random.default_rng(0).integers(0, 64_000, (90, 12)).astype(np.uint16)
THREE = ("multiclass", "num_class:3")


class Asked:
    """A booster that notes what it is asked."""

    def __init__(self, model: ModelText, columns: Columns) -> None:
        self.text, self.model, self.calls = plain_forest.text_of(model, columns), model, []

    def model_to_string(self) -> str:
        """Return the text."""
        return self.text

    def num_model_per_iteration(self) -> int:
        """Return the classes."""
        return self.model.classes

    def predict(self, features: np.ndarray, *, raw_score: bool, num_threads: int) -> np.ndarray:
        """Return numbers that tell rows and columns apart."""
        self.calls.append((len(features), raw_score, num_threads))
        found = features[:, :1].astype(float) * 10 + np.arange(self.model.classes)
        return found[:, 0] if self.model.classes == 1 else found


def asked(classes: int = 3, columns: Columns | None = None, objective: tuple[str, ...] = THREE) -> Asked:
    """Return a booster of a small random model."""
    columns = columns or Columns()
    model = plain_forest.random_model(6, columns, classes=classes, rounds=2, leaves=4, objective=objective)
    return Asked(model, columns)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the forest work from so many rows, in pieces of 40."""
    plain_forest.without_compiler(monkeypatch)
    monkeypatch.setattr(at_work, "_ROWS", 40)
    return lambda rows: monkeypatch.setattr(at_work, "LEAST_ROWS", rows)


def test_few_rows_go_to_the_booster_in_pieces(few: Callable[[int], None]) -> None:
    """With the features, the threads and the kind of score that are asked for; the forest is not made."""
    few(91)
    booster = asked()
    found = Predictor(booster, threads=2).predict(CODES, raw_score=True)
    assert booster.calls == [(40, True, 2), (40, True, 2), (10, True, 2)]
    assert np.array_equal(found, level_features(CODES)[:, :1] * 10.0 + np.arange(3))
    single = asked(1, objective=())
    assert Predictor(single).predict(CODES[:2], dtype=np.float32).dtype == np.float32
    assert single.calls == [(2, False, 1)]


def test_many_rows_go_through_the_forest(few: Callable[[int], None]) -> None:
    """From the number on that is set; after that few rows, too."""
    few(90)
    booster = asked()
    found = Predictor(booster)
    scores = plain_forest.plain_scores(booster.model, level_features(CODES))
    assert found.predict(CODES, raw_score=True).tobytes() == np.ascontiguousarray(scores.T).tobytes()
    assert found.predict(CODES[:3], raw_score=True).tobytes() == np.ascontiguousarray(scores.T[:3]).tobytes()
    share = np.exp(scores - scores.max(axis=0))
    assert np.allclose(found.predict(CODES), (share / share.sum(axis=0)).T, rtol=1e-12)
    assert found.predict(CODES[:0]).shape == (0, 3)
    assert booster.calls == []


def test_a_predictor_is_made_by_names() -> None:
    """Model and features may be named, threads must be."""
    booster = asked()
    made = Predictor(booster=booster, columns=Columns(beside=1), threads=3)
    assert (made.booster, made.columns, made.threads) == (booster, Columns(beside=1), 3)
    assert (Predictor(booster).columns, Predictor(booster).threads) == (Columns(), 1)
    with pytest.raises(TypeError):
        Predictor(booster, Columns(), 3)  # type: ignore[misc]


def test_a_predictor_travels_with_its_trees(few: Callable[[int], None]) -> None:
    """Another process has trees and objective at once: from a pickle also few rows go through the forest."""
    few(10_000)
    for made in (Predictor(asked(), threads=2), Predictor(TextBooster(asked().text))):
        found = pickle.loads(pickle.dumps(made))
        assert (found.columns, found.threads) == (made.columns, made.threads)
        assert vars(found)["forest"].values.tobytes() == made.forest.values.tobytes()
        assert found.objective == THREE
        assert found.predict(CODES).tobytes() == made.predict(CODES).tobytes()
        assert not vars(found.booster).get("calls")


def test_an_unfit_predictor_travels_as_it_is(few: Callable[[int], None]) -> None:
    """Without trees: its booster predicts there as well."""
    few(0)
    found = pickle.loads(pickle.dumps(Predictor(asked(1, objective=("poisson",)))))
    assert vars(found)["forest"] is None
    assert found.predict(CODES).shape == (90, 1)
    assert found.booster.calls


def test_a_text_is_read_once(few: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The trees that a saved model has read when it was opened are those that are laid out."""
    few(0)
    model = TextBooster(asked().text)

    def fail(*given: Any) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(at_work, "read_model_text", fail)
    assert Predictor(model).forest is not None


def test_modules_that_predict_do_not_name_lightgbm() -> None:
    """It is imported for types alone: what is loaded where a text needs it, is loaded there."""
    assert not hasattr(at_work, "lightgbm")
    assert not hasattr(text_booster, "lightgbm")


@pytest.mark.parametrize("threads", [2, 3, 99])
def test_threads_share_the_pieces(few: Callable[[int], None], threads: int) -> None:
    """Every piece is done once, by any number of threads."""
    few(0)
    booster = asked()
    one, several = (Predictor(booster, threads=count).most_probable(CODES) for count in (1, threads))
    assert np.array_equal(one[0], several[0])
    assert np.array_equal(one[1], several[1])


def test_one_thread_is_the_callers(few: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """No other is started for it: not for several pieces, and not for one piece with several threads."""
    few(0)

    def fail(*given: Any) -> None:
        raise AssertionError("another thread")

    monkeypatch.setattr(at_work, "ThreadPoolExecutor", fail)
    assert Predictor(asked()).predict(CODES).shape == (90, 3)
    assert Predictor(asked(), threads=8).predict(CODES[:40]).shape == (40, 3)
    with pytest.raises(AssertionError, match="another thread"):
        Predictor(asked(), threads=2).predict(CODES)


def test_what_fails_in_a_thread_is_said(few: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not lost with the thread."""
    few(0)

    def fail(*given: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(at_work, "make_room", fail)
    with pytest.raises(MemoryError, match="no room"):
        Predictor(asked(), threads=2).predict(CODES)


@pytest.mark.parametrize(
    ("classes", "objective"), [(3, THREE), (3, ("multiclassova", "num_class:3")), (1, ("binary",))]
)
def test_the_most_probable_is_that_of_all(few: Callable[[int], None], classes: int, objective: tuple[str, ...]) -> None:
    """Column and probability, by the forest and by the booster."""
    for rows in (0, 1000):
        few(rows)
        found = Predictor(asked(classes, objective=objective))
        member, confidence = found.most_probable(CODES)
        probability = found.predict(CODES, dtype=np.float32)
        assert (member.dtype, confidence.dtype) == (np.uint16, np.float32)
        assert np.array_equal(member, probability.argmax(axis=1))
        assert np.array_equal(confidence, probability.max(axis=1))


def test_the_most_probable_does_not_keep_all(few: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A map of many classes needs one number a pixel: the forest does not make probabilities of all of them."""
    few(0)

    def fail(*given: Any, **named: Any) -> None:
        raise AssertionError("all of them")

    monkeypatch.setattr(Predictor, "predict", fail)
    assert Predictor(asked()).most_probable(CODES)[0].shape == (90,)
    with pytest.raises(AssertionError, match="all of them"):
        Predictor(asked(objective=("multiclassova", "num_class:3"))).most_probable(CODES)


def test_a_model_that_is_unfit_says_why(few: Callable[[int], None], caplog: pytest.LogCaptureFixture) -> None:
    """One line in the log; the booster predicts, and its most probable class is taken."""
    few(0)
    booster = asked(objective=("poisson",))
    booster.text = booster.text.replace("objective=poisson", "objective=poisson\nnum_class=3")
    caplog.set_level(logging.WARNING)
    found = Predictor(booster)
    assert found.predict(CODES).shape == (90, 3)
    assert found.most_probable(CODES)[0].tolist() == [2] * 90
    assert [record.message for record in caplog.records] == [
        "predicting with LightGBM, which is slower: the model has the objective poisson"
    ]


def test_wrong_rows_are_refused_and_say_what_is_right() -> None:
    """Years, and other numbers beside the levels."""
    one = Predictor(asked())
    with pytest.raises(RasterError, match=r"^got codes of 2 years, expected 1; give each year once$"):
        one.predict(CODES, CODES)
    with pytest.raises(RasterError, match=r"^got codes of 1 years, expected 2; give each year once$"):
        Predictor(asked(columns=Columns(years=2)), Columns(years=2)).predict(CODES)
    with pytest.raises(
        RasterError, match=r"^got years of \[89, 90\] pixels, expected as many of each; give the same pi"
    ):
        Predictor(asked(columns=Columns(years=2)), Columns(years=2)).predict(CODES[1:], CODES)
    said = r"^got other features of shape \(90, 2\), expected \(90, 1\); give those that the model was trained with$"
    with pytest.raises(RasterError, match=said):
        Predictor(asked(columns=Columns(beside=1)), Columns(beside=1)).predict(CODES, beside=np.zeros((90, 2)))
    with pytest.raises(RasterError, match=r"expected \(90, 1\)"):
        Predictor(asked(columns=Columns(beside=1)), Columns(beside=1)).predict(CODES)
    with pytest.raises(RasterError, match="other features"):
        one.predict(CODES, beside=np.zeros((89, 0)))


def test_numbers_beside_reach_the_trees(few: Callable[[int], None]) -> None:
    """In pieces, beside the codes of two years."""
    few(0)
    columns = Columns(years=2, differences=True, beside=2)
    booster = asked(1, columns, ("regression",))
    beside = np.random.default_rng(1).normal(size=(90, 2))
    features = columns.features([CODES, CODES[::-1]], beside)
    expected = plain_forest.plain_scores(booster.model, features)
    assert np.array_equal(Predictor(booster, columns).predict(CODES, CODES[::-1], beside=beside), expected.T)


@pytest.fixture(scope="module")
def trained() -> lightgbm.Booster:
    """A random forest of LightGBM, which averages its trees: unfit for ours."""
    settings = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5, "num_leaves": 4, "verbosity": -1}
    data = lightgbm.Dataset(level_features(CODES), label=CODES[:, 0] % 8, feature_name=[f"f_{at}" for at in range(72)])
    return lightgbm.train({**settings, "num_threads": 1, "min_data_in_leaf": 2}, data, num_boost_round=3)


def test_an_unfit_text_is_left_to_lightgbm(trained: lightgbm.Booster) -> None:
    """Names come from the text; columns, importance and predictions from LightGBM."""
    model = TextBooster(trained.model_to_string())
    assert model.model is None
    assert model.feature_name() == trained.feature_name()
    assert model.num_model_per_iteration() == 1
    assert np.array_equal(model.feature_importance("gain"), trained.feature_importance("gain"))
    assert np.array_equal(Predictor(model).predict(CODES)[:, 0], trained.predict(level_features(CODES), num_threads=1))


def test_a_text_that_fits_answers_itself(few: Callable[[int], None]) -> None:
    """LightGBM is not loaded for its columns, names, text and predictions."""
    few(0)
    booster = asked()
    model = TextBooster(booster.text)
    assert model.num_model_per_iteration() == 3
    assert model.feature_name() == [f"feature_{at}" for at in range(72)]
    assert model.model_to_string() == booster.text
    assert model.feature_name() is not model.feature_name()
    scores = plain_forest.plain_scores(booster.model, level_features(CODES))
    assert np.array_equal(Predictor(model).predict(CODES, raw_score=True), scores.T)
    assert "_booster" not in vars(model)


def test_a_text_is_refused_as_soon_as_it_is_read() -> None:
    """Cut off, or damaged in a way that LightGBM would believe; and what LightGBM refuses is a ValueError."""
    text = asked().text
    with pytest.raises(ValueError, match=r"^a text that is cut off$"):
        TextBooster(text.partition("end of trees")[0])
    with pytest.raises(ValueError, match=r"^a tree whose lines differ in length$"):
        TextBooster(text.replace("num_leaves=4", "num_leaves=5", 1))
    with pytest.raises(ValueError, match=r".+"):
        TextBooster(text.replace("version=v4\n", "")).feature_importance("gain")
    with pytest.raises(AttributeError, match="__array__"):
        TextBooster(text).__array__  # noqa: B018


def test_where_trees_begin_is_left_out() -> None:
    """LightGBM believes wrong offsets; without the line it finds the trees. Nothing else of the text changes."""
    text = asked().text
    found = _without_offsets(text)
    assert [line for line in text.split("\n") if line not in found.split("\n")] == ["tree_sizes=1 1 1 1 1 1"]
    assert len(found) == len(text) - len("tree_sizes=1 1 1 1 1 1\n")
    late = "tree_sizes=5\nTree=0\ntree_sizes=6"
    assert _without_offsets(f"x\n{late}") == "x\nTree=0\ntree_sizes=6"
