"""What runs make and say."""

import hashlib
from pathlib import Path

Snapshot = dict[str, str | None]
"""SHA-256 of each file below a folder, None for folders, by their paths."""


def new(folder: Path) -> Path:
    """Make a folder."""
    folder.mkdir(parents=True)
    return folder


def the_error(said: str) -> str:
    """Return the one line of an error."""
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert said.rstrip().endswith(line)
    return line


def snapshot(folder: Path) -> Snapshot:
    """Return every file below a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def differences(got: Snapshot, expected: Snapshot) -> str:
    """Say in what two snapshots differ, empty where they do not."""
    said = [f"{name} is left over" for name in got.keys() - expected.keys()]
    said += [f"{name} is missing" for name in expected.keys() - got.keys()]
    said += [f"{name} differs" for name in got.keys() & expected.keys() if got[name] != expected[name]]
    return ", ".join(sorted(said))
