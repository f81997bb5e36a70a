"""Work for the engine that needs no files: what is made of a block depends on the block alone."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.engine_work import OnFailure
from stactools_esd.blocks import Block
from stactools_esd.errors import RasterError


class FakeItem:
    """Stands for an item that cannot be read."""

    def __init__(self, id: str) -> None:
        self.id = id


def noted(notes: str, block: Block) -> list[int]:
    """Return the processes that began a block, in their order."""
    path = Path(notes) / block.name
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@dataclass(frozen=True, kw_only=True)
class Squares:
    """Numbers drawn from a seed that is the place of the block."""

    lost: tuple[int, ...] = ()
    """Columns of blocks that cannot be read."""

    wrong: tuple[int, ...] = ()
    """Columns of blocks at which the work itself fails."""

    seconds: float = 0.0
    """How long a block takes."""

    notes: str | None = None
    """Folder in which the process that makes a block leaves its number under the block's name."""

    stuck: str | None = None
    """Name of the block at which the first who makes it, by the notes, never comes to an end."""

    block_bytes: int = 1_000_000

    @contextmanager
    def open(self, on_failure: OnFailure) -> Iterator[OnFailure]:
        """Nothing is opened."""
        yield on_failure

    def read(self, source: OnFailure, block: Block) -> int:
        """Return the seed."""
        if block.column in self.lost:
            source(FakeItem(f"esd-{block.column}"), RasterError(f"cut off at {block.column}"))
        return block.row * 1000 + block.column

    def compute(self, block: Block, given: int) -> dict[str, NDArray[Any]]:
        """Return numbers."""
        if self.notes is not None:
            with (Path(self.notes) / block.name).open("a") as file:
                file.write(f"{os.getpid()}\n")
            if block.name == self.stuck and len(noted(self.notes, block)) == 1:
                time.sleep(60)
        if block.column in self.wrong:
            raise RasterError(f"wrong at {block.column}")
        time.sleep(self.seconds)
        rows = np.random.default_rng(given).integers(0, 100, (block.height, block.width))
        return {"a": rows, "mapped": np.array(0 if block.column in self.lost else rows.size)}

    def mapped(self, arrays: Any) -> int:
        """Return what the block counted."""
        return int(arrays["mapped"])


@dataclass(frozen=True, kw_only=True)
class Watched(Squares):
    """The same, in this process; says what happens when."""

    read_blocks: list[Block] = field(default_factory=list)
    made_blocks: list[Block] = field(default_factory=list)
    in_work: list[int] = field(default_factory=lambda: [0, 0])
    second_is_read: threading.Event = field(default_factory=threading.Event)
    lock: Any = field(default_factory=threading.Lock)

    def read(self, source: OnFailure, block: Block) -> int:
        """Count blocks in work."""
        with self.lock:
            self.read_blocks.append(block)
            self.in_work[0] += 1
            self.in_work[1] = max(self.in_work)
        if len(self.read_blocks) == 2:
            self.second_is_read.set()
        return super().read(source, block)

    def compute(self, block: Block, given: int) -> dict[str, NDArray[Any]]:
        """Count them down."""
        arrays = super().compute(block, given)
        with self.lock:
            self.made_blocks.append(block)
            self.in_work[0] -= 1
        return arrays
