"""The benchmark of a whole tile runs at any size and leaves nothing behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

SCRIPT = Path(__file__).parent.parent / "scripts" / "tile_benchmark.py"


def test_the_benchmark_reports_its_figures_and_cleans_up(tmp_path: Path) -> None:
    """Files in the layout of SDC30 are written, rows of the tile encoded, three figures printed, and all is removed."""
    words = ["--rows", "4", "--encoded-rows", "2", "--dates", "6", "--library", "64", "--workers", "1", "--folder"]
    done = subprocess.run([sys.executable, SCRIPT, *words, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix("FIGURE ") for line in done.stdout.splitlines() if line.startswith("FIGURE ")]
    figures = {figure["key"]: figure for figure in map(json.loads, lines)}
    assert {"encode.px_per_s", "encode.peak_gb", "encode.tile_hours"} <= set(figures)
    assert all(figure["value"] > 0 and figure["n"] == 7200 for figure in figures.values())
    assert list(tmp_path.iterdir()) == []
