"""Disks that fail while they are read: one line that names the file, whatever the file is.

A link to `/proc/self/mem` is a file that opens and whose first bytes cannot be read: the system says EIO, as of a disk.
"""

from pathlib import Path

import numpy as np
import pytest
import tiny_map
from item_server import write_catalog
from test_exit_codes import run

from stactools_esd.blocks import Block, BlockStore
from stactools_esd.cog import open_codes
from stactools_esd.errors import OutputError, RasterError

BROKEN = Path("/proc/self/mem")

pytestmark = pytest.mark.skipif(not BROKEN.exists(), reason="a system without /proc has no file that fails so")


def broken(path: Path) -> Path:
    """Put a file that cannot be read in the place of another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(BROKEN)
    return path


LINES = {
    "codes": ("codes/broken.tif", "esd-tasks pull --catalog codes/broken.tif --bbox 2.9,50.4,3.4,50.8 -o out"),
    "item": ("broken.json", "esd-tasks pull --catalog broken.json --bbox 2.9,50.4,3.4,50.8 -o out"),
    "index": ("broken.parquet", "esd-tasks pull --catalog broken.parquet --bbox 2.9,50.4,3.4,50.8 -o out"),
    "labels": ("broken.gpkg", "esd-tasks classify --labels broken.gpkg --catalog codes --year 2020 -o out"),
    "csv": ("broken.csv", "esd-tasks classify --labels broken.csv --catalog codes --year 2020 -o out"),
    "legend": (
        "broken.csv",
        "esd-tasks classify --labels labels.gpkg --legend broken.csv --catalog codes --year 2020 -o out",
    ),
    "area": ("broken.geojson", "esd-tasks pull --catalog codes --geometry broken.geojson -o out"),
    "model": ("model/model.json", "esd-tasks predict model --catalog codes -o out"),
    "map": ("broken.tif", "esd-tasks design broken.tif -o out.gpkg"),
    "listing": ("broken.csv", "stac esd create-catalog broken.csv out"),
    "configuration": ("broken.yaml", "stac esd train broken.yaml -o out"),
    "image": ("images/broken_20200101.tif", "stac esd encode images out --year 2020 --name test"),
}
"""A file, and a command that reads it."""


@pytest.mark.parametrize("kind", LINES)
def test_a_file_that_cannot_be_read_is_one_line(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of input: exit code 1 or 2, one line, and no output."""
    monkeypatch.chdir(tmp_path)
    tiny_map.write_place(Path("codes"), year=2020)
    tiny_map.write_labels(Path("labels.gpkg"), n=30)
    path, line = LINES[kind]
    broken(Path(path))
    result = run(line)
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    (said,) = result.stderr.splitlines()
    assert said.startswith("Error: ")
    assert Path(path).parts[0] in said
    assert not Path("out").exists()


def test_an_item_that_cannot_be_read_among_others_is_named(tmp_path: Path) -> None:
    """A catalogue with one item that the disk has lost does not pass for a whole one."""
    catalog = write_catalog(tmp_path / "place", index=False)
    broken(next(catalog.rglob("esd-*-31ues-2020.json")))
    result = run(f"esd-tasks pull --catalog {catalog} --bbox 4.4,50.8,4.401,50.801 --years 2019,2020 -o {tmp_path}/out")
    assert result.exit_code == 1
    assert "Input/output error" in result.stderr


def test_a_block_that_cannot_be_read_is_made_again(tmp_path: Path) -> None:
    """What a killed run left on a failing disk counts as not finished."""
    block = Block(row=0, column=0, height=2, width=2)
    store = BlockStore(tmp_path / "blocks", "key")
    store.put(block, a=np.zeros((2, 2)))
    assert store.finished(block)
    broken(next((tmp_path / "blocks").glob("r*.block")))
    assert store.unfinished([block]) == [block]
    with pytest.raises(OutputError, match="no undamaged block"):
        store.get(block)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_that_shrinks_while_it_is_read_is_one_line(share: float, tmp_path: Path) -> None:
    """A tile that is cut between two reads, as by a copy over it, is a read error, never codes."""
    path = tiny_map.write_place(tmp_path, year=2020)
    with open_codes(path) as codes:
        content = path.read_bytes()
        with path.open("r+b") as file:
            file.truncate(int(len(content) * share))
        with pytest.raises(RasterError, match="cannot read") as caught:
            codes.read()
    assert "\n" not in str(caught.value)
