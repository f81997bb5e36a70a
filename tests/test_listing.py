"""Listings: what a line must say, in every form, and that one wrong line stops everything."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stactools_esd.errors import CatalogError, EsdError, NothingFoundError, UsageError
from stactools_esd.hrefs import check_href
from stactools_esd.listing import Entry, is_listing, read_listing, write_listing
from stactools_esd.product import EncoderIdentity

GOOD = {"tile": "50TMK", "year": 2020, "href": "https://archive.example/SDC30_EBD_V001_50TMK_2020.tif", "size": 5}


def lines(path: Path, *rows: dict[str, object]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_every_form_says_the_same(form: str, tmp_path: Path) -> None:
    """CSV, JSON lines and Parquet give equal entries, in the order of year and tile."""
    rows = [GOOD, GOOD | {"year": 2019, "href": "a.tif", "size": None}]
    path = tmp_path / f"listing.{form}"
    if form == "csv":
        path.write_text(
            "\ufefftile,year,more,href,size\n"
            + "".join(f"{row['tile']},{row['year']},?,{row['href']},{row['size'] or ''}\n" for row in rows)
        )
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        lines(path, *rows)
    assert is_listing(path)
    assert read_listing(path, root=tmp_path) == [
        Entry(tile="50TMK", year=2019, href="a.tif"),
        Entry(tile="50TMK", year=2020, href=str(GOOD["href"]), size=5),
    ]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_written_is_read(ending: str, tmp_path: Path) -> None:
    """A listing that was written reads back as it was, and equal entries give equal bytes in any order."""
    entries = [
        Entry(tile=tile, year=2020, href=f"{tile}.tif", size=size) for tile, size in (("50TNK", 3), ("50TMK", 4))
    ]
    path = tmp_path / f"listing.{ending}"
    assert write_listing(path, entries) == 2
    assert read_listing(path, root=tmp_path) == sorted(entries, key=lambda entry: entry.tile)
    other = tmp_path / f"other.{ending}"
    write_listing(other, reversed(entries))
    assert other.read_bytes() == path.read_bytes()


WRONG = {
    "no such tile": ({"tile": "50TZZ"}, "50TZZ"),
    "no tile": ({"tile": "hello"}, "MGRS tile"),
    "a year before the archive": ({"year": 1999, "href": "a.tif"}, r"year 1999, expected 2000\.\.2024"),
    "a year in words": ({"year": "now"}, "year 'now'"),
    "half a year": ({"year": 2020.5}, "whole number"),
    "a negative size": ({"size": -1}, "-1 bytes"),
    "no bytes": ({"size": 0}, "0 bytes"),
    "more bytes than files have": ({"size": 2**63}, "9223372036854775808 bytes, expected at least 1 and at most"),
    "no number of bytes": ({"size": "nan"}, "size 'nan', expected a whole number"),
    "no tile at all": ({"tile": None}, "too few values"),
    "no address at all": ({"href": None}, "too few values"),
    "a file of another tile": ({"tile": "50TNK"}, "for tile 50TNK of 2020"),
    "a file of another year": ({"year": 2019}, "for tile 50TMK of 2019"),
    "a file of an encoder that nobody named": ({"href": "ESD_mystery-v9_50TMK_2020.tif"}, "encoder mystery-v9"),
    "an unexpected scheme": ({"href": "ftp://archive.example/a.tif"}, "--allow ftp"),
    "a script": ({"href": "javascript:alert(1)"}, "scheme javascript"),
    "a file of the machine": ({"href": "file:///etc/passwd"}, "scheme file"),
    "a way out": ({"href": "../../etc/passwd"}, "--allow outside"),
    "another way out": ({"href": "/etc/passwd"}, "--allow outside"),
    "a way out for browsers": ({"href": "%2e%2E/%2e%2e/b.tif"}, "--allow outside"),
    "a way out by backslashes": ({"href": "..\\..\\b.tif"}, "--allow outside"),
    "no host": ({"href": "https:///b.tif"}, "without a host"),
    "no host either": ({"href": "s3:b.tif"}, "without a host"),
    "a GDAL path": ({"href": "/vsicurl/https://archive.example/a.tif"}, "expected a URL"),
    "nothing": ({"href": ""}, "expected a URL"),
    "two lines": ({"href": "https://archive.example/a\n.tif"}, "expected a URL"),
    "a signature": ({"href": "https://archive.example/a.tif?X-Amz-Signature=canary"}, "with a signature"),
    "a password": ({"href": "https://me:canary@archive.example/a.tif"}, "or a password"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_line_is_refused(case: str, tmp_path: Path) -> None:
    """What is impossible is refused by its line, in one line, and without what is secret."""
    change, message = WRONG[case]
    path = lines(tmp_path / "listing.jsonl", GOOD | {"year": 2021, "href": "b.tif"}, GOOD | change)
    with pytest.raises(CatalogError, match=message) as caught:
        read_listing(path, root=tmp_path / "catalog")
    assert "listing.jsonl line 2" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_wrong_lines_are_counted(tmp_path: Path) -> None:
    """The message has the first wrong line and how many there are."""
    path = lines(tmp_path / "listing.jsonl", *(GOOD | {"size": -number} for number in (1, 2, 3)))
    with pytest.raises(CatalogError, match=r"line 1: .*first of 3 such lines"):
        read_listing(path, root=tmp_path)


def test_a_tile_and_year_is_listed_once(tmp_path: Path) -> None:
    """The same line twice is one entry; the same tile and year with something else is refused, both named."""
    path = lines(tmp_path / "listing.jsonl", GOOD, GOOD)
    assert len(read_listing(path, root=tmp_path)) == 1
    lines(path, GOOD, GOOD | {"size": 6})
    with pytest.raises(CatalogError, match=r"50TMK of 2020 twice .*5 bytes.*6 bytes"):
        read_listing(path, root=tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.csv", "tile,href\n", CatalogError),
        ("a.csv", "tile,year,href\n", NothingFoundError),
        ("a.jsonl", "{", CatalogError),
        ("a.jsonl", "[]\n", CatalogError),
        ("a.parquet", "PAR1", CatalogError),
        ("a.csv", b"\xff\xfe\x00", CatalogError),
    ],
)
def test_what_is_no_listing_is_refused(name: str, content: str | bytes, error: type[EsdError], tmp_path: Path) -> None:
    """Missing columns, no lines, no JSON, no Parquet, no text: one line each."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(error) as caught:
        read_listing(path, root=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [("50TMK,2020", "too few values"), ("50TMK,2020,https://a.example/b,c.tif,5,6", "more values than columns")],
)
def test_a_row_has_as_many_values_as_columns(row: str, message: str, tmp_path: Path) -> None:
    """A row that was cut, or an address with a comma and without quotes, is refused by its line, blank ones counted."""
    path = tmp_path / "listing.csv"
    path.write_text(f"tile,year,href,size\r\n\r\n{row}\r\n")
    with pytest.raises(CatalogError, match=rf"listing\.csv line 3: got {message}"):
        read_listing(path, root=tmp_path)


def test_json_lines_of_other_systems(tmp_path: Path) -> None:
    """A byte order mark and CRLF are passed by; what is no JSON is named by its line."""
    path = tmp_path / "listing.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n\r\n")
    assert len(read_listing(path, root=tmp_path)) == 1
    path.write_bytes(path.read_bytes() + b"{\r\n")
    with pytest.raises(CatalogError, match=r"listing\.jsonl line 3 that is no JSON"):
        read_listing(path, root=tmp_path)
    lines(path, GOOD, {"tile": "50TMK"})
    with pytest.raises(CatalogError, match=r"listing\.jsonl line 2 without a column year"):
        read_listing(path, root=tmp_path)


def test_what_is_meant_may_be_allowed(tmp_path: Path) -> None:
    """Schemes and files outside pass once they are named; https, s3 and gs always do, a harmless query too."""
    for href in ("https://a.example/b.tif?version=2", "s3://bucket/b.tif", "gs://bucket/b.tif", "below/b.tif"):
        assert check_href(href, root=tmp_path) == href
    for href, word in (("http://a.example/b.tif", "http"), ("../b.tif", "outside"), ("/b.tif", "outside")):
        assert check_href(href, allowed=[word], root=tmp_path) == href
        with pytest.raises(CatalogError):
            check_href(href, root=tmp_path)


def test_tiles_of_other_encoders_have_other_years(tmp_path: Path) -> None:
    """Years of the official archive bind official tiles alone."""
    path = lines(tmp_path / "listing.jsonl", GOOD | {"year": 1999, "href": "ESD_small-v1_50TMK_1999.tif"})
    (entry,) = read_listing(path, root=tmp_path, encoder=EncoderIdentity.parse("small-v1"))
    assert entry.year == 1999


def test_dropping_and_keeping_exclude_each_other() -> None:
    """`replace` and `append` together are a contradiction."""
    from stactools_esd.catalog import Layout

    with pytest.raises(UsageError, match="--replace and --append"):
        Layout(replace=True, append=True)
