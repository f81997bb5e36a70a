"""The protocol by which encoders are judged, fixed before they are: what is measured, on what, beside what.

1. Reconstruction of gap-filled years of real sets, beside four ways to spend the same 192 bits: fitted on the training
   sets, and fitted on half of the pixels of the set itself.
2. Use of the codebook.
3. Denoising of simulated years that were never trained on.
4. Dates that were left out, against straight lines between the others.

Development sets may be looked at while recipes are chosen. Test sets are judged once, for a frozen recipe.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast, get_args

import numpy as np
from tqdm import tqdm

from stactools_esd.encoder import bootstrap, denoising, judged_set, left_out, real_sets
from stactools_esd.encoder.baselines import fit_baselines, training_years
from stactools_esd.encoder.inference import load_encoder
from stactools_esd.errors import UsageError

PROTOCOL_VERSION: Final = "1"
"""Figures of two versions are not comparable."""

Report = dict[str, Any]


def evaluate(
    weights: str | Path, folder: Path, sets: Sequence[str] = (), *, test: bool = False, also: Sequence[str | Path] = ()
) -> Report:
    """Judge an encoder by the protocol.

    Args:
        weights: Name of an encoder, or path of its weights.
        folder: Folder of real series.
        sets: Keys of `real_sets.REAL_SETS`, or roles; default: development sets, and test sets where `test` is said.
        test: Whether test sets may be judged.
        also: Weights of other seeds of the same training.

    Returns:
        `protocol`; `encoders`, one entry for each of the weights, those of `weights` first: label, SHA-256, training
        seed, `sets` as `JudgedSet.judge` with `left_out` as `LeftOut.judge` where dates can be left out, and
        `denoising` as `Denoising.judge`; `median`, the hash of that with the median MAE, mean of sets before test.

    Raises:
        UsageError: There is no such folder, a test set is asked for without `test`, or a set is unknown, or weights are
            given twice or are not of one training.
        NothingFoundError: A set is not in the folder.
        WeightsError: Weights cannot be found or are not those of their card.
    """
    chosen = choose_sets(sets, test=test)
    encoders = [load_encoder(name) for name in (weights, *also)]
    if len(labels := {encoder.identity.label for encoder in encoders}) > 1:
        raise UsageError(f"got {' and '.join(sorted(labels))}, expected seeds of one training; judge them one by one")
    hashes = [encoder.card.sha256 for encoder in encoders]
    if len(set(hashes)) < len(hashes):
        raise UsageError("got the same weights twice, expected those of other seeds beside WEIGHTS; leave one out")
    if not folder.is_dir():
        raise UsageError(f"got no folder {folder}, expected the folder of real series; check the path")
    training = training_years(folder)
    baselines = fit_baselines(training)
    reports: list[Report] = [
        {
            "encoder": encoder.identity.label,
            "sha256": encoder.card.sha256,
            "seed": encoder.card.training.get("seed"),
            "sets": {},
        }
        for encoder in encoders
    ]
    for name in tqdm(chosen, desc="judge", unit="set", disable=None):
        judged = judged_set.JudgedSet(folder, name, training, baselines)
        for report, encoder in zip(reports, encoders, strict=True):
            report["sets"][name] = judged.judge(encoder)
        if real_sets.REAL_SETS[name].dated:
            dates = left_out.LeftOut(folder, name, training)
            for report, encoder in zip(reports, encoders, strict=True):
                report["sets"][name]["left_out"] = dates.judge(encoder)
    noisy = denoising.Denoising(baselines)
    for report, encoder in zip(reports, encoders, strict=True):
        report["denoising"] = noisy.judge(encoder)
    return {"protocol": _protocol(len(training)), "median": _median(reports), "encoders": reports}


def choose_sets(sets: Sequence[str], *, test: bool) -> list[str]:
    """Turn names of sets and roles into names of sets, each once.

    Raises:
        UsageError: A name is unknown, or a test set is among them and `test` is false.
    """
    wanted = list(sets) or (["dev", "test"] if test else ["dev"])
    found: dict[str, None] = {}
    for name in wanted:
        if name in get_args(real_sets.Role):
            found |= dict.fromkeys(real_sets.names(cast(real_sets.Role, name)))
        elif name in real_sets.REAL_SETS:
            found[name] = None
        else:
            raise UsageError(
                f"got set {name!r}, expected train, dev, test or some of {', '.join(real_sets.REAL_SETS)}; "
                "choose among them"
            )
    held = [name for name in found if real_sets.REAL_SETS[name].role == "test"]
    if held and not test:
        raise UsageError(
            f"got {', '.join(held)}, expected no test set; a test set is judged once, for a recipe that is frozen: "
            "then say --test"
        )
    return list(found)


def _protocol(fitted: int) -> dict[str, Any]:
    """Return all constants that decide figures."""
    return {
        "version": PROTOCOL_VERSION,
        "baselines_fitted_on": fitted,
        "halves_seed": judged_set.HALVES_SEED,
        "left_out_share": left_out.SHARE,
        "left_out_seed": left_out.SEED,
        "denoising_seeds": [denoising.TRUTH_SEED, denoising.NOISE_SEED],
        "resamples": bootstrap.RESAMPLES,
        "interval": bootstrap.LEVEL,
    }


def _median(reports: Sequence[Report]) -> str:
    """Name by its hash the one whose MAE is the median; test sets have no say where there are others."""
    roles = [entry["role"] for entry in reports[0]["sets"].values()]
    errors = []
    for report in reports:
        counted = [e for e in report["sets"].values() if e["role"] != "test" or set(roles) == {"test"}]
        errors.append(np.mean([entry["methods"][report["encoder"]]["mae"] for entry in counted]))
    order = np.argsort(errors, kind="stable")
    median: str = reports[int(order[(len(order) - 1) // 2])]["sha256"]
    return median
