"""Train the model that speed is measured on: ten classes, 200 rounds, 31 leaves, on codes of the shipped encoder.

    make_forest_model.py benchmarks/forest_model.txt.xz

Simulated pixel-years with frozen noise are encoded by `esdnet-small` and trained on as `esd-tasks classify` trains.
Lines that say nothing of predictions (gains, counts and weights) are left out. It takes about half a minute; the
result is committed, because another processor may round a latent the other way.
"""

import hashlib
import lzma
import sys
from pathlib import Path

import numpy as np

from esd_tasks.features import feature_names, level_features
from esd_tasks.trees import TreeParameters, grow_trees
from stactools_esd.encoder import load_encoder
from stactools_esd.simulation import CLASS_NAMES, add_frozen_noise, simulate_pixels

CLASSES = 10
BATCHES = 6
PIXELS = 4096
FIRST_SEED = 1000
UNREAD = (
    "split_gain",
    "leaf_weight",
    "leaf_count",
    "internal_value",
    "internal_weight",
    "internal_count",
    "tree_sizes",
)


def main() -> None:
    """Simulate, encode, train, write."""
    encoder = load_encoder("esdnet-small")
    chances = np.arange(len(CLASS_NAMES)) < CLASSES
    codes, class_id = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + BATCHES):
        pixels = simulate_pixels(PIXELS, seed=seed, class_probabilities=chances / CLASSES)
        codes.append(encoder.encode(add_frozen_noise(pixels.clean, seed=seed)))
        class_id.append(pixels.class_id)
    features = level_features(np.concatenate(codes))
    model, _ = grow_trees(features, np.concatenate(class_id), TreeParameters(), names=feature_names())
    lines = model.model_to_string().split("\n")
    text = "\n".join(line for line in lines if line.partition("=")[0] not in UNREAD).encode()
    Path(sys.argv[1]).write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    print("sha256 of the text", hashlib.sha256(text).hexdigest())


if __name__ == "__main__":
    main()
