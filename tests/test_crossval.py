"""Cross-validation: predictions come from models that never saw the sample's block."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny_map

from esd_tasks.classifier import TreeParameters
from esd_tasks.crossval import accuracy_report, cross_validate, random_overall
from esd_tasks.folds import spatial_blocks, spatial_folds

FAST = TreeParameters(rounds=10)


def samples(n: int = 300, seed: int = 0) -> Any:
    """Return samples of the tiny place, as `samples.extract` would."""
    classes = tiny_map.class_map()
    pixels = np.random.default_rng(seed).permutation(classes.size)[:n]
    rows, columns = np.divmod(pixels, tiny_map.WIDTH)
    return SimpleNamespace(
        codes=tiny_map.codes_of(classes)[:, rows, columns].T,
        class_id=classes[rows, columns].astype(np.uint16),
        x=columns * 30.0,
        y=-rows * 30.0,
        group=np.arange(n),
        year=np.full(n, 2020),
        names=tiny_map.NAMES,
        dropped={"no data": {1: 4}},
        polygon_rule="center",
        polygon_cap=200,
        min_clear=0,
    )


def test_codes_that_tell_classes_apart_score_high_and_noise_scores_like_chance() -> None:
    """Shuffled classes score about a third: nothing of a test sample leaks into its model."""
    place = samples()
    folds = spatial_folds(place)
    assert cross_validate(place, folds, FAST).pooled.overall > 0.8
    place.class_id = np.random.default_rng(1).permutation(place.class_id)
    assert cross_validate(place, spatial_folds(place), FAST).pooled.overall < 0.5


def test_every_sample_is_tested_once() -> None:
    """The pooled matrix holds each sample once; its columns are the counts of the reference."""
    place = samples()
    found = cross_validate(place, spatial_folds(place), FAST)
    assert found.pooled.matrix.sum(axis=0).tolist() == np.unique(place.class_id, return_counts=True)[1].tolist()
    assert len(found.fold_overall) == 5
    assert found.untested == 0


def test_a_class_missing_in_a_training_fold_counts_as_wrong() -> None:
    """A class in one block only is never trained when tested: its producer's accuracy is 0, and nothing crashes."""
    place = samples()
    block = spatial_blocks(place.x, place.y, 500)
    place.class_id[block == block[0]] = 7
    place.names = {**tiny_map.NAMES, 7: "island"}
    folds = spatial_folds(place, block_size=500)
    assert folds.single_block_classes == (7,)
    report = accuracy_report(cross_validate(place, folds, FAST), 0.9, place)
    assert report["classes"][3]["producers_accuracy"] == 0
    assert report["protocol"]["classes_in_one_block"] == [7]


def test_folds_that_cannot_train_two_classes_predict_the_one_they_have() -> None:
    """A training set of one class predicts that class, an empty one leaves its fold untested."""
    place = samples(40)
    place.class_id[:] = 1
    place.class_id[:8] = 2

    def splits() -> list[tuple[Any, Any]]:
        return [
            (np.arange(8, 40), np.arange(8)),
            (np.arange(8), np.arange(8, 30)),
            (np.arange(0), np.arange(30, 40)),
        ]

    folds: Any = SimpleNamespace(splits=splits)
    found = cross_validate(place, folds, FAST)
    assert found.pooled.matrix.tolist() == [[0, 8], [22, 0]]
    assert found.untested == 10
    assert np.isnan(found.fold_overall[2])


def test_report_names_protocol_and_caveats() -> None:
    """The report is JSON, says what spatial cross-validation estimates, and gives protocol and the random gap."""
    place = samples()
    folds = spatial_folds(place)
    calls: list[int] = []
    random = random_overall(place, FAST, seed=0, on_fold=lambda: calls.append(1))
    report = accuracy_report(cross_validate(place, folds, FAST), random, place)
    json.dumps(report, allow_nan=False)
    assert "not the accuracy of the map" in report["statement"]
    assert report["design_based"]["valid"] is False
    assert "drawn at random from the map" in report["design_based"]["statement"]
    assert report["random_split"]["gap"] == pytest.approx(random - report["overall_accuracy"], abs=1e-5)
    protocol = report["protocol"]
    assert protocol["n_samples"] == 300
    assert protocol["n_blocks"] == folds.n_blocks
    assert protocol["block_size_m"] == folds.block_size
    assert protocol["buffer_m"] == folds.buffer
    assert protocol["dropped_samples"] == {"no data": {"1": 4}}
    assert len(calls) == 5
