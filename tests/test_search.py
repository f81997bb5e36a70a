"""A search of parameters never sees what it is judged on, and says what it costs."""

from typing import Any

import numpy as np
import pytest
import tiny_map

from esd_tasks import crossval, search
from esd_tasks.folds import spatial_folds
from esd_tasks.samples import Samples
from esd_tasks.search import SEARCH_FOLDS, draw_trials, n_models, search_parameters
from esd_tasks.trees import TreeParameters

START = TreeParameters(rounds=3)


def samples(n: int = 160, seed: int = 0, side: float = 30.0) -> Samples:
    """Return samples of the tiny place, pixels of a side in metres."""
    classes = tiny_map.class_map()
    pixels = np.random.default_rng(seed).permutation(classes.size)[:n]
    rows, columns = np.divmod(pixels, tiny_map.WIDTH)
    return Samples(
        codes=tiny_map.codes_of(classes)[:, rows, columns].T,
        clear_obs=np.full(n, 20, dtype=np.uint16),
        class_id=classes[rows, columns].astype(np.uint16),
        group=np.arange(n),
        year=np.full(n, 2020),
        x=columns * side,
        y=rows * side,
        lon=columns * 1e-3,
        lat=rows * 1e-3,
        crs="EPSG:32631",
        names=tiny_map.NAMES,
        dropped={},
    )


def test_no_fold_is_judged_by_a_choice_that_saw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes of the tested samples of a fold, and of those within its buffer, change nothing in what it chooses."""
    given = samples()
    folds = spatial_folds(given, block_size=300, seed=0)
    seen: list[set[int]] = []
    judge = crossval.cross_validate

    def watch(part: Samples, *others: Any, **options: Any) -> Any:
        seen.append(set(part.group.tolist()))
        return judge(part, *others, **options)

    monkeypatch.setattr(search.crossval, "cross_validate", watch)
    found = search_parameters(given, folds, START, 2, seed=0)
    assert len(seen) == 3 * 6
    for number, (train, test) in enumerate(folds.splits()):
        for part in seen[3 * number : 3 * number + 3]:
            assert part == set(given.group[train].tolist())
            assert not part & set(given.group[test].tolist())
    assert seen[-1] == set(given.group.tolist())
    assert len(found.by_fold) == 5


def test_the_best_of_all_trials_is_taken_in_each_part() -> None:
    """What is chosen has the best balanced accuracy of its list, the first on a tie; equal seeds draw the same."""
    given = samples()
    folds = spatial_folds(given, block_size=300, seed=0)
    found, again = (search_parameters(given, folds, START, 3, seed=1) for _ in range(2))
    assert found.content == again.content
    trials = draw_trials(START, 3, seed=1)
    assert trials[0] == START
    assert found.parameters == trials[found.content["chosen"]]
    scores = [trial["balanced_accuracy"] for trial in found.content["trials"]]
    assert scores.index(max(scores)) == found.content["chosen"]
    for fold, parameters in zip(found.content["folds"], found.by_fold, strict=True):
        assert parameters == trials[fold["chosen"]]
        assert fold["balanced_accuracy"].index(max(fold["balanced_accuracy"])) == fold["chosen"]


def test_noise_stays_noise_after_a_search() -> None:
    """Labels that nothing tells apart score about like guessing, whatever was searched: three classes, a third."""
    given = samples(n=240, seed=4)
    object.__setattr__(given, "class_id", np.random.default_rng(2).permutation(given.class_id))
    folds = spatial_folds(given, block_size=240, seed=0)
    found = search_parameters(given, folds, START, 4, seed=0)
    assert crossval.cross_validate(given, folds, found.by_fold).pooled.balanced < 0.42


def test_the_cost_is_what_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """`n_models` counts every model that a search trains, which `--dry-run` says."""
    given, trained = samples(), []
    fit = crossval.Classifier.fit
    monkeypatch.setattr(crossval.Classifier, "fit", lambda *few, **more: trained.append(1) or fit(*few, **more))
    search_parameters(given, spatial_folds(given, block_size=300, seed=0), START, 2, seed=0)
    assert len(trained) == n_models(2) == 3 * SEARCH_FOLDS * 6
    assert n_models(0) == 0


def test_parts_with_too_few_blocks_keep_what_is_at_hand() -> None:
    """Where the training part of a fold has no three blocks left nothing is compared there, and the file says so."""
    given = samples(n=40)
    folds = spatial_folds(given, block_size=1450, seed=0, n_folds=3)
    found = search_parameters(given, folds, START, 2, seed=0)
    few = [fold for fold in found.content["folds"] if fold["balanced_accuracy"][0] is None]
    assert few
    assert all(fold["chosen"] == 0 for fold in few)
