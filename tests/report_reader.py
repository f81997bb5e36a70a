"""Reads a report as a strict browser without a network would."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Self

VOID = ("meta", "img")
"""Tags that are never closed."""


class ReportReader(HTMLParser):
    """Collects text, and what a reader would stumble over."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.faults: list[str] = []
        self.words: list[str] = []
        self.alts: list[str] = []
        self.lang: str | None = None

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read a file, and see that it needs nothing beside itself and can be read by everybody."""
        reader = cls()
        page = path.read_text(encoding="utf-8")
        reader.feed(page)
        reader.close()
        assert page.startswith("<!DOCTYPE html>")
        assert reader.open == []
        assert reader.faults == []
        assert reader.lang == "en"
        assert reader.tags.count("h1") == 1
        assert "script" not in reader.tags
        assert not re.search(r"@import|url\(|https?://", re.sub(r'"data:[^"]+"', "", page))
        return reader

    @property
    def text(self) -> str:
        """What is read, pictures' words included, white space made one."""
        return " ".join(" ".join([*self.words, *self.alts]).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See that a tag loads nothing, runs nothing and tells what it is."""
        given = dict(attrs)
        self.tags.append(tag)
        if tag == "html":
            self.lang = given.get("lang")
        for name, value in attrs:
            if name in ("src", "href", "srcset", "action", "data") and not (value or "").startswith("data:image/png;"):
                self.faults.append(f"{tag} loads {value}")
            if name.startswith("on"):
                self.faults.append(f"{tag} runs {name}")
        if tag == "th" and given.get("scope") not in ("row", "col"):
            self.faults.append("th without scope")
        if tag == "img" and not given.get("alt"):
            self.faults.append("img without alt")
        if tag == "svg" and given.get("aria-hidden") != "true":
            if given.get("role") != "img" or not given.get("aria-label"):
                self.faults.append("picture without words")
            self.alts.append(given.get("aria-label") or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See that the innermost tag is closed."""
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} closed out of turn")

    def handle_data(self, data: str) -> None:
        """Collect text but that of the style sheet."""
        if "style" not in self.open:
            self.words.append(data)
