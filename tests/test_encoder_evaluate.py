"""Comparisons with baselines."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from stactools_esd.encoder import evaluate, load_encoder, real_sets
from stactools_esd.simulation import simulate_pixels


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one training set and one development set that lacks two bands."""
    dates = np.datetime64("2019-01-01") + np.arange(8, 365, 16)
    days = (dates - np.datetime64("2019-01-01")).astype(int)
    for name, seed in (("east_africa_2017", 1), ("matogrosso", 2)):
        series = simulate_pixels(40, seed).clean[:, days]
        if name == "matogrosso":
            series[..., [1, 4]] = np.nan
        path = tmp_path / real_sets.REAL_SETS[name].path
        path.parent.mkdir(parents=True)
        np.savez(path, X=series, dates=np.tile(dates, (40, 1)))
    monkeypatch.setattr(real_sets, "names", lambda role: ["east_africa_2017"] if role == "train" else ["matogrosso"])
    monkeypatch.setattr(evaluate, "FITTED_YEARS", 60)
    return tmp_path


def test_every_method_is_judged_on_what_was_measured(folder: Path) -> None:
    """Figures name role, n and bands; a set that lacks bands is compared on those it has, and once more imputed."""
    encoder = load_encoder()
    figures = evaluate.compare(encoder, folder, ["matogrosso"])["matogrosso"]
    assert figures["role"] == "dev"
    assert figures["n"] == 40
    assert figures["bands"] == ["blue", "red", "nir", "swir2"]
    label = encoder.identity.label
    assert set(figures["methods"]) == {
        label, f"{label}, imputed", "monthly medians, 16 bits", "DCT, 192 bits", "PCA, 192 bits"
    }  # fmt: skip
    for figure in figures["methods"].values():
        assert 0 < figure["mae"] < 0.2
        assert set(figure) == {"mae", "rmse", "cc_a", "cc_b", "cc_c", "cc_d"}
    assert "matogrosso" in evaluate.table({"matogrosso": figures})


def test_imputation_leaves_measured_bands_alone() -> None:
    """Missing bands follow from the others by regression; measured ones stay as they are."""
    training = simulate_pixels(60, 3).clean
    training[..., 1] = 0.5 * training[..., 0] + 0.5 * training[..., 2] + 0.01
    years = training[:5].copy()
    years[..., 1] = np.nan
    filled = evaluate.impute_bands(years, training)
    np.testing.assert_allclose(filled, training[:5], atol=1e-4)


def test_code_use_counts_levels() -> None:
    """Entropy is in bits a dimension; constant codes have none."""
    use = evaluate.code_use(np.full((3, 12), 5, dtype=np.uint16))
    assert use["entropy_bits"] == [0.0] * 6
    assert use["distinct_codes"] == 1
