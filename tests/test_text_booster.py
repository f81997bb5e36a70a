"""A saved model predicts from its text, and LightGBM is loaded only where it is needed."""

import pickle
import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from esd_tasks.features import level_features
from esd_tasks.forest import Predictor
from esd_tasks.forest.text_booster import TextBooster

CODES = np.random.default_rng(0).integers(1, 64_000, (5000, 12)).astype(np.uint16)


@pytest.fixture(scope="module")
def booster() -> lightgbm.Booster:
    """A small model of three classes."""
    settings = {"objective": "multiclass", "num_class": 3, "num_leaves": 5, "num_threads": 1, "verbosity": -1}
    names = [f"level_{number}" for number in range(72)]
    data = lightgbm.Dataset(level_features(CODES), label=CODES[:, 0] % 3, feature_name=names)
    return lightgbm.train(settings, data, num_boost_round=4)


def test_the_text_answers_as_the_booster_does(booster: lightgbm.Booster) -> None:
    """Names, columns, predictions of few rows and of many, and what only LightGBM knows; from a pickle, too."""
    for model in (TextBooster(booster.model_to_string()), pickle.loads(pickle.dumps(TextBooster(_text(booster))))):
        assert model.feature_name() == booster.feature_name()
        assert model.num_model_per_iteration() == 3
        for count in (10, len(CODES)):
            expected = booster.predict(level_features(CODES[:count]), num_threads=1)
            assert Predictor(model).predict(CODES[:count]).tobytes() == expected.tobytes()
        assert np.array_equal(model.feature_importance("gain"), booster.feature_importance("gain"))


def test_a_text_that_is_cut_off_or_no_model_is_refused(booster: lightgbm.Booster) -> None:
    """It is refused when it is read, not when it first predicts."""
    for text in ("", "tree\nnonsense", _text(booster)[:500]):
        with pytest.raises(ValueError, match=r".+"):
            TextBooster(text)


def test_a_command_that_predicts_does_not_load_what_only_training_needs() -> None:
    """LightGBM and scikit-learn take longer to import than many a map takes."""
    words = "import sys, esd_tasks.predict; print({'lightgbm', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", words], text=True).strip() == "set()"


def _text(booster: lightgbm.Booster) -> str:
    return str(booster.model_to_string())
