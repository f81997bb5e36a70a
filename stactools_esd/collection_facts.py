"""What a collection says of its items: extents, summaries, licence, picture; joined year by year."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from stactools_esd.errors import IncomparableError

if TYPE_CHECKING:
    import pystac

SUMMARISED: Final = (
    "esd:format_version",
    "esd:weights_sha256",
    "esd:input_recipe",
    "esd:temporal_context",
    "esd:engine",
    "proj:code",
)
"""Properties whose values a collection lists."""

_KEPT = (*SUMMARISED, "license")

SIMULATED: Final = "simulated"
"""First word of the input recipe's source where codes were made of no observation of the Earth."""

Box = tuple[float, ...]
"""(west, south, east, north) in degrees."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What some items of one encoder say together."""

    boxes: frozenset[Box] = frozenset()
    """Their boxes, each once: tiles come back year after year."""

    first: str | None = None
    """Earliest start, RFC 3339 in UTC, which sorts as text."""

    last: str | None = None
    """Latest end."""

    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Property to its values, by the text of each."""

    unsaid_weights: bool = False
    """Whether some items state no weights: those of an encoder whose weights are not public."""

    thumbnail: str | None = None
    """Path or URL of one thumbnail."""

    @classmethod
    def of(cls, items: Iterable[Mapping[str, Any]]) -> "Facts":
        """Gather the facts of items, in any order."""
        boxes: set[Box] = set()
        values: dict[str, dict[str, Any]] = {}
        starts, ends, pictures = set(), set(), []
        unsaid = False
        for item in items:
            properties = item["properties"]
            boxes.add(tuple(item["bbox"]))
            starts.add(properties["start_datetime"])
            ends.add(properties["end_datetime"])
            unsaid = unsaid or "esd:weights_sha256" not in properties
            for key in _KEPT:
                if key in properties:
                    values.setdefault(key, {})[str(properties[key])] = properties[key]
            if picture := item.get("assets", {}).get("thumbnail"):
                pictures.append((item["id"], picture["href"]))
        return cls(
            boxes=frozenset(boxes),
            first=min(starts, default=None),
            last=max(ends, default=None),
            values=values,
            unsaid_weights=unsaid,
            thumbnail=min(pictures)[1] if pictures else None,
        )

    @classmethod
    def joined(cls, parts: Iterable["Facts"]) -> "Facts":
        """Join facts of several years; the picture is that of the last year that has one."""
        kept = [part for part in parts if part.first is not None]
        values: dict[str, dict[str, Any]] = {}
        for part in kept:
            for key, found in part.values.items():
                values.setdefault(key, {}).update(found)
        pictures = [(part.first or "", part.thumbnail) for part in kept if part.thumbnail]
        return cls(
            boxes=frozenset().union(*(part.boxes for part in kept)),
            first=min((part.first for part in kept if part.first), default=None),
            last=max((part.last for part in kept if part.last), default=None),
            values=values,
            unsaid_weights=any(part.unsaid_weights for part in kept),
            thumbnail=max(pictures)[1] if pictures else None,
        )

    def sorted_values(self, key: str) -> list[Any]:
        """Return the values of a property, in a stable order."""
        return sorted(self.values.get(key, {}).values(), key=str)

    @property
    def weights(self) -> set[str | None]:
        """The hashes of the weights that made them, None for those that are not public."""
        return {*self.sorted_values("esd:weights_sha256"), *([None] if self.unsaid_weights else [])}

    @property
    def simulated(self) -> Literal["all", "some", "none"]:
        """How many of the items are no observations of the Earth, as their input recipes say."""
        recipes = [recipe for recipe in self.sorted_values("esd:input_recipe") if isinstance(recipe, Mapping)]
        found = {str(recipe.get("source")).partition(" ")[0] == SIMULATED for recipe in recipes}
        return "none" if True not in found else "some" if False in found else "all"


def require_one_encoder(label: str, weights: set[str | None]) -> None:
    """See that all items of a collection were made with the same weights.

    Raises:
        IncomparableError: They were not, so they are of two encoders.
    """
    if len(weights) > 1:
        raise IncomparableError(
            f"got items of {label} made with {len(weights)} sets of weights "
            f"({', '.join(sorted(str(sha256)[:12] for sha256 in weights))}), expected one, for a collection has one "
            "encoder; give the other weights another version"
        )


def contents_of(items: "Iterable[pystac.Item | Mapping[str, Any]]") -> list[Mapping[str, Any]]:
    """Return items as JSON."""
    return [item if isinstance(item, Mapping) else item.to_dict(False, False) for item in items]
