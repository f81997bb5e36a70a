"""What validation found, and what it remembers while it looks."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass(kw_only=True)
class Report:
    """What `validate` found; grows while it looks."""

    allowed: Collection[str] = ()
    """Further schemes that hrefs may have."""

    root: Path | None = None
    """The folder that is checked, real path; assets outside are noted."""

    problems: list[str] = field(default_factory=list)
    """One line each, beginning with the file."""

    counts: Counter[str] = field(default_factory=Counter)
    """How many items, collections, catalogues, codes COGs and models were looked at."""

    visited: dict[Path, Json] = field(default_factory=dict)
    """Catalogues and collections read, by path."""

    sound: dict[Path, bool] = field(default_factory=dict)
    """Whether collections satisfy the schemas, by path."""

    ids: dict[str, Path] = field(default_factory=dict)
    """Where the item of an id was met first."""

    checksums: dict[Path, dict[str, str]] = field(default_factory=dict)
    """SHA-256 of the items' documents by id, by the folder of their year."""

    outside: list[Path] = field(default_factory=list)
    """Assets that are there, but outside the folder."""

    unread: list[str] = field(default_factory=list)
    """What could not be looked at on this machine, and why."""

    def add(self, path: Path, problem: str) -> None:
        """Note a problem of a file; documents of others may hold control characters, a line does not."""
        line = f"{path}: {problem}"
        self.problems.append("".join(character if character.isprintable() else " " for character in line))

    @property
    def summary(self) -> str:
        """Counts in words, e.g. `2 items, 1 collection`."""
        kinds = ("item", "collection", "catalog", "codes COG", "model")
        named = {"catalog": "catalogue"}
        return ", ".join(
            f"{count} {named.get(kind, kind)}{'' if count == 1 else 's'}"
            for kind in kinds
            if (count := self.counts[kind])
        )

    @property
    def notes(self) -> list[str]:
        """What is no problem, but is worth knowing before the folder is moved or published; one line each."""
        if not self.outside:
            return self.unread
        lie = "1 asset lies" if len(self.outside) == 1 else f"{len(self.outside):,} assets lie"
        return [
            f"{lie} outside {self.root}, such as {self.outside[0]}: who moves the folder leaves them behind; for "
            f"one that is whole: stac esd create-catalog {self.root} NEW --copy-assets --allow outside",
            *self.unread,
        ]
