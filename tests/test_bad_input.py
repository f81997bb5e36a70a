"""Bad input through the command lines: one line on stderr, an exit code, and nothing left behind."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import synthetic
import tiny_map
from click.testing import CliRunner as ClickRunner
from rasterio import Affine
from typer.testing import CliRunner as TyperRunner

from esd_tasks import cli
from stactools_esd import commands, grid
from stactools_esd.cog import write_codes

TILE = "SDC30_EBD_V001_50TMK_2020.tif"
CODES = "catalog/ESD_esdnet-small-v1_xdemo_2020.tif"
IMAGES = 8

Prepare = Callable[[Path], object]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fault and what a command must say of it."""

    prepare: Prepare
    """Makes the fault in the folder of the place."""

    command: str
    """The command line, `stac esd ...` or `esd-tasks ...`."""

    exit_code: int
    """What it leaves with."""

    said: str
    """What stands in its one line."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An official tile, a folder of images, a catalogue and samples, all in order; copied for each case."""
    folder = tmp_path_factory.mktemp("sound")
    tile(folder)
    tiny_map.write_place(folder / "catalog")
    tiny_map.write_labels(folder / "samples.gpkg")
    (folder / "images").mkdir()
    for month in range(1, IMAGES + 1):
        image(folder / "images" / f"SR_2020{month:02d}15.tif")
    return folder


def tile(
    folder: Path,
    *,
    bands: int = 12,
    dtype: str = "uint16",
    crs: str = "EPSG:32650",
    right: float = 0,
    highest: int = 0,
    name: str = TILE,
) -> None:
    """Write an official tile, or one with a fault."""
    codes = synthetic.patchy_codes(2, 40, 40).repeat(2, axis=0)[:bands].astype(dtype)
    codes[3, 5, 6] = max(highest, codes[3, 5, 6])
    transform = grid.tile("50TMK").transform * Affine.translation(right, 0)
    synthetic.write_official(
        folder / name, codes, synthetic.counts(2, 40, 40).astype(dtype), transform=transform, crs=crs
    )


def image(path: Path, *, bands: int = 6, level: float = 1000, dtype: str = "int16", right: float = 0) -> None:
    """Write a dated image of reflectance 0.1, or one with a fault."""
    options = {"driver": "GTiff", "height": 4, "width": 5, "count": bands, "dtype": dtype, "crs": "EPSG:32631"}
    with rasterio.open(path, "w", transform=Affine(30, 0, 500_000 + right, 0, -30, 5_000_000), **options) as dataset:
        dataset.write(np.full((bands, 4, 5), level, dtype))


def images(**fault: float | str) -> Prepare:
    """Write all images with a fault."""
    return lambda place: [image(path, **fault) for path in (place / "images").iterdir()]  # type: ignore[arg-type]


def cut(name: str, share: float = 0.5) -> Prepare:
    """Cut a file off."""
    return lambda place: os.truncate(place / name, int(share * (place / name).stat().st_size))


def text(name: str) -> Prepare:
    """Put words where a file of data should be."""
    return lambda place: (place / name).write_text("hello")


def labels(change: Callable[[geopandas.GeoDataFrame], geopandas.GeoDataFrame], name: str = "samples.gpkg") -> Prepare:
    """Write the samples again, changed."""

    def apply(place: Path) -> None:
        frame = change(geopandas.read_file(place / "samples.gpkg"))
        (place / name).unlink(missing_ok=True)
        frame.to_file(place / name)

    return apply


def without_crs(place: Path) -> None:
    """Write the samples without a CRS."""
    with pytest.warns(UserWarning, match="crs"):
        labels(lambda frame: frame.set_crs(None, allow_override=True))(place)


def two_layers(place: Path) -> None:
    """Write the samples into two layers of one file."""
    frame = geopandas.read_file(place / "samples.gpkg")
    (place / "samples.gpkg").unlink()
    for layer in ("summer", "winter"):
        frame.to_file(place / "samples.gpkg", layer=layer)


def area(geometry: shapely.Geometry) -> Prepare:
    """Write an area to map."""
    return lambda place: geopandas.GeoDataFrame(geometry=[geometry], crs=4326).to_file(place / "aoi.geojson")


def next_door(encoder: str = "esdnet-small-v1", **recipe: str) -> Prepare:
    """Put codes of another encoder or recipe beside the others."""

    def apply(place: Path) -> None:
        codes = tiny_map.codes_of(tiny_map.class_map())
        write_codes(
            place / "catalog" / f"ESD_{encoder}_xnext_2020.tif",
            codes,
            np.full(codes.shape[1:], 9),
            transform=synthetic.AREA_TRANSFORM,
            crs=synthetic.AREA_CRS,
            tags=synthetic.tags(encoder, tile="xnext", **recipe),
        )

    return apply


def more_years(place: Path) -> None:
    """Write the codes of two years before."""
    for year in (2018, 2019):
        tiny_map.write_place(place / "catalog", year=year)


def foreign(place: Path) -> None:
    """Put somebody's file into the output folder."""
    (place / "samples-map").mkdir()
    (place / "samples-map" / "thesis.doc").write_text("years of work")


def nothing(place: Path) -> None:
    """Leave the place as it is: the fault is in the command."""


ITEM = f"stac esd create-item {TILE} out"
ENCODE = "stac esd encode images out --year 2020 --name demo"
MAP = "esd-tasks classify --labels samples.gpkg"
CARRY = "esd-tasks migrate-labels --labels samples.gpkg --label-year 2020 -o carried/all.gpkg"

RASTERS: dict[str, tuple[Prepare, str]] = {
    "no raster": (text(TILE), "cannot read"),
    "an empty file": (cut(TILE, 0), "cannot read"),
    "a truncated tile": (cut(TILE), "truncated"),
    "eleven bands": (lambda place: tile(place, bands=10), "got 11 bands, expected 13"),
    "fourteen bands": (lambda place: tile(place, bands=13), "got 14 bands, expected 13"),
    "float data": (lambda place: tile(place, dtype="float32"), "got float32 data, expected uint16"),
    "a code above 63999": (lambda place: tile(place, highest=64_000), "got code 64000, expected 0..63999"),
    "a CRS that the name contradicts": (lambda place: tile(place, crs="EPSG:32651"), "expected EPSG:32650"),
    "pixels off the grid of the name": (lambda place: tile(place, right=0.4), "off the grid of tile 50TMK"),
    "no file": (lambda place: (place / TILE).unlink(), "got no file"),
    "a folder for a file": (lambda place: [(place / TILE).unlink(), (place / TILE).mkdir()], "got no file"),
}
"""Faults of a tile, refused alike whether it is copied or only described."""

CASES: dict[str, Case] = {
    **{
        f"{fault}{option}": Case(
            prepare=prepare, command=ITEM + option, exit_code=2 if said == "got no file" else 1, said=said
        )
        for fault, (prepare, said) in RASTERS.items()
        for option in ("", " --no-copy")
    },
    "a truncated tile in a catalogue": Case(
        prepare=cut(TILE), command=f"stac esd create-catalog {TILE} out", exit_code=1, said="truncated"
    ),
    "a name that says nothing": Case(
        prepare=lambda place: tile(place, name="odd.tif"),
        command="stac esd create-item odd.tif out",
        exit_code=1,
        said="--encoder official-v001",
    ),
    "a name without tile and year": Case(
        prepare=lambda place: tile(place, name="odd.tif"),
        command="stac esd create-item odd.tif out --encoder official-v001",
        exit_code=1,
        said="say --tile and --year",
    ),
    "a year of 1066": Case(
        prepare=lambda place: tile(place, name="odd.tif"),
        command="stac esd create-item odd.tif out --encoder official-v001 --tile 50TMK --year 1066",
        exit_code=1,
        said="got year 1066, expected 1972-2099",
    ),
    "options that the name contradicts": Case(
        prepare=nothing, command=f"{ITEM} --year 2019", exit_code=1, said="got year 2019 by the options and 2020"
    ),
    "images without a raster": Case(
        prepare=lambda place: [path.unlink() for path in (place / "images").iterdir()],
        command=ENCODE, exit_code=1, said="got no raster in images",
    ),
    "images of no such folder": Case(
        prepare=lambda place: shutil.rmtree(place / "images"), command=ENCODE, exit_code=2, said="expected a folder"
    ),
    "an image of words": Case(prepare=text("images/SR_20200315.tif"), command=ENCODE, exit_code=1, said="SR_20200315"),
    "a truncated image": Case(
        prepare=cut("images/SR_20200315.tif", 0.97), command=ENCODE, exit_code=1, said="SR_20200315"
    ),
    "an image of five bands": Case(
        prepare=lambda place: image(place / "images" / "SR_20200315.tif", bands=5),
        command=ENCODE, exit_code=1, said="got 5 bands",
    ),
    "an image on another grid": Case(
        prepare=lambda place: image(place / "images" / "SR_20200315.tif", right=15),
        command=ENCODE, exit_code=1, said="another grid",
    ),
    "an image without a date": Case(
        prepare=lambda place: image(place / "images" / "spring.tif"), command=ENCODE, exit_code=1, said="got spring.tif"
    ),
    "images that are not reflectance": Case(
        prepare=images(level=3000, dtype="float32"), command=ENCODE, exit_code=1, said="expected shares of 1"
    ),
    "images of another year": Case(
        prepare=nothing,
        command="stac esd encode images out --year 2019 --name demo",
        exit_code=3, said="the folder holds 2020-01-15",
    ),
    "a year before Christ": Case(
        prepare=nothing, command="stac esd encode images out --year -1 --name demo", exit_code=1, said="got year -1"
    ),
    "a tile that is none": Case(
        prepare=nothing, command="stac esd encode images out --year 2020 --tile foo", exit_code=1, said="got tile 'foo'"
    ),
    "a tile elsewhere": Case(
        prepare=nothing, command="stac esd encode images out --year 2020 --tile 31UFS", exit_code=1, said="off tile"
    ),
    "an unknown encoder": Case(
        prepare=nothing, command=f"{ENCODE} --encoder other", exit_code=1, said="got encoder 'other'"
    ),
    "elevation elsewhere": Case(
        prepare=nothing, command=f"{ENCODE} --dem {TILE}", exit_code=1, said="without elevation on the grid"
    ),
    "labels without CRS": Case(prepare=without_crs, command=MAP, exit_code=1, said="without a CRS"),
    "labels without the class field": Case(
        prepare=nothing, command=f"{MAP} --class-field klass", exit_code=2, said="got --class-field klass"
    ),
    "labels of one class": Case(
        prepare=labels(lambda frame: frame.assign(**{"class": "water"})), command=MAP, exit_code=1, said="one class"
    ),
    "labels outside every item": Case(
        prepare=labels(lambda frame: frame.set_geometry(frame.translate(60, -60))),
        command=MAP, exit_code=3, said="got no item",
    ),
    "labels of a year no item has": Case(
        prepare=labels(lambda frame: frame.assign(year=[1987, *[2020] * (len(frame) - 1)])),
        command=f"{MAP} --year-field year", exit_code=3, said="got labels of 1987",
    ),
    "a map of a year no item has": Case(
        prepare=nothing, command=f"{MAP} --year 1066", exit_code=3, said="got year 1066, expected one of 2020"
    ),
    "labels with empty geometries": Case(
        prepare=labels(lambda frame: frame.set_geometry([shapely.Point()] * len(frame), crs=4326)),
        command=MAP, exit_code=3, said="empty geometry",
    ),
    "labels without features": Case(
        prepare=labels(lambda frame: frame.iloc[:0]), command=MAP, exit_code=3, said="without a feature"
    ),
    "labels that are lines": Case(
        prepare=labels(lambda frame: frame.set_geometry([shapely.LineString([(3, 50), (4, 51)])] * len(frame))),
        command=MAP, exit_code=1, said="got LineString",
    ),
    "labels of several layers": Case(prepare=two_layers, command=MAP, exit_code=2, said="summer, winter"),
    "labels of words": Case(prepare=text("samples.gpkg"), command=MAP, exit_code=1, said="cannot be read"),
    "labels in a folder": Case(
        prepare=nothing, command="esd-tasks classify --labels images", exit_code=2, said="is a folder"
    ),
    "an empty area": Case(
        prepare=area(shapely.Polygon()), command=f"{MAP} --geometry aoi.geojson", exit_code=3, said="empty geometry"
    ),
    "an area without area": Case(
        prepare=area(shapely.Point(3, 50.53)), command=f"{MAP} --geometry aoi.geojson", exit_code=1,
        said="without any area",
    ),
    "an area in a folder": Case(
        prepare=nothing, command=f"{MAP} --geometry images", exit_code=2, said="is a folder"
    ),
    "no catalogue": Case(
        prepare=lambda place: shutil.rmtree(place / "catalog"), command=MAP, exit_code=2, said="no catalogue at catalog"
    ),
    "images for a catalogue": Case(
        prepare=nothing, command=f"{MAP} --catalog images", exit_code=1, said="without catalogue, item or codes COG"
    ),
    "codes of two encoders": Case(
        prepare=next_door("esdnet-large-v1"), command=MAP, exit_code=1, said="esdnet-large-v1"
    ),
    "codes of two recipes": Case(
        prepare=next_door(source="landsat-8"), command=MAP, exit_code=1, said="input recipe source"
    ),
    "truncated codes": Case(prepare=cut(CODES), command=MAP, exit_code=1, said="truncated"),
    "labels to carry that do not exist": Case(
        prepare=lambda place: (place / "samples.gpkg").unlink(), command=CARRY, exit_code=2,
        said="expected a GeoPackage, GeoJSON, Shapefile, or CSV with lon and lat",
    ),
    "labels to carry without features": Case(
        prepare=labels(lambda frame: frame.iloc[:0]), command=CARRY, exit_code=3, said="without a feature"
    ),
    "labels to carry outside every item": Case(
        prepare=labels(lambda frame: frame.set_geometry(frame.translate(60, -60))),
        command=CARRY, exit_code=3, said="got no item",
    ),
    "labels to carry without the class field": Case(
        prepare=nothing, command=f"{CARRY} --class-field klass", exit_code=2, said="got --class-field klass"
    ),
    "labels to carry without the year field": Case(
        prepare=nothing,
        command="esd-tasks migrate-labels --labels samples.gpkg --year-field when -o carried.gpkg",
        exit_code=2, said="got --year-field when",
    ),
    "labels to carry of one class": Case(
        prepare=lambda place: (more_years(place), labels(lambda frame: frame.assign(**{"class": "water"}))(place)),
        command=CARRY, exit_code=1, said="one class",
    ),
    "labels to carry to codes of two encoders": Case(
        prepare=next_door("esdnet-large-v1"), command=CARRY, exit_code=1, said="esdnet-large-v1"
    ),
    "labels to carry by truncated codes": Case(
        prepare=lambda place: (more_years(place), cut(CODES)(place)), command=CARRY, exit_code=1, said="truncated"
    ),
    "labels to carry to one year": Case(
        prepare=nothing, command=CARRY, exit_code=3, said="got codes of 2020 alone, expected 3 or more years"
    ),
    "labels to carry over themselves": Case(
        prepare=nothing, command=f"{CARRY.partition(' -o')[0]} --overwrite -o samples.gpkg", exit_code=2,
        said="which would be lost",
    ),
    "an output that is not of this run": Case(prepare=foreign, command=MAP, exit_code=1, said="--overwrite"),
    "an output that is a file": Case(
        prepare=text("map"), command=f"{MAP} -o map", exit_code=1, said="which is a file"
    ),
    "blocks of a negative size": Case(
        prepare=nothing, command=f"{MAP} --block-size -5", exit_code=2, said="got --block-size -5"
    ),
    "blocks without end": Case(
        prepare=nothing, command=f"{MAP} --block-size inf", exit_code=2, said="got --block-size inf"
    ),
    "blocks smaller than any pixel": Case(
        prepare=nothing, command=f"{MAP} --block-size 1e-9", exit_code=2, said="got --block-size 1e-09"
    ),
    "blocks larger than the place": Case(
        prepare=nothing, command=f"{MAP} --block-size 5000", exit_code=1, said="--block-size"
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", CASES)
def test_bad_input_is_one_line_and_leaves_nothing(
    fault: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fault ends in its exit code and one line, without a traceback, and the folder is as it was."""
    case = CASES[fault]
    place = Path(shutil.copytree(sound, tmp_path / "place"))
    monkeypatch.chdir(place)
    monkeypatch.delenv("ESD_CATALOG", raising=False)
    case.prepare(place)
    before = sorted(place.rglob("*"))
    program, *words = case.command.split()
    if program == "stac":
        if "encode" in words:
            pytest.importorskip("torch")
        result = ClickRunner().invoke(commands.esd, words[1:])
    else:
        result = TyperRunner().invoke(cli.app, words)
    assert result.exit_code == case.exit_code, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert case.said in line
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("command", [ENCODE, f"{ITEM} --no-copy", f"{MAP} --dry-run"])
def test_the_same_place_without_a_fault_is_accepted(
    command: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the faults that are refused above, not the place."""
    monkeypatch.chdir(Path(shutil.copytree(sound, tmp_path / "place")))
    program, *words = command.split()
    if "encode" in words:
        pytest.importorskip("torch")
    stac = program == "stac"
    result = ClickRunner().invoke(commands.esd, words[1:]) if stac else TyperRunner().invoke(cli.app, words)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("stactools.cli.cli", f"esd create-item {TILE} out"),
        ("esd_tasks", "classify --labels samples.gpkg"),
        ("esd_tasks", "classify --labels samples.gpkg --geometry aoi.geojson"),
    ],
)
def test_libraries_below_add_no_line(module: str, words: str, sound: Path, tmp_path: Path) -> None:
    """In a process of its own, where GDAL could write to stderr past Python, the one line is all."""
    place = Path(shutil.copytree(sound, tmp_path / "place"))
    for name in (TILE, CODES):
        content = (place / name).read_bytes()
        (place / name).write_bytes(content[:-1500] + bytes(1500))  # as long as before: only decoding tells
    text("aoi.geojson")(place)
    before = sorted(place.rglob("*"))
    done = subprocess.run([sys.executable, "-m", module, *words.split()], cwd=place, capture_output=True, text=True)
    assert done.returncode in (1, 2)
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert sorted(place.rglob("*")) == before
