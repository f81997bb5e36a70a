"""Coverage is of every line: no line is left out by a comment or a setting."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
LEAVES_OUT = "pragma: no " + "cover"


def test_no_line_is_left_out_of_coverage() -> None:
    """Neither by a comment in the source, nor by the configuration."""
    for package in ("stactools_esd", "esd_tasks"):
        assert [path.name for path in (ROOT / package).rglob("*.py") if LEAVES_OUT in path.read_text()] == []
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["coverage"]
    assert settings["run"]["source"] == ["stactools_esd", "esd_tasks"]
    assert settings["report"] == {"exclude_lines": []}
    assert "omit" not in settings["run"]
