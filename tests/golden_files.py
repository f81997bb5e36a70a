"""Golden files: what a result was when a person last agreed to it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"

Golden = Callable[[str, Any], None]


def compare(name: str, content: Any) -> None:
    """Compare JSON content with `tests/golden/<name>.json`; `ESD_REGENERATE=1` writes the file instead."""
    path = GOLDEN / f"{name}.json"
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("ESD_REGENERATE") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert json.loads(text) == json.loads(path.read_text(encoding="utf-8"))
