"""Files are whole or absent."""

import hashlib
import json
from pathlib import Path

import pytest

from stactools_esd.errors import CatalogError, OutputError
from stactools_esd.files import atomic_path, json_text, read_json, scratch_path, sha256_file, write_json


def names(folder: Path) -> list[str]:
    """List a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    """Until the body ends the final name does not exist, and afterwards nothing else does."""
    with atomic_path(tmp_path / "new" / "a.tif") as temporary:
        temporary.write_bytes(b"half")
        assert temporary.suffix == ".tif"
        assert temporary.parent == tmp_path / "new"
        assert not (tmp_path / "new" / "a.tif").exists()
    assert names(tmp_path / "new") == ["a.tif"]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """An error while writing removes what was written and keeps what was there."""
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("new")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert names(tmp_path) == ["a.txt"]
    assert path.read_text() == "old"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A final name that is a folder is refused in one line, before any work."""
    with pytest.raises(OutputError, match="expected the name of a file"), atomic_path(tmp_path):
        pass


def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """An output below a file is refused in one line."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make the folder"), atomic_path(tmp_path / "file" / "a.txt"):
        pass


def test_scratch_files_and_folders_go(tmp_path: Path) -> None:
    """What is written to a scratch path is removed in the end, a folder too."""
    with scratch_path(tmp_path / "a.tif") as scratch:
        scratch.write_text("")
    with scratch_path(tmp_path / "a") as scratch:
        (scratch / "b").mkdir(parents=True)
    assert names(tmp_path) == []


def test_json_is_byte_stable_and_readable(tmp_path: Path) -> None:
    """Order is kept, text is UTF-8, the file ends with a newline, and it can be read back."""
    content = {"b": [1, 2.5], "a": {"ü": None}}
    write_json(tmp_path / "a.json", content)
    assert (tmp_path / "a.json").read_bytes() == json_text(content).encode()
    assert json_text(content) == '{\n  "b": [\n    1,\n    2.5\n  ],\n  "a": {\n    "ü": null\n  }\n}\n'
    assert list(read_json(tmp_path / "a.json")) == ["b", "a"]


def test_json_holds_no_nan(tmp_path: Path) -> None:
    """NaN is no JSON: it is refused and nothing is written."""
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert names(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\ufeff{}"])
def test_damaged_json_is_one_line(tmp_path: Path, text: str) -> None:
    """Whatever a damaged file holds, the error is one line of the class asked for."""
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(OutputError, match="no valid JSON") as caught:
        read_json(tmp_path / "a.json", error=OutputError)
    assert "\n" not in str(caught.value)


def test_binary_and_absent_files_are_no_json(tmp_path: Path) -> None:
    """A file that is not text, a folder and no file at all are each one line."""
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    for name in ("a.json", "", "none.json"):
        with pytest.raises(CatalogError):
            read_json(tmp_path / name)


def test_checksums_are_sha256(tmp_path: Path) -> None:
    """The checksum of a file longer than a piece is that of all its bytes."""
    content = json.dumps(list(range(300_000))).encode()
    (tmp_path / "a").write_bytes(content)
    assert len(content) > 1 << 20
    assert sha256_file(tmp_path / "a") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), RuntimeError("I/O error: No space left on device (os error 28)")]
)
def test_a_full_disk_is_one_line_whoever_says_it(error: Exception, tmp_path: Path) -> None:
    """What the system says through Python or through a library in Rust becomes one line, and nothing is left."""

    def write() -> None:
        with atomic_path(tmp_path / "a.txt") as path:
            path.write_text("half")
            raise error

    with pytest.raises(OutputError, match=r"cannot write .*a\.txt \(No space left on device\)"):
        write()
    assert names(tmp_path) == []
