"""Areas in WGS84 behave at the antimeridian as elsewhere."""

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from esd_tasks.places import bbox_geometry, near_zone, unwrap_longitudes, wrap_longitudes
from stactools_esd.errors import GridError, UsageError
from stactools_esd.grid import footprint, tile


@pytest.mark.parametrize(
    "box", [(0, 10, 1, 5), (0, -91, 1, 0), (181, 0, 182, 1), (5, 0, 5, 1), (float("nan"), 0, 1, 1)]
)
def test_impossible_boxes_are_usage_errors(box: tuple[float, float, float, float]) -> None:
    """A box with swapped or impossible numbers is refused before any file is opened."""
    with pytest.raises(UsageError, match="W,S,E,N"):
        bbox_geometry(*box)


@given(st.floats(-180, 179), st.floats(0.01, 100), st.floats(-80, 70))
def test_a_box_is_as_wide_as_it_says_wherever_it_lies(west: float, width: float, south: float) -> None:
    """West > east crosses the antimeridian: the box keeps its width and comes in two parts."""
    east = west + width if west + width <= 180 else west + width - 360
    box = bbox_geometry(west, south, east, south + 10)
    assert shapely.area(box) == pytest.approx(width * 10)
    assert -180 <= box.bounds[0] <= box.bounds[2] <= 180


@given(st.floats(-180, 180), st.floats(0.01, 100))
def test_longitudes_beyond_180_come_back(west: float, width: float) -> None:
    """A polygon drawn past 180 degrees is the same place cut there, and is drawn whole again on request."""
    drawn = shapely.box(west, 0, west + width, 10)
    wrapped = wrap_longitudes(drawn)
    assert -180 <= wrapped.bounds[0] <= wrapped.bounds[2] <= 180
    assert shapely.area(wrapped) == pytest.approx(shapely.area(drawn))
    back = unwrap_longitudes(wrapped).bounds
    assert back[2] - back[0] == pytest.approx(width, abs=1e-6)


def test_what_lies_apart_stays_apart() -> None:
    """Places in the Americas and in Asia are no area across the antimeridian."""
    apart = shapely.MultiPolygon([shapely.box(-60, 0, -50, 10), shapely.box(100, 0, 110, 10)])
    assert unwrap_longitudes(apart) == apart
    assert unwrap_longitudes(shapely.Point(3, 4)) == shapely.Point(3, 4)


@given(st.integers(1, 60), st.sampled_from("CEGJLNQTUVWX"), st.sampled_from("ABCDEFGHJKLMNPQRSTUVWXYZ"), st.data())
def test_no_tile_is_pruned_away_with_its_zone(zone: int, band: str, column: str, data: st.DataObject) -> None:
    """Whatever meets a tile is near its zone, at zone edges, in Norway, Svalbard and at the antimeridian too."""
    try:
        place = tile(f"{zone:02d}{band}{column}{data.draw(st.sampled_from('ABCDEFGHJKLMNPQRSTUV'))}")
    except GridError:
        return
    outline = shapely.geometry.shape(footprint(place.epsg, place.bounds))
    for part in shapely.get_parts(outline):
        assert near_zone(part.representative_point().buffer(0.001), zone)
        assert near_zone(shapely.box(*part.bounds), zone)


def test_far_zones_are_pruned() -> None:
    """An area in Belgium has nothing to look for in zones of China or America, nor Fiji in those of Africa."""
    zones = [zone for zone in range(1, 61) if near_zone(shapely.box(4, 50, 5, 51), zone)]
    assert zones == [29, 30, 31, 32, 33, 34]
    fiji = [zone for zone in range(1, 61) if near_zone(bbox_geometry(179, -18, -179, -17), zone)]
    assert fiji == [1, 2, 3, 58, 59, 60]
