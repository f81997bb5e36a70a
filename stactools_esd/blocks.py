"""Blocks of a raster, and a folder of finished ones: checksummed, so that a killed run continues."""

import hashlib
import io
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd.errors import GridError, OutputError
from stactools_esd.files import atomic_path, read_json, write_json
from stactools_esd.npz_file import read_npz

RUN_FILE = "run_key.json"
"""Name of the file that says which run a folder of blocks belongs to."""

ROW_BLOCK_PIXELS: Final = 32_768
"""Pixels of a block of whole rows, at most: what a killed run may lose, some seconds of an encoder's work."""

_SUFFIX = ".block"
_DIGEST_LENGTH = 64


@dataclass(frozen=True, kw_only=True)
class Block:
    """A rectangle of pixels."""

    row: int
    """First row, from the top."""

    column: int
    """First column, from the left."""

    height: int
    """Rows."""

    width: int
    """Columns."""

    @property
    def window(self) -> Window:
        """The same rectangle as rasterio writes it."""
        return Window(self.column, self.row, self.width, self.height)

    @property
    def name(self) -> str:
        """A name that sorts in reading order: `r000000_c000000`."""
        return f"r{self.row:06d}_c{self.column:06d}"


def plan_blocks(height: int, width: int, size: int) -> list[Block]:
    """Cut a raster into square blocks, row by row; those at the right and lower edge may be smaller.

    Args:
        height: Rows of the raster.
        width: Columns of the raster.
        size: Rows and columns of a whole block.

    Raises:
        GridError: A number is not positive.
    """
    if min(height, width, size) < 1:
        raise GridError(
            f"got a raster of {height} x {width} pixels and blocks of {size}, expected positive numbers; "
            "check the area and the block size"
        )
    return [
        Block(row=row, column=column, height=min(size, height - row), width=min(size, width - column))
        for row in range(0, height, size)
        for column in range(0, width, size)
    ]


def plan_rows(height: int, width: int, rows: int | None = None) -> list[Block]:
    """Cut a raster into blocks of whole rows, from the top; the last may be lower.

    The default depends on the width alone, so that a run may go on with other memory or on another machine.

    Args:
        height: Rows of the raster.
        width: Columns of the raster.
        rows: Rows of a whole block; by default a power of two, as many as `ROW_BLOCK_PIXELS` hold.

    Raises:
        GridError: A number is not positive.
    """
    if min(height, width, 1 if rows is None else rows) < 1:
        raise GridError(
            f"got a raster of {height} x {width} pixels and blocks of {rows} rows, expected positive numbers; "
            "check the area and the rows"
        )
    rows = rows or _power_of_two(ROW_BLOCK_PIXELS // width)
    return [Block(row=row, column=0, height=min(rows, height - row), width=width) for row in range(0, height, rows)]


def group_rows(blocks: Sequence[Block], most: int, shares: int, offset: int = 0) -> list[tuple[Block, ...]]:
    """Join neighbouring blocks of whole rows into groups that are read at once.

    Files are mostly tiled by powers of two, and a tile is decoded whole however few of its rows are read. So groups
    have powers of two of rows and begin at multiples of them. They are halved towards the end, so that workers that
    take one after the other finish at about the same time, but not more than once: small groups are read dearly.

    Args:
        blocks: Blocks of whole rows, from the top; some may be missing.
        most: Rows of a group, at most; a block is never cut.
        shares: Into how many groups what is left is divided each time, at least: twice the workers, or more.
        offset: Row of the files at which the blocks' row 0 lies.

    Returns:
        Every block once, in order.
    """
    left = sum(block.height for block in blocks)
    most = _power_of_two(most)
    least = min(most // 2, left // max(1, shares))
    groups: list[tuple[Block, ...]] = []
    start = 0
    while start < len(blocks):
        size = min(most, _power_of_two(max(least, left // max(1, shares))))
        end = (blocks[start].row + offset) // size * size + size - offset
        stop = start + 1
        while (
            stop < len(blocks)
            and blocks[stop].row == blocks[stop - 1].row + blocks[stop - 1].height
            and blocks[stop].row + blocks[stop].height <= end
        ):
            stop += 1
        groups.append(tuple(blocks[start:stop]))
        left -= sum(block.height for block in groups[-1])
        start = stop
    return groups


def _power_of_two(most: int) -> int:
    """Return the largest power of two that is not larger, at least 1."""
    return 1 << max(0, most.bit_length() - 1)


def run_key(facts: Mapping[str, Any]) -> str:
    """Hash everything that decides a result; equal facts give equal keys whatever their order.

    Args:
        facts: JSON content: inputs with their checksums, parameters, seed, versions, grid.
    """
    text = json.dumps(facts, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _head(payload: bytes) -> bytes:
    """Return what stands before the arrays in a block's file."""
    return hashlib.sha256(payload).hexdigest().encode("ascii") + b"\n"


class BlockStore:
    """A folder of finished blocks of one run.

    Each block is one file, written atomically: the SHA-256 of the rest in hexadecimal, a newline, and the arrays in
    NumPy's `.npz`. So a block is finished when its file is there and its checksum holds; partial files of a killed run
    have other names and are ignored.
    """

    def __init__(self, folder: Path, run_key: str) -> None:
        """Open the folder of a run, or make it.

        Args:
            folder: Where the blocks are; used for nothing else.
            run_key: Hash of everything that decides the result.

        Raises:
            OutputError: The folder belongs to another run, or holds other files.
        """
        self.folder = Path(folder)
        self.run_key = run_key
        self._new_parents = [parent for parent in self.folder.parents if not parent.exists()]
        marker = self.folder / RUN_FILE
        if marker.exists():
            content = read_json(marker, error=OutputError)
            if not isinstance(content, dict) or content.get("run_key") != run_key:
                raise OutputError(
                    f"got {self.folder} with blocks of another run (other inputs, parameters or versions), expected "
                    "blocks of this one; choose another output or start anew with --overwrite"
                )
            return
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.glob("[!.]*"))):
            raise OutputError(
                f"got {self.folder} with other content, expected a folder of blocks or nothing; "
                "choose another output or start anew with --overwrite"
            )
        write_json(marker, {"run_key": run_key})

    def _path(self, block: Block) -> Path:
        return self.folder / f"{block.name}_{block.height}x{block.width}{_SUFFIX}"

    def _payload(self, block: Block) -> bytes | None:
        try:
            content = self._path(block).read_bytes()
        except OSError:
            return None
        head, payload = content[: _DIGEST_LENGTH + 1], content[_DIGEST_LENGTH + 1 :]
        return payload if head == _head(payload) else None

    def finished(self, block: Block) -> bool:
        """Tell whether a block is there and undamaged."""
        return self._payload(block) is not None

    def unfinished(self, blocks: Iterable[Block]) -> list[Block]:
        """Return the blocks that are still to be made, in their order."""
        return [block for block in blocks if not self.finished(block)]

    def put(self, block: Block, **arrays: NDArray[Any]) -> None:
        """Store the arrays of a block, in place of older ones.

        Args:
            block: Which.
            **arrays: Arrays of numbers, booleans or text of fixed length, by name.

        Raises:
            OutputError: An array holds objects, or the folder cannot be written.
        """
        if objects := [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]:
            raise OutputError(f"got an array of objects {objects[0]!r}, expected numbers; give it a plain dtype")
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        payload = buffer.getvalue()
        with atomic_path(self._path(block)) as temporary:
            try:
                temporary.write_bytes(_head(payload) + payload)
            except OSError as error:
                raise OutputError(
                    f"cannot write to {self.folder} ({error.strerror}); make room and run again"
                ) from error

    def get(self, block: Block) -> dict[str, NDArray[Any]]:
        """Return the arrays of a finished block.

        Raises:
            OutputError: The block is absent or damaged.
        """
        payload = self._payload(block)
        if payload is None:
            raise OutputError(f"got no undamaged block {block.name} in {self.folder}; run the same command again")
        return read_npz(
            io.BytesIO(payload),
            name=f"block {block.name} in {self.folder}",
            error=OutputError,
            expected="the arrays of a block",
            todo="delete it and run the same command again",
            most_bytes=len(payload),
        )

    def discard(self) -> None:
        """Remove the folder and every block in it, and folders above it that were made for it and hold nothing.

        The file that says whose blocks they are goes last: a run that is killed here can be told from a stranger.
        """
        with suppress(OSError):
            for path in self.folder.iterdir():
                if path.name != RUN_FILE:
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):  # a result lies there
            for parent in self._new_parents:
                parent.rmdir()
