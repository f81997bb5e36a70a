"""Codes of an item back to reflectance of any day."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import synthetic

pytest.importorskip("torch")

from click.testing import CliRunner
from rasterio.warp import transform_bounds
from rio_cogeo.cogeo import cog_validate

from stactools_esd.cog import open_codes, write_codes
from stactools_esd.commands import esd
from stactools_esd.encoder import load_encoder, reconstruct
from stactools_esd.encoder.cards import SHIPPED
from stactools_esd.errors import CatalogError, GridError, IncomparableError, NothingFoundError, UsageError, WeightsError
from stactools_esd.item_folder import write_item
from stactools_esd.names import CodesTags
from stactools_esd.product import BANDS
from stactools_esd.sources.folder import read_folder

DAYS = [date(2020, 7, 1), date(2020, 2, 29)]


def item_of(folder: Path, tags: CodesTags, codes: np.ndarray | None = None) -> Path:
    """Write codes and their item, and return the path of the item."""
    codes = synthetic.random_codes(3, 30, 20, nodata_share=0.2) if codes is None else codes
    path = folder / "codes" / f"{tags.name.stem}.tif"
    place: dict[str, Any] = {"transform": synthetic.AREA_TRANSFORM, "crs": synthetic.AREA_CRS}
    write_codes(path, codes, synthetic.counts(1, *codes.shape[1:]), **place, tags=tags)
    return write_item(path, folder / "items").item


def own(**options: Any) -> CodesTags:
    """Return tags of codes by the shipped encoder."""
    return synthetic.tags(weights_sha256=load_encoder("esdnet-small-v1").identity.weights_sha256, **options)


@pytest.fixture(scope="module")
def item(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An item of random codes by the shipped encoder, a fifth of it without data."""
    return item_of(tmp_path_factory.mktemp("own"), own())


def test_days_are_what_the_decoder_says(item: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file holds the decoder's reflectance of its day, to the nearest 0.0001, whatever is decoded at once."""
    monkeypatch.setattr(reconstruct, "STRIP_BYTES", 2 * 6 * 2 * 20 * 7)  # seven rows of two days
    paths = reconstruct.reconstruct(item, DAYS, tmp_path / "days")
    assert [path.name for path in paths] == [
        "ESD_esdnet-small-v1_xdemo_2020_20200229.tif",
        "ESD_esdnet-small-v1_xdemo_2020_20200701.tif",
    ]
    assert sorted((tmp_path / "days").iterdir()) == paths
    with open_codes(item.parent / "ESD_esdnet-small-v1_xdemo_2020.tif") as codes:
        block = codes.read()
    years = load_encoder("esdnet-small-v1").decode(block.codes.reshape(12, -1).T)
    for path, day in zip(paths, (59, 182), strict=True):
        with rasterio.open(path) as dataset:
            numbers = dataset.read()
        expected = years[:, day].T.reshape(6, 30, 20)
        assert (numbers[:, ~block.valid] == -32768).all()
        error = np.abs(numbers * 0.0001 - expected)[:, block.valid]
        assert error.max() <= 0.00005 + 1e-6


def test_files_say_what_they_hold(item: Path, tmp_path: Path) -> None:
    """Bands have names, scale and nodata; the file is a COG on the grid of the codes."""
    (path,) = reconstruct.reconstruct(item, DAYS[:1], tmp_path)
    with rasterio.open(path) as dataset:
        assert dataset.descriptions == BANDS
        assert (dataset.dtypes, dataset.nodata, set(dataset.scales)) == (("int16",) * 6, -32768, {0.0001})
        assert (dataset.transform, dataset.crs) == (synthetic.AREA_TRANSFORM, synthetic.AREA_CRS)
        assert "2020-07-01" in dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"]
    assert cog_validate(path, strict=False)[0]


def test_what_was_written_can_be_encoded_again(item: Path, tmp_path: Path) -> None:
    """The folder is one of dated images, as `stac esd encode` reads them."""
    reconstruct.reconstruct(item, DAYS, tmp_path)
    images = read_folder(tmp_path)
    assert images.dates.tolist() == sorted(DAYS)
    assert images.valid.any()


def test_parts_are_crops_of_the_whole(item: Path, tmp_path: Path) -> None:
    """A window, or a box in degrees, holds the pixels that the whole has there; the codes COG alone serves, too."""
    (whole,) = reconstruct.reconstruct(item, DAYS[:1], tmp_path / "whole")
    codes = item.parent / "ESD_esdnet-small-v1_xdemo_2020.tif"
    (part,) = reconstruct.reconstruct(codes, DAYS[:1], tmp_path / "part", part=(5, 3, 10, 7))
    left, top = synthetic.AREA_TRANSFORM * (3.4, 5.4)
    right, bottom = synthetic.AREA_TRANSFORM * (9.6, 14.6)
    bbox = transform_bounds(synthetic.AREA_CRS, "EPSG:4326", left, bottom, right, top)
    (boxed,) = reconstruct.reconstruct(item, DAYS[:1], tmp_path / "boxed", bbox=bbox)
    with rasterio.open(whole) as dataset, rasterio.open(part) as cut, rasterio.open(boxed) as box:
        assert cut.transform == box.transform == dataset.transform * dataset.transform.translation(3, 5)
        np.testing.assert_array_equal(cut.read(), dataset.read()[:, 5:15, 3:10])
        np.testing.assert_array_equal(box.read(), cut.read())


def test_parts_elsewhere_are_refused(item: Path, tmp_path: Path) -> None:
    """A box that does not meet the item is "nothing found", one that is none is misuse, and nothing is written."""
    for bbox in ((50.0, 10.0, 51.0, 11.0), (-120.0, -80.0, -119.0, -79.0)):
        with pytest.raises(NothingFoundError, match="expected one that meets"):
            reconstruct.reconstruct(item, DAYS, tmp_path / "out", bbox=bbox)
    with pytest.raises(UsageError, match="west < east"):
        reconstruct.reconstruct(item, DAYS, tmp_path / "out", bbox=(4.0, 51.0, 3.0, 52.0))
    with pytest.raises(GridError, match="30 x 20"):
        reconstruct.reconstruct(item, DAYS, tmp_path / "out", part=(0, 15, 5, 6))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("day", [date(2019, 12, 31), date(2020, 12, 31), date(2021, 1, 1)])
def test_days_outside_the_365_are_misuse(item: Path, tmp_path: Path, day: date) -> None:
    """Codes stand for 365 days, of a leap year without its 31 December."""
    with pytest.raises(UsageError, match="expected days of 2020-01-01 to 2020-12-30"):
        reconstruct.reconstruct(item, [DAYS[0], day], tmp_path / "out")
    with pytest.raises(UsageError, match="got no date"):
        reconstruct.reconstruct(item, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_windows_that_start_later_have_their_own_days(tmp_path: Path) -> None:
    """Day 0 is the first of the window, wherever it lies in the year."""
    item = item_of(tmp_path, own(year=2020, window_start=date(2020, 7, 1)))
    reconstruct.reconstruct(item, [date(2020, 7, 1), date(2021, 6, 30)], tmp_path / "out")
    with pytest.raises(UsageError, match="2020-07-01 to 2021-06-30"):
        reconstruct.reconstruct(item, [date(2021, 7, 1)], tmp_path / "out")


REFUSED = {
    "official-v001": r"weights and decoder are not public.*not into reflectance",
    "esdnet-other-v1": r"got encoder 'esdnet-other-v1', expected one of .*esdnet-small-v1",
    "esdnet-small-v1": r"weights [0-9a-f]{12}\.\., expected esdnet-small-v1 with abababababab\.\.",
}
"""Encoders of codes that cannot be decoded here, and why; the last has the name of one that can, with other weights."""


@pytest.mark.parametrize("label", REFUSED)
@pytest.mark.parametrize("through_item", [True, False])
def test_codes_of_other_encoders_are_refused(label: str, through_item: bool, tmp_path: Path) -> None:
    """Official codes, and codes of weights that are not there, are refused with the reason."""
    item = item_of(tmp_path, synthetic.tags(label))
    path = item if through_item else next(item.parent.glob("*[0-9].tif"))
    with pytest.raises(WeightsError, match=REFUSED[label]):
        reconstruct.reconstruct(path, DAYS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_may_be_given(tmp_path: Path) -> None:
    """Weights of one's own are named by their file; those of another encoder are refused."""
    for suffix in (".safetensors", ".json"):
        shutil.copy(SHIPPED / f"esdnet-small-v1{suffix}", tmp_path / f"mine{suffix}")
    card = json.loads((tmp_path / "mine.json").read_text())
    (tmp_path / "mine.json").write_text(json.dumps(card | {"encoder": "mine-v3"}))
    tags = synthetic.tags("mine-v3", weights_sha256=card["sha256"])
    item = item_of(tmp_path, tags)
    assert reconstruct.reconstruct(item, DAYS, tmp_path / "out", encoder=tmp_path / "mine.safetensors")
    with pytest.raises(WeightsError, match="expected mine-v3"):
        reconstruct.reconstruct(item, DAYS, tmp_path / "out", encoder="esdnet-small-v1")


def test_an_item_that_disagrees_with_its_codes_is_refused(item: Path, tmp_path: Path) -> None:
    """What an item says of its encoder must hold of its file; a document that is no item is one line."""
    folder = Path(shutil.copytree(item.parent, tmp_path / item.parent.name))
    content = json.loads((folder / item.name).read_text())
    content["properties"]["esd:input_recipe"]["source"] = "other"
    (folder / item.name).write_text(json.dumps(content))
    with pytest.raises(IncomparableError, match="'other' against 'simulation'"):
        reconstruct.reconstruct(folder / item.name, DAYS, tmp_path / "out")
    (tmp_path / "no.json").write_text("{}")
    with pytest.raises(CatalogError):
        reconstruct.reconstruct(tmp_path / "no.json", DAYS, tmp_path / "out")


def test_a_failure_leaves_no_file(item: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files appear when all of them are whole."""
    monkeypatch.setattr(reconstruct, "decode_strip", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        reconstruct.reconstruct(item, DAYS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_names_its_files(item: Path, tmp_path: Path) -> None:
    """`stac esd reconstruct` prints one path a line and what to do next, and leaves with 2 for a day outside."""
    words = ["reconstruct", str(item), "--dates", "2020-07-01, 2020-07-16", "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(esd, words)
    assert result.exit_code == 0, result.output
    *paths, next_command = result.stdout.splitlines()
    assert [Path(path).is_file() for path in paths] == [True, True]
    assert next_command == f"next: rio info {paths[0]}"
    outside = CliRunner().invoke(esd, [*words[:3], "2019-07-01", *words[4:]])
    assert outside.exit_code == 2
    both = CliRunner().invoke(esd, [*words, "--window", "0,0,2,2", "--bbox", "3,50,4,51"])
    assert both.exit_code == 2
    assert "both --window and --bbox" in both.stderr
