"""What was judged, for people."""

from collections.abc import Iterator
from typing import Any

from stactools_esd.encoder.metrics import CORRELATIONS

Report = dict[str, Any]


def table(report: Report) -> str:
    """Lay a report of `evaluate` out: every encoder, beside the baselines."""
    lines: list[str] = []
    for number, encoder in enumerate(report["encoders"]):
        median = ", the median seed" if len(report["encoders"]) > 1 and encoder["sha256"] == report["median"] else ""
        lines += [f"{encoder['encoder']} {encoder['sha256'][:12]} seed {encoder['seed']}{median}", ""]
        lines += _reconstruction(encoder, with_baselines=number == 0)
        lines += ["", *_code_use(encoder)]
        if left_out := {name: e["left_out"] for name, e in encoder["sets"].items() if "left_out" in e}:
            lines += ["", *_left_out(left_out)]
        lines += ["", *_denoising(encoder["denoising"]), ""]
    return "\n".join(lines).rstrip()


def _reconstruction(encoder: Report, *, with_baselines: bool) -> Iterator[str]:
    """Lay reconstruction out; `x MAE` is the encoder's MAE over that of the baseline."""
    correlations = " ".join(f"{key.upper().replace('_', '-'):>6}" for key in CORRELATIONS)
    yield f"{'set':18} {'split':5} {'n':>6}  {'method':32} {'MAE':>7} {'RMSE':>7} {correlations}  x MAE"
    for name, entry in encoder["sets"].items():
        own = f"{entry['role']:5} {entry['n']:>6}"
        yield from _methods(f"{name:18} {own}", entry, "", with_baselines=with_baselines)
        if half := entry.get("in_domain"):
            own = f"{entry['role']:5} {half['n']:>6}"
            yield from _methods(f"{name:18} {own}", half, ", in-domain", with_baselines=with_baselines)


def _methods(start: str, entry: Report, suffix: str, *, with_baselines: bool) -> Iterator[str]:
    for method, value in entry["methods"].items():
        of_encoder = value["key"].startswith("encoder")
        if not (of_encoder or with_baselines):
            continue
        name = f"{method}{', this half' if suffix and of_encoder else suffix}"
        correlations = " ".join(f"{value[key]:6.3f}" for key in CORRELATIONS)
        line = f"{start}  {name:32} {value['mae']:7.4f} {value['rmse']:7.4f} {correlations}"
        if ratio := entry["mae_ratio"].get(value["key"]):
            line += "  " + _with_interval(ratio)
        yield line


def _code_use(encoder: Report) -> Iterator[str]:
    yield f"{'codes':18} {'years':>6} {'nodata':>7} {'bits':>6} {'distinct':>8} {'perplexity':>10}  bits a dimension"
    for name, entry in encoder["sets"].items():
        use = entry["codes"]
        if "distinct_codes" in use:
            bits = " ".join(f"{value:.2f}" for value in use["entropy_bits_a_dimension"])
            yield (
                f"{name:18} {use['pixel_years']:>6} {use['nodata_share']:7.4f} {use['entropy_bits_a_pixel']:6.1f} "
                f"{use['distinct_codes']:>8} {use['perplexity']:>10.0f}  {bits}"
            )


def _left_out(entries: Report) -> Iterator[str]:
    yield f"{'left-out dates':18} {'split':5} {'n':>6} {'dates':>6} {'linear':>7} {'decoded':>7}  ratio"
    for name, entry in entries.items():
        yield (
            f"{name:18} {entry['role']:5} {entry['n']:>6} {entry['dates']:>6} {entry['linear_mae']:7.4f} "
            f"{entry['decoded_mae']:7.4f}  {_with_interval(entry['ratio'])}"
        )


def _denoising(entry: Report) -> Iterator[str]:
    yield f"{'denoising':12} {'n':>6} {'noisy':>7} {'decoded':>7}  ratio; of baselines (clean {entry['clean_mae']:.4f})"
    for level, value in entry["levels"].items():
        others = ", ".join(f"{key} {ratio['value']:.2f}" for key, ratio in value["baselines"].items())
        yield (
            f"noise x {level:4} {entry['n']:>6} {value['noisy_mae']:7.4f} {value['decoded_mae']:7.4f}  "
            f"{_with_interval(value['ratio'])}; {others}"
        )


def _with_interval(ratio: Report) -> str:
    low, high = ratio["interval"]
    return f"{ratio['value']:.3f} [{low:.3f}, {high:.3f}]"
