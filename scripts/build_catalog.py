"""Make the repository's catalogue again: collections, small simulated areas of two years, and the extension.

    python scripts/build_catalog.py CATALOG

Each encoder of the package has a collection with the same area; the official archive has one without items. The same
commands that a user has; only the landscape is ours, and who made it is said. Everything in it is simulated and named
so.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Final

from stactools_esd.files import write_json
from stactools_esd.shipped import shipped
from stactools_esd.simulation import Landscape
from stactools_esd.sources.folder import write_folder

YEARS: Final = (2019, 2020)
"""Years of the area."""

SEED: Final = 11
"""Seed of its landscape."""

SIZE: Final = (96, 96)
"""Its rows and columns."""

STAC: Final = Path(sys.executable).parent / "stac"
"""The command."""

ROOT: Final = Path(__file__).parent.parent
"""The project."""


def esd(*arguments: str | Path) -> None:
    """Run `stac esd`."""
    subprocess.run([STAC, "esd", *map(str, arguments)], check=True)


def write_images(year: int, scratch: Path) -> Path:
    """Write the images of a year, and return their folder: its name is what items say that they were encoded from."""
    images = scratch / str(year) / f"simulated landscape, seed {SEED}"
    write_folder(Landscape(seed=SEED, size=SIZE, years=YEARS).observations(year), images)
    return images


def encode(images: Path, tiles: Path, label: str) -> None:
    """Encode the images of a year into the folder of an item."""
    name = ("--name", "simulated", "--source-name", "simulated")
    esd("encode", images, tiles, "--year", images.parent.name, *name, "--encoder", label)
    for item in tiles.glob("*/*.json"):
        forget_images(item)


def forget_images(path: Path) -> None:
    """Take the links to the images out of an item: they are made for this run alone, and a link to nothing misleads."""
    item = json.loads(path.read_text())
    item["links"] = [link for link in item["links"] if link["rel"] != "derived_from"]
    write_json(path, item)


def name_producer(catalog: Path) -> None:
    """Say in the collections of encoders who made and licenses what is in them: the commands cannot know."""
    author = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["authors"][0]["name"]
    producer = {
        "name": author,
        "description": "Simulated the landscape and trained the encoder",
        "roles": ["producer", "licensor"],
    }
    for label in shipped():
        path = catalog / f"esd-{label}" / "collection.json"
        collection = json.loads(path.read_text())
        if producer not in collection["providers"]:
            collection["providers"].insert(0, producer)
            write_json(path, collection)


def publish_extension(folder: Path) -> None:
    """Copy the schema of the esd extension and its README out of the package."""
    folder.mkdir()
    package = files("stactools_esd").joinpath("schemas")
    for name, published in (("esd.json", "schema.json"), ("README.md", "README.md")):
        (folder / published).write_bytes(package.joinpath(name).read_bytes())


def main() -> None:
    """Encode two years of a landscape with each encoder, and describe them."""
    catalog = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        new, tiles = Path(scratch) / "catalog", Path(scratch) / "tiles"
        for year in YEARS:
            images = write_images(year, Path(scratch))
            for label in shipped():
                encode(images, tiles, label)
        esd("create-catalog", tiles, new, "--copy-assets", "--collection", "official-v001")
        name_producer(new)
        publish_extension(new / "extension")
        for old in (*catalog.glob("esd-*"), catalog / "extension"):
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(new, catalog, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
