"""Cubes with quality and options through `stac esd encode`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("xarray")
pytest.importorskip("zarr")

import cube_files
from click.testing import CliRunner
from tiny_images import OPTIONS, YEAR_2020, observations

from stactools_esd.cog import open_codes
from stactools_esd.commands import esd
from stactools_esd.encoder import encode, encode_plan, load_encoder
from stactools_esd.encoder.encode import encode_source
from stactools_esd.encoder.encode_request import EncodeRequest
from stactools_esd.encoder.inference import MIN_VALID_DAYS
from stactools_esd.errors import OutputError, UsageError
from stactools_esd.observations import Observations
from stactools_esd.product import BANDS
from stactools_esd.seamless import prepare
from stactools_esd.validate import validate

CLOUD = np.float32(0.9)
LABELS = ("c1", "c2", "c3", "c4", "c5", "c6")


def cloudy() -> tuple[Observations, np.ndarray]:
    """Twelve images, and where a cloud hides the ground of one of them."""
    images, _ = observations()
    hidden = np.zeros((len(images.dates), *images.shape), bool)
    hidden[4, 2:7, 1:5] = True
    return images, hidden


def write(path: Path, *, quality: str = "SCL", labels: tuple[str, ...] = BANDS, scaled: bool = False) -> Path:
    """Write the images as a cube with bright clouds and what tells them, missing values as NaN or nodata."""
    images, hidden = cloudy()
    values = np.where(hidden[:, None], CLOUD, np.where(images.valid, images.reflectance, np.nan))
    if scaled:
        values = np.nan_to_num(np.rint(values * 10_000), nan=-1).astype(np.int16)
    x = images.transform.c + 30 * (np.arange(images.shape[1]) + 0.5)
    y = images.transform.f - 30 * (np.arange(images.shape[0]) + 0.5)
    variables: dict[str, Any] = {label: (("time", "y", "x"), values[:, place]) for place, label in enumerate(labels)}
    variables[quality] = (("time", "y", "x"), np.where(hidden, 9, 4).astype(np.uint8))
    times = images.dates.astype("datetime64[ns]")
    dataset = cube_files.xarray.Dataset(variables, coords={"time": times, "y": y, "x": x})
    return cube_files.write(dataset if scaled else dataset.assign_attrs(crs=str(images.crs)), path)


def expected(rounded: bool = False) -> np.ndarray:
    """Return the codes of the images without the clouds, (12, rows, columns)."""
    images, hidden = cloudy()
    reflectance = np.rint(images.reflectance * 10_000) * 0.0001 if rounded else images.reflectance
    clear = Observations(
        dates=images.dates, reflectance=reflectance.astype(np.float32), valid=images.valid & ~hidden[:, None],
        transform=images.transform, crs=images.crs,
    )  # fmt: skip
    series, count = prepare(clear, YEAR_2020)
    codes = load_encoder().encode(series)
    codes[count < MIN_VALID_DAYS] = 0
    return codes.T.reshape(12, *images.shape)


def run(*words: str | Path) -> Path:
    """Run `stac esd encode` and return the item."""
    result = CliRunner().invoke(esd, ["encode", *map(str, words), "--year", "2020", "--name", "test"])
    assert result.exit_code == 0, result.output
    return Path(result.stdout.splitlines()[-2])


def codes_of(item: Path) -> np.ndarray:
    """Return the codes beside an item, after validating both."""
    assert validate(item).problems == []
    with open_codes(next(item.parent.glob("*_2020.tif"))) as file:
        return file.read().codes


def test_clouds_of_a_cube_are_no_land(tmp_path: Path) -> None:
    """SCL is found without a word: codes are those of the images without clouds, and the item says what was valid."""
    item = run(write(tmp_path / "cube.zarr"), tmp_path / "tiles")
    np.testing.assert_array_equal(codes_of(item), expected())
    lineage = json.loads(item.read_text())["properties"]["processing:lineage"]
    assert lineage == "Encoded from cube.zarr, valid by SCL where it is 4, 5, 6, 7, 11"


def test_what_a_cube_does_not_say_is_told(tmp_path: Path) -> None:
    """Labels, scale, nodata, CRS and the meaning of quality come from a file, and stand in the item."""
    cube = write(tmp_path / "cube.zarr", quality="mask", labels=LABELS, scaled=True)
    (tmp_path / "cube.yaml").write_text(
        f"bands: {{{', '.join(f'{band}: {label}' for band, label in zip(BANDS, LABELS, strict=True))}}}\n"
        "scale: 1e-4\nnodata: -1\ncrs: EPSG:32631\nclear: [4]\n"
    )
    item = run(cube, tmp_path / "tiles", "--source-options", tmp_path / "cube.yaml")
    np.testing.assert_array_equal(codes_of(item), expected(rounded=True))
    lineage = json.loads(item.read_text())["properties"]["processing:lineage"]
    assert lineage == (
        "Encoded from cube.zarr, valid by mask where it is 4, bands blue c1 green c2 red c3 nir c4 swir1 c5 swir2 c6, "
        "scale 0.0001, nodata -1, crs EPSG:32631"
    )


def test_options_decide_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a killed run are taken over only by a run of the same options, however they are given."""
    cube = write(tmp_path / "cube.zarr")
    common = {**OPTIONS, "workers": 1}

    def key(**options: Any) -> str:
        request = EncodeRequest(source=cube, destination=tmp_path / "tiles", **common, **options)
        return encode_plan.make_plan(request).run_key

    assert key(source_options={"clear": [4, 9], "quality": "SCL"}) != key()
    assert key(source_options="{quality: none}") == key(source_options={"quality": "none"})

    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_source(cube, tmp_path / "tiles", **common, on_block=stop)
    with pytest.raises(OutputError, match="--overwrite"):
        encode.encode_source(cube, tmp_path / "tiles", **common, source_options={"quality": "none"})


def test_unknown_options_are_a_matter_of_usage(tmp_path: Path) -> None:
    """A key that no cube has is refused before anything is made, and exits with 2."""
    cube = write(tmp_path / "cube.zarr")
    with pytest.raises(UsageError, match="got the source option 'quallity'"):
        encode_source(cube, tmp_path / "tiles", **OPTIONS, source_options={"quallity": "SCL"})
    assert not (tmp_path / "tiles").exists()
