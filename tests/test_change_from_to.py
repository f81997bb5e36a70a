"""Kinds of change: numbers that say both classes, names and colours that tell the kinds apart."""

import numpy as np
import pytest

from esd_tasks.change.from_to import FromTo
from esd_tasks.legend import LARGEST_ID, Legend, LegendClass, legend_of


def kinds(legend: Legend) -> FromTo:
    """Return every kind of change between the classes of a legend, one pixel each."""
    k = len(legend.ids)
    return FromTo(legend=legend, pixels=np.ones((k, k), np.int64))


@pytest.mark.parametrize(
    ("ids", "first", "last", "number"),
    [
        ((3, 7, 9), 3, 9, 39),
        ((3, 12), 3, 12, 312),
        ((10, 41, 64), 64, 10, 6410),
        ((1, 250), 1, 250, 1 * 3 + 2),
        ((5, 40_000), 40_000, 5, 2 * 3 + 1),
    ],
)
def test_a_number_says_both_classes(ids: tuple[int, ...], first: int, last: int, number: int) -> None:
    """Ids side by side where that fits into 16 bits, else places in the legend; 0 without a class."""
    found = kinds(legend_of({one: f"class {one}" for one in ids}))
    assert found.of(np.array([first, 0]), np.array([last, 0])).tolist() == [number, 0]
    assert found.kinds.by_id[number] == f"class {first} to class {last}"
    assert found.kinds.dtype == found.of(np.array([first]), np.array([last])).dtype.name


def test_every_kind_has_a_number_and_a_colour_of_its_own() -> None:
    """Of as many classes as a map may have, all kinds fit; of a few, all colours differ."""
    ids = np.arange(1, 255)
    classes = (LegendClass(class_id=one, name=f"class {one}", colour=f"#0000{one:02x}") for one in ids.tolist())
    many = kinds(Legend(tuple(classes)))
    numbers = many.of(*np.meshgrid(ids, ids))
    assert len(np.unique(numbers)) == 254**2
    assert numbers.max() <= LARGEST_ID
    few = kinds(legend_of({1: "water", 2: "forest", 3: "crop", 4: "urban", 5: "grassland"})).kinds
    assert len({one.colour for one in few.classes}) == 25


def test_only_kinds_that_happened_are_listed_and_names_stay_apart() -> None:
    """What no pixel did is no class; where names meet, the number stands behind them."""
    legend = legend_of({1: "a", 2: "b to c", 3: "a to b", 4: "c"})
    pixels = np.zeros((4, 4), np.int64)
    pixels[0, 1], pixels[2, 3], pixels[1, 1] = 5, 6, 7
    found = FromTo(legend=legend, pixels=pixels)
    assert found.kinds.by_id == {12: "a to b to c (12)", 22: "b to c stays (22)", 34: "a to b to c (34)"}
    assert found.counts == {12: 5, 22: 7, 34: 6}
