"""Train and judge variants of an encoder at equal cost, one factor at a time, on development sets alone.

    encoder_ablations.py run FOLDER_OF_DATA [VARIANT..]     train and judge what is not in --out yet
    encoder_ablations.py figures                            print what --out holds as figures
    encoder_ablations.py table                              print the table of the decision, with places for figures

Each variant gets as many steps as cost what --steps of the recipe cost: the ratio is measured before, in alternated
pairs. Training is that of the package, with the variant's one change.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import torch
from ablation_judge import IDENTITY_ROW, PAIRED, Judge
from ablation_terms import Average, Step
from ablation_variants import VARIANTS, Variant

from stactools_esd.encoder.batches import PHENOLOGY_TARGETS, Pool, draw_batch, gather
from stactools_esd.encoder.cards import WEIGHTS_FORMAT_VERSION, Card
from stactools_esd.encoder.config import TrainingConfig, read_config
from stactools_esd.encoder.inference import Encoder
from stactools_esd.encoder.model import ESDNet, Heads, parameter_count
from stactools_esd.encoder.optimiser import Optimiser
from stactools_esd.encoder.train import CLIP, learning_rate, losses
from stactools_esd.simulation import CLASS_NAMES

RECIPE: Final = Path(__file__).parent.parent / "stactools_esd/encoder/configs/esdnet-small.yaml"
SHOWN: Final = {
    "mae.rondonia_a": "MAE Rondônia",
    "mae.matogrosso": "Mato Grosso",
    "mae.romania": "Romania",
    "rmse.matogrosso": "RMSE Mato Grosso",
    "cc_b.matogrosso": "CC-B Mato Grosso",
    "leftout_ratio.matogrosso": "left-out dates",
    "denoise_ratio.2": "denoising at 2x",
    "edge_ratio": "edges",
    "auc.deter": "DETER",
    "auc.identity": "identity",
}
"""What of a variant becomes a figure, and the head of its column; `cost` is the first."""

OVER_BASE: Final = ("mae.", "rmse.")
"""Begins the names of errors, which are shown over those of the recipe."""

PACE_STEPS: Final = 12
PACE_ROUNDS: Final = 5


class Trainer:
    """One variant in training."""

    def __init__(self, variant: Variant, settings: TrainingConfig, pools: list[Pool]) -> None:
        self.variant, self.settings, self.pools = variant, settings, pools
        torch.manual_seed(settings.seed)
        self.network: ESDNet = variant.network(settings.architecture).train()
        self.heads = Heads(len(CLASS_NAMES), PHENOLOGY_TARGETS).train()
        self.optimiser = Optimiser(
            self.network, self.heads, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.average = Average(self.network, variant.memory) if variant.memory else None
        self._made: list[torch.Tensor] = []
        self.network.register_forward_hook(lambda _network, _inputs, made: self._made.__setitem__(slice(None), made))

    def step(self, number: int) -> float:
        """Take one step; return the error of the batch."""
        batch = draw_batch(self.pools, self.settings, number)
        if self.variant.batch:
            batch = self.variant.batch(batch, self.settings, number)
        parts = losses(self.network, self.heads, batch, self.settings)
        loss = parts["loss"]
        if self.variant.term:
            decoded, vectors = self._made
            loss = loss + self.variant.term(
                Step(
                    network=self.network,
                    decoded=decoded,
                    vectors=vectors,
                    batch=batch,
                    settings=self.settings,
                    number=number,
                )
            )
        self.optimiser.step(loss, learning_rate(self.settings, number), clip=CLIP)
        if self.average:
            self.average.update(self.network)
        return parts["mae"].item()

    def finish(self) -> Encoder:
        """Make an encoder of the weights."""
        if self.average:
            self.average.put(self.network)
        card = Card(
            encoder=self.settings.encoder,
            sha256="0" * 64,
            weights_format_version=WEIGHTS_FORMAT_VERSION,
            architecture=self.settings.architecture,
            parameters=parameter_count(self.network),
            training=self.settings.as_dict(),
            data=[],
        )
        return Encoder(self.network, card)


def changed(settings: TrainingConfig, variant: Variant) -> TrainingConfig:
    """Return the configuration with the variant's change."""
    plain = dict(variant.settings)
    for part in ("architecture", "augmentation"):
        if part in plain:
            plain[part] = replace(getattr(settings, part), **plain[part])
    return replace(settings, **plain)


def pace(variant: Variant, settings: TrainingConfig, pools: list[Pool]) -> float:
    """Measure what a step costs, over one of the recipe: median of alternated rounds, CPU time."""
    pair = [Trainer(VARIANTS["base"], settings, pools), Trainer(variant, changed(settings, variant), pools)]
    ratios = []
    for round_number in range(PACE_ROUNDS):
        spent = []
        for trainer in pair:
            start = time.process_time()
            for step in range(PACE_STEPS):
                trainer.step(round_number * PACE_STEPS + step)
            spent.append(time.process_time() - start)
        ratios.append(spent[1] / spent[0])
    return median(ratios[1:])


def without_judged_pairs(pools: list[Pool]) -> list[Pool]:
    """Take away the pairs of years of those pixels by which identity is judged."""
    return [
        replace(pool, pixel=np.where(pool.pixel < PAIRED, pool.pixel, -1)) if pool.name == IDENTITY_ROW else pool
        for pool in pools
    ]


def run(folder: Path, names: list[str], out: Path, steps: int) -> None:
    """Train and judge, one variant after the other."""
    settings = replace(read_config(RECIPE), steps=steps)
    torch.set_num_threads(1)
    done = {entry["name"] for entry in read(out)}
    todo = [name for name in names or VARIANTS if name not in done]
    if not todo:
        return
    pools, judge = without_judged_pairs(gather(settings, folder)), Judge(folder)
    for name in todo:
        variant = VARIANTS[name]
        cost = pace(variant, settings, pools) if costs_more(variant) else 1.0
        own = replace(changed(settings, variant), steps=round(steps / cost))
        trainer = Trainer(variant, own, pools)
        start = time.process_time()
        errors = [trainer.step(number) for number in range(own.steps)]
        minutes = (time.process_time() - start) / 60
        encoder = trainer.finish()
        entry = {
            "name": name,
            "factor": variant.factor,
            "steps": own.steps,
            "cost": round(cost, 3),
            "cpu_minutes": round(minutes, 2),
            "parameters": parameter_count(trainer.network),
            "mae.training": float(np.mean(errors[-500:])),
            **judge.judge(encoder),
        }
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        print(json.dumps(entry), flush=True)


def costs_more(variant: Variant) -> bool:
    """Say whether a step may cost other than one of the recipe."""
    added = (variant.term, variant.batch, variant.memory)
    return variant.network is not ESDNet or any(added) or bool({"architecture", "batch_size"} & set(variant.settings))


def read(out: Path) -> list[dict[str, Any]]:
    """Read what was judged."""
    return [json.loads(line) for line in out.read_text().splitlines()] if out.is_file() else []


def figures(out: Path) -> None:
    """Print what is shown of every variant as figures."""
    entries = {entry["name"]: entry for entry in read(out)}
    for name, entry in entries.items():
        shown = {"cost": entry["cost"], **{key: over_base(key, entry, entries["base"]) for key in SHOWN}}
        for key, value in shown.items():
            split = "simulated" if "denoise" in key else "dev"
            figure = {"key": f"encoder.ablation.{name}.{key}", "value": round(value, 4), "split": split}
            print("FIGURE", json.dumps({**figure, "unit": "", "n": 1, "spread": None}))


def over_base(key: str, entry: dict[str, Any], base: dict[str, Any]) -> float:
    """Return a number of a variant; of errors the ratio to that of the recipe."""
    return float(entry[key] / base[key] if key.startswith(OVER_BASE) else entry[key])


def table(out: Path) -> None:
    """Print rows of Markdown, one a variant, in the order of the variants."""
    done = {entry["name"] for entry in read(out)}
    print("| factor | change | cost |", " | ".join(SHOWN.values()), "|")
    print("|" + "---|" * (3 + len(SHOWN)))
    for name, variant in VARIANTS.items():
        if name in done:
            places = [f"<!-- figure: encoder.ablation.{name}.{key} --><!-- / -->" for key in ("cost", *SHOWN)]
            print(f"| {variant.factor} | {variant.says} |", " | ".join(places), "|")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "figures", "table"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("names", nargs="*", choices=[[], *VARIANTS])
    parser.add_argument("--out", type=Path, default=Path("build/ablations.jsonl"))
    parser.add_argument("--steps", type=int, default=4000)
    arguments = parser.parse_args()
    if arguments.what != "run":
        return {"figures": figures, "table": table}[arguments.what](arguments.out)
    if arguments.folder is None:
        parser.error("got no folder of data, expected one; name the folder of real series")
    arguments.out.parent.mkdir(exist_ok=True)
    run(arguments.folder, arguments.names, arguments.out, arguments.steps)
    return None


if __name__ == "__main__":
    main()
