"""The whole road on a simulated landscape: observations, codes, catalogue, land-cover map.

python examples/demo.py FOLDER
"""

import shlex
import subprocess
import sys
import time
from pathlib import Path

import geopandas

from stactools_esd.simulation import Landscape
from stactools_esd.sources.folder import write_folder

YEARS = (2019, 2020)


def command(*arguments: str | Path) -> None:
    """Show a command as a person would type it, and run it."""
    words = [str(argument) for argument in arguments]
    print(f"\n$ {shlex.join(words)}", flush=True)
    subprocess.run([Path(sys.executable).parent / words[0], *words[1:]], check=True)


def main() -> None:
    """Make everything below one folder."""
    demo = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    started = time.monotonic()
    print(f"Simulating a landscape of 3.8 km x 3.8 km, years {YEARS[0]} and {YEARS[1]}, into {demo}/observations")
    labels, catalog = demo / "samples.gpkg", demo / "catalog"
    landscape = Landscape(seed=7, size=(128, 128), years=YEARS)
    for year in YEARS:
        write_folder(landscape.observations(year), demo / "observations" / str(year))
    write_labels(landscape, labels)
    for year in YEARS:
        command("stac", "esd", "encode", demo / "observations" / str(year), demo / "tiles", "--year", str(year),
                "--name", "demo", "--source-name", "simulated")  # fmt: skip
    command("stac", "esd", "create-catalog", demo / "tiles", catalog)
    command("stac", "esd", "validate", catalog)
    command("esd-tasks", "classify", "--labels", labels, "--catalog", catalog, "--year", "2020", "-o", demo / "map")
    print(f"\nDone in {time.monotonic() - started:.0f} s. Everything here is simulated; look at:")
    for name, path in {"catalogue": "catalog/catalog.json", "map": "map/map.tif", "preview": "map/preview.png",
                       "accuracy": "map/accuracy.json"}.items():  # fmt: skip
        print(f"  {name:<10}{demo / path}")
    words = ("esd-tasks", "predict", demo / "map", "--catalog", catalog, "--year", "2019", "-o", demo / "map-2019")
    print(f"Next: {shlex.join(map(str, words))}")
    print("  2019 began with snow, which samples of 2020 never saw: expect a worse map than from samples of 2019.")


def write_labels(landscape: Landscape, path: Path) -> None:
    """Write sixty labelled points a class, as a person in the field would bring them home."""
    x, y, class_id = landscape.sample_points(60, 2020, seed=1)
    names = [landscape.class_names[i] for i in class_id]
    points = geopandas.GeoDataFrame({"class": names}, geometry=geopandas.points_from_xy(x, y), crs=landscape.crs)
    points.to_file(path, layer="samples")


if __name__ == "__main__":
    main()
