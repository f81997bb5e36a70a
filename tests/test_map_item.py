"""The item of a map: ids and names that machines take, hrefs that survive a move."""

import re

from hypothesis import given
from hypothesis import strategies as st

from esd_tasks.legend import legend_of, plain_name
from esd_tasks.map_item import classes_of, map_id


@given(st.text(max_size=30))
def test_ids_are_plain_whatever_the_folder_is_called(name: str) -> None:
    """An id has lower-case letters, digits, `_` and `-` only, and ends in the year."""
    assert re.fullmatch(r"[a-z0-9_][a-z0-9_-]*-2020", map_id(name, 2020))


def test_a_year_is_not_said_twice() -> None:
    """A folder that ends in the year gives an id that ends in it once."""
    assert map_id("Flanders 2020", 2020) == "flanders-2020"


NAMES = st.text(min_size=1, max_size=6).map(plain_name).filter(bool)


@given(st.lists(NAMES, min_size=1, max_size=20, unique=True))
def test_class_names_of_the_item_are_unique_and_plain(names: list[str]) -> None:
    """The classification extension takes names of letters, digits, `-` and `_`; titles keep the true name."""
    legend = legend_of(dict(enumerate(names, start=1)))
    classes = classes_of(legend, dict.fromkeys(legend.ids, 0))
    plain = [entry["name"] for entry in classes]
    assert len(set(plain)) == len(plain)
    assert all(re.fullmatch(r"[0-9A-Za-z_-]+", name) for name in plain)
    assert [entry["title"] for entry in classes[1:]] == names


def test_shares_are_of_classified_pixels() -> None:
    """Percentages are of the classified pixels and sum to 100; an empty map has zeros."""
    legend = legend_of({1: "a", 2: "b"})
    assert [entry.get("percentage") for entry in classes_of(legend, {1: 1, 2: 3})] == [None, 25.0, 75.0]
    assert [entry.get("percentage") for entry in classes_of(legend, {1: 0, 2: 0})] == [None, 0.0, 0.0]
