"""Rasters of classes: read by blocks, counted exactly, whatever their nodata, blocks, types and grids."""

from pathlib import Path

import numpy as np
import pytest
from rasterio import Affine
from rasterio.crs import CRS
from synthetic import AREA_TRANSFORM
from tiny_classes import NAMES, truth_and_map, write_classes

from esd_tasks.strata_counts import count_strata
from esd_tasks.strata_names import find_classes, names_of
from esd_tasks.strata_raster import ClassRaster
from stactools_esd.errors import GridError, LabelsError, NothingFoundError, RasterError, UsageError


@pytest.mark.parametrize("profile", [{}, {"tiled": True, "blockxsize": 64, "blockysize": 32}], ids=["strips", "tiles"])
@pytest.mark.parametrize("block_pixels", [300, 5000, 1 << 20])
def test_counts_are_exact_whatever_the_blocks(profile: dict[str, object], block_pixels: int, tmp_path: Path) -> None:
    """Every pixel is counted once, and areas sum up, for any block size of reader and file."""
    values = truth_and_map(height=70, width=90)[1]
    values[:5] = 0
    path = write_classes(tmp_path / "map.tif", values, **profile)
    with ClassRaster(path) as raster:
        found = count_strata(raster, block_pixels=block_pixels)
        whole = count_strata(raster)
    assert found.class_ids == found.stratum_ids == (1, 2, 3, 4)
    assert np.array_equal(found.pixels, np.diag([(values == class_id).sum() for class_id in NAMES]))
    assert found.unclassified == 450
    assert np.allclose(found.area, whole.area, rtol=1e-7)
    assert found.area.sum() == pytest.approx(900 / 0.9996**2 * 65 * 90, rel=1e-5)


@pytest.mark.parametrize(
    ("dtype", "nodata", "hole"),
    [("uint8", 255, 255), ("uint8", None, 0), ("int16", -1, -1), ("float32", None, np.nan), ("uint16", 9, 0)],
)
def test_unclassified_pixels_are_no_stratum(dtype: str, nodata: float | None, hole: float, tmp_path: Path) -> None:
    """0, NaN and the nodata value, whatever it is, never become a phantom class."""
    values = np.full((6, 7), 3).astype(dtype)
    values[0] = hole
    with ClassRaster(write_classes(tmp_path / "map.tif", values, nodata=nodata)) as raster:
        found = count_strata(raster)
    assert (found.class_ids, found.unclassified) == ((3,), 7)


def test_counts_beyond_32_bits_do_not_wrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks add up to numbers of 64 bits: two of three billion pixels are six billion."""
    path = write_classes(tmp_path / "map.tif", np.ones((2, 2), dtype=np.uint8))
    huge = ({(1, 1): 3_000_000_000, (2, 2): 1_000_000_000}, {(1, 1): 2.7e12, (2, 2): 0.9e12})
    monkeypatch.setattr("esd_tasks.strata_counts._count", lambda *_: huge)
    with ClassRaster(path) as raster:
        found = count_strata(raster, block_pixels=2)
    assert found.sizes.tolist() == [6_000_000_000, 2_000_000_000]
    assert found.weights.tolist() == [0.75, 0.25]


def test_strata_of_another_grid_are_met_at_the_maps_pixels(tmp_path: Path) -> None:
    """Strata at 90 m, half beside the map: counts are of the map's pixels, and those without a stratum are told."""
    classes = np.full((30, 30), 1, dtype=np.uint8)
    classes[:, 20:] = 2
    strata = np.array([[7] * 5, [8] * 5], dtype=np.uint8).repeat(5, axis=0)
    coarse = AREA_TRANSFORM * Affine.scale(3)
    map_path = write_classes(tmp_path / "map.tif", classes)
    strata_path = write_classes(tmp_path / "strata.tif", strata, transform=coarse, names=None)
    with ClassRaster(map_path) as raster, ClassRaster(strata_path, what="strata") as others:
        others.aligned_to(raster)
        found = count_strata(raster, others)
        at = others.at(np.array([0, 29, 3]), np.array([0, 14, 29]))
    assert (found.stratum_ids, found.class_ids) == ((7, 8), (1,))
    assert found.pixels.tolist() == [[225], [225]]
    assert found.no_stratum == 450
    assert at.tolist() == [7, 8, 0]


def test_classes_can_be_left_out(tmp_path: Path) -> None:
    """A class that is left out is neither stratum nor unclassified; its pixels are told."""
    values = truth_and_map(height=40, width=40)[1]
    with ClassRaster(write_classes(tmp_path / "map.tif", values)) as raster:
        found = count_strata(raster, leave_out=find_classes(["built", "1"], raster.names))
    assert found.class_ids == (2, 3)
    assert found.left_out == np.isin(values, (1, 4)).sum()


def test_values_at_pixels_are_the_pixels(tmp_path: Path) -> None:
    """Reading single pixels gives what reading the whole gives, and points outside have no pixel."""
    values = truth_and_map()[1]
    generator = np.random.default_rng(0)
    rows, columns = generator.integers(0, 300, 200), generator.integers(0, 400, 200)
    with ClassRaster(write_classes(tmp_path / "map.tif", values)) as raster:
        assert np.array_equal(raster.at(rows, columns), values[rows, columns])
        x, y = raster.transform * (np.array([0.0, 399.99, 400.0, -0.01]), np.array([0.0, 299.99, 5.0, 5.0]))
        found = raster.pixels_of(x, y)
    assert np.stack(found).tolist() == [[0, 299, -1, -1], [0, 399, -1, -1]]


def test_names_come_from_map_or_legend(tmp_path: Path) -> None:
    """The map's own names; a legend's where given, which must hold all classes; else the ids."""
    with ClassRaster(write_classes(tmp_path / "map.tif", np.ones((2, 2), dtype=np.uint8))) as raster:
        assert raster.names == NAMES
    assert names_of([1, 7], {1: "water"}) == {1: "water", 7: "7"}
    with pytest.raises(LabelsError, match="class_id 7"):
        names_of([1, 7], {}, given={1: "water"})
    with pytest.raises(LabelsError, match="at most 254"):
        names_of(range(1, 300), {})
    with pytest.raises(UsageError, match="--exclude tundra"):
        find_classes(["tundra"], NAMES)


def test_rasters_that_are_no_class_maps_are_refused(tmp_path: Path) -> None:
    """Several bands, fractions, negative values, no CRS, no file and nothing classified: one line each."""
    ones = np.ones((3, 4), dtype=np.float32)
    cases = {
        "bands": (np.ones((2, 3, 4), dtype=np.uint8), {}, RasterError, "2 bands"),
        "fractions": (ones / 2, {"nodata": None}, RasterError, "whole numbers"),
        "negative": (-ones, {"nodata": None}, RasterError, "from -1"),
        "no crs": (ones, {"crs": None}, GridError, "CRS"),
        "empty": (ones * 0, {}, NothingFoundError, "without a pixel"),
    }
    for name, (values, options, error, said) in cases.items():
        path = write_classes(tmp_path / f"{name}.tif", values, **options)
        with pytest.raises(error, match=said), ClassRaster(path) as raster:
            count_strata(raster)
    with pytest.raises(UsageError, match="no file"):
        ClassRaster(tmp_path / "absent.tif")
    (tmp_path / "text.tif").write_text("hello")
    with pytest.raises(RasterError, match="no GeoTIFF"):
        ClassRaster(tmp_path / "text.tif")


def test_a_map_in_degrees_is_weighed_by_true_area(tmp_path: Path) -> None:
    """Of two classes with as many pixels, the one nearer the pole has less area."""
    values = np.array([[1], [2]], dtype=np.uint8).repeat(50, axis=0).repeat(3, axis=1)
    path = write_classes(
        tmp_path / "map.tif", values, transform=Affine(0.5, 0, 0, 0, -0.5, 70), crs=CRS.from_epsg(4326)
    )
    with ClassRaster(path) as raster:
        found = count_strata(raster)
    north, south = found.area.sum(axis=0)
    assert found.sizes.tolist() == [150, 150]
    assert north / south == pytest.approx(
        (np.sin(np.deg2rad(70)) - np.sin(np.deg2rad(45))) / (np.sin(np.deg2rad(45)) - np.sin(np.deg2rad(20))), rel=0.01
    )
