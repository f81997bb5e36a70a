"""Put trained weights into the package: weights, the card that machines read, and the card that people read.

`python -m stactools_esd.encoder.release RUN/esdnet-small-v1.safetensors --figures report.json`, where report.json is
what `stac esd evaluate --json` printed.
"""

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stactools_esd.encoder.cards import Card, read_card
from stactools_esd.errors import WeightsError
from stactools_esd.files import atomic_path, sha256_file
from stactools_esd.shipped import SHIPPED


def release(
    weights: Path, reports: Sequence[Mapping[str, Any]], destination: Path = SHIPPED, *, notes: Sequence[str] = ()
) -> Path:
    """Copy weights of a run with cards that state what was measured of them.

    Args:
        weights: Weights of a run, with their card beside them.
        reports: As `evaluate.evaluate` returns them; where two name a set, the later counts.
        destination: Folder.
        notes: Sentences for both cards.

    Returns:
        Path of the copied weights.

    Raises:
        WeightsError: Weights and card do not belong together, or a report is of other weights.
    """
    card = read_card(weights.with_suffix(".json"))
    card.check(weights)
    card = replace(card, figures={}, denoising={}, notes=list(notes))
    for report in reports:
        judged = _judged(report, card)
        card = replace(card, figures=card.figures | judged["sets"], denoising=judged["denoising"])
    target = destination / f"{card.encoder}.safetensors"
    with atomic_path(target) as path:
        shutil.copyfile(weights, path)
        path.chmod(0o644)
    card.write(target.with_suffix(".json"))
    with atomic_path(target.with_suffix(".md")) as path:
        path.write_text(card_text(card), encoding="utf-8")
    return target


def _judged(report: Mapping[str, Any], card: Card) -> Mapping[str, Any]:
    """Return what a report says of the weights of a card."""
    for judged in report.get("encoders", []):
        if judged["sha256"] == card.sha256:
            found: Mapping[str, Any] = judged
            return found
    raise WeightsError(
        f"got a report that does not judge {card.encoder} {card.sha256[:12]}.., expected one of `stac esd evaluate "
        "--json` on these weights; judge them first"
    )


def card_text(card: Card) -> str:
    """Write a card for people, in Markdown."""
    settings = card.training
    lines = [
        f"# {card.encoder}",
        "",
        f"Turns a pixel-year (365 days, six bands) and terrain into twelve ESD codes, and back. {card.parameters:,} "
        f"parameters, float32, safetensors, licence {card.licence}.",
        "",
        f"- SHA-256 of the weights: `{card.sha256}`",
        f"- Weights format version: {card.weights_format_version}",
        f"- Widths {card.architecture.width} at 73 pentads and {card.architecture.step_width} at 12 steps; "
        + (
            f"{len(card.architecture.dilations)} blocks of token mixing in each half"
            if card.architecture.mixer == "tokens"
            else f"residual blocks of dilations {card.architecture.dilations}"
        ),
        "",
        "## Training",
        "",
        f"{settings['steps']:,} steps of {settings['batch_size']} pixel-years, seed {settings['seed']}; "
        f"{settings['real_share']:.0%} of every batch from the real series below, used without labels, the rest from "
        "the project's own simulation with its classes and phenology. Configuration: "
        "`stactools_esd/encoder/configs/`, repeated in the card that machines read.",
        "",
        "| data | pixel-years | licence |",
        "|---|---:|---|",
        *(f"| {entry['name']} | {entry['pixel_years']:,} | {entry['licence']} |" for entry in card.data),
        "",
        *(line for note in card.notes for line in (note, "")),
        "## Reconstruction",
        "",
        "Gap-filled daily pixel-years against what was decoded from their codes; MAE and RMSE in reflectance, mean of "
        "bands. The four correlations: A per band over all pixels and days; B per pixel and band over time; C per "
        "pixel over bands and days; D over everything. Development sets were looked at while the recipe was chosen; "
        "only test sets are held out. Baselines are fitted on the training sets.",
        "",
        "| set | split | n | method | MAE | RMSE | CC-A | CC-B | CC-C | CC-D |",
        "|---|---|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, entry in card.figures.items():
        for method, value in entry["methods"].items():
            correlations = " | ".join(f"{value[key]:.3f}" for key in ("cc_a", "cc_b", "cc_c", "cc_d"))
            lines.append(
                f"| {name} | {entry['role']} | {entry['n']:,} | {method} | {value['mae']:.4f} | {value['rmse']:.4f} | "
                f"{correlations} |"
            )
    partial = {name: entry["bands"] for name, entry in card.figures.items() if len(entry["bands"]) < 6}
    for name, bands in partial.items():
        lines += [
            "",
            f"{name} holds {', '.join(bands)} alone. The encoder was given the other bands as missing, and once more "
            "imputed by a linear regression on these, as the baselines were; all are compared on the measured bands.",
        ]
    lines += [
        *_left_out_lines(card),
        *_denoising_lines(card),
        "",
        "## Limits",
        "",
        "- Trained on gap-free years: `encode` fills gaps by straight lines, and years with long gaps come out worse.",
        "- Codes are comparable only with codes of these weights and of the same input recipe.",
        "- The real series are few and lie in Europe, North America, Amazonia and East Africa.",
        "- Not the encoder of the official archive, whose weights are not public: it cannot decode that archive.",
        "",
    ]
    return "\n".join(lines)


def _left_out_lines(card: Card) -> list[str]:
    """Tell how dates came back that the encoder was not shown."""
    judged = {name: entry["left_out"] for name, entry in card.figures.items() if "left_out" in entry}
    if not judged:
        return []
    return [
        "",
        "## Left-out dates",
        "",
        "A quarter of the clear dates of each pixel-year was left out. MAE at those dates, of straight lines between "
        "the others and of what was decoded; ratio with its 95 % interval by pixel.",
        "",
        "| set | split | pixel-years | dates | straight lines | decoded | ratio |",
        "|---|---|---:|---:|---:|---:|---:|",
        *(
            f"| {name} | {entry['role']} | {entry['n']:,} | {entry['dates']:,} | {entry['linear_mae']:.4f} | "
            f"{entry['decoded_mae']:.4f} | {_with_interval(entry['ratio'])} |"
            for name, entry in judged.items()
        ),
    ]


def _denoising_lines(card: Card) -> list[str]:
    """Tell how much of a known noise was left."""
    if not card.denoising:
        return []
    return [
        "",
        "## Denoising",
        "",
        f"{card.denoising['n']:,} simulated pixel-years that were not trained on, with multiples of the frozen "
        f"noise (`{card.denoising['noise_sha256'][:12]}`). MAE against the truth, of the noisy input and of what was "
        "decoded.",
        "",
        "| noise | noisy | decoded | ratio |",
        "|---:|---:|---:|---:|",
        *(
            f"| {level} | {value['noisy_mae']:.4f} | {value['decoded_mae']:.4f} | {_with_interval(value['ratio'])} |"
            for level, value in card.denoising["levels"].items()
        ),
    ]


def _with_interval(ratio: Mapping[str, Any]) -> str:
    low, high = ratio["interval"]
    return f"{ratio['value']:.3f} [{low:.3f}, {high:.3f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Release trained weights with their figures."""
    parser = argparse.ArgumentParser(prog="python -m stactools_esd.encoder.release", description=main.__doc__)
    parser.add_argument("weights", type=Path, help="weights of a run")
    parser.add_argument("--figures", type=Path, nargs="*", default=[], help="what `stac esd evaluate --json` printed")
    parser.add_argument("-o", "--output", type=Path, default=SHIPPED, help="folder; default: the package")
    parser.add_argument("--note", action="append", default=[], help="sentence for both cards; may be repeated")
    options = parser.parse_args(arguments)
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in options.figures]
    target = release(options.weights, reports, options.output, notes=options.note)
    print(f"{target} {sha256_file(target)}")


if __name__ == "__main__":
    main()
