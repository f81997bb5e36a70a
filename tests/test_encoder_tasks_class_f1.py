"""F1 of one class: the formula, pairs, and draws of blocks."""

from dataclasses import replace

import numpy as np
import pytest
from judged import labelled_years
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from esd_tasks.encoder_tasks.apart import Plan
from esd_tasks.encoder_tasks.class_f1 import DEFORESTATION, judge_class
from esd_tasks.encoder_tasks.landcover import LandCover, TreeParameters, judge
from esd_tasks.encoder_tasks.report import deforestation_section


def _said(reference: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Three repeats that get some share of the places right and take the rest for any class."""
    generator = np.random.default_rng(seed)
    right = generator.random((3, len(reference))) < share
    return np.where(right, reference, generator.integers(0, 3, right.shape))


@pytest.fixture
def judged() -> LandCover:
    """Places of three classes in twenty blocks; codes are right more often than raw."""
    reference = np.random.default_rng(0).integers(0, 3, 300)
    return LandCover(
        name="made_up",
        role="dev",
        plan=Plan(block=np.arange(300) // 15, repeats=(), buffer=0.5, kept=1.0),
        class_id=reference,
        class_names=(DEFORESTATION, "Forest", "Pasture"),
        raw_class=_said(reference, 0.3, 1),
        codes_class=(_said(reference, 0.6, 2), _said(reference, 0.8, 3)),
    )


def test_f1_is_that_of_all_folds_of_a_repeat(judged: LandCover) -> None:
    """Values are means over repeats, and for codes over seeds, of the F1 that scikit-learn counts over all places."""
    found = judge_class(judged)
    assert found is not None

    def expected(repeats: NDArray[np.int64]) -> float:
        return float(np.mean([f1_score(judged.class_id == 0, row == 0) for row in repeats]))

    assert found.raw.value == pytest.approx(expected(judged.raw_class))
    assert found.codes.value == pytest.approx(np.mean([expected(seed) for seed in judged.codes_class]))
    assert found.gain.value == pytest.approx(found.codes.value - found.raw.value)
    assert found.n == np.count_nonzero(judged.class_id == 0)
    for one in (found.raw, found.codes, found.gain):
        assert one.low < one.value < one.high
    assert found.gain.low > 0


def test_a_gain_is_paired(judged: LandCover) -> None:
    """Where codes say what raw says, the gain is 0 in every draw of blocks, however wide the interval of F1 is."""
    found = judge_class(replace(judged, codes_class=(judged.raw_class, judged.raw_class)))
    assert found is not None
    assert (found.gain.low, found.gain.value, found.gain.high) == (0, 0, 0)
    assert found.raw.high - found.raw.low > 0.05


def test_draws_without_the_class_do_not_count(judged: LandCover) -> None:
    """A class in one block of twenty is not drawn every third time: its F1 then stays what it is in the others."""
    there = judged.plan.block == 4
    alone = replace(
        judged,
        class_id=np.where(there, 0, 1),
        raw_class=np.where(there, 0, 1)[None],
        codes_class=(np.ones((1, len(there)), np.int64),),
    )
    found = judge_class(alone)
    assert found is not None
    assert (found.raw.low, found.raw.value, found.raw.high) == (1, 1, 1)
    assert (found.codes.low, found.codes.high, found.gain.value) == (0, 0, -1)


def test_a_set_without_the_class_has_no_score(judged: LandCover) -> None:
    """Nothing is said of a class that a set does not have."""
    assert judge_class(replace(judged, class_names=("Water", "Forest", "Pasture"))) is None


def test_real_folds_are_scored() -> None:
    """What `landcover.judge` returns is scored as it is: codes that tell the class have an F1 near 1."""
    years = replace(labelled_years(), class_names=(DEFORESTATION, "Forest", "Pasture"))
    found = judge_class(judge(years, repeats=2, parameters=TreeParameters(rounds=5)))
    assert found is not None
    assert found.codes.value > 0.99 > 0.6 > found.raw.value


def test_figures_have_keys_of_set_and_score(judged: LandCover) -> None:
    """Codes, raw and gain of a set are three figures with the number of its places and its role."""
    scores = judge_class(judged)
    assert scores is not None
    section = deforestation_section("encoder.tiny", [scores])
    figures = {figure.key: figure.as_dict() for figure in section.figures}
    assert list(figures) == [f"encoder.tiny.deforestation_f1.made_up.{name}" for name in ("codes", "raw", "gain")]
    assert {(figure["n"], figure["split"]) for figure in figures.values()} == {(scores.n, "dev")}
    assert [figure["unit"] for figure in figures.values()] == ["F1", "F1", "codes minus raw, F1"]
    assert len(section.lines) == 2
    assert section.lines[1].startswith("made_up")
