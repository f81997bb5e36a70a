"""Many clients at once, and run after run in one process: right answers, and memory that does not grow by them."""

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import archive  # noqa: E402
import load  # noqa: E402

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured by Linux's count")

LEFT_BEHIND = 20.0
"""Megabytes that small runs may leave behind; a tile of 48 x 48 pixels of six years is less than one."""


def test_clients_at_once_get_right_answers() -> None:
    """Of four clients in four seconds every answer is that of the files, and the server holds less than 200 MB."""
    with load.file_server(ROOT / "catalog") as (files, pid):
        at = load.Place(catalog=f"{files}/catalog.json", files=files)
        met = load.load(at, ROOT / "catalog", [pid], clients=4, seconds=4)
    assert met["errors"] == []
    assert len(met["done"]) > 4
    ((_, peak),) = met["server"]
    assert 10 < peak < 200


def test_memory_that_clients_need_is_told_from_what_they_keep(capsys: pytest.CaptureFixture[str]) -> None:
    """Clients that hand free memory back get right answers; as that takes time, their growth is the only figure."""
    with load.file_server(ROOT / "catalog") as (files, pid):
        at = load.Place(catalog=f"{files}/catalog.json", files=files)
        met = load.load(at, ROOT / "catalog", [pid], clients=2, seconds=3, trims=True)
    assert met["errors"] == []
    load.report(met, 2, "files", trims=True)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("FIGURE"))
    assert '"trust.load_trimmed_client_growth_mb"' in line


def test_a_wrong_answer_is_an_error(tmp_path: Path) -> None:
    """A server of other files is found out: the comparison is not with itself."""
    for path in sorted((ROOT / "catalog").rglob("*.json")):
        place = tmp_path / path.relative_to(ROOT / "catalog")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{path.read_text()}\n")
    known = {("document", "files", ("catalog.json",)): load.from_files(ROOT / "catalog", "document", ("catalog.json",))}
    with load.file_server(tmp_path) as (files, _):
        (asked,) = known
        assert load.ask_document(files, "catalog.json") != known[asked]


def test_the_server_ends_with_its_caller() -> None:
    """Nothing listens afterwards."""
    with load.file_server(ROOT / "catalog") as (files, _):
        pass
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{files}/catalog.json", timeout=5)


@pytest.mark.parametrize(("grown", "samples"), [(0.0, [5.0] * 40), (10.0, [float(at // 10) * 5 for at in range(40)])])
def test_growth_is_told_from_a_level(grown: float, samples: list[float]) -> None:
    """Of the last quarter over the second one, in medians."""
    assert load.growth([(float(at), value) for at, value in enumerate(samples)], 0.0, 40.0) == grown


def test_growth_of_runs_is_a_slope() -> None:
    """What runs add up to, without the first quarter of them, which warms up; with its error."""
    assert archive.growth([900.0] * 5 + [100.0] * 15) == (pytest.approx(0), pytest.approx(0))
    grown, error = archive.growth([100.0 + 2 * run for run in range(20)])
    assert grown == pytest.approx(40)
    assert error == pytest.approx(0, abs=1e-6)


def test_runs_through_an_archive_leave_nothing_behind(tmp_path: Path) -> None:
    """Three tiles of four years through `change series`, `classify` and `predict` in one process."""
    words = [sys.executable, str(ROOT / "benchmarks" / "archive.py"), "--tiles", "3", "--years", "4", "--side", "32"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True)
    figures = [line for line in done.stdout.splitlines() if line.startswith("FIGURE ")]
    assert len(figures) == 4
    peaks = [float(word) for word in done.stderr.splitlines()[-1].split()[1:-1]]
    assert len(peaks) == 4
    assert peaks[-1] - peaks[1] < LEFT_BEHIND
    assert list(tmp_path.iterdir()) == []
