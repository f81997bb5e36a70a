"""The classifier: ids in, ids out, the same on every machine, with few samples too."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import tiny_map
from numpy.typing import NDArray

from esd_tasks.classifier import Classifier, TreeParameters
from stactools_esd.errors import LabelsError, OutputError, RasterError
from stactools_esd.product import OFFICIAL_ENCODER, OFFICIAL_RECIPE, CodesIdentity

FAST = TreeParameters(rounds=20)
IDENTITY = CodesIdentity(encoder=OFFICIAL_ENCODER, recipe=OFFICIAL_RECIPE)


@pytest.fixture(scope="module")
def pixels() -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Codes (n, 12) and classes of a tiny place; the third class is called 312."""
    classes = tiny_map.class_map()
    codes = tiny_map.codes_of(classes).reshape(12, -1).T
    return codes, np.array([0, 1, 2, 312])[classes.ravel()]


def test_class_ids_come_back_as_they_went_in(pixels: tuple[NDArray[np.uint16], NDArray[np.int64]]) -> None:
    """Ids need not be consecutive nor fit into a byte, and most unseen pixels are right."""
    codes, class_id = pixels
    model = Classifier(FAST).fit(codes[::20], class_id[::20])
    predicted = model.predict(codes[1::20])
    assert model.classes == (1, 2, 312)
    assert set(predicted.tolist()) == {1, 2, 312}
    assert (predicted == class_id[1::20]).mean() > 0.9


def test_training_twice_gives_the_same_model(pixels: tuple[NDArray[np.uint16], NDArray[np.int64]]) -> None:
    """Equal samples, parameters and seed give equal probabilities, bit by bit."""
    codes, class_id = pixels
    one = Classifier(FAST).fit(codes[::20], class_id[::20])
    other = Classifier(FAST).fit(codes[::20], class_id[::20])
    assert np.array_equal(one.predict_proba(codes), other.predict_proba(codes))


def test_probabilities_are_shares_in_the_order_of_classes(
    pixels: tuple[NDArray[np.uint16], NDArray[np.int64]],
) -> None:
    """Rows sum to 1 and the largest column is the predicted class."""
    codes, class_id = pixels
    model = Classifier(FAST).fit(codes[::20], class_id[::20])
    probability = model.predict_proba(codes[:500])
    assert probability.dtype == np.float32
    assert np.allclose(probability.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(np.array(model.classes)[probability.argmax(axis=1)], model.predict(codes[:500]))


def test_prediction_in_pieces_is_prediction_at_once(
    pixels: tuple[NDArray[np.uint16], NDArray[np.int64]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixels are predicted in bounded pieces, which does not show."""
    codes, class_id = pixels
    model = Classifier(FAST).fit(codes[::20], class_id[::20])
    whole = model.predict_proba(codes)
    monkeypatch.setattr("esd_tasks.forest.predictor._ROWS", 1000)
    assert np.array_equal(model.predict_proba(codes), whole)
    assert model.predict_proba(codes[:0]).shape == (0, 3)


@pytest.mark.parametrize("n", [1, 3, 10])
def test_few_samples_train_without_a_word(
    n: int, pixels: tuple[NDArray[np.uint16], NDArray[np.int64]], capfd: pytest.CaptureFixture[str]
) -> None:
    """One sample a class neither fails nor makes LightGBM talk; ten already tell classes apart."""
    codes, class_id = pixels
    few = np.concatenate([np.flatnonzero(class_id == one)[:: len(class_id) // 60][:n] for one in (1, 2, 312)])
    predicted = Classifier(FAST).fit(codes[few], class_id[few]).predict(codes)
    assert capfd.readouterr() == ("", "")
    if n == 10:
        assert (predicted == class_id).mean() > 0.6


def test_leaves_shrink_with_the_rarest_class() -> None:
    """A leaf needs a quarter of the rarest class, at least 1 and at most 20 samples."""
    parameters = TreeParameters()
    assert [parameters.min_data_in_leaf(n) for n in (1, 4, 40, 80, 1000)] == [1, 1, 10, 20, 20]


def test_saved_model_predicts_the_same(tmp_path: Path, pixels: tuple[NDArray[np.uint16], NDArray[np.int64]]) -> None:
    """`model.txt` and `model.json` are enough to predict, and say classes, features, encoder and recipe."""
    codes, class_id = pixels
    model = Classifier(FAST).fit(codes[::20], class_id[::20])
    model.save(tmp_path, identity=IDENTITY, names={1: "a", 2: "b", 312: "c"}, software={"lightgbm": "4"})
    loaded, facts = Classifier.load(tmp_path)
    assert np.array_equal(loaded.predict_proba(codes), model.predict_proba(codes))
    assert facts["classes"][2] == {"class_id": 312, "class_name": "c"}
    assert facts["encoder"] == "official-v001"
    assert facts["features"]["names"][6] == "step_02_d1"
    assert loaded.parameters == FAST


def test_a_model_travels_to_other_processes(
    tmp_path: Path, pixels: tuple[NDArray[np.uint16], NDArray[np.int64]]
) -> None:
    """What a worker gets predicts the same bits, whether trained or read, and can be sent on and saved."""
    codes, class_id = pixels
    trained = Classifier(FAST).fit(codes[::20], class_id[::20])
    trained.save(tmp_path, identity=IDENTITY, names={1: "a", 2: "b", 312: "c"}, software={})
    for model in (trained, Classifier.load(tmp_path)[0]):
        there = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(model))))
        assert np.array_equal(there.predict_proba(codes), model.predict_proba(codes))
        assert np.array_equal(there.gain, model.gain)
        there.save(tmp_path / "sent", identity=IDENTITY, names={1: "a", 2: "b", 312: "c"}, software={})
        assert (tmp_path / "sent" / "model.txt").read_bytes() == (tmp_path / "model.txt").read_bytes()


def test_a_model_of_another_layout_or_damaged_is_refused(
    tmp_path: Path, pixels: tuple[NDArray[np.uint16], NDArray[np.int64]], capfd: pytest.CaptureFixture[str]
) -> None:
    """A model that this release does not understand is an error of ours, not a crash."""
    codes, class_id = pixels
    Classifier(FAST).fit(codes[::20], class_id[::20]).save(
        tmp_path, identity=IDENTITY, names={1: "a", 2: "b", 312: "c"}, software={}
    )
    (tmp_path / "model.txt").write_text("tree\nnonsense")
    with pytest.raises(OutputError, match="train it again"):
        Classifier.load(tmp_path)
    (tmp_path / "model.json").write_text('{"schema_version": "99"}')
    with pytest.raises(OutputError, match="another layout"):
        Classifier.load(tmp_path)


def test_what_cannot_train_or_predict_says_so(pixels: tuple[NDArray[np.uint16], NDArray[np.int64]]) -> None:
    """One class, unequal lengths, a code out of range and an untrained model are errors of ours."""
    codes, class_id = pixels
    with pytest.raises(LabelsError, match="two or more"):
        Classifier(FAST).fit(codes[:5], np.ones(5))
    with pytest.raises(LabelsError, match="one class a row"):
        Classifier(FAST).fit(codes[:5], class_id[:4])
    with pytest.raises(RasterError):
        Classifier(FAST).fit(np.full((4, 12), 64_000, dtype=np.uint16), np.array([1, 2, 1, 2]))
    with pytest.raises(LabelsError, match="call fit first"):
        Classifier().predict(codes)
