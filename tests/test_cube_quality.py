"""Quality of cubes: what is clear is found by names and flags, or told, and never guessed."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cube_files import FORMATS, H, T, W, deep, flat, numbers, write
from rasterio.windows import Window

from stactools_esd.errors import RasterError
from stactools_esd.product import BANDS
from stactools_esd.sources.cube import CubeSource, open_cube
from stactools_esd.sources.cube_options import CubeOptions
from stactools_esd.sources.cube_quality import QUALITY_KINDS
from stactools_esd.sources.landsat_qa import PIXEL_BITS

DIMS = ("time", "y", "x")
SHAPE = (T, H, W)


def shares() -> np.ndarray:
    """Reflectance of which nothing is missing."""
    return (numbers() * 0.0001).astype(np.float32)


def with_quality(name: str, values: np.ndarray, **attributes: Any) -> Any:
    """A cube of six variables and one of quality."""
    return flat(shares()).assign({name: (DIMS, values, attributes)})


def spread(values: list[int], kind: Any = np.uint8) -> np.ndarray:
    """Numbers all over a cube, each many times."""
    return np.resize(np.array(values, kind), SHAPE)


def clear_of(source: CubeSource) -> np.ndarray:
    """What is valid in all bands, and in all of them alike, of all images."""
    valid = np.stack([source.read_image(place, Window(0, 0, W, H))[1] for place in range(T)])
    assert (valid == valid[:, :1]).all()
    return valid[:, 0]


CLASSES: dict[str, tuple[str, list[int], set[int]]] = {
    "scene classification": ("SCL", list(range(12)), {4, 5, 6, 7, 11}),
    "Fmask's own classes": ("cfmask", [0, 1, 2, 3, 4, 255], {0, 1, 3}),
    "Fmask of Digital Earth Australia": ("oa_fmask", [0, 1, 2, 3, 4, 5], {1, 4, 5}),
    "integers of valid": ("valid", [0, 1], {1}),
    "integers of clear": ("clear", [0, 1, 255], {1}),
}


@pytest.mark.parametrize("case", CLASSES)
@pytest.mark.parametrize("file", FORMATS)
def test_known_names_need_no_word(tmp_path: Path, case: str, file: str) -> None:
    """A layer whose name says what it is drops its clouds; snow and water stay."""
    name, classes, clear = CLASSES[case]
    values = spread(classes)
    source = open_cube(write(with_quality(name, values), tmp_path / file))
    np.testing.assert_array_equal(clear_of(source), np.isin(values, list(clear)))
    assert source.layout.quality is not None
    assert source.layout.quality.words.startswith(f"valid by {name} where it is ")


QA_PIXELS = {
    1: False,  # fill
    21824: True,  # clear land of OLI
    21952: True,  # clear water of OLI
    5440: True,  # clear land of TM
    30048: True,  # snow
    21826: False,  # dilated cloud
    22280: False,  # cloud, by bit 3
    23888: False,  # cloud shadow
    54596: False,  # cirrus
}
"""Numbers of QA_PIXEL as the USGS guides' tables of values list them, and whether they count."""


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_landsat_bits_are_those_of_the_reader(tmp_path: Path, kind: type) -> None:
    """QA_PIXEL drops fill, clouds, their shadows and surroundings, as integers or as floats that a library made."""
    values = spread(list(QA_PIXELS), kind)
    hidden = sum(1 << PIXEL_BITS[name] for name in ("fill", "dilated_cloud", "cirrus", "cloud", "cloud_shadow"))
    assert {number: not number & hidden for number in QA_PIXELS} == QA_PIXELS
    source = open_cube(write(with_quality("qa_pixel", values), tmp_path / "cube.zarr"))
    expected = np.array([QA_PIXELS[int(number)] for number in values.ravel()]).reshape(SHAPE)
    np.testing.assert_array_equal(clear_of(source), expected)


@pytest.mark.parametrize("file", FORMATS)
def test_missing_quality_is_not_clear(tmp_path: Path, file: str) -> None:
    """Where quality has its fill value, or a number between two classes, nothing is known to be clear."""
    values = spread([4, 0, 5])
    dataset = with_quality("SCL", values)
    dataset["SCL"].encoding = {"_FillValue": 0, "dtype": "uint8"}
    np.testing.assert_array_equal(clear_of(open_cube(write(dataset, tmp_path / file))), values != 0)
    mixed = with_quality("SCL", spread([4, 5], np.float32) + np.float32(0.5) * (spread([0, 1]) == 1))
    np.testing.assert_array_equal(clear_of(open_cube(write(mixed, tmp_path / f"mixed-{file}"))), spread([1, 0]) == 1)


@pytest.mark.parametrize("place", [0, 3, 6])
def test_quality_among_the_bands_is_found(tmp_path: Path, place: int) -> None:
    """A cube of one variable may hold SCL beside the bands, wherever it stands."""
    scl = spread([4, 9, 11], np.float32)
    values = np.insert(shares(), place, scl, axis=1)
    labels = (*BANDS[:place], "SCL", *BANDS[place:])
    source = open_cube(write(deep(values, labels=labels), tmp_path / "cube.zarr", chunks=(2, 7, 4, 5)))
    np.testing.assert_array_equal(clear_of(source), scl != 9)
    np.testing.assert_allclose(
        source.read_image(1, Window(2, 1, 4, 3))[0],
        np.where(scl[1, 1:4, 2:6] != 9, shares()[1, :, 1:4, 2:6], 0), atol=1e-6,
    )  # fmt: skip


def test_flags_of_each_band_follow_the_bands(tmp_path: Path) -> None:
    """Booleans along the bands belong to the bands of that label, in whatever order the cube has them."""
    order = [4, 1, 0, 5, 2, 3]
    usable = np.random.default_rng(3).random((T, 6, H, W)) > 0.5
    dataset = deep(shares()[:, order], labels=tuple(BANDS[place] for place in order))
    dataset["valid"] = (("time", "band", "y", "x"), usable[:, order])
    source = open_cube(write(dataset, tmp_path / "cube.zarr"))
    for position in range(T):
        np.testing.assert_array_equal(source.read_image(position, Window(0, 0, W, H))[1], usable[position])


FLAGS: dict[str, tuple[str, dict[str, Any], list[int], set[int]]] = {
    "classes": (
        "quality_flag",
        {"flag_values": np.array([0, 1, 2, 3], np.uint8), "flag_meanings": "clear cloud cloud_shadow snow"},
        [0, 1, 2, 3, 9], {0, 3},
    ),
    "bits": (
        "pixel_flags",
        {"flag_masks": np.array([1, 2, 4], np.uint8), "flag_meanings": "cloud water cirrus"},
        [0, 1, 2, 3, 4, 6], {0, 2},
    ),
    "a mask of two bits": (
        "flags", {"flag_masks": np.array([3, 4], np.uint8), "flag_meanings": "cloud snow"}, [0, 1, 2, 3, 4], {0, 4}
    ),
    "groups of bits": (
        "status",
        {
            "flag_masks": np.array([3, 3, 3, 4], np.uint8), "flag_values": np.array([0, 1, 2, 4], np.uint8),
            "flag_meanings": "clear cloud shadow water", "standard_name": "status_flag",
        },
        [0, 1, 2, 3, 4, 5], {0, 3, 4},
    ),
    "clear that is zero": (
        "clear", {"flag_values": np.array([0, 1], np.uint8), "flag_meanings": "clear cloudy"}, [0, 1], {0}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FLAGS)
@pytest.mark.parametrize("file", FORMATS)
def test_cf_flags_tell_what_they_mean(tmp_path: Path, case: str, file: str) -> None:
    """Meanings of the CF conventions decide, as classes, bits, or both; a name alone would not."""
    name, attributes, numbers_, clear = FLAGS[case]
    values = spread(numbers_)
    source = open_cube(write(with_quality(name, values, **attributes), tmp_path / file))
    np.testing.assert_array_equal(clear_of(source), np.isin(values, list(clear)))


def test_ancillary_variables_are_found(tmp_path: Path) -> None:
    """What bands name as ancillary variables becomes a coordinate when it is opened, and is found all the same."""
    values = spread([0, 1])
    dataset = with_quality("pixel_flag", values, flag_values=np.array([0, 1], np.uint8), flag_meanings="clear cloud")
    for band in BANDS:
        dataset[band].attrs["ancillary_variables"] = "pixel_flag"
    np.testing.assert_array_equal(clear_of(open_cube(write(dataset, tmp_path / "cube.zarr"))), values == 0)


TOLD: dict[str, tuple[np.ndarray, dict[str, Any], Callable[[np.ndarray], np.ndarray]]] = {
    "a kind": (spread([0, 2, 4, 8, 64, 16, 255]), {"quality_kind": "hls-fmask"}, lambda v: np.isin(v, [0, 64, 16])),
    "classes": (spread([0, 1, 2]), {"clear": (0, 2)}, lambda v: v != 1),
    "bits": (spread([0, 1, 2, 3]), {"hidden_bits": (1,)}, lambda v: v < 2),
    "both": (spread([0, 1, 2, 3]), {"clear": (0, 1, 3), "hidden_bits": (1,)}, lambda v: v < 2),
    "cloud": (spread([0, 1]), {"quality_kind": "cloud"}, lambda v: v == 0),
    "booleans": (spread([0, 1], np.bool_), {"clear": (0,)}, lambda v: ~v),
}


@pytest.mark.parametrize("case", TOLD)
@pytest.mark.parametrize("named", [True, False])
def test_what_is_clear_can_be_told(tmp_path: Path, case: str, named: bool) -> None:
    """The meaning of a layer that only its maker knows is given by kind, classes or bits; its name where it is odd."""
    values, said, expected = TOLD[case]
    name = "odd" if named else "mask"
    options = CubeOptions(**said, **({"quality": "odd"} if named else {}))
    source = open_cube(write(with_quality(name, values), tmp_path / "cube.zarr"), options=options)
    np.testing.assert_array_equal(clear_of(source), expected(values))


def test_meanings_can_be_told_by_their_words(tmp_path: Path) -> None:
    """Flags that nobody knows are named by their words in `clear`."""
    attributes = {"flag_values": np.array([0, 1, 7], np.uint8), "flag_meanings": "blue_sky murk Twilight"}
    path = write(with_quality("sky_quality", spread([0, 1, 7]), **attributes), tmp_path / "cube.zarr")
    with pytest.raises(RasterError, match="with the flags blue_sky, murk, twilight, expected to know"):
        open_cube(path)
    source = open_cube(path, options=CubeOptions(clear=("blue_sky", 7)))
    np.testing.assert_array_equal(clear_of(source), spread([1, 0, 1]) == 1)
    with pytest.raises(RasterError, match="got clear 'haze' for sky_quality, expected blue_sky, murk, twilight"):
        open_cube(path, options=CubeOptions(clear=("haze",)))


@pytest.mark.parametrize("name", ["mask", "cloud_mask", "QA60", "pixel_qa", "fmask", "Fmask", "cloud_probability"])
def test_quality_of_unknown_meaning_is_refused(tmp_path: Path, name: str) -> None:
    """A name that may mean two things is not guessed at: the error says how to tell it, and `none` reads past it."""
    path = write(with_quality(name, spread([0, 1])), tmp_path / "cube.zarr")
    with pytest.raises(RasterError, match=rf"got {name} in .*quality: {name} and quality_kind .* or quality: none"):
        open_cube(path)
    assert clear_of(open_cube(path, options=CubeOptions(quality="none"))).all()


def test_other_variables_do_not_seem_to_be_quality(tmp_path: Path) -> None:
    """Indices, land cover and angles beside the bands are left alone, and what lies along time only."""
    dataset = flat(shares()).assign(
        ndvi=(DIMS, shares()[:, 0]), land_cover=(DIMS, spread([1, 2]), {"flag_values": [1, 2], "flag_meanings": "a b"}),
        cloud_cover=("time", np.arange(T)), aqua=(DIMS, shares()[:, 1]),
    )  # fmt: skip
    source = open_cube(write(dataset, tmp_path / "cube.zarr"))
    assert source.layout.quality is None
    assert clear_of(source).all()


def test_a_known_layer_goes_before_those_that_seem_so(tmp_path: Path) -> None:
    """SCL decides although a cloud probability lies beside it; two known layers must be chosen between."""
    values = spread([4, 9])
    both = with_quality("SCL", values).assign(cloud_probability=(DIMS, spread([0, 100])))
    np.testing.assert_array_equal(clear_of(open_cube(write(both, tmp_path / "cube.zarr"))), values == 4)
    seeming = both.rename(SCL="QA60")
    with pytest.raises(RasterError, match=r"got QA60 and cloud_probability in .*give the source option quality"):
        open_cube(write(seeming, tmp_path / "seeming.zarr"))
    two = both.assign(clear=(DIMS, values == 4))
    with pytest.raises(RasterError, match=r"got SCL and clear in .*give the source option quality"):
        open_cube(write(two, tmp_path / "two.zarr"))
    np.testing.assert_array_equal(
        clear_of(open_cube(tmp_path / "two.zarr", options=CubeOptions(quality="clear"))), values == 4
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"quality_kind": "scl"}, r"got no variable of quality in .*give the source option quality too"),
        ({"clear": (1,)}, r"got no variable of quality in"),
        ({"quality": "SCL"}, r"got no quality SCL in .*expected one of"),
    ],
)
def test_options_without_quality_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    """What is said of a layer that is not there is a mistake."""
    path = write(flat(shares()).assign(ndvi=(DIMS, shares()[:, 0])), tmp_path / "cube.zarr")
    with pytest.raises(RasterError, match=said):
        open_cube(path, options=CubeOptions(**options))


def test_faults_of_flags_are_named(tmp_path: Path) -> None:
    """An unknown kind, attributes of two lengths, and SCL stored with a scale end in one line each."""
    path = write(with_quality("mask", spread([0, 1])), tmp_path / "a.zarr")
    with pytest.raises(RasterError, match="got quality_kind 'sen2cor', expected one of scl, qa-pixel"):
        open_cube(path, options=CubeOptions(quality_kind="sen2cor"))
    path = write(with_quality("mask", spread([0, 1]), flag_values=[0, 1], flag_meanings="clear"), tmp_path / "b.zarr")
    with pytest.raises(RasterError, match="got 1 flag_meanings, 2 flag_values and 0 flag_masks of mask"):
        open_cube(path)
    values = np.insert(shares(), 6, 0.0004, axis=1)
    scaled = write(deep(values, labels=(*BANDS, "SCL")), tmp_path / "c.zarr", dtype="int16", scale_factor=0.0001)
    with pytest.raises(RasterError, match=r"got SCL among bands that .* scales, expected it in a variable of its own"):
        open_cube(scaled)
    assert open_cube(scaled, options=CubeOptions(quality="none")).layout.quality is None


def test_the_documentation_lists_every_kind() -> None:
    """docs/sources.md has each kind with its names, its clear classes or hiding bits, and their source."""
    text = (Path(__file__).parent.parent / "docs" / "sources.md").read_text()
    rows = {row[0].strip("` "): row for line in text.splitlines() if len(row := line.strip("|").split("|")) == 4}
    for name, kind in QUALITY_KINDS.items():
        _, names, valid, source = rows[name]
        assert set(re.findall(r"`(\w+)`", names)) == set(kind.names)
        numbers_ = {int(number) for number in re.findall(r"\d+", valid)}
        assert numbers_ == set(kind.clear or kind.hidden_bits)
        assert source.strip() == kind.source
