"""Every year of a tile against the year before: reading and computing, two years held at a time.

    series.py [--side 3600] [--years 25] [--rounds 3] [--command-side 384]

`esd_tasks.change.year_steps` in Python, which no command uses: one thread reads blocks of 512 x 512 pixels from the
COGs of all years, one year after the other, and computes level and cosine distance of each year to the one before; of
both the greatest is kept. Each round is a process of its own, and processor time and peak memory are those of all of
it, libraries included. The files, 3.5 GB for 25 years, are written before, to build/.

Beside it stands `esd-tasks change series`, which holds all years of a block and finds breaks: the whole command with
its start, report and preview, one thread, on a smaller area. Where nothing is compiled yet the first of its rounds
compiles it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from landscape_codes import FIRST_YEAR
from tile_years import tile_years
from timing import figure, machine, peak_bytes

SIDE, YEARS, COMMAND_SIDE = 3600, 25, 384
BLOCK = 512


def step(side: int, years: int, *, reading_alone: bool) -> tuple[float, int]:
    """Read and compute in this process, which does nothing else; return its seconds and its peak memory in bytes."""
    import rasterio

    from esd_tasks.change.year_steps import year_steps
    from esd_tasks.items import find_items
    from esd_tasks.series import Series
    from stactools_esd.blocks import plan_blocks
    from stactools_esd.memory import CACHE_BYTES

    items = [item for item in find_items(tile_years(side, years)) if item.year < FIRST_YEAR + years]
    largest = np.zeros((2, side, side), np.float32)
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES), Series(items) as series:
        grid = series.grid_for(items[0].footprint)
        started = time.process_time()
        for block in plan_blocks(grid.height, grid.width, BLOCK):
            if reading_alone:
                for _ in series.each_year(grid, block.window):
                    pass
                continue
            rows, columns = slice(block.row, block.row + block.height), slice(block.column, block.column + block.width)
            for one in year_steps(series, grid, block.window):
                for number, distances in enumerate((one.level, one.cosine)):
                    part = largest[number, rows, columns]
                    np.fmax(part, distances, out=part)
        ended = time.process_time()
    return ended - started if reading_alone else ended, peak_bytes()


def elsewhere(part: str, side: int, years: int) -> tuple[float, int]:
    """Run a part in a process of its own."""
    words = [sys.executable, __file__, "--here", part, "--side", str(side), "--years", str(years)]
    seconds, peak = json.loads(subprocess.check_output(words, text=True))
    return seconds, peak


def command(side: int, years: int) -> tuple[float, int]:
    """Run `esd-tasks change series` on a whole area with one thread; return its seconds and its peak memory."""
    from tile import TOOL, usage  # brings LightGBM with it, which `step` is not to pay for

    codes, span = tile_years(side, years), f"{FIRST_YEAR}-{FIRST_YEAR + years - 1}"
    with tempfile.TemporaryDirectory() as folder:
        words = [TOOL, "change", "series", "--catalog", codes, "--years", span, "--threads", "1", "--quiet"]
        return usage([*words, "-o", Path(folder) / "map"])


def told(key: str, values: list[float], unit: str, n: int) -> None:
    """Print a figure: the median, and the least and the greatest value."""
    figure(f"speed.{key}", median(values), unit, n=n, spread=[min(values), max(values)], split="simulated")


def measure(side: int, years: int, rounds: int, command_side: int) -> None:
    """Write the files, then measure in processes of their own, and print the figures."""
    tile_years(side, years)
    n, of_command = side * side * years, command_side**2 * years
    taken = [elsewhere("steps", side, years) for _ in range(rounds)]
    told("series_cpu_s", [seconds for seconds, _ in taken], "s", n)
    told("series_peak_gb", [peak / 1e9 for _, peak in taken], "GB", n)
    figure("speed.series_read_cpu_s", elsewhere("reading", side, years)[0], "s", n=n, split="simulated")
    taken = [command(command_side, years) for _ in range(rounds)]
    told("series_command_us", [1e6 * seconds / of_command for seconds, _ in taken], "us a pixel-year", of_command)
    told("series_command_peak_gb", [peak / 1e9 for _, peak in taken], "GB", of_command)
    print(machine())


def main() -> None:
    """Measure, or do a part of it in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=SIDE, help="rows and columns")
    parser.add_argument("--years", type=int, default=YEARS, help="years")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count")
    parser.add_argument("--command-side", type=int, default=COMMAND_SIDE, help="rows and columns for the command")
    parser.add_argument("--here", choices=["steps", "reading"], help="print one measurement as JSON; files are there")
    asked = parser.parse_args()
    if asked.here:
        print(json.dumps(step(asked.side, asked.years, reading_alone=asked.here == "reading")))
    else:
        measure(asked.side, asked.years, asked.rounds, asked.command_side)


if __name__ == "__main__":
    main()
