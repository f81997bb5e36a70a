"""Items are found by place and year, and nothing is silently left out or mixed."""

import json
import shutil
from contextlib import suppress
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import shapely
from neighbours import write_area, write_tile
from rasterio.windows import Window
from synthetic import counts, random_codes, write_official

from esd_tasks.codes_item import available_years, by_year, choose_year, one_identity, one_start
from esd_tasks.item_sources import catalogue
from esd_tasks.items import find_items
from esd_tasks.places import bbox_geometry
from stactools_esd.catalog import create_catalog
from stactools_esd.errors import (
    CatalogError,
    EsdError,
    IncomparableError,
    NothingFoundError,
    RasterError,
    UsageError,
)
from stactools_esd.grid import tile as tile_of
from stactools_esd.product import OFFICIAL_ENCODER

BRUSSELS = (4.40, 50.80)
BEIJING = (116.3, 39.9)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two places in two years, in different zones."""
    folder = tmp_path_factory.mktemp("tiles")
    for year in (2019, 2020):
        write_tile(folder, "31UES", *BRUSSELS, mark=1, size=(20, 20), year=year)
        write_tile(folder, "50SMK", *BEIJING, mark=2, size=(20, 20), year=year)
    return folder


@pytest.fixture(scope="module")
def catalog(tiles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static catalogue of these tiles, without an index, so that it is walked."""
    return create_catalog([tiles], tmp_path_factory.mktemp("catalog") / "catalog", index=False)


def around(place: tuple[float, float], degrees: float = 0.001) -> shapely.Geometry:
    """Return a small box."""
    return shapely.box(place[0] - degrees, place[1] - degrees, place[0] + degrees, place[1] + degrees)


def test_every_kind_of_source_gives_the_same_items(tiles: Path, catalog: Path) -> None:
    """A catalogue, its folder, its collection, a folder of COGs and a list of COGs name the same codes."""
    collection = next(catalog.parent.glob("*/collection.json"))
    sources: list[Any] = [catalog, catalog.parent, collection, tiles, sorted(tiles.glob("*.tif")), str(catalog)]
    found = [find_items(source) for source in sources]
    assert [item.id for item in found[0]] == [
        "esd-esdnet-small-v1-31ues-2019",
        "esd-esdnet-small-v1-50smk-2019",
        "esd-esdnet-small-v1-31ues-2020",
        "esd-esdnet-small-v1-50smk-2020",
    ]
    for others in found[1:]:
        assert [(item.id, Path(item.href).resolve()) for item in others] == [
            (item.id, Path(item.href).resolve()) for item in found[0]
        ]
        assert [item.identity for item in others] == [item.identity for item in found[0]]


def test_an_item_knows_its_file(catalog: Path) -> None:
    """An item names year, tile, checksum, its own JSON, and opens the codes it describes."""
    item = find_items(catalog, geometry=around(BEIJING), years=[2020])[0]
    assert (item.tile, item.year, item.window_start) == ("50SMK", 2020, None)
    assert item.checksum is not None
    assert item.checksum.startswith("1220")
    assert item.item_href is not None
    assert json.loads(Path(item.item_href).read_text())["id"] == item.id
    with item.open() as codes:
        assert codes.read().codes[11].max() == 2
    alone = find_items(item.href)[0]
    assert (alone.checksum, alone.item_href, alone.id) == (None, None, item.id)
    assert alone.footprint.equals(item.footprint)


def test_one_item_json_is_a_source(catalog: Path) -> None:
    """The path of an item's JSON is a catalogue of one."""
    item = find_items(catalog)[0]
    assert find_items(str(item.item_href)) == [item]


def test_place_and_year_choose(catalog: Path) -> None:
    """Only items that meet the geometry in a wanted year come back."""
    assert [item.tile for item in find_items(catalog, geometry=around(BRUSSELS))] == ["31UES", "31UES"]
    assert [item.year for item in find_items(catalog, geometry=around(BRUSSELS), years=[2019])] == [2019]
    both = shapely.union_all([around(BRUSSELS), around(BEIJING)])
    assert len(find_items(catalog, geometry=both, years=range(2000, 2030))) == 4


def test_a_walk_reads_only_the_year_and_zone_it_needs(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the layout collection / year / zone, other years and far zones are never opened."""
    opened = []
    read_json = catalogue.read_json
    monkeypatch.setattr(catalogue, "read_json", lambda path: opened.append(path) or read_json(path))
    find_items(catalog, geometry=around(BEIJING), years=[2020])
    below = [path.relative_to(catalog.parent).as_posix() for path in map(Path, opened)]
    assert len(below) == 5
    assert not any("2019" in path or "/31" in path for path in below)


def test_a_catalogue_of_another_layout_is_walked_whole(catalog: Path, tmp_path: Path) -> None:
    """Folders that are not named by year and zone hide nothing."""
    items = sorted(catalog.parent.rglob("*-2020.json"))
    root = {"type": "Catalog", "id": "r", "links": [{"rel": "child", "href": "./any/place.json"}]}
    leaf = {"type": "Catalog", "id": "c", "links": [{"rel": "item", "href": item.as_posix()} for item in items]}
    (tmp_path / "any").mkdir()
    (tmp_path / "catalog.json").write_text(json.dumps(root))
    (tmp_path / "any" / "place.json").write_text(json.dumps(leaf))
    assert len(find_items(tmp_path, years=[2020])) == 2
    assert [item.tile for item in find_items(tmp_path, geometry=around(BEIJING))] == ["50SMK"]


def test_items_of_others_in_a_catalogue_are_passed_over(catalog: Path, tmp_path: Path) -> None:
    """A map or a scene beside the codes is not taken for codes."""
    scene = {"type": "Feature", "stac_version": "1.1.0", "id": "scene", "properties": {}, "assets": {}}
    item = find_items(catalog)[0]
    links = [{"rel": "item", "href": "scene.json"}, {"rel": "item", "href": item.item_href}]
    (tmp_path / "scene.json").write_text(json.dumps(scene))
    (tmp_path / "catalog.json").write_text(json.dumps({"type": "Catalog", "links": links}))
    assert find_items(tmp_path) == [item]


@pytest.mark.parametrize("crossing", ["two parts", "beyond 180"])
def test_the_antimeridian_is_no_wall(crossing: str, tmp_path: Path) -> None:
    """An area across the antimeridian finds the tiles on both sides, and not the rest of the world."""
    write_tile(tmp_path, "60KYF", 179.5, -17.5, mark=1, size=(10, 10))
    write_tile(tmp_path, "01KBA", -179.8, -17.5, mark=2, size=(10, 10))
    write_tile(tmp_path, "31UES", *BRUSSELS, mark=3, size=(10, 10))
    create_catalog([tmp_path], tmp_path / "catalog")
    area = bbox_geometry(179, -18, -179, -17) if crossing == "two parts" else shapely.box(179, -18, 181, -17)
    assert [item.tile for item in find_items(tmp_path / "catalog", geometry=area)] == ["01KBA", "60KYF"]


def test_years_are_never_guessed(catalog: Path) -> None:
    """Several years and no choice is a usage error that lists them; a year without items is not replaced by another."""
    found = find_items(catalog)
    assert available_years(found) == [2019, 2020]
    with pytest.raises(UsageError, match=r"2019, 2020.*--year"):
        choose_year(found, None)
    with pytest.raises(NothingFoundError, match=r"2021.*2019, 2020"):
        choose_year(found, 2021)
    with pytest.raises(NothingFoundError, match=r"got year 2018, expected one of 2019, 2020"):
        find_items(catalog, geometry=around(BRUSSELS), years=[2018])
    assert choose_year(found, 2019) == 2019
    assert choose_year(found[:1], None) == 2019
    assert {year: len(items) for year, items in by_year(found).items()} == {2019: 2, 2020: 2}


def test_nothing_found_is_an_error_with_its_own_exit_code(catalog: Path) -> None:
    """An area without items ends with exit code 3, never with success."""
    with pytest.raises(NothingFoundError, match="meets the area") as caught:
        find_items(catalog, geometry=shapely.box(-60, -10, -59, -9))
    assert caught.value.exit_code == 3


def test_no_catalogue_says_where_to_name_one(tmp_path: Path) -> None:
    """Neither a missing path nor an empty folder is an empty success: option, variable and default are named."""
    for path, exit_code in ((tmp_path / "catalog", 2), (tmp_path, 1)):
        with pytest.raises(EsdError, match=r"--catalog or ESD_CATALOG \(default \./catalog\)") as caught:
            find_items(path)
        assert caught.value.exit_code == exit_code
        assert "\n" not in str(caught.value)


def test_a_broken_link_is_named(catalog: Path, tmp_path: Path) -> None:
    """A catalogue that lost an item is an error that names the link, not a smaller result."""
    shutil.copytree(catalog.parent, tmp_path / "catalog")
    lost = next((tmp_path / "catalog").rglob("*31ues-2020.json"))
    lost.unlink()
    with pytest.raises(CatalogError, match=rf"broken link .*{lost.name}"):
        find_items(tmp_path / "catalog", years=[2020])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "JSON"),
        ('{"type": "Thing"}', "no STAC catalogue"),
        ('{"type": "Feature", "id": "a", "properties": {"esd:encoder": "esdnet-small-v1"}}', "esd:input_recipe"),
    ],
    ids=["cut off", "something else", "item without recipe"],
)
def test_unreadable_catalogues_are_one_line(content: str, said: str, tmp_path: Path) -> None:
    """What is no catalogue or no sound item is named in one line."""
    (tmp_path / "catalog.json").write_text(content)
    with pytest.raises(CatalogError, match=said) as caught:
        find_items(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_item_without_codes_asset_is_an_error(catalog: Path, tmp_path: Path) -> None:
    """An item of codes that lost its asset is not skipped."""
    item = json.loads(Path(str(find_items(catalog)[0].item_href)).read_text())
    del item["assets"]["embeddings"]
    (tmp_path / "item.json").write_text(json.dumps(item))
    with pytest.raises(CatalogError, match="embeddings"):
        find_items(tmp_path / "item.json")


def test_two_encoders_are_listed_and_refused(tiles: Path, tmp_path: Path) -> None:
    """Codes of two encoders or recipes may lie in one catalogue, but never meet."""
    write_tile(tmp_path, "31UES", *BRUSSELS, mark=1, size=(20, 20), encoder="esdnet-large-v2")
    found = find_items([tiles, tmp_path], years=[2020])
    assert len(found) == 3
    with pytest.raises(IncomparableError, match="esdnet-large-v2"):
        one_identity(found)
    recipe = find_items([write_area(tmp_path, random_codes(1, 8, 8), tile="xother", source="landsat"), tiles])
    with pytest.raises(IncomparableError, match="input recipe source"):
        one_identity(recipe)
    assert one_identity(find_items(tiles)).encoder.label == "esdnet-small-v1"


def test_windows_of_leap_and_common_years_start_alike(tmp_path: Path) -> None:
    """The first of July is one day of the calendar, whether 181 or 182 days came before it."""
    for year in (2019, 2020):
        write_area(tmp_path, random_codes(1, 8, 8), year=year, window_start=date(year, 7, 1))
    one_start(find_items(tmp_path))
    write_area(tmp_path, random_codes(1, 8, 8), year=2021)
    with pytest.raises(IncomparableError, match="1 January, 1 July"):
        one_start(find_items(tmp_path))


def test_an_item_that_names_another_file_is_refused(catalog: Path, tmp_path: Path) -> None:
    """A file swapped behind an item, of another year or of other weights, is noticed when it is opened."""
    item = find_items(catalog, geometry=around(BRUSSELS), years=[2020])[0]
    content = json.loads(Path(str(item.item_href)).read_text())
    content["assets"]["embeddings"]["href"] = find_items(catalog, geometry=around(BRUSSELS), years=[2019])[0].href
    (tmp_path / "item.json").write_text(json.dumps(content))
    with pytest.raises(RasterError, match="year 2020"):
        find_items(tmp_path / "item.json")[0].open()
    content["assets"]["embeddings"]["href"] = item.href
    content["properties"]["esd:weights_sha256"] = "cd" * 32
    (tmp_path / "item.json").write_text(json.dumps(content))
    with pytest.raises(IncomparableError, match="weights hash"):
        find_items(tmp_path / "item.json")[0].open()


def test_a_file_made_again_behind_its_item_is_refused(tmp_path: Path) -> None:
    """A checksum in a record is that of the codes that were read: a file that changed since its item is not read."""
    path = write_area(tmp_path, random_codes(1, 8, 8))
    catalog = create_catalog([path], tmp_path / "catalog")
    find_items(catalog)[0].open().close()
    write_area(tmp_path, random_codes(2, 9, 9))
    with pytest.raises(CatalogError, match="was changed"):
        find_items(catalog)[0].open()


def test_a_file_whose_year_starts_on_another_day_is_refused(tmp_path: Path) -> None:
    """An item of a calendar year does not stand for codes of July to June."""
    catalog = create_catalog([write_area(tmp_path, random_codes(1, 8, 8))], tmp_path / "catalog")
    write_area(tmp_path, random_codes(1, 8, 8), window_start=date(2020, 7, 1))
    with pytest.raises(IncomparableError, match="first day"):
        find_items(catalog)[0].open()


def test_files_of_other_years_are_not_opened(tiles: Path, tmp_path: Path) -> None:
    """In a folder of files a name that says another year is enough: that file may be damaged, and is not looked at."""
    folder = tmp_path / "files"
    shutil.copytree(tiles, folder)
    (folder / "ESD_esdnet-small-v1_31UES_1999.tif").write_bytes(b"no tile")
    assert {item.year for item in find_items(folder, years=[2020])} == {2020}
    with pytest.raises(RasterError, match="1999"):
        find_items(folder)
    with pytest.raises(RasterError, match="1999"):
        find_items(folder, years=[1999])


def test_pictures_beside_codes_are_not_codes(tiles: Path, tmp_path: Path) -> None:
    """In a folder of COGs other rasters are passed over, but a file with a codes name that cannot be read is not."""
    import numpy as np
    import rasterio
    from rasterio import Affine

    shutil.copytree(tiles, tmp_path / "tiles")
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "height": 4, "width": 4}
    with rasterio.open(tmp_path / "tiles" / "dem.tif", "w", transform=Affine.scale(2.0), **profile) as dataset:
        dataset.write(np.zeros((1, 4, 4), np.uint8))
    assert len(find_items(tmp_path / "tiles")) == 4
    whole = next((tmp_path / "tiles").glob("*2020.tif"))
    whole.write_bytes(whole.read_bytes()[:100])
    with pytest.raises(EsdError, match=whole.name):
        find_items(tmp_path / "tiles")


def test_official_tiles_need_no_catalogue(tmp_path: Path) -> None:
    """Untagged official files are known by their name, and never meet ours."""
    place = tile_of("50TMK")
    codes, clear = random_codes(3, 30, 30), counts(3, 30, 30)
    path = tmp_path / "SDC30_EBD_V001_50TMK_2020.tif"
    write_official(path, codes, clear, transform=place.transform, crs=place.epsg)
    item = find_items(tmp_path)[0]
    assert (item.id, item.tile, item.year) == ("esd-official-v001-50tmk-2020", "50TMK", 2020)
    assert item.identity.encoder == OFFICIAL_ENCODER
    with item.open() as opened:
        assert (opened.read().codes == codes).all()
    write_tile(tmp_path, "50SMK", *BEIJING, mark=1, size=(8, 8))
    with pytest.raises(IncomparableError, match=r"official-v001.*esdnet-small-v1|esdnet-small-v1.*official-v001"):
        one_identity(find_items(tmp_path))


class _Ranges(SimpleHTTPRequestHandler):
    """Serves one folder and answers ranges, as archives do; HEAD is refused, as by signed URLs."""

    served: ClassVar[list[int]] = []

    def do_HEAD(self) -> None:
        self.send_error(403)

    def do_GET(self) -> None:
        content = Path(self.translate_path(self.path)).read_bytes()
        asked = self.headers.get("Range")
        first, _, last = (asked or "bytes=0-").removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last or len(content) - 1) + 1]
        self.send_response(206 if asked else 200)
        if asked:
            self.served.append(len(part))
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        with suppress(ConnectionError):  # a reader that only wants the headers hangs up
            self.wfile.write(part)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_a_remote_file_is_read_by_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A codes COG behind a URL is an item; a point of it costs a part of the file, and no HEAD request."""
    path = write_area(tmp_path, random_codes(1, 600, 600))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Ranges, directory=str(tmp_path)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        item = find_items(f"http://127.0.0.1:{server.server_port}/{path.name}")[0]
        assert (item.id, item.year) == ("esd-esdnet-small-v1-xdemo-2020", 2020)
        with item.open() as codes:
            read = codes.read(Window(590, 590, 1, 1)).codes
    finally:
        server.shutdown()
        server.server_close()
    assert (read[:, 0, 0] == random_codes(1, 600, 600)[:, 590, 590]).all()
    assert sum(_Ranges.served) < path.stat().st_size / 3
