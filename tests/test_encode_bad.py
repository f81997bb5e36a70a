"""Damaged images and full disks: named, counted, and nothing half-written."""

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from click.testing import CliRunner
from odd_sources import Endless
from tiny_images import OPTIONS, hidden, observations, write_images

from stactools_esd import item_folder
from stactools_esd.cog import open_codes
from stactools_esd.commands import esd
from stactools_esd.encoder import encode, encode_plan
from stactools_esd.encoder.encode import encode_source
from stactools_esd.errors import OutputError, RasterError, SkippedImageWarning
from stactools_esd.sources.find import FoundSource
from stactools_esd.sources.folder import write_folder
from stactools_esd.validate import validate


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Twelve sound images, and a thirteenth that is none."""
    folder = write_images(tmp_path / "images", terrain=False)
    (folder / "SR_20200704.tif").write_bytes(b"no image")
    return folder


def test_damaged_images_are_refused_by_name(source: Path, tmp_path: Path) -> None:
    """Without `skip_bad` a damaged image ends the run, and nothing is left behind."""
    with pytest.raises(RasterError, match="SR_20200704"):
        encode_source(source, tmp_path / "tiles", **OPTIONS)
    assert not (tmp_path / "tiles").exists()


def test_damaged_images_are_passed_over_when_asked(source: Path, tmp_path: Path) -> None:
    """With `skip_bad` the codes are those of the sound images; the item counts the damaged one, without a link."""
    with pytest.warns(SkippedImageWarning, match=r"passed over SR_20200704.tif"):
        made = encode_source(source, tmp_path / "tiles", **OPTIONS, skip_bad=True)
    (source / "SR_20200704.tif").unlink()
    sound = encode_source(source, tmp_path / "sound", **OPTIONS)
    with open_codes(made.codes) as one, open_codes(sound.codes) as other:
        np.testing.assert_array_equal(one.read().codes, other.read().codes)
        assert (one.tags.skipped_images, other.tags.skipped_images) == (1, 0)
    item = json.loads(made.item.read_text())
    assert item["properties"]["esd:skipped_images"] == 1
    assert len([link for link in item["links"] if link["rel"] == "derived_from"]) == 12
    assert "esd:skipped_images" not in json.loads(sound.item.read_text())["properties"]
    assert validate(made.item).problems == []


@pytest.mark.filterwarnings("always::stactools_esd.errors.SkippedImageWarning")
def test_the_command_names_what_it_passes_over_and_succeeds(source: Path, tmp_path: Path) -> None:
    """One line on stderr for each damaged image; the tile was made as asked, so the exit code is 0."""
    words = ["encode", str(source), str(tmp_path / "tiles"), "--year", "2020", "--name", "test", "--skip-bad"]
    result = CliRunner().invoke(esd, words)
    assert result.exit_code == 0, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Warning: passed over SR_20200704.tif")
    refused = CliRunner().invoke(esd, [*words[:-1], "--overwrite"])
    assert refused.exit_code == 1
    assert "SR_20200704" in refused.stderr


def images(monkeypatch: pytest.MonkeyPatch, damaged: set[tuple[int, int]]) -> None:
    """Let every source be twelve images of 11 x 7 pixels, damaged at positions and rows."""
    endless = Endless(shape=(11, 7), count=12, seen=7, damaged=frozenset(damaged))
    found = FoundSource(source=endless, source_type="folder", name="unspecified")
    monkeypatch.setattr(encode_plan, "find_source", lambda *_, **__: found)


@pytest.mark.parametrize("shares", [1, 3])
def test_what_is_taken_of_a_damaged_image_depends_on_the_blocks_alone(
    shares: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image damaged in its middle is missing in the block of the damage, however many blocks are read at once."""
    images(monkeypatch, {(5, 6), (7, 6), (7, 1)})
    monkeypatch.setattr(encode, "_SHARES", shares)  # all blocks in one group, or each in its own
    with pytest.warns(SkippedImageWarning) as said:
        made = encode_source("images", tmp_path, **OPTIONS, skip_bad=True)
    assert sorted(str(one.message).split(":")[0] for one in said) == ["passed over image5", "passed over image7"]
    with open_codes(made.codes) as file:
        counts = file.read().clear_obs
        assert file.tags.skipped_images == 2
    assert counts[:, 0].tolist() == [11] * 4 + [10] * 4 + [12] * 3


def test_a_run_that_stopped_at_a_damaged_image_continues_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished blocks are kept, and `skip_bad` goes on from there; what they passed over is told again."""
    images(monkeypatch, {(5, 9)})
    with pytest.raises(RasterError, match="image5"):
        encode_source("images", tmp_path, **OPTIONS)
    rows: list[int] = []
    with pytest.warns(SkippedImageWarning, match="image5"):
        encode_source("images", tmp_path, **OPTIONS, skip_bad=True, on_block=lambda done: rows.append(done.block.row))
    assert rows == [8]
    assert hidden(tmp_path) == []


def full(*_: Any, **__: Any) -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("place", ["pathlib.Path.write_bytes", "write_code_blocks", "write_visual", "write_json"])
def test_a_full_disk_leaves_nothing_under_the_final_name(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the disk is full, it is one error, no item is there, and the next run goes on."""
    source = write_images(tmp_path / "images", terrain=False)
    with monkeypatch.context() as patched:
        if place.startswith("pathlib"):
            patched.setattr(place, full)
        else:
            patched.setattr(item_folder, place, full)
        with pytest.raises((OutputError, OSError), match=r"No space left|make room"):
            encode_source(source, tmp_path / "tiles", **OPTIONS)
    assert not list((tmp_path / "tiles").glob("esd-*/*.json"))
    made = encode_source(source, tmp_path / "tiles", **OPTIONS)
    assert list((tmp_path / "tiles").iterdir()) == [made.item.parent]
    assert validate(made.item).problems == []


def test_images_of_two_tiles_are_refused(tmp_path: Path) -> None:
    """Two grids in one folder are a mistake, with and without `skip_bad`; nothing is left behind."""
    one, _ = observations()
    write_folder(one, tmp_path / "images")
    moved = type(one)(
        dates=one.dates + 1,
        reflectance=one.reflectance,
        valid=one.valid,
        transform=one.transform * one.transform.translation(20, 0),
        crs=one.crs,
    )
    write_folder(moved, tmp_path / "images")
    for skip_bad in (False, True):
        with pytest.raises(RasterError, match="another grid"):
            encode_source(tmp_path / "images", tmp_path / "tiles", **OPTIONS, skip_bad=skip_bad)
    assert not (tmp_path / "tiles").exists()
