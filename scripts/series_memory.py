"""Measure memory and processor time of `esd-tasks change series` on simulated years, and how both grow.

    series_memory.py                                   1024 x 1024 pixels and 25 years, and smaller ones beside it
    series_memory.py --side 3600 --folder /scratch     a whole tile: 11 GB are written to --folder, and removed

Codes are those of a patch of 256 x 256 pixels, an eighth of which breaks, laid side by side: what a series costs does
not depend on what its pixels are. Each run is a process of its own with one thread; its memory is the most that it has
held (`ru_maxrss`), its time that of the processor.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd import fsq
from stactools_esd.cog import write_codes
from stactools_esd.names import CodesTags
from stactools_esd.product import FSQ, STEPS, CodesIdentity, EncoderIdentity, InputRecipe

PATCH = 256
FIRST_YEAR = 2000


def patch(year: int) -> NDArray[np.uint16]:
    """Return codes (12, 256, 256) of a year: noise around the state of each pixel, which an eighth change once."""
    generator = np.random.default_rng(0)
    n, levels = PATCH * PATCH, np.array(FSQ.levels)
    states = generator.random((2, n, STEPS, FSQ.dimensions)) * (levels - 1)
    broke = np.where(generator.random(n) < 1 / 8, generator.integers(3, 22, n), 9999)
    later = year - FIRST_YEAR >= broke
    noise = np.random.default_rng([1, year]).normal(0, 0.7, states.shape[1:])
    found = np.rint(np.where(later[:, None, None], states[1], states[0]) + noise)
    codes = fsq.level_indices_to_codes(np.clip(found, 0, levels - 1).astype(np.int64))
    return np.asarray(codes.T.reshape(STEPS, PATCH, PATCH))


def write_years(folder: Path, side: int, years: int) -> None:
    """Write codes of some years, each of `side` x `side` pixels."""
    times = -(-side // PATCH)
    recipe = InputRecipe(source="simulation", fusion="hampel-linear-circular-v1", harmonisation="none", dem="none")
    identity = CodesIdentity(encoder=EncoderIdentity.parse("esdnet-small-v1", "0" * 64), recipe=recipe)
    for year in range(FIRST_YEAR, FIRST_YEAR + years):
        codes = np.tile(patch(year), (1, times, times))[:, :side, :side]
        write_codes(
            folder / f"ESD_esdnet-small-v1_xmemory_{year}.tif",
            codes,
            np.full((side, side), 15, dtype=np.uint16),
            transform=Affine(30, 0, 499_980, 0, -30, 5_600_040),
            crs=CRS.from_epsg(32631),
            tags=CodesTags(identity=identity, tile="xmemory", year=year),
        )


def run(folder: Path, years: int) -> tuple[float, float]:
    """Find the breaks of the first years; return gigabytes at the peak, and seconds of the processor."""
    last = FIRST_YEAR + years - 1
    words = [sys.executable, "-m", "esd_tasks", "change", "series", "--catalog", folder, "--years"]
    words += [f"{FIRST_YEAR}-{last}", "--threads", "1", "-o", folder / f"breaks-{years}", "--quiet"]
    process = subprocess.Popen([str(word) for word in words])
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"Error: the series of {years} years ended with {os.waitstatus_to_exitcode(status)}; see above")
    return used.ru_maxrss * 1024 / 1e9, used.ru_utime + used.ru_stime


def main() -> None:
    """Measure three sizes, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1024, help="pixels of a side")
    parser.add_argument("--years", type=int, default=25)
    parser.add_argument("--only-whole", action="store_true", help="leave the smaller ones out")
    parser.add_argument("--folder", type=Path, help="where codes are written")
    options = parser.parse_args()
    side, years = options.side, options.years
    sizes = [("half_years", side, years // 2), ("quarter_area", side // 2, years), ("", side, years)]
    for name, pixels, span in sizes[2 * options.only_whole :]:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            write_years(Path(folder), pixels, span)
            gigabytes, seconds = run(Path(folder), span)
        print(
            f"{pixels} x {pixels} pixels, {span} years: {gigabytes:.2f} GB, {seconds:.0f} s of the processor",
            flush=True,
        )
        key = f"series.memory.peak_gb{'_' * bool(name)}{name}"
        figure = {"key": key, "value": round(gigabytes, 2), "unit": "GB", "n": pixels * pixels * span, "spread": None}
        print("FIGURE " + json.dumps(figure | {"split": "simulated"}), flush=True)


if __name__ == "__main__":
    main()
