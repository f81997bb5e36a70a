"""The long commands on tiny input."""

import json
from pathlib import Path

import changing
import tiny_map
from kill import Command, Forker
from tiny_images import write_images

CONFIG = """
encoder: tiny-v1
seed: 3
steps: 12
simulated_years: 64
batch_size: 16
warmup_steps: 2
architecture: {width: 24, step_width: 24, dilations: [1, 2]}
log_every: 2
checkpoint_every: 4
"""

YEARS = (2015, 2016, 2017, 2018, 2019, 2020)
"""Of the series."""

TILES = ("31UDS", "31UES", "32ULB", "50TMK", "01KAB", "60KYF")
"""Of the listing."""

NAMES = (
    "encode", "classify", "predict", "series", "pull", "create-catalog", "train", "migrate-labels", "explain-labels",
)  # fmt: skip
"""All of them."""

MIGRATE = "esd-tasks migrate-labels --label-year 2017 --class-field class"
"""Labels that are carried."""


def make_inputs(forker: Forker, folder: Path) -> Path:
    """Write what the commands read: images, codes, labels, a listing, a configuration, a model, migrated labels."""
    write_images(folder / "images")
    tiny_map.write_place(folder / "codes", year=2020)
    tiny_map.write_labels(folder / "labels.gpkg")
    changing.write_place(folder / "years", YEARS)
    lines = [f"{tile},{year},https://127.0.0.1/{tile}_{year}.tif" for tile in TILES for year in (2019, 2020)]
    (folder / "listing.csv").write_text("\n".join(["tile,year,href", *lines]) + "\n")
    (folder / "tiny.yaml").write_text(CONFIG)
    words = f"esd-tasks classify --labels labels.gpkg --catalog codes --year 2020 --no-curve -o {folder}/model"
    rows, columns = changing.drawn_pixels(80)
    changing.write_points(
        folder / "samples.gpkg", rows, columns, **{"class": [("crop", "forest")[n % 2] for n in range(80)]}
    )
    migrate = f"{MIGRATE} --labels samples.gpkg --catalog years -o migrated.gpkg"
    for line in (words, migrate):
        made = forker.run(tuple(line.split()), folder)
        assert made.code == 0, made.said
    return folder


def command(name: str, given: Path) -> Command:
    """Return a command on the inputs of a folder."""
    words = {
        "encode": f"stac esd encode {given}/images out --year 2020 --name test --workers 1",
        "classify": f"esd-tasks classify --labels {given}/labels.gpkg --catalog {given}/codes --no-curve -o out",
        "predict": f"esd-tasks predict {given}/model --catalog {given}/codes -o out",
        "series": f"esd-tasks change series --catalog {given}/years --table csv -o out",
        "pull": f"esd-tasks pull --catalog {given}/years --bbox 2.9,50.4,3.4,50.8 -o out",
        "create-catalog": f"stac esd create-catalog {given}/listing.csv out --workers 1",
        "migrate-labels": f"{MIGRATE} --labels {given}/samples.gpkg --catalog {given}/years -o out/all.gpkg",
        "explain-labels": f"esd-tasks explain-labels {given}/migrated.gpkg --pages 2 -o out",
        "train": f"stac esd train {given}/tiny.yaml -o out",
    }[name]
    if name == "train":
        return Command(name=name, words=tuple(words.split()), unfinished=of_training)
    return Command(name=name, words=tuple(words.split()))


def of_training(name: str, content: bytes, final: bytes | None) -> bool:
    """Tell whether a file of a killed training is whole: its journal is shorter, its checkpoints are others."""
    if name == "metrics.jsonl":
        return final is not None and final.startswith(content)
    if name == "checkpoint.json":
        return json.loads(content).keys() == {"run_key", "step", "tensors"}
    if name.startswith("checkpoint-"):
        from safetensors.torch import load

        return len(load(content)) > 0
    return content == final
