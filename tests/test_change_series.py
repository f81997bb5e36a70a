"""`change series`: every break of a place, filtered before it is chosen, in bounded memory."""

import csv
import json
from pathlib import Path
from typing import Any

import changing
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.change import series
from esd_tasks.change.events import Events
from esd_tasks.change.request import SeriesRequest
from esd_tasks.change.series import plan_series, run_series
from esd_tasks.map_run import MapResult
from stactools_esd.errors import NothingFoundError, UsageError

YEARS = tuple(range(2011, 2019))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight years of a place with patches that changed."""
    folder = tmp_path_factory.mktemp("years")
    changing.write_place(folder / "codes", YEARS)
    return folder


def run(place: Path, output: Path, **options: Any) -> MapResult:
    """Run the task on the place."""
    return run_series(plan_series(SeriesRequest(catalog=str(place / "codes"), output=output, **options)))


def read(result: MapResult, name: str) -> dict[str, NDArray[Any]]:
    """Read the bands of a raster by name."""
    with rasterio.open(result.paths[name]) as dataset:
        return dict(zip(dataset.descriptions, dataset.read(), strict=True))


@pytest.fixture(scope="module")
def whole(place: Path, tmp_path_factory: pytest.TempPathFactory) -> MapResult:
    """The breaks of the place, with their table."""
    return run(place, tmp_path_factory.mktemp("whole") / "out", table="csv")


def test_break_years_are_those_of_the_place(whole: MapResult) -> None:
    """Patches have their year, the rest 0, pixels without data 65535."""
    largest, truth = read(whole, "breaks")["largest"], changing.break_years(YEARS)
    assert (largest[:4] == 65_535).all()
    told = truth[4:] != changing.NEVER
    assert (largest[4:][told] == truth[4:][told]).mean() > 0.9
    assert (largest[4:][~told] == 0).mean() > 0.97


def test_bands_agree_with_each_other(whole: MapResult) -> None:
    """count, first, last and largest are those of break_1 .. break_n, magnitudes and durations of the same breaks."""
    breaks, magnitude, duration = (read(whole, name) for name in ("breaks", "magnitude", "duration"))
    n = whole.record["result"]["events_with_bands"]
    slots = np.stack([breaks[f"break_{k}"] for k in range(1, n + 1)])[:, 4:]
    there = slots > 0
    assert (there.sum(axis=0) == breaks["count"][4:]).all()
    assert (np.where(there, slots, 9999).min(axis=0)[there.any(axis=0)] == breaks["first"][4:][there.any(axis=0)]).all()
    assert (slots.max(axis=0) == breaks["last"][4:]).all()
    size = np.stack([magnitude[f"magnitude_{k}"] for k in range(1, n + 1)])[:, 4:]
    assert (np.isfinite(size) == there).all()
    np.testing.assert_array_equal(
        np.nanmax(size[:, there.any(axis=0)], axis=0), magnitude["magnitude_largest"][4:][there.any(axis=0)]
    )
    lasting = np.stack([duration[f"duration_{k}"] for k in range(1, n + 1)])[:, 4:]
    assert ((lasting > 0) == there).all()


def test_the_table_has_every_break(whole: MapResult) -> None:
    """A row a break, with place, years, magnitude and duration; as many as the bands count."""
    with whole.paths["events_csv"].open() as file:
        rows = list(csv.DictReader(file))
    breaks = read(whole, "breaks")
    assert len(rows) == breaks["count"][4:].sum()
    with rasterio.open(whole.paths["breaks"]) as dataset:
        for row in rows[:20]:
            at = dataset.index(float(row["x"]), float(row["y"]))
            assert at == (int(row["row"]), int(row["column"]))
            assert int(row["break_year"]) in [breaks[name][at] for name in breaks if name.startswith("break_")]
            assert int(row["last_before"]) < int(row["break_year"])


def test_the_table_comes_as_parquet_too(place: Path, whole: MapResult, tmp_path: Path) -> None:
    """The rows and the numbers are those of the CSV."""
    import pandas

    found = run(place, tmp_path / "out", table="parquet")
    pandas.testing.assert_frame_equal(
        pandas.read_parquet(found.paths["events_parquet"]),
        pandas.read_csv(whole.paths["events_csv"]),
        check_dtype=False,
    )


def test_the_folder_says_what_was_done(whole: MapResult) -> None:
    """Item over all years, record with penalty and false alarms, baseline beside, no word of area as fact."""
    item = json.loads(whole.paths["item"].read_text())
    assert item["properties"]["start_datetime"].startswith("2011-01-01")
    assert item["properties"]["end_datetime"].startswith("2018-12-31")
    assert {"breaks", "magnitude", "duration", "thumbnail", "style", "events_csv", "run"} <= set(item["assets"])
    assert whole.record["result"]["penalty"] > 0
    assert any("baseline" in note for note in whole.notes)
    assert any("--min-last 1" in note for note in whole.notes)
    assert sorted(path.name for path in whole.folder.iterdir()) == sorted(path.name for path in whole.paths.values())


def test_blocks_do_not_show(place: Path, whole: MapResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks give the same rasters, with patches judged across their borders."""
    monkeypatch.setattr(series, "BLOCK_PIXELS", 17)
    monkeypatch.setattr(series, "_ROWS", 50)
    cut = run(place, tmp_path / "cut", table="csv")
    for name in ("breaks", "magnitude", "duration"):
        for band, values in read(whole, name).items():
            np.testing.assert_array_equal(values, read(cut, name)[band])
    patched = run(place, tmp_path / "patched", min_patch=5)
    monkeypatch.undo()
    once = run(place, tmp_path / "once", min_patch=5)
    np.testing.assert_array_equal(read(patched, "breaks")["largest"], read(once, "breaks")["largest"])
    assert read(once, "breaks")["largest"][25, 70] == 0
    assert (read(once, "breaks")["largest"][30:40, 40:60] == YEARS[2]).mean() > 0.9


def test_filters_come_before_events_are_chosen() -> None:
    """Where the largest break of a pixel is filtered away, the next one is the largest, and first and last follow."""
    events = Events(
        pixel=np.array([0, 0, 1], np.int32),
        year=np.array([2, 5, 3], np.uint8),
        magnitude=np.array([0.2, 0.9, 0.5], np.float32),
        strength=np.ones(3, np.float32),
        duration=np.ones(3, np.uint8),
        since=np.zeros(3, np.int16),
    )
    assert events.largest().year.tolist() == [5, 3]
    assert events.only(np.array([True, False, True])).largest().year.tolist() == [2, 3]
    chosen, slot = events.slots(1)
    assert (chosen.year.tolist(), slot.tolist()) == ([5, 3], [0, 0])
    assert events.slots(9)[1].tolist() == [0, 1, 0]


def test_a_cap_on_bands_keeps_the_largest_and_says_so(place: Path, tmp_path: Path) -> None:
    """--max-events 1 gives one band of breaks, that of the largest."""
    result = run(place, tmp_path / "out", max_events=1, false_alarms=0.3)
    breaks = read(result, "breaks")
    assert [name for name in breaks if name.startswith("break_")] == ["break_1"]
    np.testing.assert_array_equal(breaks["break_1"], breaks["largest"])
    if result.record["result"]["most_events_of_a_pixel"] > 1:
        assert any("--table" in note for note in result.notes)


def test_a_killed_run_continues(place: Path, whole: MapResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that were finished are not made again, and the result is the same."""
    with monkeypatch.context() as patch:
        patch.setattr("esd_tasks.change.series_outputs.write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(place, tmp_path / "out", table="csv")
    monkeypatch.setattr(series, "_find", lambda *_: pytest.fail("a finished block was made again"))
    again = run(place, tmp_path / "out", table="csv")
    np.testing.assert_array_equal(read(again, "breaks")["largest"], read(whole, "breaks")["largest"])
    assert run(place, tmp_path / "out", table="csv").already_done


def test_two_years_are_no_series(place: Path) -> None:
    """Fewer than three years end with the command that fits; unsound options are named."""
    with pytest.raises(NothingFoundError, match="change pair"):
        plan_series(SeriesRequest(catalog=str(place / "codes"), years="2011,2012"))
    for options, said in (({"false_alarms": 0.0}, "--false-alarms"), ({"min_years": 0}, "--min-years")):
        with pytest.raises(UsageError, match=said):
            SeriesRequest(**options)  # type: ignore[arg-type]


def test_the_command_line(place: Path, tmp_path: Path) -> None:
    """Breaks by year, notes, paths and the next step; --dry-run writes nothing; a missing year leaves with 3."""
    words = ["change", "series", "--catalog", str(place / "codes"), "-o", str(tmp_path / "out")]
    dry = CliRunner().invoke(cli.app, [*words, "--years", "2011-2018", "--dry-run"])
    assert "8 of them" in dry.stdout
    assert not (tmp_path / "out").exists()
    done = CliRunner().invoke(cli.app, [*words, "--years", "2011-2018"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert any(line.startswith("pixels with a break:") for line in lines)
    assert lines[-1].startswith("next: ")
    assert json.loads((tmp_path / "out" / "run.json").read_text())["command"].startswith("esd-tasks change series")
    missing = CliRunner().invoke(cli.app, [*words, "--years", "2009-2012"])
    assert missing.exit_code == 3
    assert "2009, 2010" in missing.stderr
