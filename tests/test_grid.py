"""Tile geometry, owners of points, and the check of a georeference."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.errors import GridError
from stactools_esd.footprint import footprints
from stactools_esd.grid import (
    bbox,
    check_georeference,
    footprint,
    own_square,
    owner_distance,
    tile,
    utm_zone_of,
)

SHAPE = (3600, 3600)
COLUMNS = {1: "ABCDEFGH", 2: "JKLMNPQR", 0: "STUVWXYZ"}
ROWS = "ABCDEFGHJKLMNPQRSTUV"


@st.composite
def regular_tiles(draw: st.DrawFn) -> str:
    """Draw tiles of bands N, R and J around the middle of their zone, where all squares exist."""
    zone, column = draw(st.integers(1, 60)), draw(st.integers(2, 5))
    band, first = draw(st.sampled_from([("N", 1), ("R", 28), ("J", 66)]))
    row = draw(st.integers(first, first + 5))
    shift = 0 if zone % 2 else 5
    return f"{zone:02d}{band}{COLUMNS[zone % 3][column]}{ROWS[(row + shift) % 20]}"


@pytest.mark.parametrize(
    ("id", "epsg", "bounds"),
    [
        ("50SMJ", 32650, (399945, 4292055, 507945, 4400055)),
        ("50SNJ", 32650, (499965, 4292055, 607965, 4400055)),
        ("50TMK", 32650, (399945, 4392015, 507945, 4500015)),
        ("50TNK", 32650, (499965, 4392015, 607965, 4500015)),
        ("02VMN", 32602, (399945, 6800055 - 108000, 507945, 6800055)),
    ],
)
def test_published_tiles_to_the_metre(id: str, epsg: int, bounds: tuple[float, ...]) -> None:
    """The rule gives the five published northern tiles exactly, and they are not marked as derived."""
    place = tile(id)
    assert (place.epsg, place.bounds, place.derived) == (epsg, bounds, False)
    assert (place.height, place.width) == SHAPE
    assert place.transform == Affine(30, 0, bounds[0], 0, -30, bounds[3])


@pytest.mark.parametrize("id", ["19HCA", "31VCJ", "32VKN", "33XVG", "01NAA", "60NZF", "31MEV"])
def test_unconfirmed_tiles_are_derived(id: str) -> None:
    """South, Norway, Svalbard and antimeridian: no published example, so the tile says that it is derived."""
    assert tile(id).derived


def test_the_southern_rule_rounds_from_the_equator() -> None:
    """In the south the upper edge is rounded on Ntop - 10,000,000, and given with the false northing of EPSG:327xx."""
    place = tile("19HCA")
    assert (place.epsg, place.bounds) == (32719, (299985, 5992015, 407985, 6100015))
    assert (place.bounds.north - 10_000_000 - 15) % 60 == 0


@given(regular_tiles())
def test_corners_lie_on_the_half_pixel_grid_and_hold_the_square(id: str) -> None:
    """Every corner leaves 15 m of 30 counted from the equator, and the tile reaches beyond its square on all sides."""
    place = tile(id)
    origin = 10_000_000 if place.epsg > 32700 else 0
    west, south, east, north = place.bounds
    assert {(edge - shift) % 30 for edge, shift in ((west, 0), (east, 0), (south, origin), (north, origin))} == {15.0}
    assert west <= place.square.west - 15
    assert place.square.west - west < 75
    assert 15 <= north - place.square.north < 75
    assert east >= place.square.east + 7_000
    assert south <= place.square.south - 7_000
    assert place.id == id


@given(regular_tiles())
def test_neighbours_overlap_by_about_267_pixels(id: str) -> None:
    """The tile to the east shares 265-268 columns with this one, pixel on pixel."""
    place = tile(id)
    zone, column = int(id[:2]), id[3]
    letters = COLUMNS[zone % 3]
    neighbour = tile(f"{id[:3]}{letters[letters.index(column) + 1]}{id[4]}")
    shared = (place.bounds.east - neighbour.bounds.west) / 30
    assert shared in {264, 266, 268}
    assert (neighbour.bounds.west - place.bounds.west) % 30 == 0


@given(regular_tiles(), st.floats(0, 1), st.floats(0, 1))
def test_a_point_has_one_owner_in_its_zone(id: str, across: float, along: float) -> None:
    """Of a tile and its eastern neighbour exactly one is at distance 0 from a point in either square."""
    place = tile(id)
    letters = COLUMNS[int(id[:2]) % 3]
    neighbour = tile(f"{id[:3]}{letters[letters.index(id[3]) + 1]}{id[4]}")
    x = place.square.west + across * 199_999
    y = place.square.south + along * 99_999
    distances = [owner_distance(square, x, y) for square in (place.square, neighbour.square)]
    assert sorted(float(distance) == 0.0 for distance in distances) == [False, True]


def test_edges_belong_to_the_square_in_the_north_east() -> None:
    """Squares are half-open: their west and south edges are their own, the others their neighbours'."""
    square = tile("50TMK").square
    middle = 4_450_000.0
    x = np.array([400_000.0, 500_000.0, 450_000.0, 450_000.0, 500_030.0, 503_000.0])
    y = np.array([middle, middle, 4_400_000.0, 4_500_000.0, middle, 4_504_000.0])
    np.testing.assert_allclose(owner_distance(square, x, y), [0.0, 1e-6, 0.0, 1e-6, 30.0, 5000.0])


def test_a_custom_area_owns_all_of_itself() -> None:
    """Its own square is its bounds; an MGRS tile's is 100 km however small the file."""
    assert own_square("xdemo", CRS.from_epsg(32631), (0.0, 1.0, 2.0, 3.0)) == (0.0, 1.0, 2.0, 3.0)
    assert own_square("50TMK", CRS.from_epsg(32650), (0.0, 1.0, 2.0, 3.0)) == tile("50TMK").square


def test_zones_are_two_digits() -> None:
    """Folders of the catalogue sort by zone, and custom areas find theirs by longitude."""
    assert [utm_zone_of(place) for place in ("02VMN", 3.0, -180.0, 179.9, 180.0)] == ["02", "31", "01", "60", "01"]
    with pytest.raises(GridError, match="longitude"):
        utm_zone_of("xdemo")


def test_the_antimeridian_tile_has_a_turned_bbox() -> None:
    """A tile across the antimeridian has west > east, as GeoJSON wants."""
    box = bbox(footprint(tile("01NAA").epsg, tile("01NAA").bounds))
    assert box[0] > 0 > box[2]


def moved(id: str, across: float = 0.0, down: float = 0.0) -> Affine:
    """Return a tile's transform, its corner moved by metres."""
    transform = tile(id).transform
    return Affine(30, 0, transform.c + across, 0, -30, transform.f - down)


@pytest.mark.parametrize(
    ("id", "epsg", "transform", "shape"),
    [
        ("50TMK", 32650, moved("50TMK"), SHAPE),
        ("50TMK", 32650, moved("50TMK", 15, -15), SHAPE),
        ("50TMK", 32650, moved("50TMK", 30 * 3500, 30 * 3500), (100, 100)),
        ("19HCA", 32719, moved("19HCA", 60, -60), SHAPE),
        ("19HCA", 32719, moved("19HCA", 3010, 10), (32, 32)),
        ("19HCA", 32619, moved("19HCA", 0, 10_000_000), SHAPE),
        ("xdemo", 32631, Affine(10, 0, 3, 0, -10, 7), (5, 9)),
    ],
)
def test_georeferences_that_agree(id: str, epsg: int, transform: Affine, shape: tuple[int, int]) -> None:
    """Whole tiles to half a pixel (two where derived), windows on the grid, Landsat's northings, any custom area."""
    check_georeference(id, CRS.from_epsg(epsg), transform, shape)


@pytest.mark.parametrize(
    ("id", "epsg", "transform", "shape", "words"),
    [
        ("50TMK", 32649, moved("50TMK"), SHAPE, "expected EPSG:32650"),
        ("50TMK", 32750, moved("50TMK"), SHAPE, "expected EPSG:32650"),
        ("50TMK", 32650, moved("50TNK"), SHAPE, "off tile 50TMK"),
        ("50TMK", 32650, moved("50TMK", 16), SHAPE, "16 m off tile"),
        ("50TMK", 32650, moved("50TMK", 0, 30), SHAPE, "30 m off tile"),
        ("50TMK", 32650, moved("50TMK", 30 * 3501), (100, 100), "off tile"),
        ("50TMK", 32650, moved("50TMK", 45, 30), (100, 100), "off the grid"),
        ("50TMK", 32650, moved("50TMK"), (3661, 3661), "at most 3600 x 3600"),
        ("50TMK", 32650, Affine(10, 0, 399945, 0, -10, 4500015), (100, 100), "of 10 m"),
        ("19HCA", 32719, moved("19HCA", 90), SHAPE, "off tile"),
        ("xdemo", 32631, Affine(30, 1, 0, 0, -30, 0), (5, 5), "without rotation"),
        ("xdemo", 32631, Affine(30, 0, 0, 0, -20, 0), (5, 5), "square pixels"),
        ("xdemo", 32631, Affine(30, 0, 0, 0, 30, 0), (5, 5), "north up"),
        ("xdemo", 4326, Affine(0.1, 0, 0, 0, -0.1, 0), (5, 5), "projected CRS in metres"),
        ("xdemo", 2263, Affine(30, 0, 0, 0, -30, 0), (5, 5), "projected CRS in metres"),
        ("xdemo", None, Affine(30, 0, 0, 0, -30, 0), (5, 5), "no CRS"),
    ],
)
def test_georeferences_that_disagree(
    id: str, epsg: int | None, transform: Affine, shape: tuple[int, int], words: str
) -> None:
    """A wrong zone, a shift, another grid, rotation, degrees, feet and no CRS are each one line."""
    with pytest.raises(GridError, match=words) as caught:
        check_georeference(id, CRS.from_epsg(epsg) if epsg else None, transform, shape)
    assert "\n" not in str(caught.value)


@given(st.lists(regular_tiles(), min_size=1, max_size=4), st.sampled_from(["01KAB", "60KYF", "31XEM", "21HUB"]))
def test_outlines_of_many_are_those_of_each(ids: list[str], odd: str) -> None:
    """Outlines that are made together equal those made one by one, to the last bit, across the antimeridian, too."""
    for place in map(tile, (*ids, odd)):
        corners = np.array([(place.transform.c, place.transform.f)] * 2)
        one, other = footprints(place.epsg, corners, 108000.0)
        alone = footprint(place.epsg, place.bounds)
        assert one == other
        assert json.dumps(one) == json.dumps(alone)
