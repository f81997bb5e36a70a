"""The variants that ablations compare: one factor each, beside the recipe of `esdnet-small`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import ablation_networks as networks
import ablation_terms as terms

from stactools_esd.encoder.batches import Batch
from stactools_esd.encoder.config import TrainingConfig
from stactools_esd.encoder.model import ESDNet


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One change to the recipe."""

    factor: str
    """What is varied."""

    says: str
    """The change in a few words, for the table."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `TrainingConfig` that differ; those of `architecture` and `augmentation` as mappings."""

    network: type[ESDNet] = ESDNet
    """Class of the network."""

    term: terms.Term | None = None
    """What the loss gains."""

    batch: Callable[[Batch, TrainingConfig, int], Batch] | None = None
    """What is done to each batch."""

    memory: float = 0.0
    """Memory of a running mean of weights; 0 judges the last weights."""


def _sizes(factor: str, says: str, **sizes: Any) -> Variant:
    return Variant(factor=factor, says=says, settings={"architecture": sizes})


VARIANTS: Final = {
    "base": Variant(factor="spread of seeds", says="the recipe, seed 1"),
    "base_2": Variant(factor="spread of seeds", says="seed 2", settings={"seed": 2}),
    "base_3": Variant(factor="spread of seeds", says="seed 3", settings={"seed": 3}),
    "token_mixing": _sizes("token mixer at 12 steps", "three blocks of token mixing, 144 wide", mixer="tokens"),
    "attention": Variant(
        factor="token mixer at 12 steps",
        says="three blocks of attention, 144 wide",
        network=networks.AttentiveSteps,
    ),
    "mixed_pixels": Variant(
        factor="what is trained on",
        says="mixtures of pixel-years, other bands and seasons",
        batch=terms.mixed_pixels(0.3, 0.1, 0.15),
    ),
    "spliced": Variant(
        factor="what is trained on",
        says="one row in ten goes on as another from a drawn day",
        batch=terms.spliced(0.1),
    ),
    "linear_skip": Variant(
        factor="temporal basis", says="a learned linear way beside the network", network=networks.LinearSkip
    ),
    "cosine_basis": Variant(
        factor="temporal basis", says="12 cosines a band from all vectors", network=networks.CosineBasis
    ),
    "warm_up": Variant(
        factor="unquantised warm-up",
        says="no rounding in the first third",
        network=networks.WarmNet,
        term=terms.warm_up(1 / 3),
    ),
    "average": Variant(factor="weights", says="running mean of about 300 steps", memory=0.997),
    "decorrelated": Variant(
        factor="what levels share",
        says="squares of correlations between the 72 values, weight 0.01",
        term=terms.decorrelated(0.01),
    ),
    "large_batch": Variant(factor="batch", says="192 pixel-years a step, fewer steps", settings={"batch_size": 192}),
    "wide": _sizes("width and depth", "208 wide at 12 steps", step_width=208),
    "deep": _sizes("width and depth", "96 wide, six blocks", step_width=96, dilations=(1, 2, 4, 1, 2, 4)),
    "wide_stem": _sizes("width and depth", "64 wide at 73 pentads", width=64),
    "deep_decoder": Variant(
        factor="width and depth", says="twice the blocks in the decoder", network=networks.DeepDecoder
    ),
    "daily": Variant(factor="stem", says="365 days into the stem", network=networks.DailyStem),
    "positional": Variant(factor="place of steps", says="a learned vector a step", network=networks.PositionalNet),
    "two_views": Variant(
        factor="consistency", says="one pixel-year corrupted twice, weight 0.3", term=terms.two_views(0.3)
    ),
    "no_identity": Variant(factor="consistency", says="no identity loss", settings={"identity_weight": 0.0}),
    "identity": Variant(factor="consistency", says="identity loss at 0.02", settings={"identity_weight": 0.02}),
    "hidden_days": Variant(
        factor="masked days",
        says="gaps and thinning three times as often",
        settings={"augmentation": {"gaps": 0.45, "thinned": 0.45}},
    ),
    "no_hidden_days": Variant(
        factor="masked days", says="none hidden", settings={"augmentation": {"gaps": 0.0, "thinned": 0.0}}
    ),
    "no_heads": Variant(factor="label heads", says="none", settings={"class_weight": 0.0, "phenology_weight": 0.0}),
    "strong_heads": Variant(
        factor="label heads", says="four times the weight", settings={"class_weight": 0.12, "phenology_weight": 0.12}
    ),
    "balance": Variant(
        factor="weights of the loss", says="errors in units of each band's spread", settings={"band_balance": 1.0}
    ),
    "correlation": Variant(
        factor="weights of the loss", says="1 - r of each band over time, weight 0.05", term=terms.correlation(0.05)
    ),
    "squares": Variant(
        factor="weights of the loss",
        says="squared errors beside absolute ones, weight 0.2",
        settings={"square_weight": 0.2},
    ),
    "more_noise": Variant(
        factor="corruption",
        says="twice as much haze, noise and cloud",
        settings={"augmentation": {"haze": 0.02, "noise": 0.004, "clouds": 0.06}},
    ),
}
"""In the order in which they are run."""
