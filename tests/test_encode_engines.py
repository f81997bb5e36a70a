"""Encoding with another engine: it is said in the files, and never mixed into what another made."""

from collections.abc import Callable
from pathlib import Path

import pystac
import pytest

pytest.importorskip("torch")
pytest.importorskip("openvino")

from tiny_images import OPTIONS, write_images

from stactools_esd.codes_file import open_codes
from stactools_esd.encoder import load_encoder
from stactools_esd.encoder.block_codes import BlockDone
from stactools_esd.encoder.encode import encode_source
from stactools_esd.errors import OutputError, UsageError
from stactools_esd.stac import tags_of
from stactools_esd.validate import validate


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve simulated images in three blocks."""
    return write_images(tmp_path_factory.mktemp("images"))


def stop_after_one() -> Callable[[BlockDone], None]:
    """Interrupt a run when its first block is finished."""

    def stop(_: BlockDone) -> None:
        raise KeyboardInterrupt

    return stop


def test_file_and_item_name_the_engine(source: Path, tmp_path: Path) -> None:
    """`--engine` stands in the tags and in the item, whatever the workers, and the bytes do not depend on them."""
    alone = encode_source(source, tmp_path / "alone", **OPTIONS, engine="openvino")
    together = encode_source(source, tmp_path / "together", **OPTIONS, engine="openvino", workers=2)
    assert Path(together.codes).read_bytes() == Path(alone.codes).read_bytes()
    with open_codes(alone.codes) as codes:
        assert codes.tags.engine == "openvino"
    item = pystac.Item.from_file(str(alone.item))
    assert item.properties["esd:engine"] == "openvino"
    assert tags_of(item).engine == "openvino"
    assert validate(alone.item).problems == []


def test_torch_is_named_too(source: Path, tmp_path: Path) -> None:
    """The default is said, so that its absence means an older or an official file."""
    with open_codes(encode_source(source, tmp_path, **OPTIONS).codes) as codes:
        assert codes.tags.engine == "torch"


def test_blocks_of_another_engine_are_refused(source: Path, tmp_path: Path) -> None:
    """A run that was killed is not continued with another engine."""
    with pytest.raises(KeyboardInterrupt):
        encode_source(source, tmp_path, **OPTIONS, on_block=stop_after_one())
    with pytest.raises(OutputError, match=r"another run.*--overwrite"):
        encode_source(source, tmp_path, **OPTIONS, engine="openvino")
    assert len(list(tmp_path.rglob("r*.block"))) == 1


def test_an_item_of_another_engine_is_kept(source: Path, tmp_path: Path) -> None:
    """Codes are not replaced by those of another engine unless the user says so."""
    made = encode_source(source, tmp_path, **OPTIONS)
    with pytest.raises(OutputError, match=r"engine openvino against torch.*--overwrite"):
        encode_source(source, tmp_path, **OPTIONS, engine="openvino")
    again = encode_source(source, tmp_path, **OPTIONS, engine="openvino", overwrite=True)
    assert again.item == made.item
    with open_codes(again.codes) as codes:
        assert codes.tags.engine == "openvino"


def test_a_loaded_encoder_brings_its_engine(source: Path, tmp_path: Path) -> None:
    """What made the codes is what is said of them."""
    encoder = load_encoder("esdnet-small", "openvino")
    with open_codes(encode_source(source, tmp_path, **OPTIONS, encoder=encoder).codes) as codes:
        assert codes.tags.engine == "openvino"
    with pytest.raises(UsageError, match="expected one engine"):
        encode_source(source, tmp_path, **OPTIONS, encoder=load_encoder("esdnet-small"), engine="openvino")
