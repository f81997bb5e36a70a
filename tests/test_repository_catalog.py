"""The catalogue in the repository is sound, small, and what the commands make of its codes."""

import filecmp
from importlib.resources import files
from pathlib import Path

import pyarrow.parquet as pq

from stactools_esd.catalog import create_catalog
from stactools_esd.catalog_check import check_catalog
from stactools_esd.cog import open_codes
from stactools_esd.encoder import load_encoder
from stactools_esd.files import sha256_file
from stactools_esd.product import EncoderIdentity
from stactools_esd.shipped import SHIPPED, shipped
from stactools_esd.validate import validate

CATALOG = Path(__file__).parent.parent / "catalog"


def test_it_is_valid() -> None:
    """Every document, link, checksum and code of the repository's catalogue holds."""
    assert validate(CATALOG).problems == []


def test_it_is_small() -> None:
    """A clone stays light: all but weights has at most 5 MB, and weights are byte for byte those of the package.

    So a clone fetches them once, however often they lie in its working tree.
    """
    weights = list(CATALOG.rglob("*.safetensors"))
    assert (
        sum(path.stat().st_size for path in CATALOG.rglob("*") if path.is_file() and path not in weights) <= 5_000_000
    )
    assert len(weights) == len(shipped())
    for path in weights:
        assert sha256_file(path) == sha256_file(SHIPPED / path.name)


def test_its_codes_are_of_the_shipped_encoders() -> None:
    """When new weights ship, `make catalog` is due: each encoder of the package has codes of both years."""
    found: dict[EncoderIdentity, int] = {}
    for path in CATALOG.rglob("ESD_*_????.tif"):
        with open_codes(path) as file:
            assert path.is_relative_to(CATALOG / file.identity.encoder.collection_id)
            found[file.identity.encoder] = found.get(file.identity.encoder, 0) + 1
    assert found == {load_encoder(label).identity: 2 for label in shipped()}


def test_it_has_not_drifted(tmp_path: Path) -> None:
    """Its documents are, byte for byte, what `create-catalog` makes of its items today, and so are the index's rows."""
    items = [path for path in CATALOG.rglob("*.json") if path.stem.startswith("esd-") and path.stem == path.parent.name]
    create_catalog(items, tmp_path / "catalog", copy=True, collections=["official-v001"])
    documents = [path.relative_to(CATALOG) for path in CATALOG.rglob("*.json") if path.parent.name != "extension"]
    assert len(documents) >= 10
    _, different, failed = filecmp.cmpfiles(CATALOG, tmp_path / "catalog", [str(path) for path in documents], False)
    assert (different, failed) == ([], [])
    parts = [path.relative_to(CATALOG) for path in CATALOG.rglob("*.parquet")]
    assert len(parts) == 2 * len(shipped())
    for part in parts:  # bytes name the version of pyarrow
        kept, made = (pq.ParquetFile(folder / part) for folder in (CATALOG, tmp_path / "catalog"))
        assert kept.read().equals(made.read(), check_metadata=True)
        assert kept.metadata.num_row_groups == made.metadata.num_row_groups


def test_it_is_what_should_be_there() -> None:
    """Nothing is missing, orphaned, changed or twice there, and the index is of these items."""
    assert check_catalog(CATALOG).lines == []


def test_the_extension_is_that_of_the_package() -> None:
    """The schema and its README are published as the package has them."""
    package = files("stactools_esd").joinpath("schemas")
    for name, published in (("esd.json", "schema.json"), ("README.md", "README.md")):
        assert (CATALOG / "extension" / published).read_bytes() == package.joinpath(name).read_bytes()
