"""What it takes to encode many tile-years on a cluster, from measured figures.

    production_plan.py                                  17,600 tiles, 25 years, 50 nodes of 64 cores
    production_plan.py --tiles 300 --years 1 --nodes 1 --cores 16

Every line is arithmetic on docs/figures.json and the arguments; the last column is the formula. `tile_hours.workers_2`
is the time of a tile on two busy cores, so twice that is taken for core-hours: what two workers lose to each other is
counted.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from stactools_esd.product import STEPS, TILE_PIXELS

STORE = Path(__file__).resolve().parent.parent / "docs" / "figures.json"
RAW_GB = TILE_PIXELS * TILE_PIXELS * (STEPS + 1) * 2 / 1e9
"""Thirteen bands of 16 bits: a tile before compression."""

Line = tuple[str, float | Sequence[float], str, str]
"""Key, value or value with bounds, unit, and where it comes from."""


def plan(asked: argparse.Namespace, figures: dict[str, dict[str, object]]) -> Iterator[Line]:
    """Yield the lines of the plan."""

    def value(key: str) -> float:
        return float(figures[key]["value"])

    measured = figures["encode.tile_hours.workers_2"]
    tile_hours = [measured["value"], *(measured["spread"] or [])]
    tile_years = asked.tiles * asked.years
    core_hours = [2 * hours * tile_years for hours in tile_hours]
    hours = core_hours[0] * asked.margin / (asked.nodes * asked.cores)
    read_pb = value("encode.input_gb") * tile_years / 1e6
    linear, network = value("encode.prepare_px_per_s"), value("encode.encode_px_per_s")
    process, pixels = value("seamless.px_per_s.gp_past"), TILE_PIXELS * TILE_PIXELS
    more = pixels * (1 / process - 1 / linear) / 3600
    yield "tile_years", tile_years / 1e3, "thousand", "tiles x years"
    yield "tile_core_hours", [2 * hours for hours in tile_hours], "core-hours", "2 x encode.tile_hours.workers_2"
    yield "core_hours", [each / 1e3 for each in core_hours], "thousand core-hours", "tile_core_hours x tile_years"
    yield "hours", hours, "h", f"core_hours x {asked.margin:g} / ({asked.nodes} nodes x {asked.cores} cores)"
    yield "tiles_a_day", 24 * tile_years / hours / 1e3, "thousand", "24 x tile_years / hours"
    yield "read_pb", read_pb, "PB", "encode.input_gb x tile_years"
    yield "read_gb_per_s", read_pb * 1e6 / hours / 3600, "GB/s", "read_pb / hours"
    yield "read_mb_per_s_core", read_pb * 1e9 / hours / 3600 / asked.nodes / asked.cores, "MB/s", "a core's share of it"
    if "encode.output_gb" in figures:
        yield "written_tb", value("encode.output_gb") * tile_years / 1e3, "TB", "encode.output_gb x tile_years"
    yield "written_most_tb", RAW_GB * tile_years / 1e3, "TB", "13 bands of 16 bits, without compression"
    yield "scratch_gb_node", 2 * RAW_GB * asked.cores, "GB", "2 x 13 bands of 16 bits x cores: blocks, then files"
    yield "gp_core_hours", 2 * tile_hours[0] + more, "core-hours", "pixels / seamless.px_per_s.gp_past for prepare"
    yield "gpu_most", 1 / (1 - value("encode.px_per_cpu_s") / network), "times", "if the network cost nothing"


def main() -> None:
    """Print the plan as a table and as figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=17_600, help="tiles a year")
    parser.add_argument("--years", type=int, default=25, help="years")
    parser.add_argument("--nodes", type=int, default=50, help="nodes of the cluster")
    parser.add_argument("--cores", type=int, default=64, help="cores of a node; each encodes one tile-year at a time")
    parser.add_argument(
        "--margin", type=float, default=1.25, help="factor for what was not measured: queues, slow disks"
    )
    asked = parser.parse_args()
    figures = json.loads(STORE.read_text())
    for key, values, unit, words in plan(asked, figures):
        value, *spread = [float(f"{each:.4g}") for each in (values if isinstance(values, list) else [values])]
        print(f"{key:20} {value:10g} {unit:20} {words}")
        figure = {"key": f"plan.{key}", "value": value, "unit": unit, "n": asked.tiles * asked.years}
        print("FIGURE", json.dumps(figure | {"spread": spread or None, "split": "simulated"}))


if __name__ == "__main__":
    main()
