"""How measurements here are taken and told: processor time of this process, ways in turn, ratios within one run."""

import json
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

PACKAGES = ("numpy", "numba", "rasterio", "lightgbm", "distributed")


def cpu_seconds(ways: Mapping[str, Callable[[], object]], *, rounds: int = 5) -> dict[str, list[float]]:
    """Run ways in turn, each once before it counts, and return the processor seconds of each round.

    In turn, so that what else the machine does meets all of them.
    """
    for way in ways.values():
        way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.process_time()
            way()
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
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def machine() -> dict[str, Any]:
    """Return what was measured on: processor, cores, versions."""
    with open("/proc/cpuinfo") as file:  # noqa: PTH123
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(names),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def figure(key: str, value: float, unit: str, **facts: Any) -> None:
    """Print a figure for docs/figures.json."""
    if facts.get("spread"):
        facts["spread"] = [float(f"{end:.4g}") for end in facts["spread"]]
    print("FIGURE " + json.dumps({"key": key, "value": float(f"{value:.4g}"), "unit": unit, **facts}))
