"""Model cards: what is known of a weights file, and the check that it is the right one.

Weights are safetensors, never pickle. Beside `<label>.safetensors` stands `<label>.json`, the card that machines
read, and for shipped weights `<label>.md`, the same for people.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

from safetensors import SafetensorError, safe_open

from stactools_esd.encoder.model import Architecture
from stactools_esd.errors import ProductNameError, WeightsError
from stactools_esd.files import sha256_file, write_json
from stactools_esd.product import STEPS, EncoderIdentity
from stactools_esd.shipped import SHIPPED, newest

WEIGHTS_FORMAT_VERSION: Final = "2"
"""Version of the weights format: names of tensors, their meaning, and the layers around them."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a weights file is and where it comes from."""

    encoder: str
    """Label: name and version, e.g. `esdnet-small-v1`."""

    sha256: str
    """SHA-256 of the weights file."""

    weights_format_version: str
    """Version of the weights format."""

    architecture: Architecture
    """Sizes of the network."""

    parameters: int
    """How many numbers the network holds."""

    training: dict[str, Any]
    """The configuration that `stac esd train` ran."""

    data: list[dict[str, Any]]
    """Training sets: name, role, licence, number of pixel-years, hash of the pentads and truth drawn from."""

    figures: dict[str, Any] = field(default_factory=dict)
    """What was measured, by set, each with its split and n."""

    denoising: dict[str, Any] = field(default_factory=dict)
    """Denoising of simulated years, as `denoising.Denoising.judge` returns it."""

    notes: list[str] = field(default_factory=list)
    """What a reader must know and no other field says."""

    licence: str = "Apache-2.0"
    """Licence of the weights."""

    @property
    def identity(self) -> EncoderIdentity:
        """Name, version and hash, as files and items name the encoder."""
        return EncoderIdentity.parse(self.encoder, weights_sha256=self.sha256)

    def check(self, path: Path) -> None:
        """Check that a file holds the weights of this card.

        Raises:
            WeightsError: The file is missing, has another hash, or is of another format version.
        """
        if not path.is_file():
            raise WeightsError(f"got no file {path}, expected the weights of {self.encoder}; put them beside the card")
        if (sha256 := sha256_file(path)) != self.sha256:
            raise WeightsError(
                f"got {path.name} with hash {sha256[:12]}.., expected {self.sha256[:12]}.. as on its card; "
                "the file is damaged or of another training: install it again, or keep card and weights together"
            )
        try:
            with safe_open(path, framework="pt") as weights:
                version = (weights.metadata() or {}).get("weights_format_version")
                sizes = _sizes({name: weights.get_slice(name).get_shape() for name in weights.keys()})  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"got {path.name}, which is not a safetensors file; install it again") from error
        _check_version("weights", version, path)
        said = self.architecture.width, self.architecture.step_width, len(self.architecture.dilations)
        if sizes != said:
            raise WeightsError(
                f"got weights {path.name} that do not fit the architecture of their card (sizes {sizes}), expected "
                f"{said}; keep card and weights together"
            )

    def write(self, path: Path) -> None:
        """Write the card as JSON."""
        write_json(path, asdict(self))


def read_card(path: Path) -> Card:
    """Read a card.

    Raises:
        WeightsError: The file is missing, is not JSON, lacks a key, or is of another format version.
    """
    if not path.is_file():
        raise WeightsError(f"got no card {path}, expected it beside the weights; keep the two files together")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        _check_version("card", content["weights_format_version"], path)
        content["architecture"] = Architecture(**content["architecture"])
        known = {entry.name for entry in fields(Card)}
        card = Card(**{key: value for key, value in content.items() if key in known})
        _check_types(card)
        EncoderIdentity.parse(card.encoder)
    except (ValueError, TypeError, KeyError, RecursionError, ProductNameError) as error:
        raise WeightsError(
            f"got card {path.name} that cannot be read ({str(error)[:300]}); restore it from the release"
        ) from error
    return card


def _check_types(card: Card) -> None:
    """See that a card holds what it should: whoever loads weights makes a network of these sizes.

    Raises:
        ValueError: It holds something else.
    """
    texts = {"encoder": card.encoder, "sha256": card.sha256, "licence": card.licence}
    sizes = [card.architecture.width, card.architecture.step_width, *card.architecture.dilations]
    sound = {
        **{key: isinstance(value, str) for key, value in texts.items()},
        "architecture": all(type(size) is int and size > 0 for size in sizes)
        and max((0, *card.architecture.dilations)) <= STEPS
        and card.architecture.mixer in get_args(get_type_hints(Architecture)["mixer"])
        and card.architecture.can_be_made(),
        "parameters": type(card.parameters) is int,
        **{key: isinstance(getattr(card, key), dict) for key in ("training", "figures", "denoising")},
        "data": isinstance(card.data, list) and all(isinstance(one, dict) for one in card.data),
        "notes": isinstance(card.notes, list) and all(isinstance(one, str) for one in card.notes),
    }
    if wrong := [key for key, right in sound.items() if not right]:
        raise ValueError(f"{wrong[0]}: {str(getattr(card, wrong[0]))[:80]}")


def _sizes(shapes: Mapping[str, Sequence[int]]) -> tuple[int, int, int]:
    """Return width, width at 12 steps and number of blocks of the network that tensors of these shapes are of."""
    width, step_width = ((*shapes.get(name, ()), 0)[0] for name in ("stem.0.weight", "down.weight"))
    return width, step_width, len({name.split(".")[1] for name in shapes if name.startswith("encoder.")})


def _check_version(kind: str, found: object, path: Path) -> None:
    """See that a card or weights are of the format that this release reads."""
    if found != WEIGHTS_FORMAT_VERSION:
        raise WeightsError(
            f"got {kind} of format version {found} in {path.name}, expected {WEIGHTS_FORMAT_VERSION}; "
            "install the release of stactools-esd that reads it"
        )


def find_card(name_or_path: str | Path) -> tuple[Card, Path]:
    """Find an encoder by name, by name and version, or by the path of its weights.

    Returns:
        The card and the path of the weights; neither checked against the other yet.

    Raises:
        WeightsError: There is none.
    """
    if str(name_or_path).endswith(".safetensors"):
        path = Path(name_or_path)
        if not path.is_file():
            raise WeightsError(f"got no file {path}, expected encoder weights; check the path")
        return read_card(path.with_suffix(".json")), path
    label = newest(str(name_or_path))
    return read_card(SHIPPED / f"{label}.json"), SHIPPED / f"{label}.safetensors"
