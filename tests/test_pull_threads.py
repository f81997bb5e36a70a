"""However many threads read, results are the same bytes, failures the same lines, and open files few."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from neighbours import CORNER, FOUR, to_wgs84
from pulled_area import damage, planned, write_two_years

from esd_tasks import pull_run
from esd_tasks.codes_item import CodesItem
from esd_tasks.items import find_items
from esd_tasks.panel import plan as panel_plan
from esd_tasks.panel import run as panel_run
from esd_tasks.panel.request import PanelRequest
from esd_tasks.pull_points import make_points_plan, run_points
from esd_tasks.pull_request import PullRequest
from esd_tasks.pull_result import PullResult
from esd_tasks.pull_run import run_plan
from esd_tasks.pull_threads import AHEAD, SeriesReaders
from stactools_esd.codes_file import CodesFile


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiles in two years, two of the files damaged."""
    folder = write_two_years(tmp_path_factory.mktemp("tiles"))
    for name in ("31UES_2020", "31UDR_2019"):
        damage(folder / f"ESD_esdnet-small-v1_{name}.tif")
    return folder


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make much work of a small area."""
    monkeypatch.setattr(pull_run, "BLOCK_PIXELS", 16)
    monkeypatch.setattr(panel_run, "GROUP_UNITS", 2)


def digests(result: PullResult) -> dict[str, str]:
    """Return the SHA-256 of every file of a result but its record."""
    files = [path for path in sorted(result.folder.rglob("*")) if path.is_file() and ".partial" not in path.parts]
    return {
        path.relative_to(result.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != "run.json"
    }


def of_area(tiles: Path, folder: Path, threads: int, **options: Any) -> PullResult:
    """Pull an area."""
    return run_plan(planned(tiles, folder, threads=threads, **options))


def of_places(tiles: Path, folder: Path, threads: int, *, units: bool) -> PullResult:
    """Pull points, or a panel of the units around them."""
    folder.mkdir()
    places = [shapely.Point(to_wgs84(32631, CORNER[0] + 97 * k, CORNER[1] + 83 * k)) for k in range(-6, 7)]
    places = [place.buffer(0.0004) for place in places] if units else places
    geopandas.GeoDataFrame({"id": range(13)}, geometry=places, crs=4326).to_file(folder / "places.gpkg")
    given: dict[str, Any] = {"catalog": str(tiles), "output": folder / "out", "threads": threads}
    if units:
        given["pixels"] = "each-year"
        return panel_run.run_plan(panel_plan.make_plan(PanelRequest(units=folder / "places.gpkg", **given)))
    return run_points(make_points_plan(PullRequest(points=folder / "places.gpkg", **given)))


@pytest.mark.parametrize("kind", ["geotiff", "levels", "geoparquet", "points", "units"])
def test_any_number_of_threads_gives_the_same_bytes(kind: str, tiles: Path, tmp_path: Path) -> None:
    """Files, counts, and what could not be read with its words are those of one thread."""
    results = []
    for threads in (1, 3):
        folder = tmp_path / str(threads)
        if kind in ("points", "units"):
            results.append(of_places(tiles, folder, threads, units=kind == "units"))
        else:
            options = {"levels": True} if kind == "levels" else {"format": kind}
            results.append(of_area(tiles, folder, threads, **options))
    one, three = results
    assert digests(one)
    assert digests(one) == digests(three)
    assert (one.valid, one.missing, one.notes) == (three.valid, three.missing, three.notes)
    assert len(one.missing) == 2


def test_threads_finish_what_one_began(tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed run goes on with other threads, and reads no finished block again."""
    whole = of_area(tiles, tmp_path / "whole", 1)
    read, count = CodesFile.read, [0]

    def counted(self: CodesFile, window: Any = None) -> Any:
        count[0] += 1
        if count[0] == 15:
            raise KeyboardInterrupt
        return read(self, window)

    monkeypatch.setattr(CodesFile, "read", counted)
    with pytest.raises(KeyboardInterrupt):
        of_area(tiles, tmp_path / "killed", 3)
    assert digests(of_area(tiles, tmp_path / "killed", 2)) == digests(whole)


def test_work_is_taken_a_little_ahead_and_given_back_in_order(tiles: Path) -> None:
    """Results come in the order of the work, which is not taken all at once: memory stays that of some blocks."""
    taken = []

    def work() -> Iterator[int]:
        for piece in range(40):
            taken.append(piece)
            yield piece

    most = 0
    with SeriesReaders(find_items(tiles), 3) as readers:
        for position, result in enumerate(readers.each(lambda _, piece: piece, work())):
            assert result == position
            most = max(most, len(taken) - position)
    assert most <= AHEAD * 3 + 1


def test_open_files_are_few_however_many_threads(tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads together keep no more files open than one bound, and close them in the end."""
    opened: set[int] = set()
    most = [0]
    open_item, close = CodesItem.open, CodesFile.close

    def count(self: CodesItem) -> CodesFile:
        file = open_item(self)
        opened.add(id(file))
        most[0] = max(most[0], len(opened))
        return file

    monkeypatch.setattr(CodesItem, "open", count)
    monkeypatch.setattr(CodesFile, "close", lambda self: opened.discard(id(self)) or close(self))
    monkeypatch.setattr("esd_tasks.pull_threads.MOST_OPEN", 12)
    copy = tmp_path / "tiles"
    shutil.copytree(tiles, copy)
    assert len(FOUR) * 2 * 3 > 12
    of_area(copy, tmp_path / "out", 3)
    assert 0 < most[0] <= 12
    assert not opened
