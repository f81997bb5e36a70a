"""Pixels of polygons are drawn evenly, in bounded memory, and by seed."""

import numpy as np
import pytest
import shapely
from synthetic import AREA_CRS, AREA_TRANSFORM

from esd_tasks.polygons import draw_pixels
from esd_tasks.target import Georeference
from stactools_esd.grid import Bounds

PLACE = Georeference(crs=AREA_CRS, transform=AREA_TRANSFORM, width=100, height=100, square=Bounds(0.0, 0.0, 1e6, 1e7))


def disc(pixels: float) -> shapely.Polygon:
    """Return a disc in the CRS of the place."""
    return shapely.Point(AREA_TRANSFORM.c + 1_500, AREA_TRANSFORM.f - 1_500).buffer(pixels * 30, quad_segs=32)


def test_every_pixel_has_the_same_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over many seeds each pixel of a polygon is drawn about as often, in whichever strip it lies."""
    monkeypatch.setattr("esd_tasks.polygons.STRIP_PIXELS", 60)
    x, y, _ = draw_pixels(disc(8), PLACE, False, None, (0,))
    keys = {place: k for k, place in enumerate(zip(x.tolist(), y.tolist(), strict=True))}
    drawn = np.zeros(len(keys))
    for seed in range(300):
        x, y, left_out = draw_pixels(disc(8), PLACE, False, 50, (seed, 1))
        assert (len(x), left_out) == (50, len(keys) - 50)
        drawn[[keys[place] for place in zip(x.tolist(), y.tolist(), strict=True)]] += 1
    share = 50 / len(keys)
    spread = np.sqrt(300 * share * (1 - share))
    assert np.abs(drawn - 300 * share).max() < 5 * spread
    assert drawn.std() < 1.25 * spread


def test_pixels_go_on_beyond_the_item() -> None:
    """A polygon over the edge of its item names the pixels outside too, on the same grid: a neighbour answers there."""
    edge = shapely.box(AREA_TRANSFORM.c - 90, AREA_TRANSFORM.f - 60, AREA_TRANSFORM.c + 60, AREA_TRANSFORM.f + 30)
    x, y, _ = draw_pixels(edge, PLACE, False, None, (0,))
    assert len(x) == 15
    assert set((x - AREA_TRANSFORM.c) / 30 % 1) == {0.5}
    assert x.min() == AREA_TRANSFORM.c - 75
    assert y.max() == AREA_TRANSFORM.f + 15


def test_a_sliver_may_have_no_pixel() -> None:
    """A polygon that holds no pixel's middle gives none by `center` and one by `all-touched`."""
    sliver = shapely.box(AREA_TRANSFORM.c + 1, AREA_TRANSFORM.f - 9, AREA_TRANSFORM.c + 9, AREA_TRANSFORM.f - 1)
    assert len(draw_pixels(sliver, PLACE, False, 200, (0,))[0]) == 0
    assert len(draw_pixels(sliver, PLACE, True, 200, (0,))[0]) == 1
