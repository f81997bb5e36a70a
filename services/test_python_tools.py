"""Our codes through TorchGeo and rs-embed themselves, though both ask for Python 3.12 and much that is not needed.

`make` puts their wheels, without what they depend on, where `BESIDE` says; four names of torchvision and einops that
reading codes never calls, or that are one line, stand in.
"""

import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from conftest import ROOT

from stactools_esd.errors import IncomparableError
from stactools_esd.fsq import codes_to_vectors
from stactools_esd.product import FSQ

BESIDE = Path(sys.prefix) / "beside"
"""Where the wheels are."""


@pytest.fixture(scope="module", autouse=True)
def wheels() -> Iterator[None]:
    """Put the wheels and the examples on Python's path."""
    if not BESIDE.is_dir():
        raise RuntimeError(f"got no wheels in {BESIDE}, expected TorchGeo and rs-embed; run `make services-test`")
    before, path = set(sys.modules), list(sys.path)
    sys.path[:0] = [str(ROOT / "examples")]
    sys.path.append(str(BESIDE))
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name.split(".")[0] in {"torchgeo", "torchvision", "einops", "rs_embed"}:
            del sys.modules[name]


def stand_in(name: str, **attributes: object) -> types.ModuleType:
    """Put a module in the place of one that is not installed."""
    module = sys.modules[name] = types.ModuleType(name)
    vars(module).update(attributes)
    return module


@pytest.fixture(scope="module")
def torchgeo(wheels: None) -> types.ModuleType:
    """Return `torchgeo.datasets` with the one dataset that is wanted, without importing two hundred others."""
    stand_in("torchvision")
    stand_in("torchvision.datasets", ImageFolder=object)
    stand_in("torchvision.datasets.folder", default_loader=None)
    stand_in("torchvision.utils", draw_segmentation_masks=None)
    stand_in("einops", rearrange=lambda tensor, pattern: {"... -> ... 1": tensor[..., None]}[pattern])
    vars(stand_in("torchgeo"))["__path__"] = [str(BESIDE / "torchgeo")]
    datasets = stand_in("torchgeo.datasets", __path__=[str(BESIDE / "torchgeo" / "datasets")])
    esd = importlib.import_module("torchgeo.datasets.esd")
    vars(datasets).update(EmbeddedSeamlessData=esd.EmbeddedSeamlessData, ESDQuantizer=esd.ESDQuantizer)
    return datasets


def test_torchgeo_decodes_all_codes_as_we_do(torchgeo: types.ModuleType) -> None:
    """TorchGeo's quantizer gives our vectors, bit by bit, for each of the 64,000 codes."""
    import torch

    codes = np.arange(FSQ.codebook_size)
    vectors = torchgeo.ESDQuantizer().indices_to_codes(torch.from_numpy(codes.astype(np.float32)))
    np.testing.assert_array_equal(vectors.numpy(), codes_to_vectors(codes))


def test_torchgeo_reads_our_catalogue(torchgeo: types.ModuleType, collection: Path) -> None:
    """The subclass of the example finds codes alone, by year, and reads twelve steps of six values, no quality band."""
    import pandas as pd
    from torchgeo_dataset import EsdCodes

    dataset = EsdCodes(str(collection))
    paths = sorted(collection.rglob("ESD_*_????.tif"))
    assert sorted(dataset.index.filepath) == [str(path) for path in paths]
    x, y, _ = dataset.bounds
    for year, path in zip((2019, 2020), paths, strict=True):
        sample = dataset[
            x.start : x.stop : 30, y.start : y.stop : 30, pd.Timestamp(year, 2, 1) : pd.Timestamp(year, 3, 1)
        ]
        with rasterio.open(path) as file:
            expected = np.moveaxis(codes_to_vectors(file.read(range(1, 13))), -1, 1)  # (step, dimension, row, column)
        np.testing.assert_array_equal(sample["image"].numpy(), expected)


def test_torchgeo_refuses_codes_of_two_encoders(torchgeo: types.ModuleType, catalog: Path, collection: Path) -> None:
    """The whole catalogue holds one place by several encoders, and TorchGeo would take one of them without a word."""
    from torchgeo_dataset import EsdCodes

    several = r"^got codes of ESD_esdnet-base-v1, ESD_esdnet-small-v1, expected one encoder; give the folder .*$"
    with pytest.raises(ValueError, match=several):
        EsdCodes(str(catalog))
    with pytest.raises(ValueError, match=several):
        EsdCodes(paths=[str(collection), str(catalog / "esd-esdnet-base-v1")])


def test_rs_embed_asks_for_esd(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`get_embedding("esd", ...)` of rs-embed gives a grid of 72 values on its own pixels, and their mean."""
    rs_embed = importlib.import_module("rs_embed")
    example = importlib.import_module("rs_embed_provider")
    monkeypatch.setenv("ESD_CATALOG", str(collection))
    asked = {
        "spatial": rs_embed.BBox(3.29, 50.71, 3.31, 50.72),
        "temporal": rs_embed.TemporalSpec.year(2020),
    }
    grid = rs_embed.get_embedding("esd", **asked, output=rs_embed.OutputSpec.grid()).data
    assert grid.dims == ("d", "y", "x")
    assert grid.shape[0] == 72
    with rasterio.open(next(collection.rglob("ESD_*_2020.tif"))) as file:
        all_vectors = codes_to_vectors(np.moveaxis(file.read(range(1, 13)), 0, -1)).reshape(-1, 72)
    pixels = grid.values.reshape(72, -1).T
    assert {row.tobytes() for row in pixels} <= {row.tobytes() for row in all_vectors}  # nothing was mixed
    pooled = rs_embed.get_embedding("esd", **asked, output=rs_embed.OutputSpec.pooled())
    np.testing.assert_allclose(pooled.data, pixels.mean(axis=0), rtol=1e-4, atol=1e-5)
    assert pooled.meta["valid_pixels"] == len(pixels)
    described = example.EsdEmbedder().describe()
    assert described["type"] == "precomputed"
    assert described["output"] == ["grid", "pooled"]


def test_rs_embed_refuses_codes_of_two_encoders(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole catalogue is refused in a line that says what to do; what is read by default is one collection."""
    rs_embed = importlib.import_module("rs_embed")
    importlib.import_module("rs_embed_provider")
    asked = {"spatial": rs_embed.PointBuffer(3.30, 50.72, 60), "temporal": rs_embed.TemporalSpec.year(2020)}
    monkeypatch.setenv("ESD_CATALOG", str(catalog))
    with pytest.raises(IncomparableError, match=r"expected one encoder .*catalog/esd-esdnet-small-v1"):
        rs_embed.get_embedding("esd", **asked)
    monkeypatch.delenv("ESD_CATALOG")
    monkeypatch.chdir(ROOT)
    assert rs_embed.get_embedding("esd", **asked).meta["catalog"] == "catalog/esd-esdnet-small-v1"


def test_rs_embed_without_a_year(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A span of dates stands for its first year, as rs-embed itself warns; no time at all is refused."""
    rs_embed = importlib.import_module("rs_embed")
    importlib.import_module("rs_embed_provider")
    errors = importlib.import_module("rs_embed.core.errors")
    monkeypatch.setenv("ESD_CATALOG", str(collection))
    place = rs_embed.PointBuffer(3.30, 50.72, 60)
    with pytest.warns(UserWarning, match="start year"):
        made = rs_embed.get_embedding(
            "esd", spatial=place, temporal=rs_embed.TemporalSpec.range("2019-05-01", "2020-03-01")
        )
    assert made.meta["year"] == 2019
    with pytest.raises(errors.ModelError, match="annual"):
        rs_embed.get_embedding("esd", spatial=place)
