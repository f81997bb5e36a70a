"""The area of applicability in the space of levels and covariates: its definition, what lacks, what is saved."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tiny_map
from numpy.typing import NDArray
from synthetic import AREA_CRS, AREA_TRANSFORM

from esd_tasks.applicability import ABSENT, Applicability, find_applicability, upper_whisker
from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.classify import run_plan
from esd_tasks.features import level_features
from esd_tasks.folds import Folds, random_folds
from esd_tasks.plan import make_plan
from esd_tasks.predict import predict
from esd_tasks.request import ClassifyRequest
from stactools_esd.errors import OutputError

N = 200


def samples(missing: float = 0.1) -> tuple[NDArray[np.uint16], dict[str, NDArray[np.float32]], Classifier, Folds]:
    """Return codes, covariates of which one tells the classes apart and one is often missing, a model, and folds."""
    classes = tiny_map.class_map()
    generator = np.random.default_rng(0)
    rows, columns = np.divmod(generator.permutation(classes.size)[:N], tiny_map.WIDTH)
    codes = tiny_map.codes_of(classes)[:, rows, columns].T
    class_id = classes[rows, columns].astype(np.int64)
    height = (1000.0 * class_id + generator.normal(scale=200, size=N)).astype(np.float32)
    wet = generator.normal(size=N).astype(np.float32) + class_id
    wet[generator.random(N) < missing] = np.nan
    covariates = {"height": height, "wet": wet.astype(np.float32)}
    model = Classifier(TreeParameters(rounds=10)).fit(codes, class_id, covariates=covariates)
    placed: Any = type("Placed", (), {"x": columns * 30.0, "y": rows * 30.0, "class_id": class_id})
    return codes, covariates, model, random_folds(placed, n_folds=5, seed=0)


def test_covariates_count_by_their_share_of_the_gain() -> None:
    """Columns are centred, scaled and weighted by gain, what is missing stands on an axis of its own: by definition."""
    codes, covariates, model, folds = samples()
    area = find_applicability(model, codes, folds, covariates=covariates)
    share = model.gain / model.gain.sum()
    assert share[72] > 0.05
    levels = level_features(codes).astype(float)
    places = (levels - levels.mean(axis=0)) / np.where(levels.std(axis=0) > 0, levels.std(axis=0), np.inf) * share[:72]
    for weight, values in zip(share[72:], covariates.values(), strict=True):
        scaled = (values - np.nanmean(values.astype(float))) / np.nanstd(values.astype(float)) * weight
        gone = np.isnan(values)
        places = np.column_stack([places, np.where(gone, 0, scaled), np.where(gone, ABSENT * weight, 0)])
    apart = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
    assert area.mean_distance == pytest.approx(apart[np.triu_indices(N, 1)].mean())
    out_of_fold = np.full(N, np.nan)
    for train, test in folds.splits():
        out_of_fold[test] = apart[np.ix_(test, train)].min(axis=1) / area.mean_distance
    assert area.threshold == pytest.approx(upper_whisker(out_of_fold))
    assert area.dissimilarity(codes, np.column_stack(list(covariates.values()))).max() == pytest.approx(0, abs=1e-9)


def test_a_height_that_was_never_seen_lies_outside() -> None:
    """Codes like a sample's with a covariate far beyond all samples are not applicable; a gap that none has is far."""
    codes, covariates, model, folds = samples(missing=0.0)
    area = find_applicability(model, codes, folds, covariates=covariates)
    values = np.column_stack(list(covariates.values()))
    values[:, 0] = 40_000
    assert (area.dissimilarity(codes, values) > area.threshold).all()
    values[:, 0] = np.nan
    gone = area.dissimilarity(codes, values)
    assert (gone >= ABSENT * model.gain[72] / model.gain.sum() / area.mean_distance - 1e-9).all()
    assert gone.min() > 0


def test_a_covariate_that_is_always_missing_changes_nothing() -> None:
    """It has no gain, so it has no weight: the same area as without it, and no warning of an empty mean."""
    codes, covariates, _, folds = samples()
    class_id = np.arange(N) % 3 + 1
    empty = {"nothing": np.full(N, np.nan, dtype=np.float32)}
    with_it = Classifier(TreeParameters(rounds=5)).fit(codes, class_id, covariates=empty)
    area = find_applicability(with_it, codes, folds, covariates=empty)
    assert np.isfinite(area.dissimilarity(codes, np.column_stack(list(empty.values())))).all()
    assert area.weight[72] == 0
    assert area.absent.tolist() == [0]
    assert set(covariates) == {"height", "wet"}


def test_what_is_saved_says_the_same_again(tmp_path: Path) -> None:
    """Values and gaps come back to the last digit; a file that knows nothing of a covariate is refused."""
    codes, covariates, model, folds = samples()
    area = find_applicability(model, codes, folds, covariates=covariates)
    area.save(tmp_path)
    again = Applicability.load(tmp_path, tuple(covariates))
    values = np.column_stack(list(covariates.values()))[::-1]
    assert np.array_equal(area.dissimilarity(codes, values), again.dissimilarity(codes, values))
    with pytest.raises(OutputError, match="classify again"):
        Applicability.load(tmp_path, ("height", "slope"))


def test_map_and_prediction_agree_with_a_covariate(tmp_path: Path) -> None:
    """`classify` and `predict` give one map of applicability where a covariate is used, training pixels at 0."""
    tiny_map.write_place(tmp_path / "codes")
    tiny_map.write_labels(tmp_path / "samples.gpkg")
    shape = (tiny_map.HEIGHT, tiny_map.WIDTH)
    with rasterio.open(
        tmp_path / "dem.tif", "w", driver="GTiff", count=1, height=shape[0], width=shape[1], dtype="float32",
        crs=AREA_CRS, transform=AREA_TRANSFORM,
    ) as dataset:  # fmt: skip
        dataset.write(tiny_map.class_map().astype(np.float32) * 100, 1)
    options: dict[str, Any] = {
        "catalog": str(tmp_path / "codes"), "covariate": (str(tmp_path / "dem.tif"),), "band": ("applicability",),
    }  # fmt: skip
    plan = make_plan(ClassifyRequest(labels=tmp_path / "samples.gpkg", output=tmp_path / "one", **options))
    first = run_plan(replace(plan, parameters=TreeParameters(rounds=10)))
    second = predict(tmp_path / "one", output=tmp_path / "two", **options)
    with rasterio.open(first.paths["applicability"]) as one, rasterio.open(second.paths["applicability"]) as other:
        left, _, _, top = one.bounds
        column, row = (round(value) for value in ~other.transform * (left, top))
        both = other.read(window=rasterio.windows.Window(column, row, one.width, one.height))
        mapped = one.read(1) != one.nodata
        assert np.array_equal(one.read()[:, mapped], both[:, mapped])
        assert (one.read(1)[mapped] < 1e-5).sum() >= 100
        assert 0 < one.read(2)[mapped].mean() <= 1
