"""Build the catalogue of a listing as large as the official archive, and ask its index.

    python benchmarks/bench_catalogue.py                 17,600 tiles x 25 years on two processes
    python benchmarks/bench_catalogue.py --share 20      a twentieth of the tiles

Prints FIGURE lines: minutes of the build, most memory of all its processes together, space on the disk, seconds of a
query by place and all years from a warm process (median and range) and from a new one. Everything is made in a scratch
folder that is removed again.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from process_memory import measured  # noqa: E402
from synthetic_listing import TILES  # noqa: E402

BINARIES = Path(sys.executable).parent
ITEMS_A_SECOND = 1000
"""About as many are built on two cores that do nothing else: 700 microseconds of each."""

SIDE = 0.5
"""Degrees of the boxes that are asked for."""

QUERIES = 25
COLD = 5


def figure(key: str, value: float, unit: str, n: int, spread: list[float] | None = None) -> None:
    """Print a figure."""
    content = {"key": f"catalogue.{key}", "value": round(value, 3), "unit": unit, "n": n}
    print("FIGURE", json.dumps(content | {"spread": spread, "split": "simulated"}), flush=True)


def build(listing: Path, catalog: Path, workers: int) -> tuple[float, float]:
    """Build the catalogue and return minutes and GB, the sum of the peaks of all processes."""
    start = time.perf_counter()
    code, _, peak = measured([BINARIES / "stac", "esd", "create-catalog", listing, catalog, "--workers", str(workers)])
    if code:
        sys.exit(f"Error: create-catalog left with {code}")
    return (time.perf_counter() - start) / 60, peak / 1e9


def places(catalog: Path) -> list[tuple[float, float, float, float]]:
    """Return boxes around the middles of tiles, spread over the index."""
    import pyarrow.parquet as pq

    (part, *_) = sorted(catalog.glob("*/index/*/*.parquet"))
    rows = pq.read_table(part, columns=["bbox"]).to_pylist()
    boxes = [row["bbox"] for row in rows[:: max(1, len(rows) // QUERIES)]][:QUERIES]
    middles = [((b["xmin"] + b["xmax"]) / 2, (b["ymin"] + b["ymax"]) / 2) for b in boxes if b["xmin"] < b["xmax"]]
    return [(x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2) for x, y in middles]


def ask(catalog: Path, years: int) -> None:
    """Measure queries from this process, and from new ones."""
    from esd_tasks.items import find_items
    from esd_tasks.places import bbox_geometry

    boxes = places(catalog)
    wanted = range(2000, 2000 + years)
    times, found = [], 0
    find_items(catalog, geometry=bbox_geometry(*boxes[0]), years=wanted)
    for box in boxes:
        start = time.perf_counter()
        found += len(find_items(catalog, geometry=bbox_geometry(*box), years=wanted))
        times.append(time.perf_counter() - start)
    print(f"{found / len(boxes):.1f} items a query")
    figure("query_s", statistics.median(times), "s", len(boxes), [round(min(times), 3), round(max(times), 3)])
    cold = []
    for box in boxes[:COLD]:
        command = [BINARIES / "esd-tasks", "pull", "--catalog", catalog, "--bbox", ",".join(map(str, box))]
        start = time.perf_counter()
        subprocess.run(
            [*command, "--years", f"2000-{1999 + years}", "--tiles", "list"], check=True, stdout=subprocess.DEVNULL
        )
        cold.append(time.perf_counter() - start)
    figure("query_cold_s", statistics.median(cold), "s", len(cold), [round(min(cold), 3), round(max(cold), 3)])


def used_gb(folder: Path) -> float:
    """Return the space that a folder takes on the disk."""
    return int(subprocess.check_output(["du", "-s", "--block-size=1", folder]).split()[0]) / 1e9


def main() -> None:
    """Build and ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=int, default=1, help="one in so many tiles")
    parser.add_argument("--years", type=int, default=25)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scratch", type=Path, help="folder with room for a few GB; the system's own if not said")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    tiles = TILES // asked.share
    minutes = 1 + tiles * asked.years / ITEMS_A_SECOND / 60
    print(f"about {minutes:.0f} minutes on idle cores, and a third of that for deleting", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=asked.scratch) as scratch:
        listing, catalog = Path(scratch) / "listing.csv", Path(scratch) / "catalog"
        script = ROOT / "scripts" / "synthetic_listing.py"
        options = ["--tiles", str(tiles), "--years", str(asked.years)]
        subprocess.run([sys.executable, script, listing, *options], check=True)
        minutes, gb = build(listing, catalog, asked.workers)
        n = tiles * asked.years
        figure("build_minutes", minutes, "min", n)
        figure("build_gb", gb, "GB", n)
        figure("disk_gb", used_gb(catalog), "GB", n)
        ask(catalog, asked.years)
        print("deleting what was made; the figures are complete", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
