"""STAC items of encoders: what made the codes, by the machine learning model (MLM) extension 1.4.

An encoder that comes with the package has a card beside its weights. The card is JSON, so describing a model needs
neither torch nor the encoder.
"""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import pystac

from stactools_esd.collection import VERSION_EXTENSION, WORLD
from stactools_esd.errors import NothingFoundError
from stactools_esd.files import multihash_file, read_json
from stactools_esd.product import BANDS, DAYS, STEPS, EncoderIdentity
from stactools_esd.shipped import SHIPPED, shipped
from stactools_esd.stac import FILE_EXTENSION

MLM_EXTENSION: Final = "https://stac-extensions.github.io/mlm/v1.4.0/schema.json"
"""Identifier of the extension; the part of its schema that we use is package data (`schemas/mlm.json`)."""

MODEL_RELATION: Final = "emb:model"
"""Relation of the link from codes to what made them."""

_FIRST = datetime(1984, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_TASKS = ["similarity-search", "regression"]


def model_id(label: str) -> str:
    """Return the id of the item of an encoder: not its label, for that names the card beside it."""
    return f"model-{label}"


@cache
def shipped_model(label: str, weights_sha256: str | None) -> bool:
    """Tell whether weights of this name and hash come with the package, so that an item can describe them."""
    card = SHIPPED / f"{label}.json"
    weights = card.with_suffix(".safetensors")
    return card.is_file() and weights.is_file() and read_json(card)["sha256"] == weights_sha256


def create_model_item(label: str) -> pystac.Item:
    """Describe an encoder of the package: pure, offline, deterministic; without torch.

    The item stands alone, its hrefs are absolute paths of the package; a catalogue copies the files and adds links.
    Its place is the world and its time has no end, as the extension advises for models that are bound to neither.

    Args:
        label: Name and version, e.g. `esdnet-small-v1`.

    Raises:
        NothingFoundError: No encoder of this name and version comes with the package.
    """
    path = SHIPPED / f"{label}.json"
    if not path.is_file():
        known = ", ".join(shipped(SHIPPED)) or "none"
        raise NothingFoundError(f"got encoder {label!r}, expected one of {known}; choose one of them")
    card = read_json(path)
    identity = EncoderIdentity.parse(label)
    west, south, east, north = WORLD
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    item = pystac.Item(
        id=model_id(label),
        geometry={"type": "Polygon", "coordinates": [ring]},
        bbox=list(WORLD),
        datetime=_FIRST,
        start_datetime=_FIRST,
        end_datetime=_LAST,
        properties={
            "title": f"Encoder {identity.name} {identity.version}",
            "description": _description(card),
            "license": card["licence"],
            "version": identity.version,
            "mlm:name": label,
            "mlm:architecture": _architecture(card),
            "mlm:framework": "PyTorch",
            "mlm:tasks": _TASKS,
            "mlm:total_parameters": card["parameters"],
            "mlm:pretrained": True,
            "mlm:pretrained_source": ", ".join(entry["name"] for entry in card["data"]),
            "mlm:input": _inputs(),
            "mlm:output": _outputs(),
            "mlm:hyperparameters": _hyperparameters(card),
        },
        stac_extensions=sorted([FILE_EXTENSION, MLM_EXTENSION, VERSION_EXTENSION]),
    )
    for key, asset in _assets(path).items():
        item.add_asset(key, pystac.Asset.from_dict(asset))
    return item


def _description(card: dict[str, Any]) -> str:
    sets = "; ".join(f"{entry['name']} ({entry['licence']})" for entry in card["data"])
    return (
        f"Turns {DAYS} days of six-band reflectance of a pixel, with its terrain, into {STEPS} codes of 16 bits, and "
        f"codes back into reflectance. `stactools_esd.encoder.load_encoder` loads it. Trained on {sets}."
    )


def _inputs() -> list[dict[str, Any]]:
    return [
        {
            "name": "pixel-years",
            "description": "Surface reflectance, NaN where missing, gaps filled as esd:input_recipe says.",
            "bands": [{"name": band} for band in BANDS],
            "input": _structure([-1, DAYS, len(BANDS)], ["batch", "time", "channel"], "float32"),
        },
        {
            "name": "terrain",
            "description": "Elevation in metres, slope and aspect in degrees, NaN where unknown; may be left out.",
            "bands": [],
            "input": _structure([-1, 3], ["batch", "channel"], "float32"),
        },
    ]


def _outputs() -> list[dict[str, Any]]:
    return [
        {
            "name": "codes",
            "description": "One code for each temporal step; all 0 where the year has too few observations.",
            "tasks": ["similarity-search"],
            "result": _structure([-1, STEPS], ["batch", "time"], "uint16"),
        },
        {
            "name": "reflectance",
            "description": "Reflectance decoded from codes.",
            "tasks": ["regression"],
            "result": _structure([-1, DAYS, len(BANDS)], ["batch", "time", "channel"], "float32"),
        },
    ]


def _structure(shape: list[int], order: list[str], data_type: str) -> dict[str, Any]:
    return {"shape": shape, "dim_order": order, "data_type": data_type}


def _hyperparameters(card: dict[str, Any]) -> dict[str, Any]:
    """Return the architecture, and the plain numbers of the training; the card has the rest.

    Token mixing has no dilations: the card's list of them says by its length how many blocks there are.
    """
    plain = {key: value for key, value in card["training"].items() if isinstance(value, int | float)}
    architecture = dict(card["architecture"])
    if _mixes_tokens(card):
        architecture["blocks"] = len(architecture.pop("dilations"))
    return {**architecture, **plain}


def _assets(card: Path) -> dict[str, dict[str, Any]]:
    weights, text = card.with_suffix(".safetensors"), card.with_suffix(".md")
    assets: dict[str, dict[str, Any]] = {
        "weights": {
            "href": weights.as_posix(),
            "title": "Weights",
            "type": "application/vnd.safetensors",
            "roles": ["mlm:model", "mlm:weights"],
            "mlm:artifact_type": "safetensors.torch.save_file",
            "bands": [{"name": band} for band in BANDS],  # those that mlm:input names; core forbids them above assets
        },
        "card": {
            "href": card.as_posix(),
            "title": "Model card for machines: architecture, training, data with licences and hashes, figures",
            "type": str(pystac.MediaType.JSON),
            "roles": ["metadata"],
        },
    }
    if text.is_file():
        title = "Model card for people"
        assets["readme"] = {"href": text.as_posix(), "title": title, "type": "text/markdown", "roles": ["metadata"]}
    for asset in assets.values():
        path = Path(asset["href"])
        asset["file:size"] = path.stat().st_size
        asset["file:checksum"] = multihash_file(path)
    return assets


def _mixes_tokens(card: dict[str, Any]) -> bool:
    return bool(card["architecture"].get("mixer") == "tokens")


def _architecture(card: dict[str, Any]) -> str:
    """Name the kind of network."""
    if _mixes_tokens(card):
        return "Conv1D autoencoder with token mixing and finite scalar quantisation"
    return "residual Conv1D autoencoder with finite scalar quantisation"
