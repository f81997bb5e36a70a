"""How accuracy grows with labels: the same tests, fewer labels that train, whole ones, smaller parts within larger."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_search import START, samples

from esd_tasks.crossval import cross_validate
from esd_tasks.fold_curve import N_MODELS, SHARES, fold_curve, thinned
from esd_tasks.folds import spatial_folds
from esd_tasks.report_fold_curve import fold_curve_section
from esd_tasks.sample_choice import subset


def test_points_are_shares_of_the_labels_of_each_fold() -> None:
    """Accuracy is of the same samples at every share, all labels are the cross-validation itself, SD is over folds."""
    some = samples()
    folds = spatial_folds(some, block_size=300, seed=0)
    whole = cross_validate(some, folds, START)
    done: list[int] = []
    curve = fold_curve(some, folds, START, whole, on_fold=lambda: done.append(1))
    assert len(done) == N_MODELS
    assert [point["share"] for point in curve["points"]] == [*SHARES, 1.0]
    last = curve["points"][-1]
    assert last["overall_accuracy"]["values"] == pytest.approx(list(whole.fold_overall), abs=1e-6)
    assert last["n_train"] == pytest.approx(np.mean([len(train) for train, _ in folds.splits()]), abs=0.01)
    sizes = [point["n_labels"] for point in curve["points"]]
    assert sizes == sorted(sizes)
    assert curve["points"][0]["overall_accuracy"]["mean"] < last["overall_accuracy"]["mean"]
    recalls = []
    for _, test in folds.splits():
        classes = some.class_id[test]
        recalls.append(np.mean([whole.right[test][classes == one].mean() for one in np.unique(classes)]))
    assert last["balanced_accuracy"]["mean"] == pytest.approx(np.mean(recalls), abs=1e-6)
    assert last["balanced_accuracy"]["sd"] == pytest.approx(np.std(recalls, ddof=1), abs=1e-6)
    text = fold_curve_section(curve)
    assert "Learning curve" in text
    assert text.count("±") == 2 * len(curve["points"]) + 2 + 2


@given(seed=st.integers(0, 1000), share=st.sampled_from(SHARES))
def test_labels_train_whole_and_every_class_stays(seed: int, share: float) -> None:
    """A polygon trains with all its samples or none; each class keeps a label; tests stay; parts are nested."""
    some = samples(n=120, seed=seed % 7)
    some = subset(some, np.arange(120))
    object.__setattr__(some, "group", np.arange(120) // 3)
    object.__setattr__(some, "class_id", some.class_id[some.group * 3])
    folds = spatial_folds(some, block_size=300, seed=seed)
    fewer, more = thinned(folds, some, share), thinned(folds, some, min(2 * share, 1.0))
    for (train, test), (few, tested), (many, _) in zip(folds.splits(), fewer.splits(), more.splits(), strict=True):
        assert np.array_equal(test, tested)
        assert set(few) <= set(many) <= set(train)
        assert set(some.class_id[few]) == set(some.class_id[train])
        for label in np.unique(some.group[few]):
            assert set(train[some.group[train] == label]) <= set(few)
        for one in np.unique(some.class_id[train]):
            n_labels = len(np.unique(some.group[train][some.class_id[train] == one]))
            kept = len(np.unique(some.group[few][some.class_id[few] == one]))
            assert kept == int(np.ceil(round(share * n_labels, 9)))
