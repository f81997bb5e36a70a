"""Codes COGs of a tile in several years for measurements: a small landscape's codes, laid out over the whole tile."""

from pathlib import Path

from landscape_codes import FIRST_YEAR, FOLDER, landscape_codes, mosaic
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.cog import write_codes
from stactools_esd.names import CodesTags
from stactools_esd.product import CodesIdentity, EncoderIdentity, InputRecipe

DISTINCT = 5
"""Years of the landscape that are encoded; they come again in turn, so that no two neighbours are equal."""

PIECE = 256
"""Rows and columns of the landscape: an internal block of the files, which are compressed one by one."""

TAGS = CodesIdentity(
    encoder=EncoderIdentity(name="esdnet-small", version="v1", weights_sha256="0" * 64),
    recipe=InputRecipe(source="simulated", fusion="none", harmonisation="none", dem="none"),
)


def tile_years(side: int, years: int, *, of: int = 25) -> Path:
    """Write what is missing of the COGs of the first years of a landscape, and return their folder.

    Args:
        side: Rows and columns of the files.
        years: Files.
        of: Years that the landscape has.
    """
    folder = FOLDER / f"tile_{side}"
    for year in range(years):
        tags = CodesTags(identity=TAGS, tile="xbench", year=FIRST_YEAR + year)
        path = folder / f"{tags.name.stem}.tif"
        if not path.exists():
            bands = mosaic(landscape_codes(PIECE, year % DISTINCT, years=of), side)
            transform = Affine(30, 0, 499_980, 0, -30, 5_700_000)
            write_codes(path, bands[:12], bands[12], transform=transform, crs=CRS.from_epsg(32631), tags=tags)
    return folder
