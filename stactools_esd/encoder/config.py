"""Configuration of a training run: YAML in, one frozen object out, unknown keys refused."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from stactools_esd.encoder.augment import Augmentation
from stactools_esd.encoder.model import Architecture
from stactools_esd.errors import ConfigError, ProductNameError
from stactools_esd.product import EncoderIdentity
from stactools_esd.yaml_text import parse_yaml


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Everything that decides the result of a training run, beside the data."""

    encoder: str
    """Label of the encoder that is trained: name and version, e.g. `esdnet-small-v1`."""

    seed: int
    """Seed of the first weights, of every batch and of every corruption."""

    steps: int
    """Optimiser steps."""

    simulated_years: int
    """Pixel-years to simulate."""

    simulation_seed: int = 1
    """Seed of the simulation."""

    real_share: float = 0.5
    """Share of a batch that is drawn from real series where a data folder is given, 0..1."""

    batch_size: int = 96
    """Pixel-years in a step."""

    learning_rate: float = 0.003
    """Highest learning rate, of Muon and AdamW alike; it follows a cosine down to a two-hundredth."""

    warmup_steps: int = 200
    """Steps in which the learning rate rises."""

    weight_decay: float = 0.001
    """Weight decay, of Muon and AdamW alike."""

    band_balance: float = 0.2
    """How far the loss makes up for the small errors of dark bands: 0 counts reflectance, 1 the spread of each band."""

    square_weight: float = 0.0
    """Weight of squared errors, in units of the spread of each band, beside absolute ones: makes large errors dear."""

    class_weight: float = 0.03
    """Weight of the land-cover loss beside the reconstruction loss."""

    phenology_weight: float = 0.03
    """Weight of the phenology loss beside the reconstruction loss."""

    identity_weight: float = 0.0
    """Weight of the identity loss: vectors of one pixel in two years against those of others (`identity.py`)."""

    identity_pairs: int = 8
    """Pixels that each step draws in two calendar years of a real set, where there are such; beside the batch."""

    architecture: Architecture = field(default_factory=Architecture)
    """Sizes of the network; with `mixer: tokens` the width at 12 steps is a multiple of 8."""

    augmentation: Augmentation = field(default_factory=Augmentation)
    """Corruption of the input."""

    autocast: bool = True
    """Compute in bfloat16 where that is safe; rounding and losses stay in float32."""

    device: str = "cpu"
    """`cpu` or `cuda`."""

    threads: int = 1
    """Threads of torch on the CPU."""

    log_every: int = 100
    """Steps between lines of metrics.jsonl."""

    checkpoint_every: int = 500
    """Steps between checkpoints; a multiple of `log_every`."""

    def __post_init__(self) -> None:
        try:
            EncoderIdentity.parse(self.encoder)
        except ProductNameError as error:
            raise ConfigError(str(error)) from error
        rules = {
            "steps": self.steps > 0,
            "simulated_years": self.simulated_years > 0,
            "real_share": 0 <= self.real_share <= 1,
            "batch_size": self.batch_size >= 4,
            "architecture": self.architecture.can_be_made(),
            "learning_rate": self.learning_rate > 0,
            "warmup_steps": self.warmup_steps >= 0,
            "band_balance": 0 <= self.band_balance <= 1,
            "square_weight": self.square_weight >= 0,
            "identity_weight": self.identity_weight >= 0,
            "identity_pairs": self.identity_pairs >= 2,
            "device": self.device in ("cpu", "cuda"),
            "threads": self.threads > 0,
            "log_every": self.log_every > 0,
            "checkpoint_every": self.checkpoint_every > 0 and self.checkpoint_every % max(self.log_every, 1) == 0,
        }
        for key, sound in rules.items():
            if not sound:
                raise ConfigError(
                    f"got {key}: {getattr(self, key)!r}, expected what the description of TrainingConfig.{key} says; "
                    "correct the configuration"
                )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as YAML and cards hold them."""
        plain = asdict(self)
        plain["architecture"]["dilations"] = list(plain["architecture"]["dilations"])
        return plain


def read_config(path: Path) -> TrainingConfig:
    """Read a configuration from YAML.

    Raises:
        ConfigError: The file is missing or not YAML; a key is unknown or missing; a value is impossible.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"got no configuration {path}, expected a YAML file; check the path") from error
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"got {path}, which is not YAML ({reason}); correct the file") from error
    config: TrainingConfig = _build(TrainingConfig, content, "")
    return config


def _build(kind: Any, content: Any, prefix: str) -> Any:
    """Build a dataclass from a mapping, one level of dataclasses deep."""
    if not isinstance(content, Mapping):
        where = prefix.removesuffix(".") or "the configuration"
        raise ConfigError(f"got {type(content).__name__} for {where}, expected keys and values; correct the file")
    hints = get_type_hints(kind)
    required = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
    if unknown := sorted(str(key) for key in set(content) - set(hints)):
        raise ConfigError(
            f"got unknown key {', '.join(prefix + key for key in unknown)}, expected some of {', '.join(hints)}; "
            "correct the spelling or remove it"
        )
    if missing := sorted(required - set(content)):
        raise ConfigError(f"got no {', '.join(prefix + key for key in missing)}, expected a value; add it")
    return kind(**{key: _value(hints[key], value, prefix + key) for key, value in content.items()})


def _value(hint: Any, value: Any, name: str) -> Any:
    """Check one value against the type of its field; integers serve as floats."""
    if is_dataclass(hint):
        return _build(hint, value, f"{name}.")
    if get_origin(hint) is Literal:
        if value not in (choices := get_args(hint)):
            raise ConfigError(f"got {name}: {value!r}, expected one of {', '.join(choices)}; correct the configuration")
        return value
    if hint in (int, float, str, bool):
        number = hint is float and isinstance(value, int | float) and not isinstance(value, bool)
        if not (number or type(value) is hint):
            raise ConfigError(f"got {name}: {value!r}, expected {hint.__name__}; correct the configuration")
        return float(value) if hint is float else value
    if not (isinstance(value, list) and value and all(type(item) is int and item > 0 for item in value)):
        raise ConfigError(f"got {name}: {value!r}, expected a list of positive integers; correct the configuration")
    return tuple(value)
