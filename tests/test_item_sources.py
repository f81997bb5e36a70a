"""Parquet indices, STAC APIs and remote catalogues name the same items as the files that they describe."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from item_server import BRUSSELS, State, item_documents, serving, write_catalog, write_index

from esd_tasks.item_sources import http, parquet_index
from esd_tasks.item_sources.wanted import Wanted
from esd_tasks.items import find_items, items_of_years
from esd_tasks.places import bbox_geometry
from esd_tasks.pull_plan import make_plan
from esd_tasks.pull_request import PullRequest
from esd_tasks.pull_run import run_plan
from stactools_esd.errors import CatalogError, MissingExtraError, NothingFoundError


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a catalogue with its codes, without an index, so that it is walked."""
    return write_catalog(tmp_path_factory.mktemp("tiles"), index=False)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Talk to this machine directly, and make no pauses between tries."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.0)
    http._session.cache_clear()
    yield
    http._session.cache_clear()


@pytest.fixture
def server(catalog: Path) -> Iterator[tuple[str, State]]:
    """The catalogue behind a server."""
    with serving(catalog) as running:
        yield running


def ids(source: object, **asked: object) -> list[str]:
    """Return the ids that a source names."""
    return [item.id for item in find_items(str(source), **asked)]  # type: ignore[arg-type]


def test_an_index_says_what_its_items_say(catalog: Path, tmp_path: Path) -> None:
    """A row of an index is the item: identity, footprint, checksum, pixels, and the place of its codes."""
    index = write_index(tmp_path / "index.parquet", item_documents(catalog))
    for row, item in zip(find_items(index), find_items(catalog), strict=True):
        assert (row.id, row.tile, row.year, row.identity) == (item.id, item.tile, item.year, item.identity)
        assert (row.checksum, row.size, row.grid) == (item.checksum, item.size, item.grid)
        assert Path(row.href).resolve() == Path(item.href).resolve()
        assert row.footprint.equals(item.footprint)
        row.open().close()


def test_a_derived_place_is_not_held_against_the_file(catalog: Path, tmp_path: Path) -> None:
    """An item whose geometry was derived from a name states no pixels: the file's own count."""
    documents = item_documents(catalog)
    for document in documents:
        document["properties"]["esd:geometry_source"] = "derived"
    assert {item.grid for item in find_items(write_index(tmp_path / "index.parquet", documents))} == {None}


def test_an_index_in_parts_is_one_index(catalog: Path, tmp_path: Path) -> None:
    """A folder of parquet files is an index; year and place choose its rows, also at 180 degrees."""
    for year in (2019, 2020):
        items = [item for item in item_documents(catalog) if item["id"].endswith(str(year))]
        write_index(tmp_path / f"year={year}" / "part.parquet", items)
    assert ids(tmp_path) == ids(catalog)
    for asked in ({"years": [2019]}, {"geometry": BRUSSELS}, {"geometry": bbox_geometry(179, -18, -179, -17)}):
        assert ids(tmp_path, **asked) == ids(catalog, **asked)


def test_rows_are_chosen_before_they_are_read(catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only rows that may be wanted become items."""
    index = write_index(tmp_path / "index.parquet", item_documents(catalog))
    made = []
    item_of = parquet_index.item_of
    monkeypatch.setattr(parquet_index, "item_of", lambda *args: made.append(args) or item_of(*args))
    assert len(ids(index, geometry=BRUSSELS, years=[2020])) == len(made) == 1


@pytest.mark.parametrize("kind", ["cut off", "something else", "no pyarrow"])
def test_an_unreadable_index_is_one_line(
    kind: str, catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A truncated index, a parquet file of something else, and a missing pyarrow each say what to do."""
    index = write_index(tmp_path / "index.parquet", item_documents(catalog))
    if kind == "cut off":
        index.write_bytes(index.read_bytes()[:-100])
    elif kind == "something else":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"id": ["a"]}), index)
    else:
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError if kind == "no pyarrow" else CatalogError) as caught:
        find_items(index)
    assert "\n" not in str(caught.value)


def test_an_api_is_searched_page_by_page(catalog: Path, server: tuple[str, State]) -> None:
    """An API answers with the items of the catalogue, in pages, of our collections only."""
    url, state = server
    assert ids(url) == ids(catalog)
    searches = [path for path in state.requests if path.startswith("/search")]
    assert len(searches) == 4
    assert not any("scenes" in path for path in searches)
    assert ids(f"{url}/collections/esd-esdnet-small-v1", years=[2019]) == ids(catalog, years=[2019])


def test_place_and_year_are_asked_of_the_api(catalog: Path, server: tuple[str, State]) -> None:
    """The server chooses by box and years, one box on each side of the antimeridian."""
    url, state = server
    assert ids(url, geometry=BRUSSELS, years=[2020]) == ids(catalog, geometry=BRUSSELS, years=[2020])
    assert "bbox=4.399" in state.requests[-1]
    assert "2020-01-01" in state.requests[-1]
    across = bbox_geometry(179, -18, -179, -17)
    assert ids(url, geometry=across) == ids(catalog, geometry=across)


def test_codes_behind_an_api_are_read_by_their_parts(server: tuple[str, State]) -> None:
    """An item of an API opens its codes by ranges, and states their pixels beforehand."""
    (item,) = find_items(server[0], geometry=BRUSSELS, years=[2020])
    assert item.grid is not None
    with item.open() as codes:
        assert codes.read().codes[11].max() == 1
    assert server[1].served


def test_a_remote_catalogue_is_walked(catalog: Path, server: tuple[str, State]) -> None:
    """A static catalogue behind a URL is walked as one on this machine, other years and zones left unopened."""
    url, state = server
    assert ids(f"{url}/files/catalog.json", geometry=BRUSSELS, years=[2020]) == ids(
        catalog, geometry=BRUSSELS, years=[2020]
    )
    assert not any("/2019/" in path or "/60/" in path for path in state.requests)


def test_a_pull_is_the_same_from_every_source(catalog: Path, server: tuple[str, State], tmp_path: Path) -> None:
    """Files, their catalogue here and behind a URL, an index and an API: whoever names the tiles, codes are equal."""
    url, _ = server
    index = write_index(tmp_path / "index.parquet", item_documents(catalog))
    (file,) = catalog.rglob("*31UES_2020.tif")
    pulled = []
    for source in (file, catalog, f"{url}/files/catalog.json", index, url):
        request = PullRequest(
            catalog=str(source), bbox="4.398,50.799,4.402,50.801", year=2020, output=tmp_path / f"out{len(pulled)}"
        )
        with rasterio.open(run_plan(make_plan(request)).paths["2020"]) as dataset:
            pulled.append((dataset.transform, dataset.read()))
    transform, codes = pulled[0]
    assert codes[11].max() == 1
    for other_transform, other_codes in pulled[1:]:
        assert transform == other_transform
        assert np.array_equal(codes, other_codes)


def test_a_stall_is_tried_again_and_a_refusal_is_not(server: tuple[str, State]) -> None:
    """Answers 503 are tried again until one comes; 404 ends at once; a dead server ends after the tries."""
    url, state = server
    state.failures = http.TRIES - 1
    assert len(ids(url)) == 4
    state.failures = 100
    with pytest.raises(CatalogError, match="status 503"):
        find_items(url)
    state.failures = 0
    state.requests.clear()
    with pytest.raises(CatalogError, match="status 404"):
        find_items(f"{url}/files/gone.json")
    assert len(state.requests) == 1
    with pytest.raises(CatalogError, match=r"cannot reach http://127\.0\.0\.1:1/ ") as caught:
        find_items("http://127.0.0.1:1/?signature=secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["https://[::1/catalog.json?signature=secret", "https://?signature=secret"])
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    """A slip of the pen is named as such, not as a network that is down; what signs it is not shown."""
    with pytest.raises(CatalogError, match="which is no address; correct it") as caught:
        find_items(address)
    assert "secret" not in str(caught.value)


def test_an_api_that_goes_in_circles_is_refused(server: tuple[str, State], monkeypatch: pytest.MonkeyPatch) -> None:
    """A next page that is the same page ends the search instead of running for ever."""
    url, state = server
    answer = state.answer
    monkeypatch.setattr(state, "answer", lambda path, host: answer(path.replace("token=2", "token=1"), host))
    with pytest.raises(CatalogError, match="back to itself"):
        find_items(url)


def test_a_year_that_is_missing_is_named(catalog: Path) -> None:
    """Years that were asked for are all there or the missing ones are named: none is silently left out."""
    assert len(items_of_years(catalog, geometry=BRUSSELS, years=[2019, 2020])) == 2
    with pytest.raises(NothingFoundError, match="no item of 2018, expected every year"):
        items_of_years(catalog, geometry=BRUSSELS, years=[2018, 2019])


def test_a_place_across_the_antimeridian_has_two_boxes() -> None:
    """Boxes never span the world because a place lies on both sides of 180 degrees."""
    wanted = Wanted.of(bbox_geometry(179, -18, -179, -17), None)
    assert sorted(wanted.boxes()) == [(-180.0, -18.0, -179.0, -17.0), (179.0, -18.0, 180.0, -17.0)]
    assert Wanted.of(shapely.box(1, 2, 3, 4), None).boxes() == [(1.0, 2.0, 3.0, 4.0)]
    assert Wanted.of(None, None).boxes() == []
