"""What a user would read a mutant with, and when the answer is right: `stac esd validate`, a pull, `load_encoder`.

A reader makes a mutant and returns in one word how its reading ended: `refused` by an `EsdError`, `same` as the sound
file, or `told`, which is a reading that differs while `validate` says what is wrong with the file. It says by
`WrongAnswerError` where an answer is wrong and nobody is told. Any other exception is bad.
"""

import json
import random
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from mutations import json_bytes, mutate_bytes, mutate_json, mutate_json_bytes, mutate_safetensors, mutate_tiff
from numpy.typing import NDArray
from parsers import folder, one_line, see, written

from stactools_esd.errors import EsdError

HERE = Path(__file__).parent
NAME = "ESD_esdnet-small-v1_xdemo_2020"
SIDE = 24

sys.path.insert(0, str(HERE.parent / "tests"))


@cache
def sound_codes(kind: int = 0) -> bytes:
    """Return a codes COG; the second kind is as an official tile: untagged, bands apart, DEFLATE."""
    import synthetic

    from stactools_esd.cog import write_codes

    codes, counts = synthetic.patchy_codes(1, SIDE, SIDE, patch=4), synthetic.counts(1, SIDE, SIDE)
    place = {"transform": synthetic.AREA_TRANSFORM, "crs": synthetic.AREA_CRS}
    path = folder() / f"{NAME}.tif"
    if kind == 0:
        write_codes(path, codes, counts, **place, tags=synthetic.tags())
    else:
        from stactools_esd import grid

        transform = grid.tile("50TMK").transform
        path = folder() / "SDC30_EBD_V001_50TMK_2020.tif"
        synthetic.write_official(path, codes, counts, transform=transform, crs="EPSG:32650")
    return path.read_bytes()


@cache
def sound_item() -> Mapping[str, Any]:
    """Return the item of the sound codes, which lie beside it."""
    from stactools_esd.stac import create_item

    item = create_item(written(f"{NAME}.tif", sound_codes())).to_dict(False, False)
    item["assets"]["embeddings"]["href"] = f"./{NAME}.tif"
    return item


@cache
def places() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude of the middles of some pixels."""
    import synthetic
    from pyproj import Transformer

    rows, columns = np.divmod(np.arange(0, SIDE * SIDE, 7), SIDE)
    x, y = synthetic.AREA_TRANSFORM * (columns + 0.5, rows + 0.5)
    lon, lat = Transformer.from_crs(synthetic.AREA_CRS, 4326, always_xy=True).transform(x, y)
    return lon, lat


def pulled(item_path: Path) -> NDArray[np.uint16]:
    """Return the codes at the places, found and read as `esd-tasks` does; a grid of the area is laid out too."""
    import shapely

    from esd_tasks.items import find_items
    from esd_tasks.pull import grid_for, read_points

    lon, lat = places()
    area = shapely.box(lon.min(), lat.min(), lon.max(), lat.max())
    items = find_items(item_path, geometry=area, years=[2020])
    grid = grid_for(items, area)
    see(grid.width <= 10 * SIDE and grid.height <= 10 * SIDE, f"a grid of {grid.height} x {grid.width} pixels")
    found = read_points(items, lon, lat)
    return np.where(found.valid[:, None], found.codes, 0)


@cache
def expected() -> NDArray[np.uint16]:
    """Return what a pull of the sound files gives."""
    return pulled(_laid_out(sound_codes(), json_bytes(sound_item())))


def _laid_out(codes: bytes, item: bytes) -> Path:
    written(f"pull/{NAME}.tif", codes)
    return written("pull/esd-esdnet-small-v1-xdemo-2020.json", item)


def _told(item_path: Path) -> bool:
    """Tell whether `validate` has something to say."""
    from stactools_esd.validate import validate

    try:
        report = validate(item_path)
    except EsdError:
        return True
    see(all(problem.isprintable() for problem in report.problems), "a problem that cannot be printed")
    return bool(report.problems)


def _pull_ends(item_path: Path, wanted: NDArray[np.uint16]) -> str:
    """Pull and validate, both whatever the other says."""
    ended = "refused"
    try:
        found = pulled(item_path)
    except EsdError as error:
        see(0 < len(str(error)) < 20_000, "an error without words, or without end")
    else:
        ended = "same" if np.array_equal(found, wanted) else "told"
    told = _told(item_path)
    see(told or ended != "told", "other codes than were written, and nobody is told")
    return ended


def read_codes(number: int, rng: random.Random) -> str:
    """A mutant of a codes COG beside its sound item, and of an official tile alone."""
    from stactools_esd.cog import check_codes_file, open_codes

    kind = number % 3 == 2
    data = (mutate_tiff if rng.random() < 0.6 else mutate_bytes)(sound_codes(int(kind)), rng)
    if kind:
        path = written("official/SDC30_EBD_V001_50TMK_2020.tif", data)
        problems = check_codes_file(path)
        with one_line(), open_codes(path) as codes:
            block = codes.read()
            see(not problems, "read, though its check refuses it")
            see(int(block.codes.max()) < 64_000, "codes that are none")
            return "same"
        see(bool(problems), "refused, though its check finds nothing")
        return "refused"
    expected()
    item_path = _laid_out(data, json_bytes(sound_item()))
    ended = _pull_ends(item_path, expected())
    see(data == sound_codes() or _told(item_path), "another file than its item says, and nobody is told")
    return ended


def read_item(_: int, rng: random.Random) -> str:
    """A mutant of an item beside its sound codes."""
    expected()
    item_path = _laid_out(sound_codes(), mutate_json_bytes(json_bytes(sound_item()), rng))
    return _pull_ends(item_path, expected())


@cache
def sound_weights() -> tuple[bytes, Mapping[str, Any]]:
    """Return the weights of the smallest network, and their card."""
    from stactools_esd.encoder.cards import SHIPPED

    data = (HERE / "corpus" / "weights" / "smallest.safetensors").read_bytes()
    facts = json.loads((SHIPPED / "esdnet-small-v1.json").read_text(encoding="utf-8"))
    small = {"training": {}, "data": [{"name": "a"}], "figures": {}, "denoising": {}}
    smallest = {"width": 1, "step_width": 1, "dilations": [1]}
    return data, facts | small | {"architecture": smallest, "sha256": sha256(data).hexdigest()}


def codes_by(data: bytes, card: bytes) -> NDArray[np.uint16]:
    """Return what an encoder makes of some pixels."""
    from stactools_esd.encoder.inference import load_encoder

    written("weights/esdnet-small-v1.json", card)
    encoder = load_encoder(written("weights/esdnet-small-v1.safetensors", data))
    see(encoder.identity.weights_sha256 == sha256(data).hexdigest(), "weights under the hash of others")
    years = np.random.default_rng(0).uniform(0, 0.5, (3, 365, 6)).astype(np.float32)
    return encoder.encode(years)


@cache
def expected_codes() -> NDArray[np.uint16]:
    """Return what the sound weights make of some pixels."""
    data, card = sound_weights()
    return codes_by(data, json_bytes(card))


def read_weights(number: int, rng: random.Random) -> str:
    """A mutant of weights, of their card, or of weights whose card was made to agree."""
    wanted = expected_codes()
    data, card = sound_weights()
    if number % 3 == 0:
        text = mutate_json_bytes(json_bytes(card), rng)
    else:
        data = (mutate_safetensors if rng.random() < 0.7 else mutate_bytes)(data, rng)
        agreeing = {"sha256": sha256(data).hexdigest()} if number % 3 == 1 else {}
        text = json_bytes(card | agreeing)
        if agreeing and rng.random() < 0.2:
            text = json_bytes(mutate_json(card, rng) | agreeing)
    try:
        found = codes_by(data, text)
    except EsdError as error:
        see(0 < len(str(error)) < 20_000, "an error without words, or without end")
        return "refused"
    see(int(found.max()) < 64_000, "codes that are none")
    if np.array_equal(found, wanted):
        return "same"
    see(number % 3 == 1, "other codes under the name and hash of the sound weights")
    return "told"  # their identity has their own hash, so that no codes of others meet them


READERS: Mapping[str, Callable[[int, random.Random], str]] = {
    "codes": read_codes,
    "items": read_item,
    "weights": read_weights,
}
"""What reads each family."""


def read_mutant(family: str, number: int, seed: int) -> str:
    """Make one mutant and read it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return READERS[family](number, random.Random(f"{seed}-{family}-{number}"))
