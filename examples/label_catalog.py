"""Labels for the simulated area of catalog/: few of each class, examples of one, and plots with a measured quantity.

python examples/label_catalog.py FOLDER
"""

import sys
from pathlib import Path

import geopandas
import numpy as np

from stactools_esd.simulation import Landscape

YEAR = 2020
SUMMER = np.arange(150, 250, 10)
"""Days of the year whose NDVI is the quantity."""


def main() -> None:
    """Write few.gpkg, samples.gpkg, examples.gpkg and plots.gpkg."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    folder.mkdir(exist_ok=True)
    landscape = Landscape(seed=11, size=(96, 96), years=(2019, 2020))  # the one that catalog/ was made from
    for name, n in (("few", 5), ("samples", 40)):
        x, y, class_id = landscape.sample_points(n, YEAR, seed=1)
        classes = [landscape.class_names[one] for one in class_id]
        write(landscape, folder / f"{name}.gpkg", x, y, {"class": classes})
    x, y, class_id = landscape.sample_points(6, YEAR, seed=2)
    chosen = class_id == landscape.class_names.index("deciduous forest")
    write(landscape, folder / "examples.gpkg", x[chosen], y[chosen], {})
    write_plots(landscape, folder / "plots.gpkg")


def write_plots(landscape: Landscape, path: Path, n: int = 300) -> None:
    """Write points with the mean NDVI of the summer, as the landscape truly has it, in percent."""
    generator = np.random.default_rng(3)
    rows, columns = generator.integers(0, 96, (2, n))
    reflectance = landscape.clean(YEAR, SUMMER)  # (days, bands, rows, columns)
    red, nir = reflectance[:, 2], reflectance[:, 3]
    ndvi = ((nir - red) / (nir + red)).mean(axis=0)[rows, columns]
    x, y = landscape.transform * (columns + 0.5, rows + 0.5)
    write(landscape, path, x, y, {"ndvi_summer": (100 * ndvi).round(2)})


def write(landscape: Landscape, path: Path, x: np.ndarray, y: np.ndarray, fields: dict[str, object]) -> None:
    """Write points."""
    points = geopandas.points_from_xy(x, y)
    geopandas.GeoDataFrame(fields, geometry=points, crs=landscape.crs).to_file(path)


if __name__ == "__main__":
    main()
