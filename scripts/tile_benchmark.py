"""Measure `stac esd encode` on a simulated tile-year in the real layout of SDC30: speed by stage, memory, hours a tile.

    tile_benchmark.py                           the full size: 15 GB are written to --folder, and removed in the end
    tile_benchmark.py --rows 40 --dates 12      the same road in a minute

A library of distinct simulated pixel-years is mosaicked into 3661 x 3661 files, one a date: every pixel is one of the
library times a gain of its own. Whole rows of the tile are then encoded in processes of their own.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.grid import tile
from stactools_esd.product import BANDS, TILE_PIXELS
from stactools_esd.simulation import simulate_pixels
from stactools_esd.sources.image import SCALE
from stactools_esd.sources.sdc30 import PARENT_PIXELS

TILE = "50TMK"
YEAR = 2020
DAY_STEP = 4
STRIP_ROWS = 256
GAIN_SPREAD = 0.05
SIMULATED_AT_ONCE = 4096


def library(size: int, days: np.ndarray) -> np.ndarray:
    """Simulate distinct pixel-years and keep some days, as reflectance (days, size, 6)."""
    kept = np.empty((len(days), size, len(BANDS)), np.float32)
    for first in range(0, size, SIMULATED_AT_ONCE):
        batch = simulate_pixels(min(SIMULATED_AT_ONCE, size - first), seed=first).clean
        kept[:, first : first + len(batch)] = batch[:, days].transpose(1, 0, 2)
    return kept


def write_tile(folder: Path, rows: int, days: np.ndarray, size: int) -> None:
    """Write one file a day, whose rows from a number on are empty where fewer are wanted."""
    pixel_years = library(size, days)
    place = tile(TILE)
    profile: dict[str, Any] = {
        "driver": "GTiff", "count": len(BANDS), "dtype": "int16", "height": PARENT_PIXELS, "width": PARENT_PIXELS,
        "crs": CRS.from_epsg(place.epsg), "transform": place.transform, "tiled": True, "blockxsize": 256,
        "blockysize": 256, "compress": "deflate", "zlevel": 1, "sparse_ok": True, "bigtiff": "if_safer",
    }  # fmt: skip
    for day, values in zip(days, pixel_years, strict=True):
        date = np.datetime64(f"{YEAR}-01-01") + day
        path = folder / f"SDC30_V003_{TILE}_{str(date).replace('-', '')}.tif"
        with rasterio.open(path, "w", **profile) as dataset:
            for first in range(0, rows, STRIP_ROWS):
                shape = (min(STRIP_ROWS, rows - first), PARENT_PIXELS)
                rng = np.random.default_rng([first, size])  # the same places and gains on every date
                chosen = rng.integers(0, size, shape)
                gain = rng.normal(1, GAIN_SPREAD, shape).clip(0.8, 1.2).astype(np.float32)
                image = values[chosen] * (gain / np.float32(SCALE))[..., None]
                numbers = np.rint(image).clip(1, 32767).astype(np.int16).transpose(2, 0, 1)
                dataset.write(numbers, window=Window(0, first, PARENT_PIXELS, shape[0]))


def encode(source: Path, destination: Path, options: dict[str, Any]) -> None:
    """Encode rows of the tile, and print what each stage took as JSON; runs in a process of its own."""
    from stactools_esd.encoder.encode import encode_source
    from stactools_esd.observations import YearWindow

    seconds: Counter[str] = Counter()
    times: list[float] = []

    def add(news: Any) -> None:
        seconds.update(news.seconds)
        times.append(time.monotonic())

    started = time.monotonic()
    encode_source(source, destination, window=YearWindow(year=YEAR), tile=TILE, on_block=add, **options)
    ended = time.monotonic()
    report = {"seconds": seconds, "start": times[0] - started, "end": ended - times[-1], "wall": ended - started}
    print(json.dumps(report))


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    try:
        below = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return [pid]
    return [pid, *(each for child in below for each in tree(child))]


def resident(pids: list[int]) -> int:
    """Return the bytes that processes hold in memory, shared pages counted in each."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:  # it ended
            continue
    return total


def measured(words: list[str]) -> tuple[dict[str, Any], int]:
    """Run this script in another process; return what it reports and the peak of its process tree in bytes."""
    peak = 0
    with subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, resident(tree(process.pid)))
            time.sleep(0.1)
        said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        sys.exit(f"Error: encoding left with {process.returncode}")
    return json.loads(said.splitlines()[-1]), peak


def figure(key: str, value: float, unit: str, n: int) -> None:
    """Print one figure for the documentation."""
    print("FIGURE", json.dumps({"key": key, "value": value, "unit": unit, "n": n, "split": "simulated"}))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=PARENT_PIXELS, help="rows of the files that hold data")
    parser.add_argument("--dates", type=int, default=91, help="files, four days apart")
    parser.add_argument("--library", dest="distinct", type=int, default=64_000, help="distinct pixel-years")
    parser.add_argument("--encoded-rows", type=int, default=580, help="rows that are encoded")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that encode")
    parser.add_argument("--memory", default="8GB", help="what they may take together")
    parser.add_argument("--fill", default="linear", help="linear or gp")
    parser.add_argument("--encoder", default="esdnet-small", help="name of the encoder")
    parser.add_argument("--folder", type=Path, help="where the files are written, and removed in the end")
    parser.add_argument("--only-encode", nargs=3, metavar=("SOURCE", "DESTINATION", "OPTIONS"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Write, encode, report, remove."""
    asked = parse()
    if asked.only_encode:
        source, destination, options = asked.only_encode
        encode(Path(source), Path(destination), json.loads(options))
        return
    from stactools_esd.memory import parse_memory

    rows = min(asked.encoded_rows, asked.rows, TILE_PIXELS)
    needed = asked.dates * asked.rows * PARENT_PIXELS * len(BANDS) * 2
    folder = Path(tempfile.mkdtemp(prefix="tile-benchmark-", dir=asked.folder))
    try:
        if shutil.disk_usage(folder).free < 1.1 * needed:
            sys.exit(f"Error: got too little room in {folder}, expected {needed / 1e9:.0f} GB; name another --folder")
        source = folder / "sdc30"
        source.mkdir()
        started = time.monotonic()
        write_tile(source, asked.rows, DAY_STEP * np.arange(asked.dates), asked.distinct)
        written = sum(path.stat().st_size for path in source.iterdir())
        print(f"{asked.dates} files, {written / 1e9:.2f} GB, written in {time.monotonic() - started:.0f} s", flush=True)
        first = (asked.rows - rows) // 2
        options = {
            "part": [first, 0, rows, TILE_PIXELS], "workers": asked.workers, "memory": parse_memory(asked.memory),
            "fill": asked.fill, "encoder": asked.encoder,
        }  # fmt: skip
        report, peak = measured(["--only-encode", str(source), str(folder / "tiles"), json.dumps(options)])
    finally:
        shutil.rmtree(folder)
    pixels, tile_pixels = rows * TILE_PIXELS, TILE_PIXELS * TILE_PIXELS
    for stage, seconds in report["seconds"].items():
        print(f"{stage:<8} {seconds:9.1f} s of processor time, {pixels / max(seconds, 1e-9):9.0f} pixels/s on one core")
    blocks = report["wall"] - report["start"] - report["end"]
    speed = pixels / report["wall"]
    print(
        f"{pixels} pixels, workers: {asked.workers}; {report['start']:.1f} s to the first block, {blocks:.1f} s to the "
        f"last, {report['end']:.1f} s to the item; peak {peak / 1e9:.2f} GB of {asked.memory}"
    )
    figure("encode.px_per_s", round(speed, 1), "pixels/s", pixels)
    figure("encode.peak_gb", round(peak / 1e9, 2), "GB", pixels)
    figure("encode.tile_hours", round(tile_pixels / speed / 3600, 3), "h", pixels)
    for stage, seconds in report["seconds"].items():
        figure(f"encode.{stage}_px_per_s", round(pixels / max(seconds, 1e-9), 1), "pixels/s and core", pixels)


if __name__ == "__main__":
    main()
