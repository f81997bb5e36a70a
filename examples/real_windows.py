"""Labelled 365-day windows of Sentinel-2 over the Amazon (July to July): codes against raw reflectance.

    python examples/real_windows.py DATA

DATA holds amazon_s2_6band/bdc_1446.npz. The encoder saw the reflectance of most of these places, without labels.
"""

import sys
from datetime import date
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from report import report

from esd_tasks.compare import grouped_splits, majority_accuracy, tree_accuracy
from esd_tasks.features import level_features
from stactools_esd.encoder import load_encoder
from stactools_esd.observations import Observations, YearWindow
from stactools_esd.seamless import prepare


def main() -> None:
    """Compare codes, raw pentads and the commonest class in blocks of half a degree."""
    data = np.load(Path(sys.argv[1]) / "amazon_s2_6band" / "bdc_1446.npz")
    clear = np.broadcast_to(data["clear_heur"][..., None], data["X"].shape)
    observations = Observations(
        dates=data["dates"][0],
        reflectance=data["X"].transpose(1, 2, 0)[..., None],
        valid=clear.transpose(1, 2, 0)[..., None],
        transform=Affine.identity(),
        crs=CRS.from_epsg(4326),
    )
    series, _ = prepare(observations, YearWindow(year=2018, start=date(2018, 7, 12)))
    _, class_id = np.unique(data["label"], return_inverse=True)
    half_degrees = np.floor(np.column_stack([data["lon"], data["lat"]]) / 0.5)
    _, block = np.unique(half_degrees, axis=0, return_inverse=True)
    features = {
        "codes": level_features(load_encoder().encode(series)),
        "raw": series.reshape(len(series), 73, 5, 6).mean(axis=2).reshape(len(series), -1),
    }
    repeats = grouped_splits(block, repeats=10)
    scores = tree_accuracy(features, class_id + 1, repeats)
    scores["majority"] = majority_accuracy(class_id + 1, repeats)
    report("road.amazon", scores, n=len(class_id), split="train")


if __name__ == "__main__":
    main()
