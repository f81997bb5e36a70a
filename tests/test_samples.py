"""Samples are the codes of the pixels that labels name; whatever is left out is counted by reason and class."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from neighbours import MARK_STEP, located_codes, tile_at, to_wgs84, write_area, write_tile
from rasterio import Affine
from synthetic import AREA_TRANSFORM, random_codes

from esd_tasks.codes_item import by_year
from esd_tasks.items import find_items
from esd_tasks.labels import Labels, read_labels
from esd_tasks.samples import Samples, extract
from stactools_esd.codes_file import CodesFile
from stactools_esd.errors import LabelsError, NothingFoundError, UsageError

SIZE = 40


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An area of 40 x 40 pixels in two years; in 2020 with a hole in the north-west and clear counts by column."""
    folder = tmp_path_factory.mktemp("area")
    codes = located_codes(AREA_TRANSFORM, SIZE, SIZE, 1)
    write_area(folder, codes, year=2019)
    codes = located_codes(AREA_TRANSFORM, SIZE, SIZE, 2)
    codes[:, :5, :5] = 0
    clear = np.tile(np.arange(SIZE, dtype=np.uint16), (SIZE, 1))
    write_area(folder, codes, clear, year=2020)
    return folder


def point(column: float, row: float) -> shapely.Point:
    """Return a place in WGS84 by pixel coordinates; .5 is the middle of a pixel."""
    return shapely.Point(to_wgs84(32631, AREA_TRANSFORM.c + column * 30, AREA_TRANSFORM.f - row * 30))


def rectangle(left: float, top: float, right: float, bottom: float) -> shapely.Polygon:
    """Return a polygon in WGS84 by pixel coordinates."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return shapely.Polygon([(p.x, p.y) for p in (point(*corner) for corner in corners)])


def labels_of(*pairs: tuple[shapely.Geometry, int], year: list[int] | None = None) -> Labels:
    """Return labels without a file."""
    return Labels(
        geometry=np.array([shape for shape, _ in pairs], dtype=object),
        class_id=np.array([class_id for _, class_id in pairs], dtype=np.uint16),
        year=None if year is None else np.array(year),
        names={class_id: f"class {class_id}" for _, class_id in pairs},
        class_field="class",
        crs="EPSG:4326",
        dropped={},
    )


def extracted(folder: Path, labels: Labels, *, years: list[int] | None = None, **options: Any) -> Samples:
    """Extract from the items of a folder, by default those of 2020."""
    return extract(labels, by_year(find_items(folder, years=years or [2020])), **options)


def pixels_of(samples: Samples) -> list[tuple[int, int]]:
    """Return (column, row) of samples as their codes say."""
    column = samples.codes[:, 0].astype(int) - 1 - int(AREA_TRANSFORM.c // 30)
    row = int(AREA_TRANSFORM.f // 30) % 60_000 - (samples.codes[:, 1].astype(int) - 1)
    return list(zip(column.tolist(), row.tolist(), strict=True))


def test_a_point_names_the_pixel_that_holds_it(area: Path) -> None:
    """Points anywhere in a pixel get the codes of this pixel, class and place kept."""
    samples = extracted(area, labels_of((point(10.01, 20.99), 1), (point(30.99, 7.01), 2)))
    assert pixels_of(samples) == [(10, 20), (30, 7)]
    assert samples.class_id.tolist() == [1, 2]
    assert samples.clear_obs.tolist() == [10, 30]
    assert samples.year.tolist() == [2020, 2020]
    assert samples.crs == "EPSG:32631"
    assert np.allclose(samples.x, [AREA_TRANSFORM.c + 300.3, AREA_TRANSFORM.c + 929.7], atol=1e-3)
    assert np.allclose([samples.lon[0], samples.lat[0]], [point(10.01, 20.99).x, point(10.01, 20.99).y])
    assert (samples.counts, samples.class_ids, samples.n_groups) == ({1: 1, 2: 1}, (1, 2), 2)


def test_a_polygon_names_the_pixels_of_its_rule(area: Path) -> None:
    """`center` takes pixels whose middle lies in the polygon, `all-touched` all that it touches."""
    labels = labels_of((rectangle(10.4, 10.6, 13.6, 12.6), 1), (point(30.5, 30.5), 2))
    centred = extracted(area, labels)
    assert sorted(pixels_of(centred))[:-1] == [(column, row) for column in (10, 11, 12, 13) for row in (11, 12)]
    touched = extracted(area, labels, polygon_rule="all-touched")
    assert sorted(pixels_of(touched))[:-1] == [(column, row) for column in (10, 11, 12, 13) for row in (10, 11, 12)]
    assert set(pixels_of(centred)) < set(pixels_of(touched))


def test_pixels_of_a_polygon_share_a_group(area: Path) -> None:
    """Folds keep a polygon whole because its pixels, and the points of a multipoint, carry one group."""
    labels = labels_of(
        (rectangle(10, 10, 14, 14), 1),
        (shapely.MultiPoint([point(20.5, 20.5), point(25.5, 25.5)]), 2),
        (point(30.5, 30.5), 2),
    )
    samples = extracted(area, labels)
    assert np.bincount(samples.group[samples.group > 0]).tolist() == [0, 2, 1]
    assert (samples.group == 0).sum() == 16
    assert samples.n_groups == 3


def test_no_large_polygon_outweighs_the_rest(area: Path) -> None:
    """At most 200 pixels are drawn from a polygon, evenly, by seed, and the rest is counted."""
    labels = labels_of((rectangle(5, 5, 40, 40), 1), (point(2.5, 30.5), 2))
    samples = extracted(area, labels)
    assert samples.counts == {1: 200, 2: 1}
    assert samples.dropped == {"beyond the cap of pixels a polygon": {1: 35 * 35 - 200}}
    assert samples.polygon_cap == 200
    again, other = extracted(area, labels), extracted(area, labels, seed=1)
    assert pixels_of(again) == pixels_of(samples)
    assert set(pixels_of(other)) != set(pixels_of(samples))
    column, row = np.array(pixels_of(samples)[1:]).T
    assert abs(column.mean() - 22) < 3
    assert abs(row.mean() - 22) < 3
    assert extracted(area, labels, polygon_cap=None).counts == {1: 35 * 35, 2: 1}


def test_a_polygon_is_looked_at_in_strips(area: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A polygon of any size is drawn in bounded memory, with the same pixels where none is left out."""
    labels = labels_of((rectangle(5, 5, 15.5, 17.5), 1), (point(2.5, 30.5), 2))
    whole = extracted(area, labels)
    monkeypatch.setattr("esd_tasks.polygons.STRIP_PIXELS", 30)
    assert pixels_of(extracted(area, labels)) == pixels_of(whole)
    assert extracted(area, labels, polygon_cap=7).counts == {1: 7, 2: 1}


def test_pixels_without_data_are_counted_not_learnt(area: Path) -> None:
    """Twelve zeros are no data: such pixels never become samples, and are counted by class."""
    labels = labels_of((rectangle(0, 0, 8, 4), 1), (point(1.5, 1.5), 2), (point(20.5, 20.5), 2))
    samples = extracted(area, labels)
    assert samples.dropped == {"no data": {1: 20, 2: 1}}
    assert (samples.codes != 0).any(axis=1).all()
    assert samples.counts == {1: 12, 2: 1}


def test_pixels_seen_too_rarely_are_counted(area: Path) -> None:
    """`min_clear` leaves out pixels with fewer clear observations, and says how many of which class."""
    labels = labels_of((rectangle(8, 10, 14, 11), 1), (point(20.5, 20.5), 2))
    samples = extracted(area, labels, min_clear=11)
    assert samples.dropped == {"too few clear observations": {1: 3}}
    assert samples.clear_obs.min() == 11
    assert samples.min_clear == 11


def test_a_pixel_is_a_sample_once(area: Path) -> None:
    """Two labels of one class in a pixel count once; of two classes, the pixel is left out for both."""
    labels = labels_of(
        (point(10.2, 10.2), 1),
        (point(10.8, 10.8), 1),
        (point(20.2, 20.2), 1),
        (point(20.8, 20.8), 2),
        (point(30.5, 30.5), 2),
        (rectangle(30, 30, 32, 31), 2),
    )
    samples = extracted(area, labels)
    assert pixels_of(samples) == [(10, 10), (30, 30), (31, 30)]
    assert samples.group.tolist() == [0, 4, 5]
    assert samples.dropped == {
        "same pixel as a label of another class": {1: 1, 2: 1},
        "same pixel and class as another label": {1: 1, 2: 1},
    }


def test_overlapping_polygons_of_two_classes_keep_what_they_do_not_share(area: Path) -> None:
    """In the overlap nobody knows the class; outside of it both polygons are used."""
    samples = extracted(area, labels_of((rectangle(10, 10, 14, 12), 1), (rectangle(12, 10, 16, 12), 2)))
    assert samples.counts == {1: 4, 2: 4}
    assert samples.dropped == {"same pixel as a label of another class": {1: 4, 2: 4}}


def test_a_label_meets_the_codes_of_its_own_year(area: Path) -> None:
    """With a year a label is read from the items of this year, also twice in the same pixel."""
    labels = labels_of((point(20.5, 20.5), 1), (point(20.5, 20.5), 2), (point(9.5, 9.5), 1), year=[2019, 2020, 2019])
    samples = extracted(area, labels, years=[2019, 2020])
    assert dict(zip(samples.year.tolist(), samples.codes[:, MARK_STEP].tolist(), strict=False)) == {2019: 1, 2020: 2}
    assert samples.counts == {1: 2, 2: 1}
    assert samples.dropped == {}


def test_a_year_without_items_is_named(area: Path) -> None:
    """Labels of a year that the catalogue lacks are not met with the codes of another year."""
    labels = labels_of((point(20.5, 20.5), 1), (point(9.5, 9.5), 2), year=[2018, 2020])
    with pytest.raises(NothingFoundError, match=r"2018.*2019, 2020") as caught:
        extracted(area, labels, years=[2019, 2020])
    assert caught.value.exit_code == 3
    undated = labels_of((point(20.5, 20.5), 1), (point(9.5, 9.5), 2))
    with pytest.raises(UsageError, match="2019, 2020"):
        extracted(area, undated, years=[2019, 2020])
    assert set(extracted(area, undated, years=[2019, 2020], year=2019).year) == {2019}


def test_labels_outside_every_item(area: Path) -> None:
    """Some labels outside are counted; all labels outside end with exit code 3 and their place."""
    inside = [(point(20.5, 20.5), 1), (point(9.5, 9.5), 2)]
    far = [(shapely.Point(-60, -3), 1), (shapely.box(-60, -3, -59.9, -2.9), 2)]
    assert extracted(area, labels_of(*inside, *far)).dropped == {"outside every item": {1: 1, 2: 1}}
    with pytest.raises(NothingFoundError, match=r"-60\.0000.*outside every item") as caught:
        extracted(area, labels_of(*far))
    assert caught.value.exit_code == 3


def test_polygons_smaller_than_a_pixel(area: Path) -> None:
    """A polygon without a pixel's middle gives none and is counted; if nothing is left the message names the option."""
    small = [(rectangle(10.1, 10.1, 10.3, 10.3), 1), (rectangle(20.1, 20.1, 20.3, 20.3), 2)]
    with pytest.raises(LabelsError, match=r"polygon without a pixel centre: 2.*--polygon-rule all-touched"):
        extracted(area, labels_of(*small))
    assert extracted(area, labels_of(*small), polygon_rule="all-touched").counts == {1: 1, 2: 1}
    both = extracted(area, labels_of(*small, (point(1.5, 30.5), 1), (point(2.5, 30.5), 2)))
    assert both.dropped == {"polygon without a pixel centre": {1: 1, 2: 1}}


def test_one_class_left_is_an_error_that_says_why(area: Path) -> None:
    """Where only one class survives, the message lists what was left out."""
    with pytest.raises(LabelsError, match=r"only class class 1.*no data: 1"):
        extracted(area, labels_of((point(20.5, 20.5), 1), (point(1.5, 1.5), 2)))


def test_unknown_rules_are_usage_errors(area: Path) -> None:
    """A rule nobody knows is exit code 2."""
    with pytest.raises(UsageError, match="center or all-touched"):
        extracted(area, labels_of((point(20.5, 20.5), 1)), polygon_rule="centre")


def test_a_polygon_across_tiles_has_no_seam(tmp_path: Path) -> None:
    """Each pixel of a polygon over the edge of two squares comes from its owner, once."""
    x, y = 500_000.0, 5_599_000.0
    lon, lat = to_wgs84(32631, x, y)
    for mark, tile in enumerate(("31UDR", "31UER"), start=1):
        write_tile(tmp_path, tile, lon, lat, mark=mark, size=(60, 60))
    corners = [(-300, -300), (300, -300), (300, 300), (-300, 300)]
    polygon = shapely.Polygon([to_wgs84(32631, x + a, y + b) for a, b in corners])
    other = shapely.Point(to_wgs84(32631, x + 500, y + 500))
    samples = extracted(tmp_path, labels_of((polygon, 1), (other, 2)), polygon_cap=None)
    assert samples.counts == {1: 400, 2: 1}
    assert np.array_equal(samples.codes[:, MARK_STEP], 1 + (samples.x >= x))
    assert len(set(zip(samples.x.round(), samples.y.round(), strict=True))) == 401


def test_samples_of_two_zones_share_metres(tmp_path: Path) -> None:
    """Across zones x and y are metres of one projection, so that distances between samples are true."""
    places = [(5.99, 50.8), (6.01, 50.8)]
    for mark, place in enumerate(places, start=1):
        write_tile(tmp_path, tile_at(*place), *place, mark=mark, size=(20, 20))
    samples = extracted(tmp_path, labels_of(*((shapely.Point(place), k) for k, place in enumerate(places, start=1))))
    assert "aeqd" in samples.crs or "Azimuthal" in samples.crs
    distance = np.hypot(np.diff(samples.x), np.diff(samples.y))[0]
    assert distance == pytest.approx(1410.0, abs=5.0)
    assert samples.codes[:, MARK_STEP].tolist() == [1, 2]


def test_only_the_blocks_with_labels_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two far points of a large raster cost two pixels, not the raster."""
    write_area(tmp_path, random_codes(0, 700, 700))
    pixels = 0
    read = CodesFile.read

    def counted(self: CodesFile, window: Any = None) -> object:
        nonlocal pixels
        pixels += int(window.width * window.height)
        return read(self, window)

    monkeypatch.setattr(CodesFile, "read", counted)
    extracted(tmp_path, labels_of((point(3.5, 3.5), 1), (point(690.5, 690.5), 2)))
    assert pixels == 2


def test_a_file_of_labels_all_the_way(area: Path, tmp_path: Path) -> None:
    """From a projected GeoPackage with text classes and years to samples."""
    shapes = geopandas.GeoSeries([point(20.5, 20.5), rectangle(10, 10, 14, 14), point(30.5, 8.5)], crs=4326)
    frame = geopandas.GeoDataFrame({"class": ["b", "a", "b"], "year": [2019, 2020, 2020]}, geometry=shapes)
    frame.to_crs(3035).to_file(tmp_path / "labels.geojson")
    frame.to_crs(3035).to_file(tmp_path / "labels.gpkg")
    samples = extracted(area, read_labels(tmp_path / "labels.gpkg", year_field="year"), years=[2019, 2020])
    assert samples.names == {1: "a", 2: "b"}
    assert samples.counts == {1: 16, 2: 2}
    assert sorted(samples.codes[:, MARK_STEP].tolist()) == [1] + [2] * 17


def test_rasters_of_other_pixel_sizes(tmp_path: Path) -> None:
    """A custom area of 20 m pixels is sampled on its own pixels."""
    transform = Affine(20.0, 0.0, AREA_TRANSFORM.c, 0.0, -20.0, AREA_TRANSFORM.f)
    codes = random_codes(5, 32, 32)
    write_area(tmp_path, codes, transform=transform)
    shape = shapely.box(*transform * (4, 10), *transform * (8, 6))
    polygon = geopandas.GeoSeries([shape], crs=32631).to_crs(4326)[0]
    samples = extracted(tmp_path, labels_of((polygon, 1), (point(1.0, 1.0), 2)))
    assert samples.counts == {1: 16, 2: 1}
    held = {tuple(pixel) for pixel in codes[:, 6:10, 4:8].reshape(12, -1).T.tolist()}
    assert {tuple(pixel) for pixel in samples.codes[samples.class_id == 1].tolist()} == held
