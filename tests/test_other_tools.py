"""Our files in other Python tools: the lines that docs/other-tools.md shows, and the examples for TorchGeo."""

import fnmatch
import importlib
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio

from stactools_esd.fsq import codes_to_vectors
from stactools_esd.product import CODES_BANDS, FSQ

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "other-tools.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
ITEM = "esd-esdnet-small-v1-xsimulated-2020"


@pytest.fixture
def beside_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder where `catalog/` is that of the repository."""
    (tmp_path / "catalog").symlink_to(ROOT / "catalog")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("position", range(len(BLOCKS)))
def test_the_page_runs(position: int, beside_the_catalogue: Path) -> None:
    """Each block of Python on the page works by itself."""
    pytest.importorskip("xarray")
    code = BLOCKS[position]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{code}\n{done.stderr}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_odc_stac_loads_named_bands(beside_the_catalogue: Path) -> None:
    """With the documented aliases each name of a band gives that band, untouched, in the order of years."""
    odc_stac = pytest.importorskip("odc.stac")
    code = next(code for code in BLOCKS if "odc.stac.load" in code)
    names: dict[str, object] = {}
    config = code[code.index("codes =") : code.index("items =")]
    exec(config, names)
    paths = sorted(Path("catalog/esd-esdnet-small-v1").rglob("esd-*-xsimulated-????.json"))
    cube = odc_stac.load(
        [pystac.Item.from_file(str(path)) for path in paths], bands=CODES_BANDS, stac_cfg=names["config"]
    )
    for position, path in enumerate(paths):
        with rasterio.open(next(path.parent.glob("ESD_*_????.tif"))) as file:
            np.testing.assert_array_equal(cube.isel(time=position).to_array().values, file.read())


def test_rio_tiler_draws_the_visual(beside_the_catalogue: Path) -> None:
    """rio-tiler gives the picture's own pixels at full size, and says which of a map's tiles it covers."""
    reader = pytest.importorskip("rio_tiler.io").Reader
    path = next(Path("catalog").rglob("*_2020_visual.tif"))
    with rasterio.open(path) as file:
        expected = file.read()
    with reader(str(path)) as visual:
        np.testing.assert_array_equal(visual.preview(max_size=96).data, expected)
        west, south, east, north = visual.get_geographic_bounds("EPSG:4326")
        zoom = visual.maxzoom
        x, y = visual.tms.tile((west + east) / 2, (south + north) / 2, zoom)[:2]
        tile = visual.tile(x, y, zoom)
    assert tile.data.shape == (3, 256, 256)
    assert tile.data.std() > 10


def test_torchgeos_rule_is_ours() -> None:
    """TorchGeo's quantizer, said again in numpy and in its 32-bit floats, gives our vectors bit by bit."""
    codes = np.arange(FSQ.codebook_size, dtype=np.float32)[:, None]
    levels = np.array([8, 8, 8, 5, 5, 5], dtype=np.int32)
    basis = np.cumprod([1, *levels[:-1]], dtype=np.int32)
    half = levels // 2
    vectors = ((codes // basis % levels - half) / half).astype(np.float32)
    np.testing.assert_array_equal(vectors, codes_to_vectors(np.arange(FSQ.codebook_size)))


def test_the_torchgeo_example_finds_codes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its names take ours and official codes with their year, no picture and no map, and leave band 13 out."""
    monkeypatch.setitem(sys.modules, "torchgeo", types.ModuleType("torchgeo"))
    datasets = types.ModuleType("torchgeo.datasets")
    datasets.EmbeddedSeamlessData = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchgeo.datasets", datasets)
    monkeypatch.syspath_prepend(ROOT / "examples")
    monkeypatch.delitem(sys.modules, "torchgeo_dataset", raising=False)
    dataset = importlib.import_module("torchgeo_dataset").EsdCodes
    del sys.modules["torchgeo_dataset"]  # its base class is not the real one

    def year(name: str) -> str | None:
        match = fnmatch.fnmatch(name, dataset.filename_glob) and re.match(dataset.filename_regex, name, re.VERBOSE)
        return match["date"] if match else None

    assert year("ESD_esdnet-small-v1_xsimulated_2019.tif") == "2019"
    assert year("ESD_esdnet-small-v1_50TMK_2020.tif") == "2020"
    assert year("SDC30_EBD_V001_02VMN_2024.tif") == "2024"
    assert year("ESD_esdnet-small-v1_xsimulated_2019_visual.tif") is None
    assert year("quality.tif") is None
    assert dataset.all_bands == CODES_BANDS[:12]
    assert dataset.resampling.name == "nearest"
    source = (ROOT / "examples" / "torchgeo_dataset.py").read_text()
    lines = source[source.index("\nclass ") :].splitlines()
    assert len([line for line in lines if line.strip()]) <= 11
