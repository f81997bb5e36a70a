"""Quality bands of Landsat Collection 2, bit by bit and sensor by sensor, and the lines from ETM+ to OLI."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stactools_esd.errors import UsageError
from stactools_esd.product import BANDS
from stactools_esd.sources.harmonise import ROY_2016, recipe_words, to_oli
from stactools_esd.sources.landsat_qa import (
    ETM,
    OLI,
    PIXEL_BITS,
    SENSORS,
    TM,
    UNUSABLE,
    Flag,
    Sensor,
    checked_flags,
    pixel_quality,
    unsaturated,
    usable,
)

EACH_SENSOR = pytest.mark.parametrize("sensor", [TM, ETM, OLI], ids=lambda sensor: sensor.name)
ALWAYS_BAD = {0, 1, 3, 4}
"""Bits of fill, dilated cloud, cloud and cloud shadow."""


def pixel(number: int) -> NDArray[np.uint16]:
    """One pixel of a quality band."""
    return np.array([[number]], np.uint16)


@EACH_SENSOR
@pytest.mark.parametrize("bit", range(16))
def test_each_bit_of_qa_pixel(sensor: Sensor, bit: int) -> None:
    """Fill, dilated cloud, cloud and shadow hide the ground, cirrus where OLI sees it, and no other bit does."""
    hidden = bit in ALWAYS_BAD or (bit == 2 and sensor is OLI)
    assert usable(pixel(1 << bit), sensor).item() is not hidden


@EACH_SENSOR
@pytest.mark.parametrize("bit", range(16))
def test_each_bit_of_qa_radsat(sensor: Sensor, bit: int) -> None:
    """Bit n-1 spoils band n; bit 9 of TM and ETM+ (dropped) and bit 11 of OLI (terrain) spoil all; others none."""
    numbers = (2, 3, 4, 5, 6, 7) if sensor is OLI else (1, 2, 3, 4, 5, 7)
    everything = bit == (11 if sensor is OLI else 9)
    expected = [not everything and bit != number - 1 for number in numbers]
    assert unsaturated(pixel(1 << bit), sensor)[:, 0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("number", "sensor", "free"),
    [
        (21824, OLI, True),  # clear land
        (21952, OLI, True),  # clear water
        (30048, OLI, True),  # snow
        (22280, OLI, False),  # cloud of high confidence
        (23888, OLI, False),  # shadow
        (54596, OLI, False),  # cirrus
        (21826, OLI, False),  # beside a cloud
        (5440, ETM, True),
        (5504, TM, True),
        (13664, TM, True),
        (5896, TM, False),
        (7440, ETM, False),
        (1, TM, False),
        (1, ETM, False),
        (1, OLI, False),
    ],
)
def test_values_that_the_archive_holds(number: int, sensor: Sensor, free: bool) -> None:
    """The common values of QA_PIXEL, as the product guides interpret them."""
    assert usable(pixel(number), sensor).item() is free


@EACH_SENSOR
def test_what_the_sensors_call_clear_is_clear(sensor: Sensor) -> None:
    """The value written for clear land is read as usable."""
    assert usable(pixel(sensor.clear), sensor).item()


@EACH_SENSOR
@pytest.mark.parametrize(("flag", "bit"), [("snow", 5), ("water", 7)])
def test_snow_and_water_are_left_out_only_when_asked(sensor: Sensor, flag: str, bit: int) -> None:
    """Snow and water are ground by default; naming them makes them missing, and fill stays missing."""
    number = pixel(1 << bit)
    assert usable(number, sensor).item()
    assert not usable(number, sensor, [*UNUSABLE, flag]).item()
    assert not usable(pixel(1), sensor, [flag]).item()


@given(qa_pixel=st.integers(0, 65535), qa_radsat=st.integers(0, 65535))
def test_flags_add_up(qa_pixel: int, qa_radsat: int) -> None:
    """A number is usable when each of its bits alone is."""
    for sensor in (TM, ETM, OLI):
        bits = [1 << bit for bit in range(16)]
        alone = [usable(pixel(qa_pixel & bit), sensor) for bit in bits]
        assert usable(pixel(qa_pixel), sensor) == np.all(alone)
        single = [unsaturated(pixel(qa_radsat & bit), sensor) for bit in bits]
        np.testing.assert_array_equal(unsaturated(pixel(qa_radsat), sensor), np.all(single, axis=0))


@pytest.mark.parametrize(
    ("flags", "sensor", "number"),
    [
        (["snow"], OLI, 30048),
        (["water"], OLI, 21952),
        (["cloud"], OLI, 22280),
        (["cloud_shadow"], OLI, 23888),
        (["cloud"], TM, 5896),
        (["snow"], TM, 13664),
        ([], ETM, 5440),
    ],
)
def test_flags_are_written_in_the_numbers_of_the_archive(flags: list[Flag], sensor: Sensor, number: int) -> None:
    """Writers say with bits and confidences what USGS says, clear only where there is no cloud."""
    said = {flag: np.array([[flag in flags]]) for flag in ("cloud", "snow", "water", "cloud_shadow")}
    assert pixel_quality(said, sensor).item() == number


@EACH_SENSOR
@given(data=st.data())
def test_what_is_written_of_flags_is_read(sensor: Sensor, data: st.DataObject) -> None:
    """Pixels of any flags are usable when none of theirs hides the ground, as their sensor can see."""
    flags: list[Flag] = data.draw(st.lists(st.sampled_from([*UNUSABLE, "snow", "water"]), min_size=1, unique=True))
    holds = {flag: np.array([[data.draw(st.booleans())]]) for flag in flags}
    hidden = any(holds[flag].item() for flag in flags if flag in UNUSABLE and (flag != "cirrus" or sensor.cirrus))
    number = pixel_quality(holds, sensor)
    assert usable(number, sensor).item() is not hidden
    for flag in flags:
        seen = holds[flag].item() and (flag != "cirrus" or sensor.cirrus)
        assert bool(number.item() >> PIXEL_BITS[flag] & 1) is seen


def test_unknown_flags_are_refused() -> None:
    """A misspelt flag would silently keep clouds."""
    assert checked_flags(UNUSABLE) == set(UNUSABLE)
    with pytest.raises(UsageError, match="'clouds'"):
        pixel_quality({"clouds": np.zeros((1, 1), bool)}, TM)  # type: ignore[dict-item]
    with pytest.raises(UsageError, match="'clouds'"):
        checked_flags(["clouds"])


def test_every_mission_has_its_sensor() -> None:
    """Landsat 5 is TM, 7 is ETM+, 8 and 9 are OLI."""
    assert [SENSORS[mission].name for mission in ("LT05", "LE07", "LC08", "LC09")] == ["TM", "ETM+", "OLI", "OLI"]


@pytest.mark.parametrize(
    ("harmonise", "changed"), [("none", set()), ("etm", {"ETM+"}), ("etm+tm", {"ETM+", "TM"})]
)  # fmt: skip
def test_only_the_sensors_asked_for_are_brought_to_oli(harmonise: Any, changed: set[str]) -> None:
    """OLI never changes, TM only when it is asked for."""
    reflectance = np.full((6, 1, 1), 0.1, np.float32)
    for sensor in (TM, ETM, OLI):
        out = to_oli(reflectance, sensor, harmonise)
        assert np.array_equal(out, reflectance) is (sensor.name not in changed)


def test_the_lines_are_those_of_the_paper() -> None:
    """Roy et al. (2016), table 2: intercepts and slopes band by band, in the order of the product."""
    out = to_oli(np.stack([np.zeros((6, 1)), np.ones((6, 1))], axis=2).astype(np.float32), ETM, "etm")
    assert out[:, 0, 0] == pytest.approx([0.0003, 0.0088, 0.0061, 0.0412, 0.0254, 0.0172])
    assert (out[:, 0, 1] - out[:, 0, 0]) == pytest.approx([0.8474, 0.8483, 0.9047, 0.8462, 0.8937, 0.9071], rel=1e-5)
    assert tuple(ROY_2016) == BANDS
    assert out.dtype == np.float32


def test_the_recipe_names_the_harmonisation() -> None:
    """Codes of harmonised and other input differ in recipe; an unknown choice is refused."""
    assert len({recipe_words(choice) for choice in ("none", "etm", "etm+tm")}) == 3
    assert recipe_words("etm") == "roy-2016-etm-to-oli"
    with pytest.raises(UsageError, match="'tm'"):
        recipe_words("tm")
