"""Two plain ways from SDC30 files to codes, for comparison: what a first script would do, and a second.

    naive_encoder.py SOURCE interp ROW HEIGHT
    naive_encoder.py SOURCE matrix ROW HEIGHT

Both read one window of HEIGHT x 256 pixels of all files with rasterio, interpolate all days, and call the same network
on one thread. `interp` calls `numpy.interp` for each band of each pixel. `matrix` uses that the files have no gaps: one
matrix turns the dates into days. Neither screens clouds, handles gaps, bounds its memory, or writes anything: they do
less than `stac esd encode`. Prints processor seconds of each part as JSON.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.windows import Window

from stactools_esd.encoder import load_encoder
from stactools_esd.product import BANDS, DAYS
from stactools_esd.sources.image import SCALE, date_of

WIDTH = 256


def read(files: list[Path], row: int, height: int) -> np.ndarray:
    """Read the window of all files: reflectance (t, 6, height, 256)."""
    images = []
    for file in files:
        with rasterio.open(file) as dataset:
            images.append(dataset.read(window=Window(0, row, WIDTH, height)) * np.float32(SCALE))
    return np.stack(images)


def interp(images: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Interpolate band by band and pixel by pixel: (n, 365, 6)."""
    series = images.reshape(*images.shape[:2], -1)
    years = np.empty((series.shape[2], DAYS, len(BANDS)), np.float32)
    for pixel in range(series.shape[2]):
        for band in range(len(BANDS)):
            years[pixel, :, band] = np.interp(np.arange(DAYS), days, series[:, band, pixel])
    return years


def matrix(images: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Interpolate all pixels at once: (n, 365, 6)."""
    weights = np.array([np.interp(np.arange(DAYS), days, row) for row in np.eye(len(days))], np.float32)
    years = weights.T @ images.reshape(len(days), -1)
    return np.ascontiguousarray(years.reshape(DAYS, len(BANDS), -1).transpose(2, 0, 1))


def main() -> None:
    """Read, interpolate, encode, and report."""
    source, how, row, height = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    files = sorted(source.glob("*.tif"))
    first = date_of(files[0]).astype("datetime64[Y]").astype("datetime64[D]")
    days = np.array([(date_of(file) - first).astype(int) for file in files])
    encoder = load_encoder()
    torch.set_num_threads(1)
    encoder.encode(np.full((1, DAYS, len(BANDS)), 0.1, np.float32))  # compiles
    times = [time.process_time()]
    images = read(files, row, height)
    times.append(time.process_time())
    years = {"interp": interp, "matrix": matrix}[how](images, days)
    times.append(time.process_time())
    codes = encoder.encode(years)
    times.append(time.process_time())
    seconds = dict(zip(("read", "interpolate", "encode"), np.diff(times).tolist(), strict=True))
    print(json.dumps({"pixels": len(codes), "seconds": seconds}))


if __name__ == "__main__":
    main()
