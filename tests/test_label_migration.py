"""The script that judges migrated labels: what the rivals are given, and that differences are of the same draws."""

import importlib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from migrated import model

from esd_tasks.migrate.anomaly import unlike
from esd_tasks.migrate.normal import SCALE, scaled
from esd_tasks.migrate.series import LabelSeries
from esd_tasks.migrate.series_file import NONE
from stactools_esd.fsq import level_indices_to_codes
from stactools_esd.product import FSQ

YEARS = tuple(range(2000, 2025))
LABELLED = YEARS.index(2015)
A_CLASS = 12
LIMIT = 0.4
BECAME = slice(18, None)
"""Years from which the first sample shows the other class."""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that judges."""
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "scripts")
    return importlib.import_module("label_migration")


@pytest.fixture
def rival(script: ModuleType) -> ModuleType:
    """The script of labels by cosine."""
    return importlib.import_module("label_migration_cosine")


def truth() -> np.ndarray:
    """Return classes of samples, of which the first changes."""
    class_of = np.repeat(np.repeat([1, 2], A_CLASS)[:, None], len(YEARS), axis=1)
    class_of[0, BECAME] = 2
    return class_of


def campaign() -> LabelSeries:
    """Return samples of two classes that lie far apart."""
    class_of, generator = truth(), np.random.default_rng(0)
    n = len(class_of)
    levels = (model().mean / SCALE)[class_of - 1] + generator.normal(0, 0.4, (n, len(YEARS), 72))
    levels = np.clip(np.rint(levels), 0, np.tile(FSQ.levels, 12) - 1).astype(np.int64)
    valid = np.ones(class_of.shape, np.bool_)
    place = 1000.0 * np.arange(n)
    return LabelSeries(
        years=YEARS, codes=level_indices_to_codes(levels.reshape(n, len(YEARS), 12, 6)), valid=valid,
        clear_obs=valid.astype(np.uint16), class_id=class_of[:, LABELLED], label_year=np.full(n, YEARS[LABELLED]),
        label=np.arange(n), lon=place, lat=place, x=place, y=place, names={1: "forest", 2: "cropland"}, dropped={},
    )  # fmt: skip


def test_only_years_beyond_the_limit_are_named_anew(rival: ModuleType) -> None:
    """A year within the limit keeps its label, one beyond it gets what a classifier of the others says it is."""
    found = rival.cosine_labels(campaign(), LIMIT, min_probability=0.8)
    np.testing.assert_array_equal(~found.quiet, truth() != truth()[:, [LABELLED]])
    for kind in rival.KINDS:
        np.testing.assert_array_equal(found.label[kind], truth())


def test_nothing_is_named_where_the_cosine_sees_no_change(rival: ModuleType) -> None:
    """With the largest distance as limit all labels are static, although the classifier would know better."""
    found = rival.cosine_labels(campaign(), 2.0, min_probability=0.8)
    for kind in rival.KINDS:
        np.testing.assert_array_equal(found.label[kind], truth()[:, [LABELLED]].repeat(len(YEARS), axis=1))


def test_only_the_sure_rival_refuses(rival: ModuleType) -> None:
    """A probability that cannot be reached takes the labels of changed years from `cosine_sure`, and from no other."""
    found = rival.cosine_labels(campaign(), LIMIT, min_probability=1.1)
    np.testing.assert_array_equal(found.label["cosine_sure"] == NONE, ~found.quiet)
    assert all((found.label[kind] != NONE).all() for kind in ("cosine", "cosine_smoothed"))


def test_the_limit_parts_changed_years_from_the_others(rival: ModuleType) -> None:
    """The limit is the distance of best balanced accuracy, not of most years right."""
    distance = np.concatenate([np.linspace(0, 0.5, 96), [0.42, 0.44, 0.9]])
    changed = np.arange(len(distance)) >= 96
    assert 0.4 <= rival.best_limit(distance, changed) < 0.42


def test_the_autoencoder_is_compared_on_the_same_draws(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that are those of the model gain nothing in any draw; the gain is of three seeds' mean AUC."""
    series, seeds = campaign(), []
    same = truth() == truth()[:, [LABELLED]]
    noise = np.random.default_rng(1).normal(size=same.shape)
    normal = model()
    found = SimpleNamespace(change_year=np.where(same, NONE, 2018), normal=normal)
    one = SimpleNamespace(series=series, same=(noise < 1) & same, cluster=np.arange(len(series)))
    both = unlike(normal, scaled(series.levels), same, series.class_id - 1).both

    def scores(*_: object, seed: int) -> np.ndarray:
        seeds.append(seed)
        return both if not worse else noise * (seed == 2) + both * (seed != 2)

    monkeypatch.setattr(script, "vae_scores", scores)
    worse = False
    aucs = {name: value for name, value, _ in script.anomaly_aucs([one], [found], vae=True)}
    assert seeds == [0, 1, 2]
    gain = aucs["vae_minus_both"]
    assert (gain.value, gain.low, gain.high) == pytest.approx((0, 0, 0))
    assert aucs["both"].low < aucs["both"].high
    worse = True
    aucs = {name: value for name, value, _ in script.anomaly_aucs([one], [found], vae=True)}
    mean = np.mean([aucs[name].value for name in ("vae", "vae_seed_1", "vae_seed_2")])
    assert aucs["vae_minus_both"].value == pytest.approx(mean - aucs["both"].value)
    assert aucs["vae_minus_both"].value != pytest.approx(0, abs=1e-3)
