"""Sixteen clients at once on the local file server and the STAC API, for a bounded time: speed, errors, memory.

    load.py                       60 s on the file server: documents, ranges, the index, windows and points
    load.py --api                 the same, with places found by a STAC API on PostgreSQL (`make debian`, extra portals)
    load.py --trim                the growth of clients that hand free memory back to the system after every request
    load.py --seconds 10 --clients 4

Servers are processes of their own on the loopback address; each client is a process that asks one thing after the
other, drawn by its seed. Every answer is compared with the one that was worked out from the files before: an error is
an exception or another answer. Windows and points are read with GDAL's cache of addresses off, so that each is asked
of the server. Memory is what each process holds (RSS): the first quarter of the time warms up, and growth is the median
of the last quarter less that of the second one. Stops by itself.

What a process holds is what its objects need, and what the allocator keeps of what they no longer need. `--trim` tells
them apart, on Linux with glibc: growth that is still there is of objects.
"""

import argparse
import ctypes
import gc
import hashlib
import json
import multiprocessing
import os
import random
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("CPL_VSIL_CURL_NON_CACHED", "/vsicurl/http://127.0.0.1")

import shapely
from rasterio.windows import Window

from esd_tasks.codes_item import CodesItem
from esd_tasks.items import find_items
from esd_tasks.pull import grid_for, read_points, read_window
from stactools_esd.file_server import Site, open_server
from stactools_esd.shipped import DEFAULT_ENCODER

ROOT: Final = Path(__file__).resolve().parent.parent
BOX: Final = shapely.box(3.29, 50.71, 3.31, 50.72)
"""A place in the catalogue of the repository."""

YEARS: Final = (2019, 2020)
PERIOD: Final = 0.5
"""Seconds between two looks at the memory of servers."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where clients ask."""

    catalog: str
    """Address of the catalogue that is searched: a file or an API."""

    files: str
    """Address of the folder of the catalogue."""


def digest(*parts: bytes) -> str:
    """Return what tells answers apart."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def ask_document(at: str, name: str) -> str:
    """Read a file whole."""
    with urllib.request.urlopen(f"{at}/{name}", timeout=30) as answer:
        return digest(answer.read())


def ask_range(at: str, name: str, first: int, last: int) -> str:
    """Read a part of a file."""
    request = urllib.request.Request(f"{at}/{name}", headers={"Range": f"bytes={first}-{last}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return digest(answer.read())


def items_of(catalog: str, year: int) -> list[CodesItem]:
    """Find the items of a place and a year, those of one encoder."""
    found = find_items(catalog, geometry=BOX, years=[year])
    return [item for item in found if item.identity.encoder.name == DEFAULT_ENCODER]


def ask_items(catalog: str, year: int) -> str:
    """Find the items of a place and a year."""
    return digest(*(item.id.encode() for item in items_of(catalog, year)))


def ask_window(catalog: str, year: int, row: int) -> str:
    """Find items, and read a window of a few rows."""
    items = items_of(catalog, year)
    block = read_window(items, grid_for(items, BOX), Window(0, row, 16, 8))
    return digest(block.codes.tobytes(), block.valid.tobytes())


def ask_points(catalog: str, year: int, shift: int) -> str:
    """Find items, and read the pixels of some points."""
    items = items_of(catalog, year)
    found = read_points(items, [3.295 + shift / 1e4, 3.305], [50.715, 50.713 + shift / 1e4])
    return digest(found.codes.tobytes(), found.valid.tobytes())


def questions(folder: Path) -> list[tuple[str, str, tuple[Any, ...]]]:
    """List kind, what is asked, and the arguments of every question."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".json", ".png", ".parquet")]
    asked: list[tuple[str, str, tuple[Any, ...]]] = [
        ("document", "files", (path.relative_to(folder).as_posix(),)) for path in files
    ]
    for path in sorted(folder.rglob("ESD_*.tif")):
        size, name = path.stat().st_size, path.relative_to(folder).as_posix()
        asked += [("range", "files", (name, first, min(first + 16383, size - 1))) for first in range(0, size, 65536)]
    asked += [("items", "catalog", (year,)) for year in YEARS]
    asked += [("window", "catalog", (year, row)) for year in YEARS for row in range(0, 16, 4)]
    asked += [("points", "catalog", (year, shift)) for year in YEARS for shift in range(4)]
    return asked


ASKS: Final[dict[str, Callable[..., str]]] = {
    "document": ask_document,
    "range": ask_range,
    "items": ask_items,
    "window": ask_window,
    "points": ask_points,
}


def from_files(folder: Path, kind: str, arguments: tuple[Any, ...]) -> str:
    """Work the answer to a question out without a server."""
    if kind == "document":
        return digest((folder / arguments[0]).read_bytes())
    if kind == "range":
        name, first, last = arguments
        return digest((folder / name).read_bytes()[first : last + 1])
    return ASKS[kind](os.fspath(folder / "catalog.json"), *arguments)


def resident(pid: int) -> float:
    """Return megabytes that a process holds, 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def trim() -> None:
    """Hand memory that is free back to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def client(seed: int, end: float, at: Place, known: dict[Any, str], out: Any, trims: bool) -> None:
    """Ask until the end, and hand over time, kind, seconds, error and memory of every request."""
    generator, done = random.Random(seed), []
    by_kind = {kind: [key for key in known if key[0] == kind] for kind in ASKS}
    while time.monotonic() < end:
        kind = generator.choice(list(ASKS))
        _, where, arguments = key = generator.choice(by_kind[kind])
        start, error = time.monotonic(), ""
        try:
            if ASKS[kind](getattr(at, where), *arguments) != known[key]:
                error = "another answer"
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"
        took = time.monotonic() - start
        if trims:
            trim()
        done.append((start, kind, took, error, resident(os.getpid())))
    out.put(done)


def growth(samples: list[tuple[float, float]], begin: float, end: float) -> float:
    """Return by how much a quantity grew from the second quarter of the time to the last one, in medians."""
    quarter = (end - begin) / 4
    second = [value for at, value in samples if begin + quarter <= at < begin + 2 * quarter]
    last = [value for at, value in samples if at >= begin + 3 * quarter]
    return statistics.median(last) - statistics.median(second) if second and last else float("nan")


def load(
    at: Place, folder: Path, servers: list[int], *, clients: int, seconds: float, trims: bool = False
) -> dict[str, Any]:
    """Let clients ask, and return what they met."""
    known = {(kind, where, given): from_files(folder, kind, given) for kind, where, given in questions(folder)}
    context = multiprocessing.get_context("fork")
    out, begin = context.Queue(), time.monotonic()
    end = begin + seconds
    started = [context.Process(target=client, args=(seed, end, at, known, out, trims)) for seed in range(clients)]
    for process in started:
        process.start()
    memory: dict[int, list[tuple[float, float]]] = {pid: [] for pid in servers}
    while time.monotonic() < end:
        for pid, samples in memory.items():
            samples.append((time.monotonic(), resident(pid)))
        time.sleep(PERIOD)
    by_client = [out.get(timeout=120) for _ in started]
    for process in started:
        process.join(60)
    done = [one for asked in by_client for one in asked]
    return {
        "begin": begin,
        "done": done,
        "errors": [(kind, error) for _, kind, _, error, _ in done if error],
        "seconds": max(start + took for start, _, took, _, _ in done) - begin,
        "server": [(growth(samples, begin, end), max(value for _, value in samples)) for samples in memory.values()],
        "clients": [growth([(start, held) for start, *_, held in asked], begin, end) for asked in by_client],
    }


@contextmanager
def file_server(folder: Path) -> Iterator[tuple[str, int]]:
    """Serve a folder from a process of its own; yields the address and the process id."""
    words = [sys.executable, __file__, "--serve", os.fspath(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield (process.stdout.readline().strip() if process.stdout else ""), process.pid
        finally:
            process.terminate()


def serve(folder: Path) -> None:
    """Serve a folder until the end of this process, and say where."""
    with open_server(Site(folders={"/": folder})) as server:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


@contextmanager
def stac_api(files: str) -> Iterator[tuple[str, int]]:
    """Load the catalogue into a fresh PostgreSQL and serve it, by the lines of docs/portals.md."""
    sys.path.insert(0, os.fspath(ROOT / "services"))
    from postgres import free_port, postgres
    from test_stac_api import LINES, wait_for

    port = free_port()
    *lines, last = LINES.replace("https://example.org/catalog", files).replace("8081", str(port)).splitlines()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as name, postgres() as variables:
        env = os.environ | variables | {"PATH": path}
        for part in ("catalog", "examples"):
            (Path(name) / part).symlink_to(ROOT / part)
        subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(lines)], cwd=name, env=env, check=True)
        log = Path(name) / "api.log"
        with log.open("w") as said:
            words = [sys.executable, "-m", *shlex.split(last)]
            process = subprocess.Popen(words, env=env, cwd=name, stdout=said, stderr=said)
            try:
                yield wait_for(f"http://127.0.0.1:{port}", process, log), process.pid
            finally:
                process.terminate()
                process.wait(30)


def report(met: dict[str, Any], clients: int, name: str, trims: bool) -> None:
    """Print what clients met, and the figures: where they trim, which takes time, that of their memory alone."""
    for kind in ASKS:
        took = sorted(seconds for _, one, seconds, _, _ in met["done"] if one == kind)
        if took:
            print(f"{kind:9} {len(took):6} requests, median {1000 * statistics.median(took):.0f} ms")
    for kind, error in met["errors"][:20]:
        print(f"{kind}: {error}")
    took = sorted(seconds for _, _, seconds, _, _ in met["done"])
    n, split = len(took), f"{clients} clients, {met['seconds']:.0f} s, {name}"
    # A client's noise: how far apart the growths of clients lie.
    growths = sorted(met["clients"])
    figures = [
        ("load_errors", len(met["errors"]), "errors", None),
        ("load_requests_per_s", n / met["seconds"], "requests/s", None),
        *((f"load_p{share}_ms", 1000 * took[min(n - 1, n * share // 100)], "ms", None) for share in (50, 95, 99)),
        ("load_server_growth_mb", max(grown for grown, _ in met["server"]), "MB", None),
        ("load_server_peak_mb", max(peak for _, peak in met["server"]), "MB", None),
        ("load_client_growth_mb", statistics.median(growths), "MB", [round(growths[0], 2), round(growths[-1], 2)]),
    ]
    if trims:
        figures = [("load_trimmed_client_growth_mb", *figures[-1][1:])]
    for key, value, unit, spread in figures:
        begin = "trust." if name == "files" else "trust.api_"
        content = {"key": f"{begin}{key}", "value": round(value, 2), "unit": unit, "n": n, "spread": spread}
        print("FIGURE", json.dumps(content | {"split": split}))


def main() -> None:
    """Start servers and clients, and leave with 1 where a client met an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="at most 600")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--api", action="store_true", help="find places by a STAC API")
    parser.add_argument("--trim", action="store_true", help="clients hand free memory back to the system")
    parser.add_argument("--serve", type=Path, metavar="FOLDER", help="only serve a folder")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    folder, seconds = ROOT / "catalog", min(options.seconds, 600)
    with file_server(folder) as (files, pid), stac_api(files) if options.api else nullcontext(("", 0)) as (api, of_api):
        at = Place(catalog=api or f"{files}/catalog.json", files=files)
        servers = [pid, of_api] if api else [pid]
        met = load(at, folder, servers, clients=options.clients, seconds=seconds, trims=options.trim)
    report(met, options.clients, "API" if options.api else "files", options.trim)
    sys.exit(1 if met["errors"] else 0)


if __name__ == "__main__":
    main()
