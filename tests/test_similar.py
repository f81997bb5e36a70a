"""Similarity to examples: a scale that is stated, a threshold from examples left out, places that lie apart."""

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import tiny_few
import tiny_map
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.label_table import LabelTable
from esd_tasks.map_run import MapResult
from esd_tasks.similar import SimilarRequest, make_plan, run_plan
from esd_tasks.similarity import examples_left_out, similarity, suggest_threshold, targets_of
from stactools_esd import fsq
from stactools_esd.errors import NothingFoundError, UsageError
from stactools_esd.schema import schema_problems


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes of one year, and six places of water without a class field."""
    folder = tmp_path_factory.mktemp("similar")
    tiny_map.write_place(folder / "codes")
    frame = geopandas.read_file(tiny_few.write_few(folder / "few.gpkg", k=6))
    frame[frame["class"] == "water"][["geometry"]].to_file(folder / "water.gpkg")
    return folder


def run(place: Path, name: str, **options: Any) -> MapResult:
    """Map the whole place."""
    given = {"examples": place / "water.gpkg", "catalog": str(place / "codes"), "output": place / name}
    return run_plan(make_plan(SimilarRequest(**given | options)))


@pytest.fixture(scope="module")
def done(place: Path) -> MapResult:
    """The map of six examples, with the ten most similar places."""
    return run(place, "water", top=10, apart=150.0)


def test_pixels_like_the_examples_score_higher(done: MapResult) -> None:
    """The tile that holds the examples is mapped; water scores above other classes, and no data has no score."""
    with rasterio.open(done.paths["similarity"]) as dataset:
        values, tags = dataset.read(1), dataset.tags()
        assert (dataset.nodata, dataset.dtypes, dataset.descriptions) == (-9999, ("float32",), ("similarity",))
        assert dataset.units == ("1",)
    classes = tiny_map.class_map()
    assert values.shape == classes.shape
    assert (values[:4] == -9999).all()
    water, others = values[4:][classes[4:] == 1], values[4:][classes[4:] != 1]
    assert (water[:, None][:500] > others[None, :500]).mean() > 0.75
    assert values[4:].min() >= 0
    assert values.max() <= 1
    assert tags["SCALE"] == "(1 + cosine) / 2"


def test_outputs_are_complete_and_the_item_is_valid(done: MapResult) -> None:
    """The folder holds what `run.json` names; the item says what similarity is and is not."""
    assert sorted(path.name for path in done.folder.iterdir()) == sorted(done.record["outputs"].values())
    item = json.loads(done.paths["item"].read_text())
    assert list(schema_problems(item)) == []
    assert "no probability" in item["properties"]["description"]
    assert set(item["assets"]) == {"similarity", "thumbnail", "style", "run", "figures", "places", "report"}


def test_top_places_lie_apart_and_away_from_examples(place: Path, done: MapResult) -> None:
    """Ten places, the best first, no two and no example within 150 m, each with the value of its pixel."""
    found = geopandas.read_file(done.paths["places"])
    examples = geopandas.read_file(place / "water.gpkg").to_crs(found.crs)
    assert found["rank"].tolist() == list(range(1, 11))
    assert (np.diff(found["similarity"]) <= 0).all()
    x, y = found.geometry.x.to_numpy(), found.geometry.y.to_numpy()
    between = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(10)
    assert between.min() >= 150
    assert min(examples.distance(point).min() for point in found.geometry) >= 150
    with rasterio.open(done.paths["similarity"]) as dataset:
        sampled = [value[0] for value in dataset.sample(zip(x, y, strict=True))]
    np.testing.assert_allclose(sampled, found["similarity"], atol=1e-4)


def test_threshold_is_what_examples_left_out_reach(done: MapResult) -> None:
    """With six examples it is the lowest of the six, and the share above it is that of the map."""
    figures = json.loads(done.paths["figures"].read_text())
    assert len(figures["left_out"]) == figures["n_examples"] == 6
    assert figures["threshold"] == min(figures["left_out"])
    with rasterio.open(done.paths["similarity"]) as dataset:
        values = dataset.read(1)
    share = (values >= figures["threshold"]).sum() / (values != -9999).sum()
    assert figures["share_above_threshold"] == pytest.approx(share, abs=1e-6)


def test_similarity_is_half_of_one_plus_the_cosine() -> None:
    """The same codes score 1, opposite vectors 0; the nearest of several examples counts where that was asked."""
    levels = np.array([[1] * 72, [3] * 72, [2] * 72]).reshape(3, 12, 6)
    levels[:, :, :3] = np.array([3, 5, 4])[:, None, None]
    codes = fsq.level_indices_to_codes(levels)
    vectors = fsq.codes_to_vectors(codes).reshape(3, 72).astype(np.float64)
    np.testing.assert_allclose(similarity(codes, targets_of(vectors[:1], "prototype")), [1, 0, 0.5])
    np.testing.assert_allclose(similarity(codes, targets_of(vectors[:2], "nearest")), [1, 1, 0.5])


def test_an_example_is_never_compared_with_itself() -> None:
    """Left out, examples that have nothing in common score 0.5, whichever way they are compared."""
    rows = np.eye(72)[:4]
    table = LabelTable(
        rows=rows, class_id=np.ones(4, dtype=int), group=np.arange(4), x=np.zeros(4), y=np.zeros(4), lon=np.zeros(4),
        lat=np.zeros(4), pixels=rows.astype(np.float32), label=np.arange(4),
    )  # fmt: skip
    for way in ("prototype", "nearest"):
        np.testing.assert_allclose(examples_left_out(table, way), 0.5)
    assert suggest_threshold(np.linspace(0, 1, 11)) == pytest.approx(0.1)
    assert np.isnan(suggest_threshold(np.empty(0)))


def test_one_example_gives_a_map_without_a_threshold(place: Path) -> None:
    """Nothing can be left out: the figures hold null and the command says why."""
    geopandas.read_file(place / "water.gpkg").head(1).to_file(place / "one.gpkg")
    words = ["similar", "--examples", str(place / "one.gpkg"), "--catalog", str(place / "codes"), "-o"]
    result = CliRunner().invoke(cli.app, [*words, str(place / "one-map"), "--compare", "nearest"])
    assert result.exit_code == 0, result.output
    assert "No threshold: it takes two examples" in result.stdout
    assert json.loads((place / "one-map" / "similarity.json").read_text())["threshold"] is None
    assert result.stdout.splitlines()[-1].startswith("next: ")


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"compare": "mean"}, UsageError, "prototype"),
        ({"top": 501}, UsageError, "500"),
        ({"apart": -1.0}, UsageError, "0 or more"),
        ({"bbox": "-60,-10,-59,-9"}, NothingFoundError, "no item"),
        ({"examples": Path("absent.gpkg")}, UsageError, "does not exist"),
    ],
)
def test_what_cannot_be_says_so(place: Path, options: dict[str, Any], error: type[Exception], said: str) -> None:
    """Faults are one line that says what was expected."""
    with pytest.raises(error, match=said):
        run(place, "refused", **options)
