"""How codes are best kept in a COG: size, reading, writing and one pixel, for the profiles in question.

    cog_profiles.py [--side 1024] [--rounds 15] [--json FILE]

Codes of a simulated landscape by the shipped encoder, whose neighbours are alike as those of real codes, are written by
GDAL and read by rasterio, one thread. Time is processor time, so that disks and caches do not count; a pixel is
read from a file that was just opened, at places drawn once. Size is the share of the plain array, 26 bytes a pixel.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from landscape_codes import landscape_codes
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.windows import Window
from timing import figure, machine

PLACES, MOST_WRITES = 25, 3
UNITS = {"size": "of the plain array", "write_s": "s", "read_mb_s": "MB/s", "pixel_ms": "ms"}
PROFILES: dict[str, tuple[str, int, int, bool, bool]] = {
    "zstd1_256_pixel_predictor": ("ZSTD", 1, 256, True, True),
    "zstd9_256_pixel": ("ZSTD", 9, 256, True, False),
    "zstd9_256_pixel_predictor": ("ZSTD", 9, 256, True, True),
    "zstd9_256_band": ("ZSTD", 9, 256, False, False),
    "zstd9_256_band_predictor": ("ZSTD", 9, 256, False, True),
    "zstd9_128_pixel": ("ZSTD", 9, 128, True, False),
    "zstd9_512_pixel": ("ZSTD", 9, 512, True, False),
    "zstd9_512_band": ("ZSTD", 9, 512, False, False),
    "zstd1_256_pixel": ("ZSTD", 1, 256, True, False),
    "zstd2_256_pixel_predictor": ("ZSTD", 2, 256, True, True),
    "zstd3_256_pixel_predictor": ("ZSTD", 3, 256, True, True),
    "zstd6_256_pixel_predictor": ("ZSTD", 6, 256, True, True),
    "zstd15_256_pixel": ("ZSTD", 15, 256, True, False),
    "zstd19_256_pixel": ("ZSTD", 19, 256, True, False),
    "deflate6_256_pixel": ("DEFLATE", 6, 256, True, False),
    "deflate6_512_band": ("DEFLATE", 6, 512, False, False),
}
"""Compression, level, block size, bands of a pixel together or apart, and predictor 2, by name.

The first is what `cog.write_codes` makes, the last about the layout of the official files.
"""


def write(raw: Path, path: Path, profile: tuple[str, int, int, bool, bool]) -> None:
    """Make a COG; GDAL's COG driver of 3.10 keeps bands of a pixel together, so others come from the GTiff driver."""
    compression, level, block, together, predicted = profile
    options = {"COMPRESS": compression, "OVERVIEWS": "NONE", "PREDICTOR": "YES" if predicted else "NO"}
    if together:
        options |= {"driver": "COG", "LEVEL": str(level), "BLOCKSIZE": str(block)}
    else:
        options |= {
            "driver": "GTiff", "TILED": "YES", "BLOCKXSIZE": str(block), "BLOCKYSIZE": str(block), "INTERLEAVE": "BAND",
            f"{'Z' if compression == 'DEFLATE' else 'ZSTD_'}LEVEL": str(level), "PREDICTOR": "2" if predicted else "1",
        }  # fmt: skip
        del options["OVERVIEWS"]
    rasterio.shutil.copy(raw, path, **options)


def read(path: Path) -> NDArray[np.uint16]:
    """Read the whole of a file that was just opened."""
    with rasterio.open(path) as dataset:
        return np.asarray(dataset.read())


def read_pixel(path: Path, row: int, column: int) -> None:
    """Read one pixel of a file that was just opened."""
    with rasterio.open(path) as dataset:
        dataset.read(window=Window(column, row, 1, 1))


def write_raw(path: Path, bands: NDArray[np.uint16]) -> None:
    """Write the source of all COGs, uncompressed."""
    count, height, width = bands.shape
    place: dict[str, Any] = {"crs": "EPSG:32631", "transform": Affine(30, 0, 500_000, 0, -30, 5_700_000)}
    profile = {"driver": "GTiff", "count": count, "dtype": "uint16", "height": height, "width": width, **place}
    with rasterio.open(path, "w", interleave="pixel", tiled=True, photometric="minisblack", **profile) as dataset:
        dataset.write(bands)


def measured(folder: Path, bands: NDArray[np.uint16], rounds: int) -> dict[str, dict[str, float]]:
    """Write every profile, then read them some times, one after the other, so that a busy machine meets all alike.

    Returns:
        By profile `size` as a share of the plain array; `write_s`, `read_mb_s`, `pixel_ms`: medians of processor time.
    """
    raw = folder / "raw.tif"
    write_raw(raw, bands)
    paths = {name: folder / f"{name}.tif" for name in PROFILES}
    seconds: dict[str, dict[str, list[float]]] = {name: {"write": [], "read": [], "pixel": []} for name in PROFILES}
    generator = np.random.default_rng(0)
    places = generator.integers(0, bands.shape[1], (PLACES, 2)).tolist()
    for number in range(rounds):
        for name in generator.permutation(list(PROFILES)).tolist():  # nobody always comes after the same other
            profile = PROFILES[name]
            started = time.process_time()
            if number < MOST_WRITES:
                write(raw, paths[name], profile)
                seconds[name]["write"].append(time.process_time() - started)
            started = time.process_time()
            read(paths[name])
            seconds[name]["read"].append(time.process_time() - started)
            started = time.process_time()
            for row, column in places:
                read_pixel(paths[name], row, column)
            seconds[name]["pixel"].append((time.process_time() - started) / PLACES)
    if wrong := [name for name, path in paths.items() if not np.array_equal(read(path), bands)]:
        raise SystemExit(f"Error: {wrong[0]} does not keep codes")
    return {
        name: {
            "size": paths[name].stat().st_size / bands.nbytes,
            "write_s": statistics.median(taken["write"]),
            "read_mb_s": bands.nbytes / 1e6 / statistics.median(taken["read"]),
            "pixel_ms": 1e3 * statistics.median(taken["pixel"]),
        }
        for name, taken in seconds.items()
    }


def main() -> None:
    """Measure every profile, and print figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1024, help="rows and columns of the landscape")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of reading; the median counts")
    parser.add_argument("--json", type=Path, help="also write the table to a file")
    arguments = parser.parse_args()
    bands = landscape_codes(arguments.side, 0, years=2)
    with tempfile.TemporaryDirectory() as folder, rasterio.Env(GDAL_CACHEMAX=64 << 20, GDAL_NUM_THREADS=1):
        table = measured(Path(folder), bands, arguments.rounds)
    for name, facts in table.items():
        for what, value in facts.items():
            figure(f"speed.cog.{name}.{what}", value, UNITS[what], n=bands[0].size, split="simulated")
    if arguments.json:
        content = {"side": arguments.side, "machine": machine(), "profiles": table}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
