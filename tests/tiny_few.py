"""A place with few labels, for tests of what few labels can do."""

from pathlib import Path

import geopandas
import numpy as np
import shapely
import tiny_map


def write_few(path: Path, *, k: int = 4, seed: int = 0, polygons: bool = False) -> Path:
    """Write k labels a class, points in the middle of pixels or squares of three pixels around them."""
    generator = np.random.default_rng(seed)
    classes = tiny_map.class_map()
    names, places = [], []
    for class_id, name in tiny_map.NAMES.items():
        rows, columns = np.nonzero(classes == class_id)
        inside = (rows > 8) & (rows < tiny_map.HEIGHT - 4) & (columns > 12) & (columns < tiny_map.WIDTH - 4)
        for chosen in generator.permutation(np.flatnonzero(inside))[:k]:
            row, column = rows[chosen] + 0.5, columns[chosen] + 0.5
            if polygons:
                corners = np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)]) * 1.5
                lon, lat = tiny_map.lonlat(row + corners[:, 0], column + corners[:, 1])
                places.append(shapely.Polygon(zip(lon, lat, strict=True)))
            else:
                places.append(shapely.Point(*tiny_map.lonlat(row, column)))
            names.append(name)
    geopandas.GeoDataFrame({"class": names}, geometry=places, crs=4326).to_file(path)
    return path
