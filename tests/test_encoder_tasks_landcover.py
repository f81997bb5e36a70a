"""Land cover: the same trees on the same folds, and a gain with its interval."""

import numpy as np
from judged import labelled_years

from esd_tasks.classifier import TreeParameters
from esd_tasks.encoder_tasks import landcover

FEW = TreeParameters(rounds=5)


def test_codes_that_tell_the_class_gain_over_noise() -> None:
    """Codes that hold the class are right everywhere, noise is not, and the interval of the gain is above 0."""
    found = landcover.judge(labelled_years(), repeats=2, parameters=FEW)
    assert landcover.accuracy([found], raw=False).value > 0.99
    assert landcover.accuracy([found], raw=True).value < 0.6
    gain = landcover.gain([found])
    assert 0.3 < gain.low < gain.value < gain.high
    assert found.n == 400


def test_the_same_table_gains_nothing() -> None:
    """Codes and raw with the same columns are right at the same places: the same folds and trees serve both."""
    years = labelled_years(told=False)
    from esd_tasks.features import level_features

    twin = type(years)(**{**vars(years), "raw": level_features(years.codes[0]).astype(np.float32)})
    found = landcover.judge(twin, repeats=1, parameters=FEW)
    np.testing.assert_array_equal(found.raw_class, found.codes_class[0])
