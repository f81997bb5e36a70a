"""The catalogue in the repository is sound, small, and what the commands make of its codes."""

import filecmp
from pathlib import Path

from stactools_esd.catalog import create_catalog
from stactools_esd.cog import open_codes
from stactools_esd.encoder import load_encoder
from stactools_esd.validate import validate

CATALOG = Path(__file__).parent.parent / "catalog"


def test_it_is_valid() -> None:
    """Every document, link, checksum and code of the repository's catalogue holds."""
    assert validate(CATALOG).problems == []


def test_it_is_small() -> None:
    """A clone stays light: the catalogue has at most 5 MB."""
    assert sum(path.stat().st_size for path in CATALOG.rglob("*") if path.is_file()) <= 5_000_000


def test_its_codes_are_of_the_shipped_encoder() -> None:
    """When new weights ship, `make catalog` is due: the codes name the weights of the package."""
    shipped = load_encoder("esdnet-small").identity
    for path in CATALOG.rglob("ESD_*_????.tif"):
        with open_codes(path) as file:
            assert file.identity.encoder == shipped


def test_it_has_not_drifted(tmp_path: Path) -> None:
    """Its documents are, byte for byte, what `create-catalog` makes of its items today."""
    items = [path for path in CATALOG.rglob("*.json") if path.stem.startswith("esd-") and path.stem == path.parent.name]
    create_catalog(items, tmp_path / "catalog", copy=True)
    documents = [path.relative_to(CATALOG) for path in CATALOG.rglob("*.json")]
    assert len(documents) >= 9
    _, different, failed = filecmp.cmpfiles(CATALOG, tmp_path / "catalog", [str(path) for path in documents], False)
    assert (different, failed) == ([], [])
