"""Write a listing as large as the official archive: 17,600 tiles of the grid, 25 years, plausible sizes.

    python scripts/synthetic_listing.py build/listing.csv
    python scripts/synthetic_listing.py build/small.csv --tiles 880

Which tiles the archive has is not published. These are the land of no map: of all squares between 56 degrees south and
80 north, a hash of their block of 3 x 3 squares keeps some, so that they lie in patches as continents do, and all are
there in every year. Sizes are drawn around 136 MB by a hash, too. Nothing depends on chance, clock or network.
"""

import argparse
import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from stactools_esd.errors import GridError
from stactools_esd.grid import tile
from stactools_esd.listing import Entry, write_listing
from stactools_esd.product import OFFICIAL_YEARS
from stactools_esd.signing import archive_href

TILES = 17_600
"""Tiles of a year, about as many as the archive has."""

BANDS = "CDEFGHJKLMNPQRSTUVWX"
COLUMNS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
"""Letters of the columns in zones whose number leaves 0, 1 and 2 when divided by three."""

ROWS = "ABCDEFGHJKLMNPQRSTUV"
KILOMETRES_PER_DEGREE = 111.13
MEAN_BYTES, SPREAD_BYTES = 136_000_000, 60_000_000
YEARS = list(OFFICIAL_YEARS)


def drawn(text: str) -> float:
    """Return a number of 0..1 that a text decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def names() -> Iterator[tuple[str, str]]:
    """Yield the names of squares with the block of 3 x 3 that each lies in; some of them do not exist."""
    for zone in range(1, 61):
        for row in range(-62, 89):  # hundreds of kilometres from the equator
            latitude = (row + 0.5) * 100 / KILOMETRES_PER_DEGREE
            band = BANDS[min(int((latitude + 80) // 8), len(BANDS) - 1)]
            letter = ROWS[(row + 5 * (zone % 2 == 0)) % len(ROWS)]
            for column, name in enumerate(COLUMNS[zone % 3]):
                yield f"{zone:02d}{band}{name}{letter}", f"{zone} {row // 3} {column // 3}"


def exists(name: str) -> bool:
    """Tell whether there is such a square."""
    try:
        tile(name)
    except GridError:
        return False
    return True


def chosen(count: int) -> list[str]:
    """Return the names of so many tiles, blocks together."""
    ranked = sorted(names(), key=lambda pair: (drawn(pair[1]), pair[0]))
    return sorted(islice((name for name, _ in ranked if exists(name)), count))


def entries(tiles: list[str], years: list[int]) -> Iterator[Entry]:
    """Yield a line a tile and year."""
    for year in years:
        for name in tiles:
            size = MEAN_BYTES + int((drawn(f"{name} {year}") - 0.5) * 2 * SPREAD_BYTES)
            href = archive_href(f"SDC30_EBD_V001/{year}", f"SDC30_EBD_V001_{name}_{year}.tif")
            yield Entry(tile=name, year=year, href=href, size=size)


def main() -> None:
    """Write the listing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("listing", type=Path, help="path that ends in .csv or .parquet")
    parser.add_argument("--tiles", type=int, default=TILES)
    parser.add_argument("--years", type=int, default=len(YEARS), help="how many, from the first of the archive")
    asked = parser.parse_args()
    print(write_listing(asked.listing, entries(chosen(asked.tiles), YEARS[: asked.years])), "lines")


if __name__ == "__main__":
    main()
