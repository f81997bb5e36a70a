"""The Harvard row goes the road of Landsat scenes: nothing is lost on it, and what is left out is not looked at."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

import rasterio
from click.testing import CliRunner
from rasterio.windows import Window

from stactools_esd.codes_file import open_codes
from stactools_esd.commands import esd
from stactools_esd.encoder import load_encoder
from stactools_esd.encoder.real_sets import REAL_SETS
from stactools_esd.product import NODATA_CODE
from stactools_esd.sources.landsat import open_landsat
from stactools_esd.sources.landsat_qa import PIXEL_BITS, UNUSABLE
from stactools_esd.sources.landsat_scene import SCALE
from stactools_esd.sources.source import read

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.syspath_prepend(SCRIPTS)
    for name in ("harvard_row", "harvard_picture"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return __import__("harvard_row")


def write_file(folder: Path, pixels: int = 12, years: tuple[int, ...] = (1985, 2001)) -> dict[str, np.ndarray]:
    """Write a file in the layout of the row: eight or nine dates a year, from 1999 on of ETM+ too, clouds and snow."""
    start = np.datetime64("1984-06-10")
    every = start + 8 * np.arange(0, 30 * 365 // 8)
    of_year = every.astype("datetime64[Y]").astype(int) + 1970
    tm = (every - start).astype(int) % 16 == 0
    chosen = [every[(of_year == year) & (tm | (year > 1999))][:: 5 if year > 1999 else 3] for year in years]
    dates = np.concatenate(chosen)
    generator = np.random.default_rng(0)
    values = np.round(generator.uniform(0.02, 0.4, (pixels, len(dates), 6)), 4).astype(np.float32)
    fmask = generator.choice([0, 1, 2, 3, 4, 255], (pixels, len(dates)), p=[0.8, 0.02, 0.03, 0.05, 0.05, 0.05])
    values[0, 0], values[1, 1, 3], fmask[:2, :2] = 1.3, -0.01, 0
    values[fmask == 255] = np.nan
    inside = ((values > 0) & (values < 1.2)).all(axis=2)
    arrays = {"X": values, "dates": dates, "fmask": fmask.astype(np.uint8), "clear": (fmask <= 1) & inside}
    path = folder / REAL_SETS["harvard_first_150"].path
    path.parent.mkdir(parents=True)
    np.savez(path, **arrays)
    return arrays | {"path": np.array(str(path))}


def test_the_row_comes_back_from_its_scenes(script: ModuleType, tmp_path: Path) -> None:
    """Reflectance returns within half a step of the archive, and what the file calls clear, or snow, is valid."""
    row = write_file(tmp_path)
    grid = script.write_row(Path(str(row["path"])), (2, 11), tmp_path / "scenes")
    source = open_landsat(tmp_path / "scenes", grid)
    back, _ = read(source, Window(0, 0, 9, 1), range(len(source.dates)))
    np.testing.assert_array_equal(source.dates, row["dates"])
    clear, snow = row["clear"][2:11].T, row["fmask"][2:11].T == 3
    np.testing.assert_array_equal(back.valid[:, :, 0], np.broadcast_to((clear | snow)[:, None], (len(clear), 6, 9)))
    given = row["X"][2:11].transpose(1, 2, 0).astype(np.float64)
    distance = np.abs(back.reflectance[:, :, 0] - given)[back.valid[:, :, 0]]
    assert distance.max() <= SCALE / 2 + 1e-7
    without_snow = open_landsat(tmp_path / "scenes", grid, unusable=[*UNUSABLE, "snow"])
    valid = read(without_snow, Window(0, 0, 9, 1), range(len(source.dates)))[0].valid[:, 0, 0]
    np.testing.assert_array_equal(valid, clear)


def test_classes_become_bits_of_qa_pixel(script: ModuleType, tmp_path: Path) -> None:
    """Cloud, shadow, snow and water set their own bit and no other, and clouds keep their values; fill is fill."""
    row = write_file(tmp_path)
    script.write_row(Path(str(row["path"])), (0, 12), tmp_path / "scenes")
    bits = {1: "water", 2: "cloud_shadow", 3: "snow", 4: "cloud"}
    inside = ((row["X"] > 0) & (row["X"] < 1.2)).all(axis=2)
    folders = sorted((tmp_path / "scenes").iterdir(), key=lambda folder: folder.name[17:25])
    for position, folder in enumerate(folders):
        with (
            rasterio.open(folder / f"{folder.name}_QA_PIXEL.TIF") as quality,
            rasterio.open(folder / f"{folder.name}_SR_B4.TIF") as nir,
        ):
            numbers, values = quality.read(1)[0], nir.read(1)[0]
        seen = inside[:, position]
        np.testing.assert_array_equal(numbers & 1, ~seen)
        np.testing.assert_array_equal(values > 0, seen)
        for number, flag in bits.items():
            np.testing.assert_array_equal(
                numbers >> PIXEL_BITS[flag] & 1, seen & (row["fmask"][:, position] == number), flag
            )


def test_the_satellites_are_told_apart_by_their_days(script: ModuleType) -> None:
    """Landsat 5 saw the path every 16 days from 10 June 1984; eight days later Landsat 4 did, and 7 from 1999 on."""
    dates = np.array(["1984-06-10", "1987-05-26", "1999-07-06", "1999-07-14", "2011-11-12", "2014-08-24"])
    words = script.satellites(dates.astype("datetime64[D]"))
    assert words == ["LT05", "LT04", "LT05", "LE07", "LT05", "LE07"]
    for day in ("1984-06-11", "2013-04-21"):  # no Landsat's; the 8th's
        with pytest.raises(SystemExit, match="neither Landsat 4, 5 nor 7"):
            script.satellites(np.array([day], "datetime64[D]"))


def test_years_are_of_the_sensors_that_saw_something(script: ModuleType, tmp_path: Path) -> None:
    """A year is of both sensors when each saw some pixel clearly; images of cloud alone do not count."""
    row = write_file(tmp_path, years=(1985, 2001, 2002))
    fmask = row["fmask"].copy()
    later = row["dates"] >= np.datetime64("2002-01-01")
    tm = (row["dates"] - np.datetime64("1984-06-10")).astype(int) % 16 == 0
    fmask[:, later & tm] = 4
    np.savez(Path(str(row["path"])), X=row["X"], dates=row["dates"], fmask=fmask)
    grid = script.write_row(Path(str(row["path"])), (0, 12), tmp_path / "scenes")
    found = script.sensors_of(open_landsat(tmp_path / "scenes", grid))
    assert found == {1985: "tm", 2001: "tm_and_etm", 2002: "etm"}


@pytest.mark.parametrize("fill", ["linear", "gp"])
def test_years_with_few_clear_observations_give_no_codes(script: ModuleType, tmp_path: Path, fill: str) -> None:
    """Six clear observations are enough, five are not, and codes are those that `stac esd encode` writes."""
    row = write_file(tmp_path, years=(1985, 1986))
    values, fmask = np.full_like(row["X"], 0.1), np.zeros_like(row["fmask"])
    first = np.flatnonzero(row["dates"] < np.datetime64("1986-01-01"))
    fmask[3, first[6:]], fmask[4, first[5:]], fmask[5, first] = 4, 4, 255
    np.savez(Path(str(row["path"])), X=values, dates=row["dates"], fmask=fmask)
    scenes = tmp_path / "scenes"
    grid = script.write_row(Path(str(row["path"])), (0, 12), scenes)
    years = script.encode_years(scenes, tmp_path, grid, fill, load_encoder())
    assert len(first) > 6
    assert years.pixel[years.year == 1985].tolist() == [0, 1, 2, 3, *range(6, 12)]
    assert years.pixel[years.year == 1986].tolist() == list(range(12))
    assert (years.clear_obs[(years.year == 1985) & (years.pixel == 3)] == 6).all()
    assert (years.codes != NODATA_CODE).any(axis=1).all()
    like = next(scenes.glob("*/*_SR_B1.TIF"))
    words = ["encode", scenes, tmp_path / "tiles", "--year", 1985, "--name", "row", "--like", like, "--fill", fill]
    context = ["--context", "past"] if fill == "gp" else []
    done = CliRunner().invoke(esd, [*map(str, words), "--source-type", "landsat", *context])
    assert done.exit_code == 0, done.output
    with open_codes(done.stdout.splitlines()[0]) as file:
        block = file.read()
    pixels = years.pixel[years.year == 1985]
    np.testing.assert_array_equal(block.codes[:, 0, pixels].T, years.codes[years.year == 1985])
    np.testing.assert_array_equal(block.clear_obs[0, [3, 4, 5]], [6, 5, 0])


@pytest.mark.parametrize(("words", "pixels"), [([], (0, 150)), (["--test"], (0, 300))])
def test_what_is_left_out_is_read_only_when_asked(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], pixels: tuple[int, int]
) -> None:
    """Without --test nothing but the pixels of training is written, let alone encoded."""
    asked = []

    def stop(_file: Path, chosen: tuple[int, int], _folder: Path) -> Any:
        asked.append(chosen)
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "write_row", stop)
    with pytest.raises(KeyboardInterrupt):
        script.main([str(tmp_path), *words])
    assert asked == [pixels]


def test_figures_and_picture_of_a_small_row(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures of both ways of filling are of one number of pairs, carry the split of their pixels, and are drawn."""
    row = write_file(tmp_path, pixels=104, years=(1985, 1986))
    noise = np.random.default_rng(1).normal(0, 0.002, row["X"].shape)
    values = (0.1 + 0.001 * np.arange(104)[:, None, None] + noise).astype(np.float32)  # no cloud, each its brightness
    np.savez(Path(str(row["path"])), X=values, dates=row["dates"], fmask=np.zeros_like(row["fmask"]))
    monkeypatch.setitem(script.ENCODED, "harvard_first_150", (0, 104))
    picture = tmp_path / "row.png"
    script.main([str(tmp_path), "--work", str(tmp_path / "work"), "--picture", str(picture)])
    lines = [json.loads(line.removeprefix("FIGURE ")) for line in capsys.readouterr().out.splitlines()]
    found = {line["key"]: line for line in lines}
    assert len(found) == len(lines)
    keys = [f"stability.harvard_first_150.{fill}.cosine.1" for fill in ("linear", "gp")]
    assert found[keys[0]]["n"] == found[keys[1]]["n"] > 100
    assert {line["split"] for line in lines} == {"train"}
    assert found["stability.harvard_first_150.pixel_years"]["value"] == 2 * 104
    assert found["stability.harvard_first_150.linear.auc.1"]["value"] > 0.9
    assert picture.stat().st_size > 10_000
