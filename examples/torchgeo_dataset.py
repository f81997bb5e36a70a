"""Codes of this project in TorchGeo: import `EsdCodes`, give it a folder of official tiles or of ours, of one encoder.

    dataset = EsdCodes("catalog/esd-esdnet-small-v1")  # sample["image"]: 12 steps x 6 vector values x rows x columns

TorchGeo's own class reads official names alone, decodes the count of clear observations as if it were a code, and mixes
codes bilinearly where tiles of two UTM zones are warped onto one. Where files overlap it takes one of them, so files of
two encoders, as under `catalog`, are refused; names do not say which recipe codes were made by.
"""

import re
from pathlib import Path

from rasterio.enums import Resampling
from torchgeo.datasets import EmbeddedSeamlessData


class EsdCodes(EmbeddedSeamlessData):
    """Twelve codes a pixel, decoded by TorchGeo."""

    filename_glob = "*_????.tif"
    filename_regex = r"(?P<encoder>(ESD|SDC30_EBD)_[^_]+)_.*_(?P<date>\d{4})\.tif$"
    all_bands = tuple(f"step_{step:02d}" for step in range(1, 13))  # not band 13, the count of clear observations
    resampling = Resampling.nearest  # codes are labels

    def __init__(self, *paths, **options):
        super().__init__(*paths, **options)
        found = sorted({re.match(self.filename_regex, Path(path).name)["encoder"] for path in self.index.filepath})
        if len(found) > 1:
            raise ValueError(f"got codes of {', '.join(found)}, expected one encoder; give the folder of a collection")
