"""Pages of docs/tasks whose code the tests run."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
"""The repository."""

_SHELL: Final = ("bash", "-euo", "pipefail", "-c")


def page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / "docs" / "tasks" / f"{name}.md").read_text()


def blocks(text: str, *languages: str) -> list[tuple[str, str]]:
    """Return the blocks of code of some languages: language and code, in order."""
    return re.findall(rf"^```({'|'.join(languages)})\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def run_block(language: str, code: str, folder: Path) -> str:
    """Run a block of bash or Python in a folder, as a reader would in a checkout, and return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "ESD_HOME": str(ROOT)}
    environment.pop("ESD_CATALOG", None)
    command = _SHELL if language == "bash" else (sys.executable, "-c")
    done = subprocess.run([*command, code], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{code}\n{done.stderr}"
    return done.stdout
