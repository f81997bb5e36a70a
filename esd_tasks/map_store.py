"""The blocks of a map that is being made: finished ones are kept for the next run, those with holes are not."""

import shutil
import threading
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from esd_tasks.failures import Failures
from stactools_esd.blocks import RUN_FILE, Block, BlockStore

HOLED: Final = "holed"
"""Folder of the blocks with holes, beside the finished ones."""


class MapStore(BlockStore):
    """Blocks of a run; those of which a tile could not be read lie apart, and the next run makes them again."""

    def __init__(self, folder: Path, run_key: str, failures: Failures | None = None) -> None:
        """Open the folder of a run, or make it.

        Args:
            folder: Where the blocks are; used for nothing else.
            run_key: Hash of everything that decides the result.
            failures: What could not be read before there was a store.

        Raises:
            OutputError: The folder belongs to another run, or holds other files.
        """
        super().__init__(folder, run_key)
        self.failures = failures or Failures()
        self._holed: set[Block] = set()
        self._lock = threading.Lock()
        shutil.rmtree(self.folder / HOLED, ignore_errors=True)

    @property
    def is_empty(self) -> bool:
        """True where no finished block is there that another run could lose."""
        return all(path.name in (RUN_FILE, HOLED) for path in self.folder.iterdir())

    def put_holed(self, block: Block, **arrays: NDArray[Any]) -> None:
        """Store the arrays of a block for this run alone; `get` prefers them."""
        with self._lock:  # the folder is made once
            apart = self._apart
        apart.put(block, **arrays)
        self._holed.add(block)

    def get(self, block: Block) -> dict[str, NDArray[Any]]:
        """Return the arrays of a block, finished or with holes.

        Raises:
            OutputError: The block is absent or damaged.
        """
        return self._apart.get(block) if block in self._holed else super().get(block)

    @cached_property
    def _apart(self) -> BlockStore:
        return BlockStore(self.folder / HOLED, self.run_key)
