"""A simulated archive of small tiles through change and classes, in one process: memory over time.

    archive.py                         24 tiles of 64 x 64 pixels, 25 years
    archive.py --tiles 4 --years 6     a small one

First every tile is searched for changes in all its years, one run a tile; then every year of all tiles is mapped with
the model of one `classify`, one run a year. So every tile-year is read twice, and what a run leaves behind adds up.
The peak of each run is Linux's own count, set back before it (`VmHWM`). Growth of a kind of runs is the slope of a line
through the peaks of all runs but the first quarter, times their number; its spread is twice the error of that slope.
"""

import argparse
import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine
from rasterio.crs import CRS

from esd_tasks.cli import app
from stactools_esd import fsq
from stactools_esd.cog import write_codes
from stactools_esd.names import CodesTags
from stactools_esd.product import FSQ, STEPS, CodesIdentity, EncoderIdentity, InputRecipe

FIRST_YEAR: Final = 2000
ZONE: Final = CRS.from_epsg(32631)
WEST, NORTH, ACROSS = 400_005, 5_600_025, 6
KINDS: Final = ("water", "forest", "crop")
IDENTITY: Final = CodesIdentity(
    encoder=EncoderIdentity.parse("esdnet-small-v1", "0" * 64),
    recipe=InputRecipe(source="simulation", fusion="hampel-linear-circular-v1", harmonisation="none", dem="none"),
)


def corner(tile: int, side: int) -> tuple[int, int]:
    """Return where a tile begins: tiles lie beside each other, six in a row."""
    return WEST + tile % ACROSS * side * 30, NORTH - tile // ACROSS * side * 30


def kinds_of(tile: int, side: int, year: int) -> NDArray[np.int64]:
    """Return the class of each pixel, in patches of 8 x 8; an eighth of the patches change once."""
    generator = np.random.default_rng([tile, 1])
    patches = -(-side // 8)
    before, after = generator.integers(0, len(KINDS), (2, patches, patches))
    broke = np.where(generator.random((patches, patches)) < 1 / 8, generator.integers(3, 22, (patches, patches)), 9999)
    now = np.where(year - FIRST_YEAR >= broke, after, before)
    return np.kron(now, np.ones((8, 8), dtype=np.int64))[:side, :side]


def codes_of(tile: int, side: int, year: int) -> NDArray[np.uint16]:
    """Return codes (12, side, side): a state for each class, and noise."""
    states = np.random.default_rng(5).random((len(KINDS), STEPS, FSQ.dimensions)) * (np.array(FSQ.levels) - 1)
    noise = np.random.default_rng([tile, year]).normal(0, 0.7, (side, side, STEPS, FSQ.dimensions))
    levels = np.clip(np.rint(states[kinds_of(tile, side, year)] + noise), 0, np.array(FSQ.levels) - 1)
    return np.moveaxis(fsq.level_indices_to_codes(levels.astype(np.int64)), -1, 0)


def write_archive(folder: Path, tiles: int, years: int, side: int) -> None:
    """Write the codes of all tiles and years, and labels of the first tile."""
    for tile in range(tiles):
        x, y = corner(tile, side)
        for year in range(FIRST_YEAR, FIRST_YEAR + years):
            name = f"xpart{tile:02d}"
            write_codes(
                folder / "codes" / f"ESD_esdnet-small-v1_{name}_{year}.tif",
                codes_of(tile, side, year),
                np.full((side, side), 15, dtype=np.uint16),
                transform=Affine(30, 0, x, 0, -30, y),
                crs=ZONE,
                tags=CodesTags(identity=IDENTITY, tile=name, year=year),
            )
    rows, columns = np.divmod(np.random.default_rng(2).permutation(side * side)[: side * side // 8], side)
    x, y = corner(0, side)
    named = [KINDS[kind] for kind in kinds_of(0, side, FIRST_YEAR)[rows, columns]]
    points = shapely.points(x + 30 * columns + 15, y - 30 * rows - 15)
    geopandas.GeoDataFrame({"class": named}, geometry=points, crs=ZONE).to_file(folder / "labels.gpkg")


def box_of(tile: int, side: int) -> str:
    """Return the box of a tile in degrees, a pixel within its edges."""
    x, y = corner(tile, side)
    to_degrees = Transformer.from_crs(ZONE, 4326, always_xy=True)
    west, south = to_degrees.transform(x + 60, y - 30 * (side - 2))
    east, north = to_degrees.transform(x + 30 * (side - 2), y - 60)
    return f"{west},{south},{east},{north}"


def run(*words: str | Path) -> float:
    """Run a command in this process, and return its peak in megabytes."""
    with suppress(PermissionError):  # in some containers: then it is the peak of all runs so far
        Path("/proc/self/clear_refs").write_text("5")
    app([str(word) for word in (*words, "--threads", "1", "--quiet")], standalone_mode=False)
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1e3 for line in status.splitlines() if line.startswith("VmHWM"))


def through(folder: Path, tiles: int, years: int, side: int) -> dict[str, list[float]]:
    """Search every tile for changes and map every year; return the peaks of all runs of each kind."""
    codes, last = folder / "codes", FIRST_YEAR + years - 1
    peaks: dict[str, list[float]] = {"series": [], "predict": []}
    for tile in range(tiles):
        words = ("change", "series", "--catalog", codes, "--years", f"{FIRST_YEAR}-{last}")
        peaks["series"].append(run(*words, f"--bbox={box_of(tile, side)}", "-o", folder / f"series{tile}"))
    words = ("classify", "--labels", folder / "labels.gpkg", "--catalog", codes, "--year", str(FIRST_YEAR))
    run(*words, "--no-curve", f"--bbox={box_of(0, side)}", "-o", folder / "model")
    for year in range(FIRST_YEAR, FIRST_YEAR + years):
        words = ("predict", folder / "model", "--catalog", codes, "--year", str(year))
        peaks["predict"].append(run(*words, "-o", folder / f"map{year}"))
    return peaks


def growth(peaks: list[float]) -> tuple[float, float]:
    """Return by how much peaks grow over all runs, and twice the error of that."""
    later = np.array(peaks[len(peaks) // 4 :])
    at = np.arange(len(later)) - (len(later) - 1) / 2
    slope = float(at @ later / (at @ at))
    rest = later - later.mean() - slope * at
    error = float(np.sqrt(rest @ rest / max(len(later) - 2, 1) / (at @ at)))
    return slope * len(peaks), 2 * error * len(peaks)


def main() -> None:
    """Write the archive, go through it, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=24)
    parser.add_argument("--years", type=int, default=25)
    parser.add_argument("--side", type=int, default=64, help="pixels of a side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_archive(Path(name), options.tiles, options.years, options.side)
        peaks = through(Path(name), options.tiles, options.years, options.side)
    split = f"{options.tiles} tiles of {options.side} x {options.side} pixels, {options.years} years, simulated"
    for kind, of_kind in peaks.items():
        print(f"{kind}: {' '.join(f'{peak:.0f}' for peak in of_kind)} MB", file=sys.stderr)
        grown, error = growth(of_kind)
        for key, value, spread in ((f"growth_mb.{kind}", grown, error), (f"peak_mb.{kind}", max(of_kind), None)):
            figure = {"key": f"trust.archive_{key}", "value": round(value, 1), "unit": "MB", "n": len(of_kind)}
            spread = None if spread is None else round(spread, 1)
            print("FIGURE", json.dumps(figure | {"spread": spread, "split": split}))


if __name__ == "__main__":
    main()
