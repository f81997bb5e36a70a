"""NumPy's `.npz` read as strictly as it is written here: every array is judged by its header before it is read.

`numpy.load` believes what a file says of itself, and says in half a dozen exceptions that it was wrong. Here a file
whose arrays are not of the forms that the caller names, or unpack to more than it allows, is refused by its headers;
what is read is checked to the byte (length, CRC-32); whatever is wrong is one error of ours. Nothing is ever unpickled.
"""

import io
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import EsdError

_MAGIC: Final = b"\x93NUMPY\x01\x00"
_HEADER: Final = re.compile(
    rb"\{'descr': '([<>|=][biufcSU]\d{1,9})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18},|\d{1,18}(?:, \d{1,18}){1,30})?)\), \} *\n"
)
"""What NumPy writes of plain arrays; objects, records and whatever needs evaluating do not match."""

_END: Final = struct.Struct("<4s4H2LH")
_SUFFIX: Final = ".npy"
_CHUNK_BYTES: Final = 1 << 20
_DAMAGED: Final = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, OverflowError, MemoryError, RuntimeError, struct.error),
    *(zipfile.BadZipFile, zlib.error),
)
"""What `zipfile`, `zlib` and NumPy raise of damaged files; NotImplementedError and RecursionError are RuntimeErrors."""


@dataclass(frozen=True)
class Form:
    """What one array has to be."""

    dtype: str
    """Kind as NumPy writes it, with or without the size: `i` any signed integer, `u2` uint16, `U` text."""

    shape: tuple[int | str, ...] = ()
    """Lengths of the axes: numbers, or names of lengths that must be equal wherever the same name stands."""


@dataclass(frozen=True)
class _Member:
    """One array of a file, by its header."""

    info: zipfile.ZipInfo
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    columns_first: bool
    start: int

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return self.dtype.itemsize * prod(self.shape)


def read_npz(
    file: Path | BinaryIO,
    forms: Mapping[str, Form] | None = None,
    *,
    name: str,
    error: type[EsdError],
    expected: str,
    todo: str,
    most_bytes: int,
) -> dict[str, NDArray[Any]]:
    """Read arrays of numbers, booleans and text of fixed length.

    Args:
        file: Path, or the content.
        forms: Arrays to read, with what each must be; others are passed over. None for all, of any shape.
        name: What errors call the file.
        error: What to raise, for the caller knows what the file is.
        expected: What errors say was expected, as `the samples of a model`.
        todo: What errors say to do.
        most_bytes: What all arrays together may hold, in bytes.

    Returns:
        Arrays by name, in the byte order of this machine, each the caller's own.

    Raises:
        EsdError: The file cannot be read, is damaged, lacks an array, or has one of another kind; of class `error`.
    """
    with said(error, name=name, expected=expected, todo=todo), zipfile.ZipFile(file) as archive:
        members = _members(archive, forms)
        total = sum(member.size for member in members.values())
        if total > most_bytes:
            raise ValueError(f"arrays of {total:,} bytes, where {most_bytes:,} are allowed")
        return {key: _values(archive, key, member) for key, member in members.items()}


@contextmanager
def said(error: type[EsdError], *, name: str, expected: str, todo: str) -> Iterator[None]:
    """Turn whatever a damaged file or a wrong array raises into one line; see `read_npz`.

    Raises:
        EsdError: Of class `error`.
    """
    try:
        yield
    except _DAMAGED as problem:
        words = str(problem.args[0] if isinstance(problem, KeyError) and problem.args else problem)
        reason = "".join(sign if sign.isprintable() else " " for sign in words)[:300] or type(problem).__name__
        reason = " ".join(reason.split())
        raise error(f"got {name}, which cannot be read ({reason}), expected {expected}; {todo}") from problem


def _members(archive: zipfile.ZipFile, forms: Mapping[str, Form] | None) -> dict[str, _Member]:
    """Return the headers of the arrays that are to be read, all of which are as they must be."""
    there = archive.namelist()
    if len(set(there)) < len(there) or len(there) != _count(archive):
        raise ValueError("two arrays of one name, or not as many as it says")
    if forms is None:
        return {key.removesuffix(_SUFFIX): _member(archive, key) for key in there}
    if missing := sorted(key for key in forms if f"{key}{_SUFFIX}" not in there):
        raise KeyError(f"no array {missing[0]}")
    members = {key: _member(archive, f"{key}{_SUFFIX}") for key in forms}
    lengths: dict[str, int] = {}
    for key, form in forms.items():
        member = members[key]
        wanted = [one if isinstance(one, int) else lengths.get(one, one) for one in form.shape]
        fits = len(wanted) == len(member.shape) and all(
            isinstance(one, str) or one == length for one, length in zip(wanted, member.shape, strict=True)
        )
        if not fits or not member.dtype.str[1:].startswith(form.dtype):
            shape = ", ".join(map(str, wanted))
            raise ValueError(f"{key} is {member.dtype.str[1:]} {member.shape}, not {form.dtype} ({shape})")
        lengths |= {one: size for one, size in zip(form.shape, member.shape, strict=True) if isinstance(one, str)}
    return members


def _count(archive: zipfile.ZipFile) -> int:
    """Return how many arrays there are by the last bytes of the file: `zipfile` reads on without those it misses."""
    if (file := archive.fp) is None:
        raise ValueError("a closed file")
    file.seek(-_END.size, io.SEEK_END)
    signature, *_, count, _size, _start, comment = _END.unpack(file.read(_END.size))
    if signature != b"PK\5\6" or comment:
        raise ValueError("no end")
    return int(count)


def _member(archive: zipfile.ZipFile, key: str) -> _Member:
    """Read a header, which must say what the archive says of the array's length."""
    info = archive.getinfo(key)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{key} is compressed in a way that NumPy never writes")
    with archive.open(info) as file:
        head = file.read(len(_MAGIC) + 2)
        if len(head) < len(_MAGIC) + 2 or not head.startswith(_MAGIC):
            raise ValueError(f"{key} is no array")
        (length,) = struct.unpack_from("<H", head, len(_MAGIC))
        found = _HEADER.fullmatch(file.read(length))
    if found is None:
        raise ValueError(f"{key} is no array of numbers or text")
    member = _Member(
        info=info,
        dtype=np.dtype(found[1].decode("ascii")),
        shape=tuple(int(size) for size in found[3].replace(b" ", b"").split(b",") if size),
        columns_first=found[2] == b"True",
        start=len(head) + length,
    )
    if not member.dtype.itemsize or member.start + member.size != info.file_size:
        raise ValueError(f"{key} has {info.file_size} bytes, where its header tells of {member.start + member.size}")
    return member


def _values(archive: zipfile.ZipFile, key: str, member: _Member) -> NDArray[Any]:
    """Read an array to its last byte, with which `zipfile` compares the CRC-32."""
    content = bytearray()
    with archive.open(member.info) as file:
        file.read(member.start)
        while chunk := file.read(_CHUNK_BYTES):
            content += chunk
    if len(content) != member.size:
        raise EOFError(f"{key} has {len(content)} bytes of {member.size}")
    kind = member.dtype.kind
    if kind == "b" and content.strip(b"\0\1"):
        raise ValueError(f"{key} holds truths that are neither 0 nor 1")
    values = np.frombuffer(content, dtype=member.dtype) if member.size else np.empty(prod(member.shape), member.dtype)
    values = values.reshape(member.shape, order="F" if member.columns_first else "C")
    if kind == "U" and (np.frombuffer(content, dtype=f"{member.dtype.byteorder}u4") > sys.maxunicode).any():
        raise ValueError(f"{key} holds what is no character")
    return values.astype(member.dtype.newbyteorder("="), copy=False)
