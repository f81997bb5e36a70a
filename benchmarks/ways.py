"""What is measured beside what: for every contest our way and the others, on the same input.

    ways.py CONTEST WAY     print the most memory in bytes that a process of its own takes for one call of a way

Each way is prepared, which loads its input and is not measured, and then called. Codes are those of a simulated
landscape through the shipped encoder; with `BENCH_SIDE` rows and columns, 1024 unless that is set.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import place_ways
from landscape_codes import landscape_codes, mosaic
from numpy.typing import NDArray
from place_ways import POINTS, TILE_SIDE, YEARS
from tile_years import PIECE, tile_years
from timing import peak_bytes

SIDE: Final = int(os.environ.get("BENCH_SIDE", "1024"))
BY_LIGHTGBM: Final = 8192
BY_ONNX: Final = 16_384
BY_PUBLISHED: Final = 18 * 3600
ENCODED: Final = 2048

Call = Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way of doing it."""

    prepare: Callable[[], Call]
    """Loads the input, and returns what is measured; its result begins with what the other ways return, too."""

    n: int
    """Pixels, points or pixel-years of a call."""

    note: str
    """What it does, for the table."""


def bands(side: int = SIDE) -> NDArray[np.uint16]:
    """Return the codes of a landscape as files hold them, (12, side * side)."""
    return mosaic(landscape_codes(PIECE, 0, years=25)[:12], side).reshape(12, -1)


def rows(count: int = SIDE * SIDE) -> NDArray[np.uint16]:
    """Return codes pixel by pixel, (count, 12)."""
    return np.ascontiguousarray(bands().T)[:count]


def decode_ours() -> Call:
    """Look levels up."""
    from esd_tasks.features import level_features

    codes = rows()
    return lambda: level_features(codes)


def decode_table() -> Call:
    """Choose rows of a table."""
    from stactools_esd.fsq import codes_to_level_indices

    codes, table = rows(), codes_to_level_indices(np.arange(64_000))
    return lambda: table[codes].reshape(len(codes), 72)


def decode_take() -> Call:
    """Take rows of a table."""
    from stactools_esd.fsq import codes_to_level_indices

    codes, table = rows(), codes_to_level_indices(np.arange(64_000))
    return lambda: table.take(codes, axis=0).reshape(len(codes), 72)


def decode_packed() -> Call:
    """Take whole numbers of 8 bytes, which hold the six levels of a code, and leave the two bytes that are empty."""
    from stactools_esd.fsq import codes_to_level_indices

    codes, table = rows(), np.zeros((64_000, 8), np.uint8)
    table[:, :6] = codes_to_level_indices(np.arange(64_000))
    entries = table.view(np.uint64).reshape(-1)

    def decode() -> Any:
        return entries.take(codes).view(np.uint8).reshape(len(codes), 12, 8)[..., :6].reshape(len(codes), 72)

    return decode


def decode_published() -> Call:
    """Divide row by row; after the description of the published quantiser: whole numbers, then centred and scaled."""
    import torch

    torch.set_num_threads(1)
    levels, basis = torch.tensor([8, 8, 8, 5, 5, 5]), torch.tensor([1, 8, 64, 512, 2560, 12800])
    half = levels // 2
    image = np.resize(rows(), (BY_PUBLISHED, 12)).reshape(-1, TILE_SIDE, 12)

    def decode() -> Any:
        values = torch.empty((*image.shape[:2], 72))
        for number, row in enumerate(image):
            digits = (torch.from_numpy(row.astype(np.int64))[..., None] // basis) % levels
            values[number] = ((digits - half) / half).reshape(-1, 72)
        return values

    return decode


def predict_ours() -> Call:
    """Walk the forest in level space."""
    from bench_forest import load_model

    from esd_tasks.forest import Predictor

    predictor, codes = Predictor(load_model()), rows()
    return lambda: predictor.predict(codes)


def predict_lightgbm() -> Call:
    """Ask LightGBM, one thread."""
    from bench_forest import load_model

    from esd_tasks.features import level_features

    model, features = load_model(), level_features(rows(BY_LIGHTGBM))
    return lambda: model.predict(features, num_threads=1)


def predict_onnx() -> Call:
    """Ask onnxruntime, one thread."""
    import onnxruntime
    from bench_forest import load_model
    from onnxmltools.convert import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    from esd_tasks.features import level_features

    made = convert_lightgbm(load_model(), initial_types=[("x", FloatTensorType([None, 72]))], zipmap=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    asked = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    features = level_features(rows(BY_ONNX)).astype(np.float32)
    return lambda: asked.run(["probabilities"], {"x": features})[0]


def read_ours() -> Call:
    """Read a file of ours with every check."""
    from stactools_esd.cog import open_codes

    (path,) = tile_years(SIDE, 1).glob("*_2000.tif")

    def read() -> Any:
        with open_codes(path) as file:
            return file.read().codes

    return read


def read_official() -> Call:
    """Read a file that is laid out as the official ones, without any check."""
    import rasterio

    (path,) = tile_years(SIDE, 1).glob("*_2000.tif")
    laid_out = path.parent / "official" / "layout.tif"
    if not laid_out.exists():
        laid_out.parent.mkdir(exist_ok=True)
        layout = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "DEFLATE", "interleave": "pixel"}
        with rasterio.open(path) as source:
            profile, content = source.profile | {"driver": "GTiff"} | layout, source.read()
        with rasterio.open(laid_out, "w", **profile) as dataset:
            dataset.write(content)

    def read() -> Any:
        with rasterio.open(laid_out) as dataset:
            return dataset.read()[:12]

    return read


def pixel_years() -> NDArray[np.float32]:
    """Return reflectance without gaps, (n, 365, 6)."""
    from stactools_esd.simulation import add_frozen_noise, simulate_pixels

    return np.asarray(add_frozen_noise(simulate_pixels(ENCODED, seed=3).clean, seed=3), np.float32)


def encode_ours() -> Call:
    """Encode with every check, as `stac esd encode` does."""
    import torch

    from stactools_esd.encoder import load_encoder

    torch.set_num_threads(1)
    encoder, years = load_encoder("esdnet-small"), pixel_years()
    return lambda: encoder.encode(years)


def encode_torch() -> Call:
    """Run the same network in a plain loop of torch over years without gaps: float32, no checks."""
    import torch

    from stactools_esd import fsq
    from stactools_esd.encoder import load_encoder
    from stactools_esd.encoder.inference import BATCH
    from stactools_esd.encoder.model import terrain_features

    torch.set_num_threads(1)
    network, years = load_encoder("esdnet-small")._network, torch.from_numpy(pixel_years())
    terrain = torch.from_numpy(terrain_features(np.full((BATCH, 3), np.nan, np.float32), BATCH))

    def encode() -> Any:
        codes = []
        with torch.inference_mode():
            for first in range(0, len(years), BATCH):
                pentads = years[first : first + BATCH].reshape(-1, 73, 5, 6).mean(dim=2)
                latents = network.encode(pentads, torch.ones_like(pentads), terrain[: len(pentads)])
                codes.append(fsq.level_indices_to_codes(fsq.quantise(latents.numpy())))
        return np.concatenate(codes)

    return encode


PIXELS: Final = SIDE * SIDE
CONTESTS: Final[Mapping[str, Mapping[str, Way]]] = {
    "decode": {
        "ours": Way(prepare=decode_ours, n=PIXELS, note="`level_features`: two small tables, whole words"),
        "table": Way(prepare=decode_table, n=PIXELS, note="numpy, `table[codes]`, `uint8`"),
        "take": Way(prepare=decode_take, n=PIXELS, note="numpy, `table.take(codes)`, `uint8`"),
        "packed": Way(prepare=decode_packed, n=PIXELS, note="numpy, entries of 8 bytes taken as one number, cropped"),
        "published": Way(prepare=decode_published, n=BY_PUBLISHED, note="the published quantiser, torch, row by row"),
    },
    "predict": {
        "ours": Way(prepare=predict_ours, n=PIXELS, note="the forest in level space, probabilities in `float64`"),
        "lightgbm": Way(prepare=predict_lightgbm, n=BY_LIGHTGBM, note="`Booster.predict`"),
        "onnxruntime": Way(prepare=predict_onnx, n=BY_ONNX, note="onnxruntime, `float32`"),
    },
    "read": {
        "ours": Way(prepare=read_ours, n=PIXELS, note="`open_codes`: as `write_codes` writes, every check"),
        "official": Way(prepare=read_official, n=PIXELS, note="rasterio: DEFLATE, 256, no check"),
    },
    "encode": {
        "ours": Way(prepare=encode_ours, n=ENCODED, note="`Encoder.encode`: gaps, checks, padding"),
        "torch": Way(prepare=encode_torch, n=ENCODED, note="the same network in a plain loop, no gaps, no checks"),
    },
    "pull": {
        "ours": Way(prepare=place_ways.pull_ours, n=POINTS, note="`find_items` and `read_points`, each block once"),
        "sample": Way(prepare=place_ways.pull_sample, n=POINTS, note="`rasterio.sample`, point by point"),
        "whole": Way(prepare=place_ways.pull_whole, n=POINTS, note="the whole file, then the points"),
    },
    "catalogue": {
        "ours": Way(prepare=place_ways.catalogue_ours, n=YEARS, note="`find_items`: the index, every item checked"),
        "pyarrow": Way(prepare=place_ways.catalogue_pyarrow, n=YEARS, note="pyarrow: boxes, then outlines; ids alone"),
        "geopandas": Way(prepare=place_ways.catalogue_geopandas, n=YEARS, note="geopandas: the same, by its `bbox`"),
        "pystac": Way(prepare=place_ways.catalogue_pystac, n=1, note="pystac: every item of a year, no index"),
    },
}
"""Contests by name; the first way is ours, the second the one that the headline ratio is over."""


def main() -> None:
    """Call a way, and print the most memory that this process has held."""
    CONTESTS[sys.argv[1]][sys.argv[2]].prepare()()
    print(peak_bytes())


if __name__ == "__main__":
    main()
