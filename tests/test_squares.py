"""Which MGRS squares exist, and where."""

import mgrs
import pyproj
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stactools_esd.errors import GridError
from stactools_esd.grid import tile
from stactools_esd.squares import is_irregular, square


@given(st.floats(-79.9, 83.9), st.floats(-179.99, 179.99))
def test_the_square_of_any_place_holds_it(lat: float, lon: float) -> None:
    """Over the whole UTM world the square named by an independent forward conversion holds the point."""
    id = mgrs.MGRS().toMGRS(lat, lon, MGRSPrecision=0)
    id = id if len(id) == 5 else f"0{id}"
    bounds = square(id)
    assert (bounds.east - bounds.west, bounds.north - bounds.south) == (100_000.0, 100_000.0)
    assert bounds.west % 100_000 == 0
    assert bounds.south % 100_000 == 0
    x, y = pyproj.Transformer.from_crs("EPSG:4326", tile(id).epsg, always_xy=True).transform(lon, lat)
    assume(min(x % 100_000, -x % 100_000, y % 100_000, -y % 100_000) > 1.0)
    assert bounds.west < x < bounds.east
    assert bounds.south < y < bounds.north


@pytest.mark.parametrize(
    "id",
    [
        "32XMG",
        "34XDH",
        "36XVG",
        "50TMA",
        "50SZZ",
        "50TMZ",
        "5TMK",
        "50tmk",
        "",
        "50TMKX",
        "50IMK",
        "00TMK",
        "61TMK",
        "x",
    ],
)
def test_squares_that_do_not_exist_are_one_line(id: str) -> None:
    """Letters that name no square, here or in this zone and band, are refused in one line."""
    with pytest.raises(GridError, match="expected") as caught:
        square(id)
    assert "\n" not in str(caught.value)


def test_a_square_cut_by_a_zone_edge_is_whole() -> None:
    """At the edge of a zone the square keeps its 100 km, though the zone holds a sliver of it."""
    assert square("31NAA") == (100_000.0, 0.0, 200_000.0, 100_000.0)


def test_squares_either_side_of_the_equator_differ_in_their_zone_only() -> None:
    """The band letter decides the hemisphere: northings start at 0 north of the equator and end at 10,000 km south."""
    assert square("31NEA").south == 0.0
    assert square("31MEV").north == 10_000_000.0


def test_a_square_over_two_bands_is_one_place() -> None:
    """Where a band's edge cuts a square both names give the same place."""
    assert square("31TDN").south == 5_200_000.0
    assert square("31UDP") == square("31TDP")


@pytest.mark.parametrize(
    ("id", "expected"), [("31VCJ", True), ("32VKN", True), ("33XVG", True), ("33VVG", False), ("50TMK", False)]
)
def test_norway_and_svalbard_bend_zones(id: str, expected: bool) -> None:
    """Only the zones bent by the agreement on Norway and Svalbard are irregular."""
    assert is_irregular(id) is expected
