"""How much sooner a pull is done with several threads: wall time, so on a machine that does nothing else.

    pull_speed.py [--size 2048] [--rounds 3] [--threads 2]

Four years of a simulated area are pulled with one thread and with several in turns: codes of all of it, 20,000 points,
and a panel of 400 units; the area is timed apart while codes are read and while files are written. A figure is the time
with one thread over that with several, the median of the rounds.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from pyproj import Transformer
from rasterio import Affine
from rasterio.crs import CRS

from esd_tasks.panel.plan import make_plan as plan_panel
from esd_tasks.panel.request import PanelRequest
from esd_tasks.panel.run import run_plan as run_panel
from esd_tasks.pull_plan import make_plan
from esd_tasks.pull_points import make_points_plan, run_points
from esd_tasks.pull_request import PullRequest
from esd_tasks.pull_run import run_plan
from stactools_esd.cog import write_codes
from stactools_esd.names import CodesTags
from stactools_esd.product import FSQ, STEPS, CodesIdentity, EncoderIdentity, InputRecipe

YEARS = range(2017, 2021)
CORNER = Affine(30.0, 0.0, 499995.0, 0.0, -30.0, 5600025.0)
IDENTITY = CodesIdentity(
    encoder=EncoderIdentity.parse("speed-v1", "ab" * 32),
    recipe=InputRecipe(source="simulation", fusion="none", harmonisation="none", dem="none"),
)


def write_input(folder: Path, size: int) -> None:
    """Write codes of some thousand kinds of pixels, points and units."""
    (folder / "tiles").mkdir()
    draw = np.random.default_rng(0)
    for year in YEARS:
        kinds = draw.integers(1, FSQ.codebook_size, (STEPS, 20_000)).astype(np.uint16)
        codes = kinds[:, draw.integers(0, kinds.shape[1], (size, size))]
        clear = draw.integers(3, 40, (size, size)).astype(np.uint16)
        tags = CodesTags(identity=IDENTITY, tile="xspeed", year=year)
        path = folder / "tiles" / f"{tags.name.stem}.tif"
        write_codes(path, codes, clear, transform=CORNER, crs=CRS.from_epsg(32631), tags=tags)
    to_degrees = Transformer.from_crs(32631, 4326, always_xy=True).transform
    column, row = draw.uniform(20, size - 20, (2, 20_000))
    lon, lat = to_degrees(CORNER.c + 30 * column, CORNER.f - 30 * row)
    points = geopandas.GeoDataFrame({"id": range(len(lon))}, geometry=shapely.points(lon, lat), crs=4326)
    points.to_file(folder / "points.gpkg")
    points[:400].to_crs(32631).buffer(400).to_crs(4326).to_file(folder / "units.gpkg")


def seconds(run: Callable[..., Any]) -> dict[str, float]:
    """Run something, and return when each of its stages had ended, in seconds after the one before."""
    ended: dict[str, float] = {}
    started = time.perf_counter()
    run(on_progress=lambda stage, *_: ended.update({stage: time.perf_counter() - started}))
    whole = time.perf_counter() - started
    return {"read": ended["pull"], "write": ended["write"] - ended["pull"]} if "write" in ended else {"": whole}


def timed(folder: Path, threads: int) -> dict[str, float]:
    """Return the seconds of every kind of pull."""
    given: dict[str, Any] = {"catalog": str(folder / "tiles"), "threads": threads, "overwrite": True}
    area = make_plan(PullRequest(bbox="2,50,5,51", output=folder / "area", **given))
    points = make_points_plan(PullRequest(points=folder / "points.gpkg", output=folder / "points", **given))
    panel = plan_panel(PanelRequest(units=folder / "units.gpkg", output=folder / "panel", **given))
    runs = {
        "area": lambda **heard: run_plan(area, **heard),
        "points": lambda **heard: run_points(points, **heard),
        "panel": lambda **heard: run_panel(panel, **heard),
    }
    spent = {name: seconds(run) for name, run in runs.items()}
    return {f"{name}{stage and f'_{stage}'}": time for name, each in spent.items() for stage, time in each.items()}


def main() -> None:
    """Time one thread and several in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048, help="rows and columns of the area")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_input(folder, arguments.size)
        rounds = [(timed(folder, 1), timed(folder, arguments.threads)) for _ in range(arguments.rounds)]
    for kind in rounds[0][0]:
        ratios = sorted(one[kind] / several[kind] for one, several in rounds)
        print(f"{kind:12} {statistics.median(ratios):.2f} times as fast with {arguments.threads} threads")
        figure = {
            "key": f"pull.threads_{arguments.threads}.{kind}", "value": round(statistics.median(ratios), 2),
            "unit": f"times as fast as one thread, {os.cpu_count()} cores", "n": arguments.rounds,
            "spread": [round(ratios[0], 2), round(ratios[-1], 2)], "split": "simulated",
        }  # fmt: skip
        print("FIGURE", json.dumps(figure))


if __name__ == "__main__":
    main()
