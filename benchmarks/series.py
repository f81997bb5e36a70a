"""Every year of a tile against the year before: reading and computing, two years held at a time.

    series.py [--side 3600] [--years 25]

One thread reads blocks of 512 x 512 pixels from the COGs of all years, one year after the other, and computes level and
cosine distance of each year to the one before; of both the greatest is kept. Processor time and peak memory are those
of the whole process, libraries and all. The files, 3.5 GB for 25 years, are written before, to build/.
"""

import argparse
import subprocess
import sys
import time

import numpy as np
from landscape_codes import FIRST_YEAR
from tile_years import tile_years
from timing import figure, machine, peak_bytes

SIDE, YEARS = 3600, 25
BLOCK = 512


def measure(side: int, years: int) -> None:
    """Read and compute in this process, which does nothing else, and print the figures."""
    import rasterio

    from esd_tasks.change.year_steps import year_steps
    from esd_tasks.items import find_items
    from esd_tasks.series import Series
    from stactools_esd.blocks import plan_blocks
    from stactools_esd.memory import CACHE_BYTES

    items = [item for item in find_items(tile_years(side, years)) if item.year < FIRST_YEAR + years]
    reading, largest = 0.0, np.zeros((2, side, side), np.float32)
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES), Series(items) as series:
        grid = series.grid_for(items[0].footprint)
        for block in plan_blocks(grid.height, grid.width, BLOCK):
            rows, columns = slice(block.row, block.row + block.height), slice(block.column, block.column + block.width)
            for step in year_steps(series, grid, block.window):
                for number, distances in enumerate((step.level, step.cosine)):
                    part = largest[number, rows, columns]
                    np.fmax(part, distances, out=part)
        whole, peak = time.process_time(), peak_bytes()
        for block in plan_blocks(grid.height, grid.width, BLOCK):
            started = time.process_time()
            for _ in series.each_year(grid, block.window):
                pass
            reading += time.process_time() - started
    facts = {"n": side * side * years, "split": "simulated"}
    figure("speed.series_cpu_s", whole, "s", **facts)
    figure("speed.series_read_cpu_s", reading, "s", **facts)
    figure("speed.series_peak_gb", peak / 1e9, "GB", **facts)
    print(machine())


def main() -> None:
    """Write the files, then measure in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=SIDE, help="rows and columns")
    parser.add_argument("--years", type=int, default=YEARS, help="years")
    parser.add_argument("--here", action="store_true", help="measure in this process; the files must be there")
    arguments = parser.parse_args()
    if arguments.here:
        measure(arguments.side, arguments.years)
    else:
        tile_years(arguments.side, arguments.years)
        words = ["--here", "--side", str(arguments.side), "--years", str(arguments.years)]
        sys.exit(subprocess.run([sys.executable, __file__, *words], check=False).returncode)


if __name__ == "__main__":
    main()
