"""What a run tells of its model: importance, search, range of the labels, and one report that needs no network."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import tiny_map
from numpy.typing import NDArray

from esd_tasks.classifier import TreeParameters
from esd_tasks.classify import ClassifyResult, run_plan
from esd_tasks.folds import spatial_folds
from esd_tasks.label_range import label_range, range_facts, with_buffer
from esd_tasks.plan import make_plan
from esd_tasks.request import ClassifyRequest
from stactools_esd.errors import UsageError


@dataclass
class Places:
    """Samples on a plane, each a label of its own."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    class_id: NDArray[np.int64]
    group: NDArray[np.int64]


def patches(side: float, n: int = 900, seed: int = 0) -> Places:
    """Return places in an extent of 10 km whose class changes at random from square to square of a chessboard."""
    generator = np.random.default_rng(seed)
    x, y = generator.uniform(0, 10_000, (2, n))
    board = generator.integers(1, 3, size=(200, 200))
    return Places(x, y, board[(x // side).astype(int), (y // side).astype(int)], np.arange(n))


def test_the_range_of_labels_grows_with_their_patches() -> None:
    """Labels that change every 2 km resemble each other over about 1-3 km; labels without pattern over less."""
    wide, none = label_range(patches(2_000)), label_range(patches(50))
    assert wide is not None
    assert none is not None
    assert 1_000 < wide < 3_000
    assert none < 1_000
    alike = patches(2_000)
    alike.class_id[:] = 1
    assert label_range(alike) is None
    assert label_range(patches(500, n=5)) is None


def test_labels_are_counted_once_however_many_pixels_they_have() -> None:
    """Pixels of one polygon agree by nature and do not lengthen the range."""
    points = patches(50)
    many = Places(*(np.repeat(values, 5) for values in (points.x, points.y, points.class_id, points.group)))
    assert label_range(many) == pytest.approx(label_range(points))


def test_a_buffer_keeps_training_away() -> None:
    """With a buffer no training sample is nearer to a tested one; its statement tells whether it is long enough."""
    places = patches(1_000)
    folds = with_buffer(spatial_folds(places, block_size=2_500), places, 700.0)
    for train, test in folds.splits():
        apart = np.hypot(places.x[train][:, None] - places.x[test], places.y[train][:, None] - places.y[test])
        assert apart.min() > 700
    assert range_facts(600.0, folds.buffer)["buffer_covers_label_range"] is True
    short = range_facts(1_500.0, folds.buffer)
    assert short["buffer_covers_label_range"] is False
    assert "--buffer range" in short["buffer_statement"]
    assert range_facts(None, 10.0)["buffer_covers_label_range"] is None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes, and labels whose classes have names that HTML must not take for tags."""
    folder = tmp_path_factory.mktemp("report")
    tiny_map.write_place(folder / "codes")
    tiny_map.write_labels(folder / "samples.gpkg")
    frame = geopandas.read_file(folder / "samples.gpkg")
    names = {"water": "<b>Água & 水</b>", "forest": "2", "crop": "</table><script>"}
    frame.assign(**{"class": frame["class"].map(names)}).to_file(folder / "samples.gpkg")
    return folder


@pytest.fixture(scope="module")
def done(place: Path) -> ClassifyResult:
    """A map with a search of two draws and a buffer by the range."""
    return run(place, "out", search=2, buffer="range")


def run(place: Path, name: str, **options: Any) -> ClassifyResult:
    """Run with few trees."""
    given = {"labels": place / "samples.gpkg", "catalog": str(place / "codes"), "output": place / name}
    plan = make_plan(ClassifyRequest(**given | options))
    return run_plan(replace(plan, parameters=TreeParameters(rounds=6)))


def test_importance_finds_the_steps_that_tell(done: ClassifyResult) -> None:
    """The two steps that differ between classes have most of the gain; shares sum to 1."""
    facts = json.loads(done.paths["importance"].read_text())
    ranked = sorted(facts["steps"], key=facts["steps"].get, reverse=True)
    assert set(ranked[:2]) == {"step_05", "step_06"}
    for kind in ("steps", "dimensions", "levels"):
        assert sum(facts[kind].values()) == pytest.approx(1, abs=1e-4)
    assert done.paths["importance_picture"].read_bytes().startswith(b"\x89PNG")


def test_a_search_is_recorded_and_nested(place: Path, done: ClassifyResult) -> None:
    """Every trial is listed, the best is what the model has, and the accuracy says that the search was nested."""
    searched = json.loads(done.paths["search"].read_text())
    assert len(searched["trials"]) == 3
    best = searched["trials"][searched["chosen"]]
    assert best["balanced_accuracy"] == max(trial["balanced_accuracy"] for trial in searched["trials"])
    assert json.loads(done.paths["model_facts"].read_text())["parameters"] == best["parameters"]
    assert "anew inside the training part of each fold" in done.accuracy["protocol"]["search"]
    assert len(searched["folds"]) == 5
    again = run(place, "again", search=2, buffer="range")
    assert again.paths["search"].read_bytes() == done.paths["search"].read_bytes()


def test_the_learning_curve_is_in_run_and_report(place: Path, done: ClassifyResult) -> None:
    """Four shares of the labels, the last as the cross-validation has it; `--no-curve` leaves it out; all is priced."""
    curve = done.record["result"]["learning_curve"]
    assert [point["share"] for point in curve["points"]] == [0.1, 0.25, 0.5, 1]
    assert curve["points"][-1]["overall_accuracy"]["mean"] == done.accuracy["overall_accuracy_folds"]["mean"]
    assert curve["statement"] in done.paths["report"].read_text()
    options = {"labels": place / "samples.gpkg", "catalog": str(place / "codes"), "output": place / "less"}
    less = make_plan(ClassifyRequest(no_curve=True, search=2, **options))
    assert less.cost()["models"] == {"validation": 10, "curve": 0, "search": 54, "map": 1}
    assert make_plan(ClassifyRequest(**options)).cost()["models"]["curve"] == 15
    assert " --no-curve" in less.request.command
    assert run(place, "less", no_curve=True).record["result"] == {}


def test_range_buffer_and_gap_stand_in_the_accuracy(done: ClassifyResult) -> None:
    """The buffer is the range of the labels where that was asked for, and the random split's gap stands beside."""
    protocol = done.accuracy["protocol"]
    assert protocol["buffer_m"] == pytest.approx(protocol["label_range_m"] + 0.5, abs=0.6)
    assert protocol["buffer_covers_label_range"] is True
    assert done.accuracy["random_split"]["gap"] is not None


class Reader(HTMLParser):
    """Collects tags, sources and text of a page, and sees that tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See that the innermost tag is closed."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data + "\n"


def test_the_report_is_one_file_that_needs_no_network(done: ClassifyResult) -> None:
    """Pictures are inside, nothing is fetched, names are text and not markup, and figures come with their caveats."""
    text = done.paths["report"].read_text(encoding="utf-8")
    page = Reader()
    page.feed(text)
    assert page.open == []
    assert page.sources
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "script" not in page.tags
    assert not re.search(r"https?://", re.sub(r"data:[^\"]+", "", text))
    for said in ("<b>Água & 水</b>", "</table><script>", "not the accuracy of the map", "Random split", "buffer"):
        assert said in page.text
    assert f"{done.accuracy['overall_accuracy']:.3f}" in page.text
    matrix = np.array(done.accuracy["matrix"]["counts"])
    assert all(str(count) in page.text for count in matrix.ravel())


def test_options_out_of_range_are_refused() -> None:
    """A negative buffer or search is a usage error."""
    for wrong in ({"buffer": -1.0}, {"search": -1}, {"buffer": float("nan")}):
        with pytest.raises(UsageError, match="expected"):
            ClassifyRequest(labels=Path("samples.gpkg"), **wrong)  # type: ignore[arg-type]
