"""Make the repository's catalogue again: collections, small simulated areas of two years, and the extension.

    python scripts/build_catalog.py CATALOG

Each encoder of the package has a collection with the same area; the official archive has one without items. The same
commands that a user has; only the landscape is ours. Everything in it is simulated and named so.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from stactools_esd.files import write_json
from stactools_esd.shipped import shipped
from stactools_esd.simulation import Landscape
from stactools_esd.sources.folder import write_folder

YEARS = (2019, 2020)
STAC = Path(sys.executable).parent / "stac"


def esd(*arguments: str | Path) -> None:
    """Run `stac esd`."""
    subprocess.run([STAC, "esd", *map(str, arguments)], check=True)


def forget_images(path: Path) -> None:
    """Take the links to the images out of an item: they are made for this run alone, and a link to nothing misleads."""
    item = json.loads(path.read_text())
    item["links"] = [link for link in item["links"] if link["rel"] != "derived_from"]
    write_json(path, item)


def publish_extension(folder: Path) -> None:
    """Copy the schema of the esd extension and its README out of the package."""
    folder.mkdir()
    package = files("stactools_esd").joinpath("schemas")
    for name, published in (("esd.json", "schema.json"), ("README.md", "README.md")):
        (folder / published).write_bytes(package.joinpath(name).read_bytes())


def main() -> None:
    """Encode two years of a landscape of 96 x 96 pixels with each encoder, and describe them."""
    catalog = Path(sys.argv[1])
    landscape = Landscape(seed=11, size=(96, 96), years=YEARS)
    with tempfile.TemporaryDirectory() as scratch:
        new, tiles = Path(scratch) / "catalog", Path(scratch) / "tiles"
        for year in YEARS:
            images = Path(scratch) / "simulated landscape, seed 11" / str(year)
            write_folder(landscape.observations(year), images)
            for label in shipped():
                name = ("--name", "simulated", "--source-name", "simulated")
                esd("encode", images, tiles, "--year", str(year), *name, "--encoder", label)
        for item in tiles.glob("*/*.json"):
            forget_images(item)
        esd("create-catalog", tiles, new, "--copy-assets", "--collection", "official-v001")
        publish_extension(new / "extension")
        for old in (*catalog.glob("esd-*"), catalog / "extension"):
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(new, catalog, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
