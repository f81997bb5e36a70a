"""Judge an encoder on real series: reconstruction, beside what the same bits buy without a network.

`python -m stactools_esd.encoder.evaluate DATA --encoder esdnet-small --sets rondonia_a matogrosso`
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder import data, real_sets
from stactools_esd.encoder.baselines import MonthlyScalar, TransformCoder
from stactools_esd.encoder.inference import Encoder, load_encoder
from stactools_esd.encoder.metrics import reconstruction
from stactools_esd.product import BANDS, DAYS
from stactools_esd.simulation import simulate_pixels

FITTED_YEARS: Final = 1_500
"""Most pixel-years of one training set that baselines are fitted on."""

Figures = dict[str, dict[str, Any]]


def compare(encoder: Encoder, folder: Path, sets: Sequence[str], *, transforms: bool = True) -> Figures:
    """Rebuild every pixel-year of some sets, by the encoder and by baselines fitted on training pixels alone.

    Where a set lacks bands altogether, the encoder is given NaN there; the baselines, which cannot take NaN, are given
    the bands that a linear regression on the others predicts, fitted on the training pixels; and all are compared on
    the bands that were measured.

    Args:
        encoder: What to judge.
        folder: Folder of real series.
        sets: Keys of `real_sets.REAL_SETS`. Test sets are for frozen recipes.
        transforms: Whether to fit the PCA and DCT coders too.

    Returns:
        Set name to its role, number of pixel-years n, bands compared, and method to `metrics.reconstruction`; where
        bands are missing also `against_imputed`, the same over six bands against the imputed series.

    Raises:
        NothingFoundError: A set is unknown or its file is not there.
    """
    training = training_years(folder)
    baselines: list[Any] = [MonthlyScalar(training)]
    if transforms:
        baselines += [TransformCoder(training, kind) for kind in ("DCT", "PCA")]
    figures: Figures = {}
    for name in sets:
        years = data.read_years(folder, name)
        measured = [not np.isnan(years.reflectance[..., band]).all() for band in range(len(BANDS))]
        whole = impute_bands(years.reflectance, training)
        label = encoder.identity.label
        rebuilt = {label: encoder.decode(encoder.encode(years.reflectance, years.terrain))}
        if not all(measured):
            rebuilt[f"{label}, imputed"] = encoder.decode(encoder.encode(whole, years.terrain))
        rebuilt |= {baseline.name: baseline(whole) for baseline in baselines}
        figures[name] = {
            "role": real_sets.REAL_SETS[name].role,
            "n": len(years.reflectance),
            "pixels": len(np.unique(years.pixel)),
            "bands": [band for band, there in zip(BANDS, measured, strict=True) if there],
            "methods": {method: _rounded(reconstruction(years.reflectance, y)) for method, y in rebuilt.items()},
        }
        if not all(measured):
            figures[name]["against_imputed"] = {
                method: _rounded(reconstruction(whole, y)) for method, y in rebuilt.items()
            }
    return figures


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 6) for key, value in figures.items()}


def training_years(folder: Path, seed: int = 0) -> NDArray[np.float32]:
    """Return pixel-years without gaps for fitting baselines: some of every training set and simulation, (n, 365, 6)."""
    rng = np.random.default_rng(seed)
    parts = [simulate_pixels(FITTED_YEARS, 900_000 + seed).clean]
    for name in real_sets.names("train"):
        years = data.read_years(folder, name).reflectance
        parts.append(years[rng.permutation(len(years))[:FITTED_YEARS]])
    joined = np.concatenate(parts)
    return joined[~np.isnan(joined).any(axis=(1, 2))]


def impute_bands(years: NDArray[np.float32], training: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill bands that a set never measured with a linear regression on the others, day by day.

    Args:
        years: Shape (n, 365, 6), whole bands NaN.
        training: Shape (m, 365, 6), without gaps.

    Returns:
        Shape (n, 365, 6).
    """
    missing = np.isnan(years).all(axis=(0, 1))
    if not missing.any():
        return years
    days = training[:, ::10].reshape(-1, len(BANDS)).astype(np.float64)
    known = np.column_stack([days[:, ~missing], np.ones(len(days))])
    weights, *_ = np.linalg.lstsq(known, days[:, missing], rcond=None)
    filled = years.copy()
    filled[..., missing] = years[..., ~missing] @ weights[:-1] + weights[-1]
    return filled


def table(figures: Figures) -> str:
    """Lay figures out for people."""
    names = ("CC-A", "CC-B", "CC-C", "CC-D")
    head = f"{'set':18} {'role':5} {'n':>6}  {'method':26} {'MAE':>7} {'RMSE':>7} "
    lines = [head + " ".join(f"{name:>6}" for name in names)]
    for name, entry in figures.items():
        for method, value in entry["methods"].items():
            lines.append(
                f"{name:18} {entry['role']:5} {entry['n']:>6}  {method:26} {value['mae']:7.4f} {value['rmse']:7.4f} "
                + " ".join(f"{value[key]:6.3f}" for key in ("cc_a", "cc_b", "cc_c", "cc_d"))
            )
    return "\n".join(lines)


def code_use(codes: NDArray[np.uint16]) -> dict[str, Any]:
    """Tell how much of the codebook is used: entropy of each dimension in bits, and distinct codes.

    Args:
        codes: Codes of valid pixels, (n, 12).
    """
    from stactools_esd.fsq import codes_to_level_indices

    digits = codes_to_level_indices(codes).reshape(-1, len(BANDS))
    entropy = []
    for dimension in range(digits.shape[1]):
        share = np.bincount(digits[:, dimension]) / len(digits)
        share = share[share > 0]
        entropy.append(round(float(-(share * np.log2(share)).sum()), 3))
    return {"entropy_bits": entropy, "distinct_codes": len(np.unique(codes)), "pixel_years": len(codes), "days": DAYS}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print figures as JSON on stdout and as a table on stderr."""
    parser = argparse.ArgumentParser(prog="python -m stactools_esd.encoder.evaluate", description=main.__doc__)
    parser.add_argument("data", type=Path, help="folder of real series")
    parser.add_argument("--encoder", default="esdnet-small", help="name, or path of a .safetensors file")
    parser.add_argument("--sets", nargs="+", default=real_sets.names("dev"), help="default: the development sets")
    parser.add_argument("--no-transforms", action="store_true", help="leave out the PCA and DCT coders")
    options = parser.parse_args(arguments)
    figures = compare(load_encoder(options.encoder), options.data, options.sets, transforms=not options.no_transforms)
    print(table(figures), file=sys.stderr)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
