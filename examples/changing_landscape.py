"""A simulated landscape that changes: nine years of codes, and places where its changes are known.

python examples/changing_landscape.py FOLDER
"""

import sys
from pathlib import Path

import geopandas
import numpy as np

from stactools_esd.cog import write_codes
from stactools_esd.encoder import load_encoder
from stactools_esd.fusion import FUSION
from stactools_esd.names import CodesTags
from stactools_esd.observations import YearWindow
from stactools_esd.product import CodesIdentity, InputRecipe
from stactools_esd.seamless import prepare
from stactools_esd.simulation import CHANGES, Landscape

YEARS = tuple(range(2012, 2021))
PAIR = (2017, 2019)


def main() -> None:
    """Make codes, labelled pairs of years, dated events and samples of classes below one folder."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "changing")
    landscape, encoder = Landscape(seed=23, size=(96, 96), years=YEARS), load_encoder("esdnet-small")
    recipe = InputRecipe(source="simulated", fusion=FUSION, harmonisation="none", dem="none")
    for year in YEARS:
        series, clear_obs = prepare(landscape.observations(year), YearWindow(year=year))
        codes = encoder.encode(series).T.reshape(12, *landscape.shape)
        tags = CodesTags(identity=CodesIdentity(encoder=encoder.identity, recipe=recipe), tile="xchanging", year=year)
        path = folder / "codes" / f"{tags.name.stem}.tif"
        place = {"transform": landscape.transform, "crs": landscape.crs}
        write_codes(path, codes, clear_obs.reshape(landscape.shape), **place, tags=tags)
        print(f"{year}: {path}")

    rng = np.random.default_rng(1)
    row, column = np.divmod(rng.permutation(landscape.parcels.size)[:1500], landscape.shape[1])
    x, y = landscape.transform * (column + 0.5, row + 0.5)
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(x, y), crs=landscape.crs)

    changed = landscape.changed(*PAIR)[row, column]
    pairs = points.assign(year1=PAIR[0], year2=PAIR[1], change=np.where(changed, "change", "no change"))
    pairs[:900].to_file(folder / "pairs.gpkg")

    lasting = np.stack([landscape.change_map(year)[row, column] >= CHANGES.index("clear-cut") for year in YEARS])
    events = [";".join(str(year) for year, here in zip(YEARS, place, strict=True) if here) for place in lasting.T]
    points.assign(event_years=events)[900:].to_file(folder / "events.gpkg")

    names = [landscape.class_names[kind] for kind in landscape.class_map(2016)[row, column]]
    points.assign(**{"class": names, "year": 2016})[:600].to_file(folder / "samples.gpkg")


if __name__ == "__main__":
    main()
