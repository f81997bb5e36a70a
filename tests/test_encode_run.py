"""A folder of images to the item of a codes COG."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from tiny_images import COLUMNS, OPTIONS, ROWS, TRANSFORM, YEAR_2020, hidden, write_images

from stactools_esd.cog import open_codes
from stactools_esd.encoder import load_encoder
from stactools_esd.encoder.encode import encode_source
from stactools_esd.encoder.inference import MIN_VALID_DAYS
from stactools_esd.errors import GridError, NothingFoundError, OutputError, UsageError
from stactools_esd.item_folder import ItemFolder
from stactools_esd.observations import YearWindow
from stactools_esd.product import InputRecipe
from stactools_esd.seamless import FUSION, prepare, prepare_process, process_fusion
from stactools_esd.sources.folder import open_folder, read_folder
from stactools_esd.validate import validate

RECIPE = InputRecipe(source="simulated", fusion=FUSION, harmonisation="none", dem="simulated")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve simulated images of 2020 with terrain; one pixel is never seen and one on too few days."""
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def made(source: Path, tmp_path_factory: pytest.TempPathFactory) -> ItemFolder:
    """Their item."""
    destination = tmp_path_factory.mktemp("tiles")
    return encode_source(source, destination, **OPTIONS, recipe=RECIPE, sources=("images",))


def test_codes_are_what_the_encoder_says(source: Path, made: ItemFolder) -> None:
    """Codes, clear observations, georeference and tags are those of the images, whatever the block size."""
    encoder = load_encoder()
    reflectance, clear = prepare(read_folder(source), YEAR_2020)
    expected = encoder.encode(reflectance, open_folder(source).read_terrain())
    expected[clear < MIN_VALID_DAYS] = 0
    with open_codes(made.codes) as file:
        block = file.read()
        np.testing.assert_array_equal(block.codes, expected.T.reshape(12, ROWS, COLUMNS))
        np.testing.assert_array_equal(block.clear_obs.ravel(), clear)
        assert file.transform == TRANSFORM
        assert file.tags.identity.recipe == RECIPE
        assert file.tags.identity.encoder == encoder.identity
        assert (file.tags.sources, file.tags.temporal_context) == (("images",), "year")


def test_what_nobody_saw_has_no_data(made: ItemFolder) -> None:
    """Without a clear observation codes are nodata and quality is 0; with too few, quality says how many."""
    with open_codes(made.codes) as file:
        block = file.read()
    assert not block.codes[:, 0, 0].any()
    assert block.clear_obs[0, 0] == 0
    assert not block.valid[2, 3]
    assert block.clear_obs[2, 3] == MIN_VALID_DAYS - 1
    assert block.valid.sum() == ROWS * COLUMNS - 2


def test_the_folder_holds_one_valid_item(made: ItemFolder) -> None:
    """Codes, pictures and item lie under their names, nothing else does, and the item is sound."""
    folder = made.item.parent
    stem = f"ESD_{load_encoder().identity.label}_xtest_2020"
    names = [f"{stem}.tif", f"{stem}_thumbnail.png", f"{stem}_visual.tif", f"{folder.name}.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert list(folder.parent.iterdir()) == [folder]
    assert validate(made.item).problems == []


def test_the_item_links_to_every_input(source: Path, made: ItemFolder) -> None:
    """Each image and the terrain is named once by a relative link that leads to it."""
    links = [link for link in json.loads(made.item.read_text())["links"] if link["rel"] == "derived_from"]
    targets = [(made.item.parent / link["href"]).resolve() for link in links]
    assert sorted(targets) == sorted(path.resolve() for path in source.iterdir())
    assert links[0]["type"] == "image/tiff; application=geotiff"
    assert not links[0]["href"].startswith("/")


def test_inputs_may_go_afterwards(tmp_path: Path) -> None:
    """An item whose inputs were removed is as sound as before."""
    source = write_images(tmp_path / "images")
    made = encode_source(source, tmp_path / "tiles", **OPTIONS)
    for path in source.iterdir():
        path.unlink()
    assert validate(made.item).problems == []


def test_a_part_is_the_crop_of_the_whole(source: Path, made: ItemFolder, tmp_path: Path) -> None:
    """A window of the grid gives the codes that the whole has there, with its own georeference."""
    part = encode_source(source, tmp_path, **OPTIONS, recipe=RECIPE, part=(3, 2, 5, 4))
    with open_codes(made.codes) as whole, open_codes(part.codes) as cut:
        assert (cut.height, cut.width) == (5, 4)
        assert cut.transform == TRANSFORM * TRANSFORM.translation(2, 3)
        np.testing.assert_array_equal(cut.read().codes, whole.read().codes[:, 3:8, 2:6])
    with pytest.raises(GridError, match="11 x 7"):
        encode_source(source, tmp_path, **OPTIONS, part=(8, 0, 4, 7))


def test_a_part_never_replaces_the_whole_unasked(source: Path, tmp_path: Path) -> None:
    """Codes of another grid under the same name stay until the user gives them up."""
    encode_source(source, tmp_path, **OPTIONS, recipe=RECIPE)
    with pytest.raises(OutputError, match=r"\(2, 7\) pixels.*--overwrite"):
        encode_source(source, tmp_path, **OPTIONS, recipe=RECIPE, part=(0, 0, 2, 7))
    encode_source(source, tmp_path, **OPTIONS, recipe=RECIPE, part=(0, 0, 2, 7), overwrite=True)


def test_an_item_of_another_recipe_is_replaced_only_when_told(source: Path, tmp_path: Path) -> None:
    """Codes that stand under this name stay, unless they are of this recipe or the user gives them up."""
    encode_source(source, tmp_path, **OPTIONS, source_name="first")
    encode_source(source, tmp_path, **OPTIONS, source_name="first")
    with pytest.raises(OutputError, match=r"source 'other' against 'first'.*--overwrite"):
        encode_source(source, tmp_path, **OPTIONS, source_name="other")
    encode_source(source, tmp_path, **OPTIONS, source_name="other", overwrite=True)
    assert hidden(tmp_path) == []


def test_windows_that_start_later_are_flagged(source: Path, tmp_path: Path) -> None:
    """A window from 1 July takes only its own images and says so in its tags."""
    window = YearWindow(year=2020, start=date(2020, 7, 1))
    made = encode_source(source, tmp_path, window=window, tile="xtest", source_name="simulated")
    with open_codes(made.codes) as file:
        assert file.tags.window_start == date(2020, 7, 1)
        assert file.tags.identity.recipe.source == "simulated"
        assert int(file.read().clear_obs.max()) <= 6


@pytest.mark.parametrize(("context", "expected"), [(None, "past"), ("year", "year"), ("both", "both")])
def test_the_years_that_filling_looks_at_are_recorded(
    source: Path, tmp_path: Path, context: str | None, expected: str
) -> None:
    """The Gaussian process is a recipe of its own for each context; item and codes say which."""
    made = encode_source(source, tmp_path, **OPTIONS, fill="gp", context=context, part=(0, 0, 4, 7))
    properties = json.loads(made.item.read_text())["properties"]
    assert properties["esd:temporal_context"] == expected
    assert properties["esd:input_recipe"]["fusion"] == process_fusion(expected)  # type: ignore[arg-type]
    images = read_folder(source).window(slice(0, 4))
    series = prepare_process(images, YEAR_2020, context=expected)  # type: ignore[arg-type]
    codes = load_encoder().encode(series.reflectance, open_folder(source).read_terrain(slice(0, 4)))
    with open_codes(made.codes) as file:
        block = file.read()
    np.testing.assert_array_equal(block.codes[:, block.valid], codes[block.valid.ravel()].T)


def test_nothing_to_encode(source: Path, tmp_path: Path) -> None:
    """No image in the window, or too few days everywhere, is "nothing found", and leaves nothing behind."""
    with pytest.raises(NothingFoundError, match="no image of 2019-01-01"):
        encode_source(source, tmp_path, window=YearWindow(year=2019), tile="xtest")
    late = YearWindow(year=2020, start=date(2020, 11, 1))
    with pytest.raises(NothingFoundError, match="no pixel with at least"):
        encode_source(source, tmp_path, window=late, tile="xtest")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["source_name", "harmonisation", "dem_name"])
def test_an_input_recipe_says_something(source: Path, tmp_path: Path, option: str) -> None:
    """An empty word in the input recipe, by which codes are compared, is refused before anything is read."""
    with pytest.raises(UsageError, match="got an empty source name"):
        encode_source(source, tmp_path, window=YEAR_2020, tile="xtest", **{option: " "})
    assert list(tmp_path.iterdir()) == []
