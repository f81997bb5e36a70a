"""The benchmark of a whole tile runs at any size and leaves nothing behind, however it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import runs, wait_for

pytest.importorskip("torch")

SCRIPT = Path(__file__).parent.parent / "scripts" / "tile_benchmark.py"
SMALL = ["--rows", "4", "--encoded-rows", "2", "--dates", "6", "--library", "64", "--workers", "1"]

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured by Linux's count")


def test_the_benchmark_reports_its_figures_and_cleans_up(tmp_path: Path) -> None:
    """Files in the layout of SDC30 are written, rows encoded, figures printed with their n, and all is removed."""
    done = subprocess.run([sys.executable, SCRIPT, *SMALL, "--folder", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix("FIGURE ") for line in done.stdout.splitlines() if line.startswith("FIGURE ")]
    figures = {figure["key"]: figure for figure in map(json.loads, lines)}
    stages = {f"encode.{stage}_px_per_s" for stage in ("read", "prepare", "encode", "write")}
    naive = {f"encode.naive_{how}_px_per_cpu_s" for how in ("interp", "matrix")}
    runs = {f"encode.{key}{ending}" for key in ("px_per_s", "peak_gb", "tile_hours") for ending in ("", ".workers_1")}
    files = {"encode.input_gb", "encode.output_gb"}
    assert set(figures) == stages | naive | runs | files | {"encode.px_per_cpu_s"}
    assert all(figure["value"] > 0 for figure in figures.values())
    assert all(figures[key]["n"] == 7200 for key in stages | runs)
    assert len(figures["encode.read_px_per_s"]["spread"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_killed_benchmark_frees_its_disk(tmp_path: Path) -> None:
    """After `kill -9`, while it encodes, files and processes go."""
    words = [sys.executable, SCRIPT, *SMALL, "--folder", tmp_path]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: any(tmp_path.rglob("tiles-1/.*")))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(process.pid, signal.SIGKILL)
    assert len(children) == 2  # one encodes, one waits to remove
    wait_for(lambda: not list(tmp_path.iterdir()))
    wait_for(lambda: not any(runs(int(pid)) for pid in children))


def test_a_small_disk_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """One line that says what is there and what is needed."""
    words = [sys.executable, SCRIPT, "--dates", "100000000", "--folder", tmp_path]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: got ")
    assert "free in" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
