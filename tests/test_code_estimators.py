"""Features and estimators on codes are good citizens of scikit-learn, and state what no data means."""

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny_map
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.code_estimators import CodeClassifier, CodeRegressor, PrototypeClassifier
from esd_tasks.code_features import CodeFeatures, code_vectors
from stactools_esd import fsq
from stactools_esd.errors import LabelsError, RasterError, UsageError

FAST = {"rounds": 10}
ESTIMATORS = [CodeFeatures(), CodeClassifier(**FAST), CodeRegressor(**FAST), PrototypeClassifier()]
CHECKS = [
    "check_no_attributes_set_in_init",
    "check_get_params_invariance",
    "check_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_parameters_default_constructible",
]


@pytest.fixture(scope="module")
def pixels() -> tuple[NDArray[np.uint16], NDArray[np.str_]]:
    """Codes (300, 12) and class names of a tiny place."""
    classes = tiny_map.class_map()
    codes = tiny_map.codes_of(classes).reshape(12, -1).T[::23][:300]
    return codes, np.array(["", *tiny_map.NAMES.values()])[classes.ravel()[::23][:300]]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("check", CHECKS)
def test_parameters_follow_scikit_learn(estimator: Any, check: str) -> None:
    """Those checks of scikit-learn pass that need no data: its data are no codes."""
    getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))


def test_features_are_what_their_names_say(pixels: tuple[NDArray[np.uint16], Any]) -> None:
    """Levels, vectors and one-hot columns agree with the digits of the codes, and have a name each."""
    codes, _ = pixels
    digits = fsq.codes_to_level_indices(codes).reshape(-1, 72)
    np.testing.assert_array_equal(CodeFeatures().fit_transform(codes), digits)
    np.testing.assert_array_equal(
        CodeFeatures(kind="vectors").fit_transform(codes), fsq.codes_to_vectors(codes).reshape(-1, 72)
    )
    one_hot = CodeFeatures(kind="one-hot").fit(codes)
    table, names = one_hot.transform(codes).toarray(), one_hot.get_feature_names_out()
    assert table.shape == (len(codes), len(names)) == (len(codes), 468)
    for row in (0, 7):
        said = {name for name, value in zip(names, table[row], strict=True) if value}
        assert f"step_02_d3={digits[row, 8]}" in said
        assert len(said) == 72
    frame = CodeFeatures().set_output(transform="pandas").fit_transform(codes)
    assert frame.columns[7] == "step_02_d2"


def test_rows_without_data_follow_the_stated_rule(pixels: tuple[NDArray[np.uint16], NDArray[np.str_]]) -> None:
    """Features refuse them or make NaN; models leave them out of training and do not answer for them."""
    codes, names = (array.copy() for array in pixels)
    codes[3] = 0
    with pytest.raises(RasterError, match="1 rows without data"):
        CodeFeatures().fit_transform(codes)
    for kind in ("levels", "vectors"):
        table = CodeFeatures(kind=kind, nodata="nan").fit_transform(codes)
        assert np.flatnonzero(np.isnan(table).all(axis=1)).tolist() == [3]
        assert not np.isnan(np.delete(table, 3, axis=0)).any()
    assert CodeFeatures(kind="one-hot", nodata="nan").fit_transform(codes).sum(axis=1).A1[2:5].tolist() == [72, 0, 72]
    model = CodeClassifier(**FAST).fit(codes, names)
    assert model.n_nodata_ == 1
    assert np.isnan(model.predict_proba(codes)[3]).all()
    with pytest.raises(RasterError, match="nodata_class"):
        model.predict(codes)
    assert model.set_params(nodata_class="nothing here").predict(codes)[3] == "nothing here"
    assert np.isnan(CodeRegressor(**FAST).fit(codes, np.arange(300.0)).predict(codes)).nonzero()[0].tolist() == [3]
    with pytest.raises(LabelsError, match="no row"):
        PrototypeClassifier().fit(np.zeros((4, 12), dtype=np.uint16), [1, 2, 1, 2])


def test_models_work_inside_scikit_learn(pixels: tuple[NDArray[np.uint16], NDArray[np.str_]]) -> None:
    """Cross-validation, a grid search and a pipeline take codes and names as they are, also from a data frame."""
    codes, names = pixels
    assert cross_val_score(CodeClassifier(**FAST), codes, names, cv=3).mean() > 0.6
    assert cross_val_score(PrototypeClassifier(), pd.DataFrame(codes), names, cv=3).mean() > 0.6
    search = GridSearchCV(CodeRegressor(**FAST), {"num_leaves": [3, 7]}, cv=2).fit(codes, codes[:, 4] % 8)
    assert search.best_params_["num_leaves"] in (3, 7)
    for kind in ("vectors", "one-hot"):
        road = make_pipeline(CodeFeatures(kind=kind), LogisticRegression(max_iter=200))
        assert road.fit(codes[::2], names[::2]).score(codes[1::2], names[1::2]) > 0.6


def test_the_classifier_is_that_of_the_command(pixels: tuple[NDArray[np.uint16], NDArray[np.str_]]) -> None:
    """Equal parameters give the probabilities of `classify`."""
    codes, names = pixels
    _, class_id = np.unique(names, return_inverse=True)
    one = Classifier(TreeParameters(rounds=10)).fit(codes, class_id + 1).predict_proba(codes)
    np.testing.assert_allclose(CodeClassifier(**FAST).fit(codes, names).predict_proba(codes), one, atol=1e-6)


def test_trees_predict_what_lightgbm_predicts_also_after_a_pickle(
    pixels: tuple[NDArray[np.uint16], NDArray[np.str_]],
) -> None:
    """Few rows and many, from the fitted model, a pickle of it and a clone fitted again: the bits of `booster_`."""
    codes, classes = pixels
    many = np.resize(codes, (5000, 12))
    features = fsq.codes_to_level_indices(many).reshape(-1, 72)
    for made in (CodeClassifier(**FAST), CodeRegressor(**FAST)):
        target = classes if isinstance(made, CodeClassifier) else np.arange(len(codes), dtype=float)
        made.fit(codes, target)
        expected = np.asarray(made.booster_.predict(features, num_threads=1))
        again = pickle.loads(pickle.dumps(made))
        for model in (made, again, pickle.loads(pickle.dumps(again)), clone(made).fit(codes, target)):
            predict = getattr(model, "predict_proba", model.predict)
            assert predict(many).tobytes() == expected.tobytes()
            assert predict(many[:300]).tobytes() == expected[:300].tobytes()


def test_prototypes_are_cosines_of_vectors(pixels: tuple[NDArray[np.uint16], NDArray[np.str_]]) -> None:
    """One label a class is enough, and a label is most similar to itself."""
    codes, names = pixels
    _, first = np.unique(names, return_index=True)
    model = PrototypeClassifier().fit(codes[first], names[first])
    np.testing.assert_allclose(np.diag(model.similarity(codes[first])), 1)
    assert model.predict(codes[first]).tolist() == sorted(set(names))
    assert code_vectors(codes).shape == (300, 72)


def test_quantiles_lie_in_order() -> None:
    """The 90 % quantile lies above the 10 % quantile nearly everywhere; weights of 0 take samples out."""
    generator = np.random.default_rng(0)
    codes = generator.integers(1, 64_000, (200, 12)).astype(np.uint16)
    target = codes[:, 0] % 8 + generator.normal(0, 1, 200)
    low, high = (CodeRegressor(rounds=30, quantile=q).fit(codes, target).predict(codes) for q in (0.1, 0.9))
    assert (low <= high).mean() > 0.95
    weight = np.repeat([1.0, 0.0], 100)
    weighted = CodeRegressor(**FAST).fit(codes, np.repeat([5.0, 900.0], 100), sample_weight=weight)
    assert weighted.predict(codes).max() < 6


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: CodeFeatures(kind="codes").fit(np.ones((2, 12), dtype=int)), UsageError, "one-hot"),
        (lambda: CodeFeatures().fit(np.ones((2, 13), dtype=int)), RasterError, "shape"),
        (lambda: CodeFeatures().fit_transform(np.full((2, 12), 64_000)), RasterError, "64000"),
        (lambda: CodeClassifier().fit(np.ones((2, 12), dtype=int), [1, 1]), LabelsError, "two or more"),
        (lambda: CodeClassifier().fit(np.ones((2, 12), dtype=int), [1, 2, 3]), LabelsError, "one target a row"),
        (lambda: CodeRegressor().fit(np.ones((9, 12), dtype=int), np.ones(9)), LabelsError, "10 or more"),
        (lambda: CodeRegressor().fit(np.ones((10, 12), dtype=int), np.full(10, np.nan)), LabelsError, "finite"),
    ],
)
def test_what_cannot_be_says_so(make: Any, error: type[Exception], said: str) -> None:
    """Faults are errors of ours that say what was expected."""
    with pytest.raises(error, match=said):
        make()


def test_the_package_itself_does_not_load_scikit_learn() -> None:
    """`import esd_tasks` stays light; scikit-learn comes with the module that needs it."""
    code = "import sys, esd_tasks; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
