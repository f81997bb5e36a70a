"""Measure `stac esd encode` on a simulated tile-year in the real layout of SDC30: speed by stage, memory, hours a tile.

    tile_benchmark.py --folder /scratch         the full size: 13 GB are written to --folder, and removed in the end
    tile_benchmark.py --rows 40 --dates 12      the same road in a minute

Whole rows of the tile are encoded in processes of their own, by one worker and by as many as there are cores. Two plain
scripts that use the same network (scripts/naive_encoder.py) run beside them. Each block of rows is one measurement of
processor time: its spread is that of the middle four fifths of the blocks. By the clock, a quarter of the run is one.
However this process ends, and be it by `kill -9`, what it started ends too, and the files go.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from process_memory import measured
from simulated_tile import PARENT_BYTES, TILE, TILE_ROWS, YEAR, write_tile

from stactools_esd.product import TILE_PIXELS
from stactools_esd.sources.sdc30 import PARENT_PIXELS

SCRIPTS = Path(__file__).resolve().parent
WHOLE = TILE_PIXELS * TILE_PIXELS


def encode(source: str, destination: str, options: str) -> None:
    """Encode rows of the tile, and print what each block took as JSON; runs in a process of its own."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    from stactools_esd.encoder.encode import encode_source
    from stactools_esd.observations import YearWindow

    blocks: list[dict[str, Any]] = []

    def add(news: Any) -> None:
        clocks = {"wall": time.monotonic(), "cpu": time.process_time()}
        blocks.append({"pixels": news.block.height * news.block.width, "seconds": news.seconds, **clocks})

    started = time.monotonic()
    encode_source(source, destination, window=YearWindow(year=YEAR), tile=TILE, on_block=add, **json.loads(options))
    ended = {"wall": time.monotonic(), "cpu": time.process_time()}
    made = sum(path.stat().st_size for path in Path(destination).rglob("*") if path.is_file())
    print(json.dumps({"start": started, "blocks": blocks, "end": ended, "bytes": made}))


def end_with_parent() -> None:
    """End this process when the one that started it is gone."""
    sys.stdin.read()
    os._exit(1)


@contextmanager
def lent_folder(where: Path | None) -> Iterator[Path]:
    """Lend a folder that is removed when this process ends, however it ends."""
    folder = Path(tempfile.mkdtemp(prefix="tile-benchmark-", dir=where))
    # It waits for its standard input to close, which the system does when this process ends; then what is written by
    # processes that are just ending too may be in the way of the first attempts.
    script = 'cat > /dev/null; for i in 1 2 3 4 5 6 7 8 9; do rm -rf -- "$1" && break; sleep 1; done'
    with subprocess.Popen(
        ["sh", "-c", script, "sh", folder], stdin=subprocess.PIPE, start_new_session=True, stderr=subprocess.DEVNULL
    ) as remover:
        try:
            yield folder
        finally:
            if remover.stdin is not None:
                remover.stdin.close()
            remover.wait()


def said_by(words: Sequence[str | Path]) -> tuple[dict[str, Any], int]:
    """Run a script in another process; return what it reports, and the peak of its processes in bytes."""
    code, said, peak = measured([sys.executable, *words])
    if code:
        sys.exit(f"Error: {Path(words[0]).name} left with {code}")
    return json.loads(said.splitlines()[-1]), peak


class Figures:
    """Figures for the documentation, printed as a table for people, too."""

    def __init__(self, n: int) -> None:
        self.n = n

    def add(self, key: str, values: float | Sequence[float], unit: str, words: str) -> None:
        """Print a value, or a value with its lower and its upper bound."""
        value, *spread = [float(f"{each:.4g}") for each in np.atleast_1d(values)]
        between = f" ({spread[0]:g} to {spread[1]:g})" if spread else ""
        print(f"{words:58} {value:9g} {unit}{between}")
        found = {"key": f"encode.{key}", "value": value, "unit": unit, "n": self.n, "split": "simulated"}
        print("FIGURE", json.dumps(found | ({"spread": spread} if spread else {})), flush=True)


def rate(pixels: np.ndarray, seconds: np.ndarray) -> list[float]:
    """Return pixels a second over all blocks, and the range of the middle four fifths of them."""
    seconds = np.maximum(seconds, 1e-9)
    return [pixels.sum() / seconds.sum(), *np.quantile(pixels / seconds, [0.1, 0.9])]


def report_stages(figures: Figures, report: dict[str, Any]) -> None:
    """Report what one worker took for each stage, in processor time."""
    blocks = report["blocks"][1:] or report["blocks"]  # the first one loads what was compiled, too
    pixels = np.array([block["pixels"] for block in blocks], float)
    took = {stage: np.array([block["seconds"][stage] for block in blocks]) for stage in blocks[0]["seconds"]}
    # Assembling codes, pictures and item follows the last block, and is shared among all.
    assembling = report["end"]["cpu"] - blocks[-1]["cpu"]
    took["write"] = took.pop("store") + assembling * pixels / sum(block["pixels"] for block in report["blocks"])
    for stage, seconds in took.items():
        figures.add(f"{stage}_px_per_s", rate(pixels, seconds), "pixels/s and core", f"{stage}, processor time")
    written = report["bytes"] * WHOLE / sum(block["pixels"] for block in report["blocks"]) / 1e9
    figures.add("output_gb", written, "GB", "files of the item of a whole tile")
    figures.add("px_per_cpu_s", rate(pixels, sum(took.values())), "pixels/s and core", "all stages, processor time")


def report_run(figures: Figures, report: dict[str, Any], peak: int, workers: int, *, headline: bool) -> None:
    """Report speed and memory of a run, and how long the whole tile takes at that speed."""
    blocks = report["blocks"]
    pixels = np.array([block["pixels"] for block in blocks], float)
    times = np.array([block["wall"] for block in blocks])
    # The first groups of all workers come from nothing: what follows them is the steady state.
    parts = [part for part in np.array_split(np.arange(1, len(blocks)), 4) if len(part)]
    rates = [pixels[part].sum() / (times[part[-1]] - times[part[0] - 1]) for part in parts] or [
        pixels[0] / (times[0] - report["start"])
    ]
    steady = pixels[1:].sum() / (times[-1] - times[0]) if len(blocks) > 1 else rates[0]
    start, end = times[0] - report["start"], report["end"]["wall"] - times[-1]
    ends = end * WHOLE / pixels.sum()
    hours = [(start + ends + WHOLE / each) / 3600 for each in (steady, max(rates), min(rates))]
    said = f"workers: {workers}, "
    for suffix in (f".workers_{workers}", *([""] if headline else [])):
        figures.add(f"px_per_s{suffix}", [steady, min(rates), max(rates)], "pixels/s", f"{said}by the clock")
        figures.add(f"peak_gb{suffix}", peak / 1e9, "GB", f"{said}peak of all processes, at most")
        figures.add(f"tile_hours{suffix}", hours, "h", f"{said}hours of a whole tile")
    print(f"{said}{start:.1f} s to the first block, {end:.1f} s from the last to the item")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=PARENT_PIXELS, help="rows of the files that hold data")
    parser.add_argument("--dates", type=int, default=91, help="files, four days apart")
    parser.add_argument("--library", dest="distinct", type=int, default=64_000, help="distinct pixel-years")
    parser.add_argument("--encoded-rows", type=int, default=768, help="rows that are encoded")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}), help="each is a run"
    )
    parser.add_argument("--memory", default="8GB", help="what all processes of a run may take together")
    parser.add_argument("--fill", default="linear", help="linear or gp")
    parser.add_argument("--encoder", default="esdnet-small", help="name of the encoder")
    parser.add_argument("--folder", type=Path, help="where the files are written, and removed in the end")
    return parser.parse_args()


def check_room(folder: Path | None, asked: argparse.Namespace) -> None:
    """Leave where the disk is too small, before anything is written."""
    folder = folder or Path(tempfile.gettempdir())
    if not folder.is_dir():
        sys.exit(f"Error: got {folder}, expected a folder; make it or name another --folder")
    needed = asked.dates * PARENT_BYTES * asked.rows / PARENT_PIXELS
    free = shutil.disk_usage(folder).free
    if free < 1.1 * needed:
        sys.exit(
            f"Error: got {free / 1e9:.0f} GB free in {folder}, expected {1.1 * needed / 1e9:.0f} GB; name another "
            "--folder, or fewer --rows or --dates"
        )


def main() -> None:
    """Write, encode, compare, report, remove."""
    asked = parse()
    from stactools_esd.memory import parse_memory

    memory = parse_memory(asked.memory)
    rows = min(asked.encoded_rows, asked.rows, TILE_PIXELS)
    first = (asked.rows - rows) // 2 // TILE_ROWS * TILE_ROWS
    check_room(asked.folder, asked)
    print(f"load of this machine before: {', '.join(f'{load:.1f}' for load in os.getloadavg())}", flush=True)
    with lent_folder(asked.folder) as folder:
        source = folder / "sdc30"
        source.mkdir()
        started = time.monotonic()
        paths = list(write_tile(source, rows=asked.rows, dates=asked.dates, distinct=asked.distinct))
        written = sum(path.stat().st_size for path in paths)
        print(f"{len(paths)} files, {written / 1e9:.2f} GB, in {time.monotonic() - started:.0f} s", flush=True)
        tile_bytes = written * PARENT_PIXELS / asked.rows * 91 / asked.dates
        Figures(len(paths)).add("input_gb", tile_bytes / 1e9, "GB", "files of a tile-year of 91 dates")
        figures = Figures(rows * TILE_PIXELS)
        for workers in asked.workers:
            options = {
                "part": [first, 0, rows, TILE_PIXELS], "workers": workers, "memory": memory, "fill": asked.fill,
                "encoder": asked.encoder,
            }  # fmt: skip
            words = [source, folder / f"tiles-{workers}", json.dumps(options)]
            report, peak = said_by([__file__, "--only-encode", *words])
            if workers == 1:
                report_stages(figures, report)
            report_run(figures, report, peak, workers, headline=workers == max(asked.workers))
        for how, words in (("interp", "numpy.interp for each pixel"), ("matrix", "one matrix for all pixels")):
            report, _ = said_by([SCRIPTS / "naive_encoder.py", source, how, str(first), str(min(rows, TILE_ROWS))])
            figures = Figures(report["pixels"])
            speed = report["pixels"] / sum(report["seconds"].values())
            figures.add(f"naive_{how}_px_per_cpu_s", speed, "pixels/s and core", f"plain script, {words}")
            for part, seconds in report["seconds"].items():
                print(f"  {part:56} {report['pixels'] / seconds:9.0f} pixels/s and core")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only-encode"]:
        encode(*sys.argv[2:5])
    else:
        main()
