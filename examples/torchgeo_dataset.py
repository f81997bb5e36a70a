"""Codes of this project in TorchGeo: import `EsdCodes`, give it a folder of official tiles or of ours.

    dataset = EsdCodes("catalog")  # sample["image"]: 12 steps x 6 vector values x rows x columns

TorchGeo's own class reads official names alone, decodes the count of clear observations as if it were a code, and mixes
codes bilinearly where tiles of two UTM zones are warped onto one.
"""

from rasterio.enums import Resampling
from torchgeo.datasets import EmbeddedSeamlessData


class EsdCodes(EmbeddedSeamlessData):
    """Twelve codes a pixel, decoded by TorchGeo."""

    filename_glob = "*_????.tif"
    filename_regex = r"(ESD|SDC30_EBD)_.*_(?P<date>\d{4})\.tif$"
    all_bands = tuple(f"step_{step:02d}" for step in range(1, 13))  # not band 13, the count of clear observations
    resampling = Resampling.nearest  # codes are labels
