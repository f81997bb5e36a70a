"""A real Sentinel-2 and Landsat-8 cube in Flanders down the whole road to a map, and codes against raw reflectance.

    python examples/real_cube.py DATA [OUT]

DATA holds worldcereal_cubes/flanders_2017_18_31UDS.npz. The encoder saw these pixels, without labels.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas
import numpy as np
from rasterio.crs import CRS
from rasterio.transform import from_origin
from report import report

from esd_tasks.compare import majority_accuracy, nearest_sample_accuracy, tree_accuracy
from esd_tasks.features import level_features
from esd_tasks.folds import random_block_splits
from esd_tasks.items import find_items
from esd_tasks.labels import read_labels
from esd_tasks.samples import extract
from stactools_esd.observations import Observations, YearWindow
from stactools_esd.seamless import prepare
from stactools_esd.sources.folder import read_folder, write_folder

CLASSES = {11: "annual crop", 13: "grassland", 60: "built-up", 99: "no cropland"}


def write_inputs(cube: np.lib.npyio.NpzFile, out: Path) -> None:
    """Write the images as dated GeoTIFFs, and the label map as one labelled point a pixel."""
    place = {"transform": from_origin(cube["x"][0] - 10, cube["y"][0] + 10, 20, 20), "crs": CRS.from_epsg(32631)}
    for prefix, series, clear, dates in (("S2", "X", "clear", "dates"), ("L8", "L8_X", "L8_clear", "L8_dates")):
        reflectance = cube[series].transpose(0, 3, 1, 2)
        valid = np.broadcast_to(cube[clear][:, None], reflectance.shape)
        images = Observations(dates=cube[dates], reflectance=reflectance, valid=valid, **place)
        write_folder(images, out / "images", prefix=prefix)
    x, y = np.meshgrid(cube["x"], cube["y"])
    names = [CLASSES[int(code)] for code in cube["LC_20m"].ravel()]
    points = geopandas.points_from_xy(x.ravel(), y.ravel())
    geopandas.GeoDataFrame({"class": names}, geometry=points, crs=32631).to_file(out / "labels.gpkg")


def main() -> None:
    """Write the inputs, run the commands, compare codes with raw reflectance on all pixels."""
    out = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
    write_inputs(np.load(Path(sys.argv[1]) / "worldcereal_cubes" / "flanders_2017_18_31UDS.npz"), out)
    for command in (
        "stac esd encode images tiles --year 2018 --name flanders --source-name sentinel-2+landsat-8",
        "stac esd create-catalog tiles catalog",
        "esd-tasks classify --labels labels.gpkg --block-size 160 -o map",
    ):
        print(f"$ {command}", flush=True)
        subprocess.run(command.split(), cwd=out, check=True)
    items = find_items(out / "catalog")
    samples = extract(read_labels(out / "labels.gpkg"), {2018: items})
    series, _ = prepare(read_folder(out / "images"), YearWindow(year=2018))
    row, column = ((5629680 - samples.y) // 20).astype(int), ((samples.x - 501360) // 20).astype(int)
    raw = series.reshape(len(series), 73, 5, 6).mean(axis=2).reshape(len(series), -1)[row * 32 + column]
    draws = [[split] for split in random_block_splits(samples, block_size=160, n_splits=20)]
    scores = tree_accuracy({"codes": level_features(samples.codes), "raw": raw}, samples.class_id, draws)
    scores["coordinates"] = nearest_sample_accuracy(samples.x, samples.y, samples.class_id, draws)
    scores["majority"] = majority_accuracy(samples.class_id, draws)
    report("road.flanders", scores, n=len(samples.class_id), split="train")


if __name__ == "__main__":
    main()
