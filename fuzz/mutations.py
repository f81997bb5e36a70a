"""Mutations of bytes, JSON, TIFF, safetensors and arrays: what damage and malice do to files, each by its seed."""

import copy
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**60, 2**63, 2**64 - 1)
"""Numbers that readers trip over."""

NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, 2, 255, 65_536, 2**31, 2**63, 2**64, 10**30, -(10**30)),
    *(0.5, 1e308, -1e308, float("inf"), float("-inf"), float("nan")),
)
"""Numbers that JSON readers trip over."""

TEXTS = (
    *(
        "",
        "x",
        "A" * 300,
        "A" * 5000,
        "0",
        "-1",
        "1e999",
        "nan",
        "null",
        "None",
        "..",
        "../../../etc/passwd",
        "/etc/passwd",
    ),
    *(
        "/vsicurl/http://127.0.0.1:9/",
        "file:///etc/passwd",
        "http://[",
        "//",
        "C:\\x",
        "a\0b",
        "a\nb",
        "\x1b[2J",
        "\u202e",
    ),
    *(
        "<script>alert(1)</script>",
        "=1+1",
        "\ud800",
        "2020-13-45",
        "9999-12-31T23:59:60Z",
        "50TMK",
        "99ZZZ",
        "x../../y",
    ),
    *("esdnet-small-v999", "EPSG:0", "EPSG:999999999", "EPSG:4326", "1220" + "0" * 64, "[" * 3000),
)
"""Texts that readers trip over."""


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip bits, cut, swap, fill, double or insert."""
    if not data:
        return rng.randbytes(rng.randint(1, 64))
    found = bytearray(data)
    place = rng.randrange(len(found))
    size = min(rng.choice((1, 2, 4, 16, 64, 512, 4096)), len(found) - place)
    kind = rng.randrange(8)
    if kind == 0:
        for _ in range(rng.choice((1, 1, 2, 8, 64))):
            found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del found[place:]
    elif kind == 2:
        other = rng.randrange(len(found) - size + 1)
        found[place : place + size], found[other : other + size] = (
            found[other : other + size],
            found[place : place + size],
        )
    elif kind == 3:
        found[place : place + size] = bytes([rng.choice((0, 255, 0x20, rng.randrange(256)))]) * size
    elif kind == 4:
        found[place:place] = found[place : place + size]
    elif kind == 5:
        found[place:place] = rng.randbytes(size)
    elif kind == 6:
        del found[place : place + size]
    else:
        width, form = rng.choice(((2, "H"), (4, "I"), (8, "Q")))
        number = rng.choice(EXTREMES) & (2 ** (8 * width) - 1)
        found[place : place + width] = struct.pack(rng.choice("<>") + form, number)
    return bytes(found)


def mutate_json(content: Any, rng: random.Random, times: int | None = None) -> Any:
    """Drop, double or rename keys, change types, and put in numbers and texts that readers trip over."""
    found = copy.deepcopy(content)
    for _ in range(times or rng.choice((1, 1, 1, 2, 4))):
        holders = list(_holders(found))
        if not holders:
            return _value(found, rng)
        holder = rng.choice(holders)
        key = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
        kind = rng.randrange(8)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[rng.choice((*TEXTS[:3], str(key).upper(), f"{key}s"))] = holder.pop(key)
        elif kind == 2 and isinstance(holder, list):
            holder += holder[key : key + 1] * rng.choice((1, 2, 50))
        elif kind == 3:
            other = rng.choice(holders)
            donor = rng.choice(list(other.values()) if isinstance(other, dict) else other) if other else None
            holder[key] = copy.deepcopy(donor)
        else:
            holder[key] = _value(holder[key], rng)
    return found


def _holders(content: Any) -> Any:
    """Yield every object and list that holds something."""
    if isinstance(content, dict | list) and content:
        yield content
        for value in content.values() if isinstance(content, dict) else content:
            yield from _holders(value)


def _value(value: Any, rng: random.Random) -> Any:
    """Return another value, more often of the same type than of another."""
    kinds: list[Callable[[], Any]] = [
        lambda: rng.choice(NUMBERS),
        lambda: rng.choice(TEXTS),
        lambda: rng.choice((None, True, False, [], {}, [[]], {"": None}, [None], {"a": {"b": []}})),
        lambda: [value],
        lambda: {"a": value},
        lambda: str(value)[:2000],
    ]
    if isinstance(value, bool):
        return rng.choice((*(kind() for kind in kinds), not value))
    if isinstance(value, int | float):
        return rng.choice((value + 1, -value, value * 1000, rng.choice(NUMBERS), rng.choice(kinds)()))
    if isinstance(value, str) and value:
        place = rng.randrange(len(value))
        piece = rng.choice((*TEXTS, value, "0", "\t"))
        return rng.choice((value[:place], value[:place] + piece + value[place:], piece, rng.choice(kinds)()))
    return rng.choice(kinds)()


def json_bytes(content: Any) -> bytes:
    """Write JSON as a hostile writer does: NaN, infinities and lone surrogates as they come."""
    return json.dumps(content).encode("utf-8", errors="surrogatepass")


def mutate_json_bytes(data: bytes, rng: random.Random) -> bytes:
    """Mutate the content of a JSON text, now and then its bytes, and now and then bury it."""
    try:
        content = json.loads(data)
        kind = rng.randrange(16)
        if kind == 1:
            depth = rng.choice((10, 900, 5000, 100_000))
            return b"[" * depth + data + b"]" * depth
        if kind > 1:
            return json_bytes(mutate_json(content, rng))
    except (ValueError, RecursionError):  # what is no JSON, or was buried before
        pass
    return mutate_bytes(data, rng)


def mutate_tiff(data: bytes, rng: random.Random) -> bytes:
    """Change the fields of a little-endian TIFF of one directory: types, counts, values, and texts of the tags."""
    big = data[2:4] == b"\x2b\x00"
    form, entry_bytes = ("<HHQQ", 20) if big else ("<HHII", 12)
    first = struct.unpack_from("<Q" if big else "<I", data, 8 if big else 4)[0]
    count = struct.unpack_from("<Q" if big else "<H", data, first)[0]
    start = first + (8 if big else 2)
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        place = start + entry_bytes * rng.randrange(count)
        tag, kind, number, value = struct.unpack_from(form, found, place)
        what = rng.randrange(6)
        if what == 0:
            tag = rng.choice((tag + 1, rng.randrange(65_536), 256, 257, 258, 259, 277, 322, 324, 325, 33_550, 42_112))
        elif what == 1:
            kind = rng.randrange(20)
        elif what == 2:
            number = rng.choice((number + 1, number - 1, 0, *EXTREMES))
        elif what == 3:
            value = rng.choice((value + 1, value * 2, 10**6, *EXTREMES))
        elif kind == 2 and number > 8 and value + number <= len(found):
            text = mutate_bytes(bytes(found[value : value + number]), rng)[:number]
            found[value : value + len(text)] = text
        else:
            inside = value + rng.randrange(max(min(number * 2, 512), 1))
            if inside < len(found) - 2:
                found[inside : inside + 2] = struct.pack("<H", rng.choice(EXTREMES) & 0xFFFF)
        limit = 2**64 if big else 2**32
        struct.pack_into(form, found, place, tag % 65_536, kind, number % limit, value % limit)
    return bytes(found)


def mutate_safetensors(data: bytes, rng: random.Random) -> bytes:
    """Change the header of a file of weights: its length, its JSON, and where tensors lie."""
    (length,) = struct.unpack_from("<Q", data)
    header, tensors = data[8 : 8 + length], data[8 + length :]
    kind = rng.randrange(6)
    if kind == 0:
        return struct.pack("<Q", rng.choice((length + 1, length - 1, len(data), *EXTREMES))) + header + tensors
    if kind == 1:
        return data[: 8 + length] + mutate_bytes(tensors, rng)
    text = mutate_json_bytes(header.rstrip(), rng)
    return struct.pack("<Q", len(text)) + text + tensors


def written_npz(members: Mapping[str, Any], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Write arrays, or bytes that stand for one, with checksums that hold."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, values in members.items():
            held = io.BytesIO()
            if not isinstance(values, bytes):
                np.lib.format.write_array(held, np.asarray(values))
            content = values if isinstance(values, bytes) else held.getvalue()
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content, method)
    return file.getvalue()


def mutate_npz(data: bytes, rng: random.Random) -> bytes:
    """Change arrays: values, types, lengths, axes, names, or the bytes of one; now and then the bytes of the file."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            found: dict[str, Any] = {name: arrays[name] for name in arrays.files}
    except Exception:  # what was mutated before
        return mutate_bytes(data, rng)
    if not found or not rng.randrange(16):
        return mutate_bytes(data, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        name = rng.choice(list(found))
        if not isinstance(found[name], bytes):
            with np.errstate(all="ignore"), suppress(ValueError):  # texts that are no numbers
                found[name] = _array(found[name], found, rng)
        if not rng.randrange(12):
            found[rng.choice((f"{name}_", name.upper(), "", *found))] = found.pop(name)
    return written_npz(found)


def _array(values: Any, others: Mapping[str, Any], rng: random.Random) -> Any:
    """Return another array, more often of the same type and shape than of others."""
    kind = rng.randrange(12)
    if kind == 0:
        return values[:-1] if values.ndim else values[None]
    if kind == 1:
        return np.concatenate([values, values]) if values.ndim else values
    if kind == 2:
        return values.astype(rng.choice(("f8", "f4", "i1", "i8", "u2", "U3", "S3", "c16", "?", ">i4")))
    if kind == 3:
        return values.T if rng.randrange(2) else values.ravel()
    if kind == 4:
        return rng.choice(list(others.values()))
    if kind == 5:
        held = io.BytesIO()
        np.lib.format.write_array(held, values)
        return mutate_bytes(held.getvalue(), rng)
    changed = values.copy()
    if values.size and values.dtype.kind in "biuf":
        place = list(np.unravel_index(rng.randrange(values.size), values.shape))
        if place and rng.randrange(2):
            place[-1] = slice(None)
        numbers = (0, 1, -1, -1e-9, 0.5, 1e30, float("inf"), float("nan"))
        number = rng.choice(numbers) if values.dtype.kind == "f" else np.uint64(rng.choice(EXTREMES))
        changed[tuple(place)] = np.asarray(number).astype(values.dtype)
    elif values.size and values.dtype.kind == "U":
        changed = np.full(values.shape, rng.choice(TEXTS).encode("utf-8", "replace").decode())
    return changed
