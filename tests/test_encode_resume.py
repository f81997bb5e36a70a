"""A run that was killed goes on where it was, whatever killed it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tiny_images import OPTIONS, hidden, write_images
from waiting import runs, wait_for

from stactools_esd.encoder import encode
from stactools_esd.encoder.block_codes import BlockDone
from stactools_esd.encoder.encode import encode_source
from stactools_esd.errors import InUseError, OutputError
from stactools_esd.memory import parse_memory
from stactools_esd.run_lock import run_lock


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve simulated images in three blocks."""
    return write_images(tmp_path_factory.mktemp("images"))


def interrupt(source: Path, destination: Path, after: int, **options: Any) -> None:
    """Run until so many blocks are finished."""
    done: list[int] = []

    def stop(news: BlockDone) -> None:
        done.append(news.block.row)
        if len(done) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_source(source, destination, **OPTIONS, on_block=stop, **options)


def test_finished_blocks_are_not_done_again(source: Path, tmp_path: Path) -> None:
    """A run continues after an interruption, with other memory, too, and its file is that of an undisturbed one."""
    whole = encode_source(source, tmp_path / "whole", **OPTIONS)
    interrupt(source, tmp_path / "killed", after=2)
    assert not list((tmp_path / "killed").glob("[!.]*"))
    rows: list[int] = []
    again = encode_source(
        source,
        tmp_path / "killed",
        **OPTIONS,
        memory=parse_memory("3GB"),
        on_block=lambda news: rows.append(news.block.row),
    )
    assert rows == [8]
    assert Path(again.codes).read_bytes() == Path(whole.codes).read_bytes()
    assert hidden(tmp_path / "killed") == []


def test_a_damaged_block_is_done_again(source: Path, tmp_path: Path) -> None:
    """A block whose checksum does not hold counts as not finished."""
    interrupt(source, tmp_path, after=2)
    block = sorted(tmp_path.rglob("r*.block"))[0]
    content = bytearray(block.read_bytes())
    content[100] ^= 1
    block.write_bytes(content)
    rows: list[int] = []
    encode_source(source, tmp_path, **OPTIONS, on_block=lambda news: rows.append(news.block.row))
    assert rows == [0, 8]


def test_a_kill_while_the_files_are_assembled_loses_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks go only when the item is there."""
    with monkeypatch.context() as patched:
        patched.setattr(encode, "write_encoded", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            encode_source(source, tmp_path, **OPTIONS)
    rows: list[int] = []
    encode_source(source, tmp_path, **OPTIONS, on_block=lambda news: rows.append(news.block.row))
    assert rows == []


def test_blocks_of_another_run_are_refused(source: Path, tmp_path: Path) -> None:
    """Left-over blocks of another recipe are never mixed in; they go when the user says so."""
    interrupt(source, tmp_path, after=2)
    with pytest.raises(OutputError, match=r"another run.*--overwrite"):
        encode_source(source, tmp_path, **OPTIONS, source_name="other")
    assert len(list(tmp_path.rglob("r*.block"))) == 2
    made = encode_source(source, tmp_path, **OPTIONS, source_name="other", overwrite=True)
    assert list(tmp_path.iterdir()) == [made.item.parent]


@pytest.mark.parametrize("change", ["an image", "the terrain", "one image more"])
def test_blocks_of_other_input_are_refused(change: str, tmp_path: Path) -> None:
    """Who changes an image, the terrain or their number begins another run."""
    source = write_images(tmp_path / "images")
    interrupt(source, tmp_path / "tiles", after=1)
    image = sorted(source.glob("SR_*.tif"))[3]
    if change == "an image":
        os.utime(image, ns=(1, 1))
    elif change == "the terrain":
        (source / "terrain.tif").unlink()
    else:
        (source / "SR_20201230.tif").write_bytes(image.read_bytes())
    with pytest.raises(OutputError, match="another run"):
        encode_source(source, tmp_path / "tiles", **OPTIONS)


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_runs_of_one_tile_do_not_meet(source: Path, tmp_path: Path, overwrite: bool) -> None:
    """While one run is at work another is refused, even with `overwrite`, and what the first has finished survives."""
    interrupt(source, tmp_path, after=2)
    (unfinished,) = tmp_path.iterdir()
    with run_lock(unfinished), pytest.raises(InUseError, match=f"in use by process {os.getpid()} "):
        encode_source(source, tmp_path, **OPTIONS, overwrite=overwrite)
    rows: list[int] = []
    encode_source(source, tmp_path, **OPTIONS, on_block=lambda news: rows.append(news.block.row))
    assert rows == [8]
    assert hidden(tmp_path) == []


def test_a_run_killed_with_its_workers_busy_continues(source: Path, tmp_path: Path) -> None:
    """After `kill -9` of the parent its workers end, nothing has the final name, and the next run finishes the rest."""
    script = f"""
        import json, multiprocessing, os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from tiny_images import OPTIONS
        from stactools_esd.encoder.encode import encode_source

        def die(news):
            pids = [child.pid for child in multiprocessing.active_children()]
            Path("pids.json").write_text(json.dumps(pids))
            os.kill(os.getpid(), signal.SIGKILL)

        if __name__ == "__main__":
            encode_source({str(source)!r}, "tiles", **OPTIONS, workers=2, on_block=die)
    """
    (tmp_path / "run.py").write_text(textwrap.dedent(script))
    done = subprocess.run([sys.executable, "run.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == -9
    pids = json.loads((tmp_path / "pids.json").read_text())
    assert len(pids) == 2
    wait_for(lambda: not any(map(runs, pids)))
    (unfinished,) = (tmp_path / "tiles").iterdir()
    kept = len(list(unfinished.glob("r*.block")))
    assert kept >= 1
    rows: list[int] = []
    made = encode_source(source, tmp_path / "tiles", **OPTIONS, on_block=lambda news: rows.append(news.block.row))
    assert len(rows) == 3 - kept
    assert list((tmp_path / "tiles").iterdir()) == [made.item.parent]
