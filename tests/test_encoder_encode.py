"""A folder of images to a codes COG."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.cog import open_codes
from stactools_esd.encoder import encode, load_encoder
from stactools_esd.encoder.encode import encode_source
from stactools_esd.encoder.inference import MIN_VALID_DAYS
from stactools_esd.errors import NothingFoundError, OutputError, UsageError
from stactools_esd.item_folder import write_item
from stactools_esd.observations import Observations, YearWindow
from stactools_esd.product import InputRecipe
from stactools_esd.seamless import FUSION, prepare
from stactools_esd.simulation import simulate_pixels
from stactools_esd.sources.folder import open_folder, read_folder, write_folder

ROWS, COLUMNS = 11, 7
YEAR_2020 = YearWindow(year=2020)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve simulated images of 2020 with terrain; one pixel is never seen and one on too few days."""
    pixels = simulate_pixels(ROWS * COLUMNS, 8)
    days = np.arange(10, 365, 31)
    cube = pixels.clean[:, days].reshape(ROWS, COLUMNS, len(days), 6).transpose(2, 3, 0, 1)
    valid = np.ones(cube.shape, dtype=bool)
    valid[:, :, 0, 0] = False
    valid[MIN_VALID_DAYS - 1 :, :, 2, 3] = False
    observations = Observations(
        dates=np.datetime64("2020-01-01") + days,
        reflectance=np.ascontiguousarray(cube),
        valid=valid,
        transform=Affine(30, 0, 500_000, 0, -30, 5_000_000),
        crs=CRS.from_epsg(32631),
    )
    folder = tmp_path_factory.mktemp("images")
    write_folder(observations, folder, terrain=pixels.terrain.T.reshape(3, ROWS, COLUMNS))
    return folder


def test_codes_file_holds_what_the_encoder_says(source: Path, tmp_path: Path) -> None:
    """Codes, clear observations, georeference and tags are those of the images, whatever the block size."""
    recipe = InputRecipe(source="simulated", fusion=FUSION, harmonisation="none", dem="simulated")
    path = encode_source(
        source, tmp_path, window=YEAR_2020, tile="xtest", recipe=recipe, sources=("images",), rows_per_block=4
    )
    encoder = load_encoder()
    assert path.name == f"ESD_{encoder.identity.label}_xtest_2020.tif"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    reflectance, clear = prepare(read_folder(source), YEAR_2020)
    expected = encoder.encode(reflectance, open_folder(source).read_terrain())
    expected[clear < MIN_VALID_DAYS] = 0
    with open_codes(path) as file:
        block = file.read()
        np.testing.assert_array_equal(block.codes, expected.T.reshape(12, ROWS, COLUMNS))
        np.testing.assert_array_equal(block.clear_obs.ravel(), clear)
        assert not block.valid[0, 0]
        assert not block.valid[2, 3]
        assert block.valid.sum() == ROWS * COLUMNS - 2
        assert file.transform == Affine(30, 0, 500_000, 0, -30, 5_000_000)
        assert file.tags.identity.recipe == recipe
        assert file.tags.identity.encoder == encoder.identity
        assert file.tags.sources == ("images",)


def test_killed_encoding_continues(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that were finished before a kill are not encoded again, and the file is the same."""
    options = {"window": YEAR_2020, "tile": "xtest", "rows_per_block": 4}
    whole = encode_source(source, tmp_path / "whole", **options)
    done: list[int] = []
    work = encode._encode_block

    def dying(*arguments: object) -> object:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return work(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(encode, "_encode_block", dying)
    with pytest.raises(KeyboardInterrupt):
        encode_source(source, tmp_path / "killed", **options)
    assert not list((tmp_path / "killed").glob("*.tif"))
    blocks: list[int] = []
    monkeypatch.setattr(encode, "_encode_block", lambda *a: (blocks.append(a[2].row), work(*a))[1])
    again = encode_source(source, tmp_path / "killed", **options)
    assert blocks == [8]
    assert again.read_bytes() == whole.read_bytes()
    assert [entry.name for entry in (tmp_path / "killed").iterdir()] == [again.name]


def test_blocks_of_another_run_are_refused(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left-over blocks of another recipe are never mixed in; they go when the user says so."""
    work = encode.write_code_blocks
    monkeypatch.setattr(encode, "write_code_blocks", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        encode_source(source, tmp_path, window=YEAR_2020, tile="xtest")
    monkeypatch.setattr(encode, "write_code_blocks", work)
    with pytest.raises(OutputError, match="another run"):
        encode_source(source, tmp_path, window=YEAR_2020, tile="xtest", source_name="other")
    path = encode_source(source, tmp_path, window=YEAR_2020, tile="xtest", source_name="other", overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_an_item_of_another_recipe_is_replaced_only_when_told(source: Path, tmp_path: Path) -> None:
    """Codes that stand under this name stay, unless they are of this recipe or the user gives them up."""
    options: dict[str, Any] = {"window": YEAR_2020, "tile": "xtest"}
    write_item(encode_source(source, tmp_path, **options, source_name="first"), tmp_path)
    encode_source(source, tmp_path, **options, source_name="first")
    with pytest.raises(OutputError, match=r"source 'other' against 'first'.*--overwrite"):
        encode_source(source, tmp_path, **options, source_name="other")
    encode_source(source, tmp_path, **options, source_name="other", overwrite=True)


def test_windows_that_start_later_are_flagged(source: Path, tmp_path: Path) -> None:
    """A window from 1 July takes only its own images and says so in its tags."""
    window = YearWindow(year=2020, start=date(2020, 7, 1))
    path = encode_source(source, tmp_path, window=window, tile="xtest", source_name="simulated")
    with open_codes(path) as file:
        assert file.tags.window_start == date(2020, 7, 1)
        assert file.tags.identity.recipe.source == "simulated"
        assert int(file.read().clear_obs.max()) <= 6


def test_nothing_to_encode(source: Path, tmp_path: Path) -> None:
    """No image in the window, or too few days everywhere, is "nothing found", and leaves nothing behind."""
    with pytest.raises(NothingFoundError, match="no image of 2019-01-01"):
        encode_source(source, tmp_path, window=YearWindow(year=2019), tile="xtest")
    late = YearWindow(year=2020, start=date(2020, 11, 1))
    with pytest.raises(NothingFoundError, match="no pixel with at least"):
        encode_source(source, tmp_path, window=late, tile="xtest")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["source_name", "harmonisation"])
def test_an_input_recipe_says_something(source: Path, tmp_path: Path, option: str) -> None:
    """An empty word in the input recipe, by which codes are compared, is refused before anything is read."""
    with pytest.raises(UsageError, match="got an empty source name or harmonisation"):
        encode_source(source, tmp_path, window=YEAR_2020, tile="xtest", **{option: " "})
    assert list(tmp_path.iterdir()) == []
