"""How measurements here are taken and told: processor time of this process, ways in turn, ratios within one run."""

import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "numpy",
    "numba",
    "llvmlite",
    "rasterio",
    "pyproj",
    "shapely",
    "lightgbm",
    "torch",
    "onnxruntime",
    "openvino",
    "distributed",
    "pyarrow",
    "geopandas",
    "pystac",
)
"""Packages that do the work of some way; the version of each is told where it is installed."""

INSTRUCTIONS = ("sse4.2", "avx2", "avx512f", "avx512vbmi", "neon", "sve")
"""Instruction sets, in LLVM's words, that change what compiled loops take."""


def cpu_seconds(ways: Mapping[str, Callable[[], object]], *, rounds: int = 5) -> dict[str, list[float]]:
    """Run ways in turn, each once before it counts, and return the processor seconds of each round.

    In turn, so that what else the machine does meets all of them; another one comes first in each round, because a way
    that follows one which gave much memory back has to ask for it again.
    """
    for way in ways.values():
        way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            started = time.process_time()
            ways[name]()
            seconds[name].append(time.process_time() - started)
    return seconds


def ratio(slow: list[float], fast: list[float]) -> tuple[float, list[float]]:
    """Return the median of how many times faster each round was, with its quartiles.

    Both ways of a round were measured one after the other: what else the machine did in it met both.
    """
    each = [one / other for one, other in zip(slow, fast, strict=True)]
    return statistics.median(each), quartiles(each)


def quartiles(values: list[float]) -> list[float]:
    """Return what a quarter of the rounds stay below, and what a quarter exceed."""
    if len(values) == 1:
        return values * 2
    low, _, high = statistics.quantiles(values, method="inclusive")
    return [low, high]


def peak_bytes() -> int:
    """Return the most memory that this process has held.

    On Linux by what the kernel says of its memory: its usage also counts that of whoever started it.
    """
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def machine() -> dict[str, Any]:
    """Return what was measured on, without what this system does not tell: processor, memory, system, versions."""
    facts = {
        "processor": _processor(),
        "instructions": _instructions(),
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": _system(),
        "python": platform.python_version(),
        "packages": _packages(),
    }
    return {key: fact for key, fact in facts.items() if fact}


def _processor() -> str:
    """Return the processor as Linux names it, else as Python does."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _instructions() -> list[str]:
    """Return which of `INSTRUCTIONS` the processor has: LLVM, which compiles for it, asks it on every system."""
    from llvmlite import binding

    try:
        found = binding.get_host_cpu_features()
    except RuntimeError:  # LLVM cannot tell on this system
        return []
    return [name for name in INSTRUCTIONS if found.get(name)]


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _system() -> str:
    """Return the system, on Linux with its distribution."""
    kernel = f"{platform.system()} {platform.release().partition('-')[0]}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {kernel}"
    except (OSError, LookupError):
        return kernel


def _packages() -> dict[str, str]:
    """Return the versions of what is installed, GDAL's being that of rasterio's own library."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
        if name == "rasterio":
            import rasterio

            found["GDAL"] = rasterio.__gdal_version__
    return found


def figure(key: str, value: float, unit: str, **facts: Any) -> None:
    """Print a figure for docs/figures.json."""
    if facts.get("spread"):
        facts["spread"] = [float(f"{end:.4g}") for end in facts["spread"]]
    print("FIGURE " + json.dumps({"key": key, "value": float(f"{value:.4g}"), "unit": unit, **facts}))
