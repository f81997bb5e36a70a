"""Items of an area or of labels: what is not there is said with what is."""

from pathlib import Path

import pytest
import shapely
import tiny_map

from esd_tasks.area_plan import items_of_labels
from esd_tasks.request import MapRequest
from stactools_esd.errors import NothingFoundError


def test_labels_of_a_missing_year_hear_of_every_year_there_is(tmp_path: Path) -> None:
    """The message names all years of the items around the labels, not those alone that were asked for."""
    for year in (2018, 2019, 2020):
        tiny_map.write_place(tmp_path, year=year)
    lon, lat = tiny_map.lonlat(tiny_map.HEIGHT / 2, tiny_map.WIDTH / 2)
    request = MapRequest(catalog=str(tmp_path))
    with pytest.raises(NothingFoundError, match=r"labels of 1987, .*: 2018, 2019, 2020; leave"):
        items_of_labels(request, shapely.Point(lon, lat).buffer(0.001), [1987, 2019])
