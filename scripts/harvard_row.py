"""Yearly codes of a row of Landsat pixels, 1984 to 2014, and how stable they are from year to year.

    harvard_row.py DATA [--test] [--work FOLDER] [--picture FILE]

The row is written out as Landsat Collection 2 scenes and encoded by what `stac esd encode --source-type landsat` calls,
year by year, with gaps filled by straight lines and by the Gaussian process of `--fill gp --context past`. By default
the pixels that the encoder was trained on are encoded and judged. With --test all 300 are encoded and those that were
left out are judged: once, for weights that are frozen. Printed as a table and as `FIGURE` lines; the picture is written
to --picture. --work keeps scenes and codes.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harvard_picture import draw
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from esd_tasks.encoder_tasks.samples import PixelYears
from esd_tasks.encoder_tasks.stability import figures
from stactools_esd.codes_file import open_codes
from stactools_esd.encoder import Encoder, load_encoder
from stactools_esd.encoder.encode import encode_source
from stactools_esd.encoder.pentads import to_pentads
from stactools_esd.encoder.real_sets import REAL_SETS
from stactools_esd.errors import NothingFoundError
from stactools_esd.fusion import fusion
from stactools_esd.observations import Observations, YearWindow
from stactools_esd.product import BANDS, STEPS
from stactools_esd.sources.landsat import LandsatSource, open_landsat
from stactools_esd.sources.landsat_qa import Flag
from stactools_esd.sources.landsat_writer import write_landsat
from stactools_esd.sources.source import TargetGrid, read

CRS_OF_ROW = CRS.from_epsg(32618)
CORNER = Affine(30, 0, 732255, 0, -30, 4713375)
"""Where in Harvard Forest the row lies is not known; this is in its middle, on the pixels of tile 18TYN."""

PATH_ROW = "013030"
FLAGS: dict[int, Flag] = {1: "water", 2: "cloud_shadow", 3: "snow", 4: "cloud"}
"""Classes of Fmask (Zhu & Woodcock 2012) but for clear land, 0, and fill, 255."""

LARGEST = 1.2
"""Reflectance from which on, and up to 0, the data's authors call a pixel not clear: it is written as fill."""

MIN_CLEAR = 6
"""Clear observations of a pixel-year that counts, as in the protocol's identity."""

FILLS = {"linear": "year", "gp": "past"}
"""Ways of filling gaps, and the years that each looks at."""

ENCODED = {"harvard_first_150": (0, 150), "harvard_last_120": (0, 300)}
"""First and last pixel that are encoded, by the set that is judged."""

FIRST_JUDGED = {"harvard_first_150": 0, "harvard_last_120": 180}
KEYS = {"harvard_first_150": "stability.harvard_first_150", "harvard_last_120": "stability.harvard"}


@dataclass(frozen=True, kw_only=True)
class Years:
    """Pixel-years of one way of filling; n rows, those with enough clear observations."""

    pixel: NDArray[np.int64]
    """Place in the row (n,)."""

    year: NDArray[np.int64]
    """Calendar year (n,)."""

    codes: NDArray[np.uint16]
    """Shape (n, 12)."""

    clear_obs: NDArray[np.uint16]
    """The quality band (n,)."""

    pentads: NDArray[np.float32]
    """Gap-filled reflectance that was encoded (n, 438)."""

    def only(self, rows: NDArray[np.bool_]) -> "Years":
        """Keep some rows."""
        return Years(**{name: values[rows] for name, values in vars(self).items()})


def satellites(dates: NDArray[np.datetime64]) -> list[str]:
    """Tell which Landsat saw path 13 on each day: 5 every 16 days from 10 June 1984, 4 and then 7 eight days later.

    Landsat 5 ended in 2011, 4 in 1993; 7 began in 1999. The 8th, which follows the days of the 5th from 2013 on, is not
    in the row.
    """
    phase = (dates - np.datetime64("1984-06-10")).astype(int) % 16
    if set(phase.tolist()) - {0, 8} or (dates[phase == 0] > np.datetime64("2011-12-31")).any():
        raise SystemExit("Error: got a date on which neither Landsat 4, 5 nor 7 saw path 13; check the file")
    early = dates < np.datetime64("1999-04-15")
    return ["LT05" if day == 0 else "LT04" if old else "LE07" for day, old in zip(phase, early, strict=True)]


def write_row(file: Path, pixels: tuple[int, int], folder: Path) -> TargetGrid:
    """Write pixels of the row as scenes, clouds and shadows and snow with their flags, and return their grid."""
    chosen = slice(*pixels)
    with np.load(file, allow_pickle=False) as arrays:
        values, fmask, dates = arrays["X"][chosen], arrays["fmask"][chosen].T[:, None], arrays["dates"]
    images = values.transpose(1, 2, 0)[:, :, None].astype(np.float32)
    inside = ((images > 0) & (images < LARGEST)).all(axis=1) & (fmask != 255)
    observations = Observations(
        dates=dates,
        reflectance=np.nan_to_num(images),
        valid=np.broadcast_to(inside[:, None], images.shape),
        transform=CORNER * Affine.translation(pixels[0], 0),
        crs=CRS_OF_ROW,
    )
    flags = {flag: fmask == number for number, flag in FLAGS.items()}
    write_landsat(observations, folder, missions=satellites(dates), path_row=PATH_ROW, flags=flags)
    return TargetGrid(crs=observations.crs, transform=observations.transform, shape=observations.shape)


def linked(scenes: Path, names: Sequence[str], folder: Path) -> Path:
    """Make a folder of some scenes: opening all of them for each year would take most of the time."""
    folder.mkdir(exist_ok=True)
    for name in names:
        if not (folder / name).exists():
            (folder / name).symlink_to((scenes / name).resolve(), target_is_directory=True)
    return folder


def encode_years(scenes: Path, folder: Path, grid: TargetGrid, fill: str, encoder: Encoder) -> Years:
    """Encode every year by the function that `stac esd encode` calls, and read the codes that it wrote."""
    source, filling = open_landsat(scenes, grid), fusion(fill, FILLS[fill])
    years = source.dates.astype("datetime64[Y]").astype(int) + 1970
    everything = Window(0, 0, grid.shape[1], grid.shape[0])
    parts = []
    for year in np.unique(years).tolist():
        window = YearWindow(year=year)
        positions = filling.positions(source.dates, window)
        of_year = linked(scenes, [source.names[position] for position in positions], folder / f"scenes_{fill}_{year}")
        options = {"grid": grid, "fill": fill, "context": FILLS[fill], "encoder": encoder, "source_type": "landsat"}
        try:
            made = encode_source(of_year, folder / fill, window=window, tile="xharvard_row", **options)
        except NothingFoundError:  # no pixel was seen often enough
            continue
        with open_codes(made.codes) as file:
            block = file.read()
        observations, _ = read(source, everything, positions)
        series, _ = filling.prepare(observations, window)  # what was encoded, once more
        enough = block.valid.ravel() & (block.clear_obs.ravel() >= MIN_CLEAR)
        pentads, share = to_pentads(series)
        both = Years(
            pixel=np.arange(grid.shape[1]),
            year=np.full(grid.shape[1], year),
            codes=block.codes.reshape(STEPS, -1).T,
            clear_obs=block.clear_obs.ravel(),
            pentads=np.where(share > 0, pentads, np.float32(np.nan)).reshape(len(series), -1),
        )
        parts.append(both.only(enough))
    return Years(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def sensors_of(source: LandsatSource) -> dict[int, str]:
    """Say of each year which sensors saw any of the row: `tm`, `etm` or `tm_and_etm`."""
    seen: dict[int, set[str]] = {}
    for position, scene in enumerate(source.scenes):
        _, valid = source.read_image(position, Window(0, 0, source.shape[1], source.shape[0]))
        if valid.any():
            seen.setdefault(int(str(scene.name.date)[:4]), set()).add(scene.name.sensor.name)
    words = {"TM": "tm", "ETM+": "etm", "ETM+ TM": "tm_and_etm"}
    return {year: words[" ".join(sorted(sensors))] for year, sensors in seen.items()}


def judged(years: Years, name: str) -> PixelYears:
    """Put years into the table that the protocol's identity takes."""
    red, nir = (years.pentads.reshape(-1, 73, len(BANDS))[..., BANDS.index(band)] for band in ("red", "nir"))
    return PixelYears(
        name=name,
        role=REAL_SETS[name].role,
        pixel=years.pixel,
        year=years.year,
        raw=years.pentads,
        ndvi=((nir - red) / np.maximum(nir + red, np.float32(1e-3))).mean(axis=1),
        codes=(years.codes,),
    )


def common(several: Sequence[Years]) -> list[Years]:
    """Keep the pixel-years that all ways of filling have."""
    keys = [years.year * 1000 + years.pixel for years in several]
    shared = set.intersection(*(set(key.tolist()) for key in keys))
    return [years.only(np.isin(key, list(shared))) for years, key in zip(several, keys, strict=True)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write, encode, judge, draw and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--test", action="store_true", help="judge the pixels that were left out")
    parser.add_argument("--work", type=Path, help="folder that keeps scenes and codes")
    parser.add_argument("--picture", type=Path, default=Path(__file__).parent.parent / "docs/img/harvard_row.png")
    options = parser.parse_args(arguments)
    name = "harvard_last_120" if options.test else "harvard_first_150"
    encoder = load_encoder()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        grid = write_row(options.data / REAL_SETS[name].path, ENCODED[name], work / "scenes")
        source = open_landsat(work / "scenes", grid)
        encoded = common([encode_years(work / "scenes", work, grid, fill, encoder) for fill in FILLS])
        sensors = sensors_of(source)
        observations, _ = read(source, Window(0, 0, grid.shape[1], 1), range(len(source.dates)))
    tables = {}
    counted = encoded[0].only(encoded[0].pixel >= FIRST_JUDGED[name])
    count = {"key": f"{KEYS[name]}.pixel_years", "value": len(counted.year), "unit": "pixel-years"}
    print(f"FIGURE {json.dumps(count | {'n': len(set(counted.pixel.tolist())), 'split': REAL_SETS[name].role})}")
    for fill, years in zip(FILLS, encoded, strict=True):
        tables[fill] = judged(years.only(years.pixel >= FIRST_JUDGED[name]), name)
        for figure in figures(tables[fill], f"{KEYS[name]}.{fill}", sensors):
            print(f"FIGURE {json.dumps(figure.as_dict())}")
    draw(tables, sensors, observations, encoder, options.picture)


if __name__ == "__main__":
    main()
