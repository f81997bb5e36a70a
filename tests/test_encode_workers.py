"""Several processes: the same codes, and an end that is said when one of them dies."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")

from odd_sources import Endless, deadly
from tiny_images import OPTIONS, hidden, write_images

from stactools_esd.encoder import encode_plan, load_encoder
from stactools_esd.encoder.block_codes import STAGES, BlockDone
from stactools_esd.encoder.encode import encode_source
from stactools_esd.errors import PartlyDoneError, RasterError, UsageError
from stactools_esd.sources.find import FoundSource


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve simulated images in three blocks."""
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture
def killed(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Run with two workers, one of which dies in the last block; return the destination."""

    def run() -> Path:
        fatal = deadly(source, tmp_path / "killed", row=9)
        found = FoundSource(source=fatal, source_type="folder", name="unspecified")
        with monkeypatch.context() as patched:
            patched.setattr(encode_plan, "find_source", lambda *_, **__: found)
            with pytest.raises(PartlyDoneError, match=r"a worker was ended by SIGKILL.*run the same command again"):
                encode_source(source, tmp_path / "killed", **OPTIONS, workers=2)
        return tmp_path / "killed"

    return run


def test_codes_do_not_depend_on_the_workers(source: Path, tmp_path: Path, killed: Callable[[], Path]) -> None:
    """One process, two, and two of which one was killed give the same bytes; finished blocks are not done again."""
    alone = encode_source(source, tmp_path / "alone", **OPTIONS)
    done: list[BlockDone] = []
    together = encode_source(source, tmp_path / "together", **OPTIONS, workers=2, on_block=done.append)
    assert sorted(one.block.row for one in done) == [0, 4, 8]
    assert all(set(one.seconds) == set(STAGES) for one in done)
    destination = killed()
    (unfinished,) = hidden(destination)
    kept = len(list((destination / unfinished).glob("r*.block")))
    assert kept in (1, 2)
    again: list[BlockDone] = []
    continued = encode_source(source, destination, **OPTIONS, on_block=again.append)
    assert len(again) == 3 - kept
    codes = Path(alone.codes).read_bytes()
    assert Path(together.codes).read_bytes() == codes
    assert Path(continued.codes).read_bytes() == codes
    assert hidden(destination) == []


def test_an_error_of_a_worker_is_that_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one process meets ends all of them with the same error as in one."""
    damaged = Endless(shape=(11, 7), count=12, damaged=frozenset({(5, 9)}))
    found = FoundSource(source=damaged, source_type="folder", name="unspecified")
    monkeypatch.setattr(encode_plan, "find_source", lambda *_, **__: found)
    with pytest.raises(RasterError, match="cannot read image5"):
        encode_source("images", tmp_path / "tiles", **OPTIONS, workers=2)


def test_a_loaded_encoder_serves_one_worker(source: Path, tmp_path: Path) -> None:
    """Each worker loads the weights itself, so it has to be told where they are."""
    with pytest.raises(UsageError, match="got a loaded encoder for several workers"):
        encode_source(source, tmp_path, **OPTIONS, encoder=load_encoder(), workers=2)
    encode_source(source, tmp_path, **OPTIONS, encoder=load_encoder())
