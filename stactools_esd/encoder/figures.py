"""What was judged, as figures of the documentation: a key, a value, its n, its spread and its split.

Values are those of the first weights. With weights of several seeds the spread of what the encoder alone decides is the
range over the seeds, and the spread of a ratio reaches from the lowest to the highest end of the seeds' intervals.
With one, it is the interval of the pixels.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from stactools_esd.encoder.metrics import CORRELATIONS, ERRORS

Report = dict[str, Any]
Figure = dict[str, Any]


def figures(report: Report, prefix: str) -> list[Figure]:
    """List the figures of a report of `evaluate`.

    Args:
        report: The report.
        prefix: First part of every key, such as `encoder.small`.
    """
    encoders = report["encoders"]
    found: list[Figure] = []
    for name in encoders[0]["sets"]:
        entries = [encoder["sets"][name] for encoder in encoders]
        found += _reconstruction(entries, name, "", (*ERRORS, *CORRELATIONS))
        for part in ("in_domain", "against_given"):
            if part in entries[0]:
                parts = [{"role": entry["role"], "n": entry["n"], **entry[part]} for entry in entries]
                found += _reconstruction(parts, name, f"_{part}", ("mae",))
        found += _code_use(entries, name)
        if "left_out" in entries[0]:
            found += _left_out([entry["left_out"] for entry in entries], name)
    found += _denoising([encoder["denoising"] for encoder in encoders])
    return [{**figure, "key": f"{prefix}.{figure['key']}"} for figure in found]


def _reconstruction(entries: Sequence[Report], name: str, suffix: str, metrics: Sequence[str]) -> Iterator[Figure]:
    """Give figures of all methods on one set, and the ratios of the encoder's MAE to that of each baseline."""
    first = entries[0]
    for method, value in first["methods"].items():
        own = value["key"].startswith("encoder")
        tag = value["key"].removeprefix("encoder") if own else f"_{value['key']}"
        for metric in metrics:
            unit = "reflectance" if metric in ERRORS else "correlation"
            seeds = [entry["methods"][method][metric] for entry in entries] if own else []
            spread = _range(seeds) or value["intervals"][metric]
            yield _figure(f"{metric}{tag}{suffix}.{name}", first, value[metric], unit, spread)
    for key in first["mae_ratio"]:
        yield _ratio(f"mae_over_{key}{suffix}.{name}", entries, [entry["mae_ratio"][key] for entry in entries])


def _code_use(entries: Sequence[Report], name: str) -> Iterator[Figure]:
    units = {"entropy_bits_a_pixel": "bits", "distinct_codes": "codes", "perplexity": "codes", "nodata_share": "share"}
    for key, unit in units.items():
        if all(key in entry["codes"] for entry in entries):
            yield _own(f"{key}.{name}", entries, [entry["codes"][key] for entry in entries], unit)


def _left_out(entries: Sequence[Report], name: str) -> Iterator[Figure]:
    yield _ratio(f"leftout_ratio.{name}", entries, [entry["ratio"] for entry in entries])
    yield _own(f"leftout_mae.{name}", entries, [entry["decoded_mae"] for entry in entries], "reflectance")
    yield _figure(f"leftout_mae_linear.{name}", entries[0], entries[0]["linear_mae"], "reflectance", None)


def _denoising(entries: Sequence[Report]) -> Iterator[Figure]:
    for level, value in entries[0]["levels"].items():
        ratios = [entry["levels"][level]["ratio"] for entry in entries]
        yield _ratio(f"denoise_ratio.{level}", entries, ratios)
        if level == "1":
            yield _ratio("denoise_ratio", entries, ratios)
        for key, ratio in value["baselines"].items():
            yield _ratio(f"denoise_ratio_{key}.{level}", entries, [ratio])


def _own(key: str, entries: Sequence[Report], values: Sequence[float], unit: str) -> Figure:
    """Give a figure that has no interval of its own: its spread is the range over seeds."""
    return _figure(key, entries[0], values[0], unit, _range(values))


def _ratio(key: str, entries: Sequence[Report], ratios: Sequence[Report]) -> Figure:
    """Give a ratio with the interval that holds those of all seeds."""
    ends = [ratio["interval"] for ratio in ratios]
    spread = [min(low for low, _ in ends), max(high for _, high in ends)]
    return _figure(key, entries[0], ratios[0]["value"], "ratio", spread)


def _range(values: Sequence[float]) -> list[float] | None:
    return [min(values), max(values)] if len(values) > 1 else None


def _figure(key: str, entry: Report, value: float, unit: str, spread: list[float] | None) -> Figure:
    return {"key": key, "value": value, "unit": unit, "n": entry["n"], "spread": spread, "split": entry["role"]}
