"""Maps, regressions and models of change that the forest makes are those that LightGBM makes."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_map
from numpy.typing import NDArray

from esd_tasks.change.model import ChangeModel, grow, pair_features
from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.features import level_features
from esd_tasks.forest import predictor as at_work
from esd_tasks.predict import predict
from esd_tasks.regression import Regression
from esd_tasks.regressor import grow_regression
from stactools_esd.cog import open_codes
from stactools_esd.product import OFFICIAL_ENCODER, OFFICIAL_RECIPE, CodesIdentity

FAST = TreeParameters(rounds=12)


@pytest.fixture(scope="module")
def pixels() -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.int64]]:
    """Codes of two years (n, 12) and classes of a tiny place."""
    classes = tiny_map.class_map()
    before, after = (tiny_map.codes_of(classes, seed).reshape(12, -1).T for seed in (0, 5))
    return before, after, classes.ravel().astype(np.int64)


def test_a_map_has_the_same_bytes(
    pixels: tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.int64]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Class map and confidence of `predict` do not tell by which way they were made, nor does the band of entropy."""
    codes, _, class_id = pixels
    with open_codes(tiny_map.write_place(tmp_path / "codes", year=2020)) as file:
        identity = file.identity
    model = Classifier(FAST).fit(codes[::20], class_id[::20])
    model.save(tmp_path / "model", identity=identity, names=tiny_map.NAMES, software={})
    made: dict[str, bytes] = {}
    for way, least in (("forest", 0), ("lightgbm", 10**9)):
        monkeypatch.setattr(at_work, "LEAST_ROWS", least)
        for band in ((), ("probability", "entropy")):
            out = tmp_path / way / str(len(band))
            result = predict(tmp_path / "model", catalog=str(tmp_path / "codes"), band=band, output=out)
            made |= {f"{way} {len(band)} {path.name}": path.read_bytes() for path in result.paths.values()}
    rasters = [name.removeprefix("forest ") for name in made if name.startswith("forest") and name.endswith(".tif")]
    assert sorted(rasters) == sorted(
        ["0 map.tif", "0 quality.tif", "2 map.tif", "2 quality.tif", "2 probability.tif", "2 entropy.tif"]
    )
    for name in rasters:
        assert made[f"forest {name}"] == made[f"lightgbm {name}"], name


def test_covariates_pass_through_the_forest(
    pixels: tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.int64]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A classifier with covariates gives the probabilities of LightGBM, missing values included."""
    codes, _, class_id = pixels
    beside = np.random.default_rng(0).normal(size=(len(codes), 2)).astype(np.float32) + class_id[:, None]
    beside[::7, 1] = np.nan
    covariates = {"height": beside[::20, 0], "slope": beside[::20, 1]}
    model = Classifier(FAST).fit(codes[::20], class_id[::20], covariates=covariates)
    monkeypatch.setattr(at_work, "LEAST_ROWS", 10**9)
    by_lightgbm = model.predict_proba(codes, beside)
    monkeypatch.setattr(at_work, "LEAST_ROWS", 0)
    assert model.predict_proba(codes, beside).tobytes() == by_lightgbm.tobytes()
    class_found, confidence = model.most_probable(codes, beside)
    assert np.array_equal(class_found, model.class_ids_of(by_lightgbm))
    assert np.array_equal(confidence, by_lightgbm.max(axis=1))


def test_a_regression_is_that_of_its_trees(
    pixels: tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.int64]],
) -> None:
    """Prediction and ends of the interval equal LightGBM's."""
    codes, _, class_id = pixels
    levels = level_features(codes)
    wanted = {"prediction": None, "lower": 0.1, "upper": 0.9}
    trees = {
        name: grow_regression(levels[::20], class_id[::20] + levels[::20, 9] / 8, FAST, quantile=quantile)
        for name, quantile in wanted.items()
    }
    found = Regression(boosters=trees).predict(codes)
    expected = {name: np.asarray(booster.predict(levels)) for name, booster in trees.items()}
    assert np.array_equal(found["prediction"], expected["prediction"].astype(np.float32))
    ends = np.sort([expected["lower"], expected["upper"]], axis=0)
    assert np.array_equal(found["lower"], np.minimum(ends[0], expected["prediction"]).astype(np.float32))
    assert np.array_equal(found["upper"], np.maximum(ends[1], expected["prediction"]).astype(np.float32))


def test_a_model_of_change_is_that_of_its_trees(
    pixels: tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.int64]],
) -> None:
    """Levels of both years, their differences and both distances give LightGBM's probabilities."""
    before, after, class_id = pixels
    distance = pair_features(before, after)[:, -2:].sum(axis=1)
    label = np.where(distance > np.median(distance), 2, 1) + (class_id == 2)
    trees, columns = grow(before[::20], after[::20], label[::20], FAST)
    model = ChangeModel(
        booster=trees,
        classes={int(number): str(number) for number in columns},
        threshold=0.5,
        identity=CodesIdentity(encoder=OFFICIAL_ENCODER, recipe=OFFICIAL_RECIPE),
        facts={},
    )
    expected = np.asarray(trees.predict(pair_features(before, after))).astype(np.float32)
    assert np.array_equal(model.probability(before, after), expected)
    assert model._predictor.forest is not None


def test_the_page_runs() -> None:
    """What docs/level-space-forest.md shows of Python runs as it stands."""
    page = Path(__file__).parent.parent / "docs" / "level-space-forest.md"
    (code,) = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
