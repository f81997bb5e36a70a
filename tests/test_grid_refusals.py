"""Georeferences at the limits of what is accepted, and what is said of those beyond, word for word."""

from dataclasses import FrozenInstanceError

import pytest
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.errors import GridError
from stactools_esd.footprint import crs_text
from stactools_esd.grid import Bounds, Tile, check_georeference, own_square, owner_distance, tile, utm_zone_of

SHAPE = (3600, 3600)
UTM = {"50TMK": 32650, "19HCA": 32719}
METRES = CRS.from_epsg(32650)
UNNAMED = "+proj=tmerc +lat_0=0 +lon_0=117.123 +k=0.9996 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m +no_defs"
CORRECT = "correct the name or the georeference"


def moved(id: str, across: float, down: float, size: float = 30.0) -> Affine:
    """Return a tile's transform, its corner moved by metres."""
    transform = tile(id).transform
    return Affine(size, 0, transform.c + across, 0, -size, transform.f - down)


def refusal(id: str, crs: CRS | None, transform: Affine, shape: tuple[int, int] = SHAPE) -> str:
    """Return the message of a refusal."""
    with pytest.raises(GridError) as caught:
        check_georeference(id, crs, transform, shape)
    return str(caught.value)


@pytest.mark.parametrize(
    ("id", "across", "down", "shape"),
    [
        *[("50TMK", across, down, SHAPE) for across in (-15, 15) for down in (-15, 15)],
        *[("19HCA", across, down, SHAPE) for across in (-60, 60) for down in (-60, 60)],
        ("50TMK", 30 * 3500, 30 * 3550, (50, 100)),
        ("50TMK", 30 * 3500 + 0.5, 30 * 3550 - 0.5, (50, 100)),
        ("50TMK", 0, 30 * 10, (3590, 3600)),
        ("50TMK", 30 * 3599, 0, (3600, 1)),
        ("50TMK", -0.5, 0.5, (3600, 3599)),
        ("19HCA", 30 * 3500 + 60, -60, (50, 100)),
    ],
)
def test_the_last_that_is_accepted(id: str, across: float, down: float, shape: tuple[int, int]) -> None:
    """Whole tiles half a pixel off (two where derived), windows up to each edge and half a metre off the grid."""
    check_georeference(id, CRS.from_epsg(UTM[id]), moved(id, across, down), shape)


@pytest.mark.parametrize(
    ("id", "across", "down", "shape", "off", "most"),
    [
        ("50TMK", -17, 0, SHAPE, 17, 15),
        ("50TMK", 17, 0, SHAPE, 17, 15),
        ("50TMK", 0, -17, SHAPE, 17, 15),
        ("50TMK", 14, 17, SHAPE, 17, 15),
        ("19HCA", 0, 62, SHAPE, 62, 60),
        ("19HCA", 0, -62, SHAPE, 62, 60),
        ("50TMK", 30 * 3501, 0, (50, 100), 30, 15),
        ("50TMK", 0, 30 * 3551, (50, 100), 30, 15),
        ("50TMK", -30, 0, (50, 100), 30, 15),
        ("50TMK", 60, -60, (50, 100), 60, 15),
        ("50TMK", 30, 0, (3599, 3600), 30, 15),
        ("50TMK", 0, 30, (3600, 3599), 30, 15),
    ],
)
def test_the_first_that_is_off_its_tile(
    id: str, across: float, down: float, shape: tuple[int, int], off: int, most: int
) -> None:
    """The message says how far it is off, and how far it may be."""
    said = f"got a corner {off} m off tile {id}, expected at most {most} m; {CORRECT}"
    assert refusal(id, CRS.from_epsg(UTM[id]), moved(id, across, down), shape) == said


@pytest.mark.parametrize(
    ("across", "down", "off"), [(30.6, 60, "0.6"), (60, 29.4, "0.6"), (45, 30, "15.0"), (300.7, 599, "1.0")]
)
def test_the_first_that_is_off_the_grid(across: float, down: float, off: str) -> None:
    """A window lies on the pixels of its tile."""
    advice = "expected a window of the tile; cut it along whole pixels or name it as a custom area"
    said = f"got pixels {off} m off the grid of tile 50TMK, {advice}"
    assert refusal("50TMK", METRES, moved("50TMK", across, down), (100, 100)) == said


def test_a_crs_that_is_none_or_not_in_metres() -> None:
    """A raster without one, in degrees, in feet; of a long description the beginning is named."""
    advice = "expected a projected CRS in metres; codes are never reprojected, only regridded"
    square = Affine(30, 0, 0, 0, -30, 0)
    assert refusal("xdemo", None, square) == f"got no CRS, {advice}"
    assert refusal("xdemo", CRS.from_epsg(4326), square) == f"got CRS EPSG:4326, {advice}"
    assert refusal("xdemo", CRS.from_epsg(2263), square) == f"got CRS EPSG:2263, {advice}"
    unnamed = CRS.from_string("+proj=longlat +a=6370997 +b=6370996 +pm=2.5 +no_defs")
    assert len(crs_text(unnamed)) > 60
    assert refusal("xdemo", unnamed, square) == f"got CRS {crs_text(unnamed)[:60]}, {advice}"


@pytest.mark.parametrize(
    "transform",
    [
        Affine(30, 1, 0, 0, -30, 0),
        Affine(30, 0, 0, 1, -30, 0),
        Affine(-30, 0, 0, 0, 30, 0),
        Affine(0, 0, 0, 0, 0, 0),
        Affine(30, 0, 0, 0, -30.0001, 0),
        Affine(1, 0, 0, 0, 1, 0),
    ],
)
def test_a_transform_that_is_turned_or_not_square(transform: Affine) -> None:
    """Its six numbers are named."""
    advice = "expected north up and square pixels; write the raster on a grid without rotation"
    assert refusal("xdemo", METRES, transform, (5, 5)) == f"got the transform {tuple(transform)[:6]}, {advice}"


def test_pixels_are_square_to_nine_digits() -> None:
    """What rounding leaves is no difference; small pixels are no fault of a custom area."""
    check_georeference("xdemo", METRES, Affine(30, 0, 0, 0, -30.000000002, 0), (5, 5))
    check_georeference("xdemo", METRES, Affine(0.5, 0, 0, 0, -0.5, 0), (9000, 9000))


def test_another_crs_than_that_of_the_tile() -> None:
    """By its code, or by the beginning of its description; only a southern tile may be in the northern zone."""
    for crs, named in ((CRS.from_epsg(32649), "EPSG:32649"), (CRS.from_string(UNNAMED), None)):
        named = named or crs_text(crs)[:60]
        said = f"got {named} in a file of tile 50TMK, expected EPSG:32650; {CORRECT}"
        assert refusal("50TMK", crs, moved("50TMK", 0, 0)) == said
    check_georeference("19HCA", CRS.from_epsg(32619), moved("19HCA", 0, 10_000_000), SHAPE)
    assert "off tile 19HCA" in refusal("19HCA", CRS.from_epsg(32619), moved("19HCA", 0, 0))
    assert "expected EPSG:32719" in refusal("19HCA", CRS.from_epsg(32620), moved("19HCA", 0, 10_000_000))


@pytest.mark.parametrize(
    ("shape", "size", "named"),
    [
        ((3601, 3600), 30.0, "3601 x 3600 pixels of 30 m"),
        ((10, 3601), 30.0, "10 x 3601 pixels of 30 m"),
        ((3600, 9), 30.0003, "3600 x 9 pixels of 30.0003 m"),
        ((9, 3600), 29.9997, "9 x 3600 pixels of 29.9997 m"),
        ((100, 100), 10.0, "100 x 100 pixels of 10 m"),
    ],
)
def test_pixels_of_a_tile(shape: tuple[int, int], size: float, named: str) -> None:
    """At most 3600 of 30 m each way, so close to 30 that they are a metre off at most at the far edge."""
    advice = "expected at most 3600 x 3600 of 30 m; name other grids as a custom area"
    said = f"got {named} in a file of tile 50TMK, {advice}"
    assert refusal("50TMK", METRES, moved("50TMK", 0, 0, size), shape) == said


@pytest.mark.parametrize(("size", "rows"), [(30.0002, 3600), (29.9998, 3600), (30.009, 100), (30.0625, 16)])
def test_pixels_that_are_almost_right(size: float, rows: int) -> None:
    """What they are off adds up to a metre at most."""
    check_georeference("50TMK", METRES, moved("50TMK", 0, 0, size), (rows, rows))


def test_the_square_of_a_southern_tile_in_northern_coordinates() -> None:
    """Northings are 10,000 km less there, as in Landsat's files; eastings stay. Zone 1 is no exception."""
    for id, zone in (("19HCA", 19), ("01KAB", 1)):
        west, south, east, north = tile(id).square
        nobody = (0.0, 0.0, 1.0, 1.0)
        assert own_square(id, CRS.from_epsg(32700 + zone), nobody) == (west, south, east, north)
        shifted = (west, south - 10_000_000, east, north - 10_000_000)
        assert own_square(id, CRS.from_epsg(32600 + zone), nobody) == shifted
    assert own_square("xdemo", METRES, [1, 2, 3, 4]) == Bounds(1, 2, 3, 4)


def test_distances_on_every_side() -> None:
    """Beyond each edge by its own coordinate, beyond a corner by both."""
    square = Bounds(10.0, 100.0, 30.0, 200.0)
    x, y = (
        [7.0, 34.0, 20.0, 20.0, 6.0, 33.0, 10.0, 30.0, 20.0, 20.0, 75.0],
        [150.0, 150.0, 95.0, 206.0, 97.0, 204.0, 100.0, 200.0, 150.0, 450.0, 150.0],
    )
    expected = [3.0, 4.0, 5.0, 6.0, 5.0, 5.0, 0.0, 2**0.5 * 1e-6, 0.0, 250.0, 45.0]
    assert owner_distance(square, x, y).tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("longitude", "zone"),
    [(-180, "01"), (-174.001, "01"), (-174, "02"), (-0.5, "30"), (0, "31"), (5.99, "31"), (6, "32"), (174, "60"),
     (179.99, "60"), (180, "01"), (185.9, "01"), (186, "02"), (-186, "60"), ("01NAA", "01"), ("60NZF", "60")],
)  # fmt: skip
def test_zones_of_longitudes(longitude: float | str, zone: str) -> None:
    """Six degrees each, from 180 west; around the world they begin anew."""
    assert utm_zone_of(longitude) == zone


@pytest.mark.parametrize("place", ["xdemo", "12ab", "50", "x50TMK"])
def test_a_custom_area_has_no_zone(place: str) -> None:
    """Nor has a text that only begins like a tile."""
    advice = "expected an MGRS tile; give the longitude of a custom area's centre"
    with pytest.raises(GridError, match=f"^got tile '{place}', {advice}$"):
        utm_zone_of(place)


def test_band_n_begins_the_north() -> None:
    """Band M is the last of the south."""
    assert (tile("31NEA").epsg, tile("31NEA").derived) == (32631, False)
    assert (tile("31MEV").epsg, tile("31MEV").derived) == (32731, True)
    assert tile("31NEA").bounds.south < tile("31NEA").square.south == 0.0
    assert tile("31MEV").square.north == 10_000_000.0


def test_a_tile_stays_as_it_is() -> None:
    """The same one is handed out each time, so nobody may change it; its parts are named."""
    place = tile("50TMK")
    assert tile("50TMK") is place
    with pytest.raises(FrozenInstanceError):
        place.epsg = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        Tile(*vars(place).values())
