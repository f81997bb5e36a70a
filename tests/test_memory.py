"""The memory of a run: said in any unit, planned before the work, and kept."""

import json
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stactools_esd.errors import UsageError
from stactools_esd.memory import MOST_ROWS, parse_memory, peak, plan_memory

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
import process_memory

SIZES = {"8GB": 8 * 10**9, "512MB": 512 * 10**6, "7.5GiB": 15 << 29, "2g": 2 * 10**9, " 1 TB ": 10**12, "1000": 1000}


@pytest.mark.parametrize("text", SIZES)
def test_sizes_are_read_as_people_write_them(text: str) -> None:
    """Units of thousand and of 1024, of either case, with or without the B."""
    assert parse_memory(text) == SIZES[text]


@pytest.mark.parametrize("text", ["", "much", "8 apples", "-1GB", "0GB", "GB", "1e9", "8GBB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """The message says what an amount looks like."""
    with pytest.raises(UsageError, match="such as 8GB"):
        parse_memory(text)


@given(
    memory=st.integers(10**9, 10**11),
    dates=st.integers(1, 800),
    width=st.integers(1, 4000),
    workers=st.none() | st.integers(1, 20),
)
def test_a_plan_stays_below_what_is_given(memory: int, dates: int, width: int, workers: int | None) -> None:
    """Whatever is asked, the estimate is at most the memory, and a row more would exceed it; or it is refused."""
    block_rows = -(-32_768 // width)
    asked = {"dates": dates, "width": width}
    try:
        plan = plan_memory(memory, **asked, block_rows=block_rows, pixels=10**7, workers=workers)
    except UsageError:
        assert peak(workers or 1, block_rows, **asked) > memory or block_rows > MOST_ROWS
        return
    assert plan.workers == workers or workers is None
    assert plan.rows >= block_rows
    assert plan.bytes == peak(plan.workers, plan.rows, **asked) <= memory
    assert plan.rows == MOST_ROWS or peak(plan.workers, plan.rows + 1, **asked) > memory


def test_little_work_needs_no_other_process() -> None:
    """The default starts no worker for fewer pixels than its start would cost."""
    small = plan_memory(8 * 10**9, dates=60, width=128, block_rows=128, pixels=128 * 128)
    assert small.workers == 1


def test_too_little_memory_names_what_is_needed() -> None:
    """What the message asks for is enough."""
    asked = {"dates": 91, "width": 3600, "block_rows": 10, "pixels": 10**7, "workers": 2}
    with pytest.raises(UsageError, match=r"expected at least (\d+\.\d) GB") as refused:
        plan_memory(10**9, **asked)
    needed = str(refused.value).split("expected at least ")[1].split(" GB")[0]
    assert plan_memory(parse_memory(f"{needed}GB"), **asked).workers == 2
    with pytest.raises(UsageError, match="0 workers"):
        plan_memory(10**10, **{**asked, "workers": 0})


@pytest.mark.parametrize(("fill", "workers"), [("linear", 1), ("gp", 1), ("linear", 2)])
def test_a_run_stays_below_its_estimate(fill: str, workers: int, tmp_path: Path) -> None:
    """The peak of all processes, each computing 64 rows of 300 images while it reads the next, is within the plan's."""
    pytest.importorskip("torch")
    script = f"""
        import json, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from odd_sources import Endless
        from stactools_esd.blocks import BlockStore, group_rows, plan_rows
        from stactools_esd.encoder import load_encoder
        from stactools_esd.encoder.block_codes import EncodeJob
        from stactools_esd.encoder.workers import encode_apart, encode_here
        from stactools_esd.fusion import fusion
        from stactools_esd.observations import YearWindow

        def main():
            source = Endless(shape=(384, 512), count=300, seen=8, seen_rows=8)
            job = EncodeJob(source=source, positions=tuple(range(300)), window=YearWindow(year=2020),
                            fusion=fusion({fill!r}), terrain=None, skip_bad=False)
            blocks = plan_rows(*source.shape)
            groups = group_rows(blocks, 64, 1)
            store = BlockStore(Path("blocks"), "key")
            if {workers} == 1:
                done = list(encode_here(job, load_encoder(), groups, store))
            else:
                done = list(encode_apart(job, "esdnet-small", "torch", groups, store, {workers}))
            print(json.dumps([len(done), len(groups)]))

        if __name__ == "__main__":
            main()
    """
    (tmp_path / "run.py").write_text(textwrap.dedent(script))
    code, said, measured = process_memory.measured([sys.executable, tmp_path / "run.py"], cwd=tmp_path)
    assert code == 0
    assert json.loads(said) == [6, 6]
    estimate = peak(workers, 64, dates=300, width=512)
    assert estimate / 2 < measured <= estimate
