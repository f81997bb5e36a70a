"""Bands and cleaning: applicability by its definition, votes without seams, patches merged."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tiny_map

from esd_tasks import classify as job
from esd_tasks.applicability import Applicability, find_applicability, upper_whisker
from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.classify import ClassifyResult, run_plan
from esd_tasks.clean_map import smoothed
from esd_tasks.features import level_features
from esd_tasks.folds import random_folds
from esd_tasks.plan import make_plan
from esd_tasks.predict import predict
from esd_tasks.request import ClassifyRequest
from stactools_esd.blocks import BlockStore, plan_blocks
from stactools_esd.errors import OutputError, UsageError


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes of one year, and labels."""
    folder = tmp_path_factory.mktemp("bands")
    tiny_map.write_place(folder / "codes")
    tiny_map.write_labels(folder / "samples.gpkg")
    return folder


def run(place: Path, name: str, **options: Any) -> ClassifyResult:
    """Run with few trees."""
    given = {"labels": place / "samples.gpkg", "catalog": str(place / "codes"), "output": place / name}
    plan = make_plan(ClassifyRequest(**given | options))
    return run_plan(replace(plan, parameters=TreeParameters(rounds=10)))


def read(path: Path) -> Any:
    """Return all bands."""
    with rasterio.open(path) as dataset:
        return dataset.read()


def found(n: int = 200) -> tuple[Any, Any, Applicability]:
    """Return codes of samples, their folds, and the area of applicability of their model."""
    classes = tiny_map.class_map()
    pixels = np.random.default_rng(0).permutation(classes.size)[:n]
    rows, columns = np.divmod(pixels, tiny_map.WIDTH)
    codes = tiny_map.codes_of(classes)[:, rows, columns].T
    class_id = classes[rows, columns].astype(np.int64)
    model = Classifier(TreeParameters(rounds=10)).fit(codes, class_id)
    samples: Any = type(
        "Placed", (), {"x": columns * 30.0, "y": rows * 30.0, "class_id": class_id, "group": np.arange(n)}
    )
    folds = random_folds(samples, n_folds=5, seed=0)
    return codes, folds, find_applicability(model, codes, folds)


def test_dissimilarity_is_that_of_meyer_and_pebesma() -> None:
    """Distances in scaled and weighted level space over the mean distance of samples; the threshold is out of fold."""
    codes, folds, area = found()
    places = level_features(codes) * area.weight
    apart = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
    assert area.mean_distance == pytest.approx(apart[np.triu_indices(len(places), 1)].mean())
    out_of_fold = np.full(len(codes), np.nan)
    for train, test in folds.splits():
        out_of_fold[test] = apart[np.ix_(test, train)].min(axis=1) / area.mean_distance
    assert area.threshold == pytest.approx(upper_whisker(out_of_fold))
    assert area.dissimilarity(codes).max() == pytest.approx(0, abs=1e-9)
    inside = (out_of_fold <= area.threshold).mean()
    assert inside > 0.9


def test_what_was_never_seen_lies_outside() -> None:
    """Levels at their other end in the features that matter are beyond the threshold."""
    codes, _, area = found()
    strange = np.where(level_features(codes).mean() > 2, 0, 63_999) * np.ones((3, 12), dtype=np.uint16)
    assert (area.dissimilarity(strange.astype(np.uint16)) > area.threshold).all()


def test_the_threshold_is_no_outlier() -> None:
    """One sample far from all others does not make everything applicable."""
    assert upper_whisker(np.array([1.0, 1.1, 1.2, 1.3, 9.0])) == 1.3
    assert upper_whisker(np.array([])) == 0.0


def test_applicability_is_mapped_again_by_the_model(place: Path, tmp_path: Path) -> None:
    """Training pixels have dissimilarity 0, `applicable` follows the threshold, predict agrees, or says what lacks."""
    result = run(place, "area", band=("applicability",))
    index, inside = read(result.paths["applicability"])
    area = Applicability.load(result.folder)
    mapped = index >= 0
    assert np.array_equal(inside[mapped], (index[mapped] <= np.float32(area.threshold)))
    assert (index[mapped] < 1e-6).sum() >= 100
    assert (inside[~mapped] == -1).all()
    options: dict[str, Any] = {"catalog": str(place / "codes"), "band": ("applicability",)}
    again = predict(place / "area", output=tmp_path / "again", **options)
    assert (read(again.paths["applicability"])[0] < 1e-6).sum() >= 100
    (result.folder / "applicability.json").rename(tmp_path / "gone.json")
    with pytest.raises(OutputError, match="classify again with --band applicability"):
        predict(place / "area", output=tmp_path / "none", **options)


def test_votes_have_no_seam(tmp_path: Path) -> None:
    """Smoothed classes do not depend on how the map is cut into blocks; unclassified pixels stay so and do not vote."""
    generator = np.random.default_rng(1)
    share = generator.random((2, 40, 50))
    percent = np.rint(100 * share / share.sum(axis=0)).astype(np.uint8)
    classes = (percent.argmax(axis=0) + 1).astype(np.uint8)
    classes[5:9, 5:30] = 0
    percent[:, classes == 0] = 255
    maps = []
    for size in (64, 16, 5):
        blocks, store = plan_blocks(40, 50, size), BlockStore(tmp_path / str(size), "0" * 64)
        for block in blocks:
            part = (slice(block.row, block.row + block.height), slice(block.column, block.column + block.width))
            store.put(block, class_id=classes[part], a=percent[0][part], b=percent[1][part])
        whole = np.empty_like(classes)
        for block, values in smoothed(store, blocks, ("a", "b"), (1, 2), 15, 255):
            whole[block.row : block.row + block.height, block.column : block.column + block.width] = values
        maps.append(whole)
    assert np.array_equal(maps[0], maps[1])
    assert np.array_equal(maps[0], maps[2])
    assert np.array_equal(maps[0] == 0, classes == 0)
    votes = np.where(percent == 255, 0, percent).astype(int)
    for row, column in ((0, 0), (12, 20), (39, 49)):
        window = votes[:, max(row - 7, 0) : row + 8, max(column - 7, 0) : column + 8].sum(axis=(1, 2))
        assert maps[0][row, column] == window.argmax() + 1


def test_a_cleaned_map_has_the_confidence_of_its_classes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cleaning is said in the notes, and confidence is that of the class that is mapped."""
    monkeypatch.setattr(job, "BLOCK_PIXELS", 32)
    result = run(place, "clean", smooth=3, mmu=5, band=("probability",))
    classes, probability = read(result.paths["map"])[0], read(result.paths["probability"])
    confidence = read(result.paths["quality"])[0]
    mapped = classes > 0
    chosen = np.take_along_axis(probability, np.maximum(classes.astype(int) - 1, 0)[None], axis=0)[0]
    assert np.array_equal(confidence[mapped], chosen[mapped])
    assert (probability.argmax(axis=0)[mapped] + 1 != classes[mapped]).any()
    assert any("--smooth 3, --mmu 5" in note for note in result.notes)
    for wrong in ({"smooth": 4}, {"smooth": 1}, {"mmu": -1}):
        with pytest.raises(UsageError, match="expected"):
            ClassifyRequest(labels=place / "samples.gpkg", **wrong)
