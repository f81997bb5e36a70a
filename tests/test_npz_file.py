"""Files of arrays are read to the byte as they were written, or refused in one line by their headers."""

import io
import random
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from stactools_esd.blocks import Block, BlockStore, _head
from stactools_esd.errors import GridError, OutputError
from stactools_esd.npz_file import Form, read_npz

sys.path.insert(0, str(Path(__file__).parent.parent / "fuzz"))

from mutations import mutate_bytes, mutate_npz, written_npz

FORMS = {"x": Form("f8", ("n", 3)), "name": Form("U")}
ARRAYS = {"x": np.arange(6.0).reshape(2, 3), "name": np.array("forêt")}


def read(content: bytes, forms: dict[str, Form] | None = FORMS, most_bytes: int = 1 << 20) -> dict[str, Any]:
    """Read a file of arrays."""
    words = {"name": "a.npz", "expected": "arrays", "todo": "make it again"}
    return read_npz(io.BytesIO(content), forms, error=GridError, most_bytes=most_bytes, **words)


def saved(**arrays: Any) -> bytes:
    """Return a file of arrays as NumPy writes it."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def header(text: str, content: bytes = b"") -> bytes:
    """Return an array with a header of our own."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + content


@settings(deadline=None, max_examples=60)
@given(
    arrays_of.arrays(
        arrays_of.scalar_dtypes().filter(lambda dtype: dtype.kind in "biufcSU" and dtype.itemsize > 0),
        arrays_of.array_shapes(min_dims=0, min_side=0),
    ),
    st.booleans(),
)
def test_arrays_come_back(values: np.ndarray, turned: bool) -> None:
    """Numbers, booleans and texts of any shape and order are those that were written, in this machine's byte order."""
    values = values.T if turned else values
    found = read(saved(x=values), None)["x"]
    assert found.dtype == values.dtype.newbyteorder("=")
    assert found.shape == values.shape
    assert found.tobytes() == values.astype(found.dtype).tobytes()
    assert found.flags.writeable


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"name": ARRAYS["name"]}, "no array x"),
        ({"x": np.zeros((2, 4))}, r"not f8 \(n, 3\)"),
        ({"x": np.zeros(3)}, "not f8"),
        ({"x": np.zeros((2, 3), np.int64)}, "x is i8"),
        ({"x": np.array([[{}] * 3])}, "no array of numbers"),
        ({"x": np.zeros(2, [("a", "f8")])}, "no array of numbers"),
        ({"x": np.zeros((1 << 17, 3))}, "bytes, where 1,048,576 are allowed"),
        ({"x": header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3), }\n")}, "bytes, where"),
        ({"x": header("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 3), }\n", b"x")}, "bytes, where"),
        ({"x": header("{'descr': '<U0', 'fortran_order': False, 'shape': (9000000000, 3), }\n")}, "bytes, where"),
        ({"x": header("{'descr': '<f3', 'fortran_order': False, 'shape': (0, 3), }\n")}, "f3"),
        ({"x": header("{'shape': (" * 3000)}, "no array of numbers"),
        ({"x": b"\x80\x04."}, r"x\.npy is no array"),
    ],
)
def test_what_is_not_wanted_is_refused_by_its_header(members: dict[str, Any], said: str) -> None:
    """Objects, records, other shapes and sizes are refused in one line before anything is unpacked."""
    with pytest.raises(GridError, match=said) as caught:
        read(written_npz({"name": ARRAYS["name"]} | members if "x" in members else members))
    assert str(caught.value).startswith("got a.npz, which cannot be read (")
    assert str(caught.value).endswith("expected arrays; make it again")
    assert str(caught.value).isprintable()


def test_lengths_of_one_name_are_equal() -> None:
    """Arrays that say something of the same samples have as many."""
    forms = {"a": Form("i", ("n",)), "b": Form("i", ("n",))}
    assert len(read(saved(a=np.zeros(2, int), b=np.zeros(2, int)), forms)) == 2
    with pytest.raises(GridError, match=r"b is i8 \(3,\), not i \(2\)"):
        read(saved(a=np.zeros(2, int), b=np.zeros(3, int)), forms)


def test_bytes_that_are_no_values_are_refused() -> None:
    """A truth is 0 or 1, and a text holds characters: NumPy would go wrong later, elsewhere."""
    truth = header("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }\n", b"\1\2\0")
    with pytest.raises(GridError, match="neither 0 nor 1"):
        read(written_npz({"x": truth}), None)
    text = header("{'descr': '<U1', 'fortran_order': False, 'shape': (), }\n", b"\xff" * 4)
    with pytest.raises(GridError, match="cannot be read"):
        read(written_npz({"x": text}), None)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_archives_that_numpy_never_writes_are_refused(method: int) -> None:
    """Other ways of compression and two arrays of one name are refused."""
    with pytest.raises(GridError, match="NumPy never writes"):
        read(written_npz({"x": np.zeros(3)}, method), None)
    file = io.BytesIO(saved(x=np.zeros(3)))
    with warnings.catch_warnings(), zipfile.ZipFile(file, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("x.npy", b"")
    with pytest.raises(GridError, match="two arrays of one name"):
        read(file.getvalue(), None)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """No path ends in anything but the error that was asked for."""
    for path in (tmp_path, tmp_path / "absent.npz"):
        with pytest.raises(GridError, match="cannot be read"):
            read_npz(path, error=GridError, name="a", expected="b", todo="c", most_bytes=1)


@pytest.mark.parametrize("kind", ["flips", "cuts", "bytes", "arrays"])
def test_damaged_blocks_end_in_one_line(tmp_path: Path, kind: str) -> None:
    """A block whose checksum is that of damaged arrays, as no disk but a hand makes them, is refused or is the same."""
    rng = random.Random(kind)
    block, store = Block(row=0, column=0, height=2, width=3), BlockStore(tmp_path / "blocks", "key")
    store.put(block, **ARRAYS)
    path = store._path(block)
    sound = path.read_bytes()[65:]
    refused = 0
    for _ in range(200):
        damaged = bytearray(sound)
        if kind == "flips":
            damaged[rng.randrange(len(sound))] ^= 1 << rng.randrange(8)
        elif kind == "cuts":
            del damaged[rng.randrange(len(sound)) :]
        else:
            damaged = bytearray((mutate_bytes if kind == "bytes" else mutate_npz)(sound, rng))
        path.write_bytes(_head(bytes(damaged)) + bytes(damaged))
        try:
            found = store.get(block)
        except OutputError:
            refused += 1
        else:
            same = found.keys() == ARRAYS.keys() and all(np.array_equal(found[name], ARRAYS[name]) for name in ARRAYS)
            assert same or kind in ("bytes", "arrays")
    assert refused > 50 or kind == "arrays"
