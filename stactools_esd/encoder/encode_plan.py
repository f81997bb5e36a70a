"""The plan of an encoding run: images and encoder found, nothing written yet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from stactools_esd.blocks import Block, plan_rows, run_key
from stactools_esd.codes_file import MAX_SIDE
from stactools_esd.encoder.block_codes import EncodeJob
from stactools_esd.encoder.encode_request import EncodeRequest
from stactools_esd.encoder.ground import Ground, find_ground
from stactools_esd.encoder.inference import Encoder, load_encoder
from stactools_esd.errors import GridError, NothingFoundError
from stactools_esd.fusion import Fusion, fusion
from stactools_esd.grid import check_georeference
from stactools_esd.names import CodesTags
from stactools_esd.product import SOFTWARE, CodesIdentity, InputRecipe
from stactools_esd.sources.cutout import Cutout
from stactools_esd.sources.find import READER_BYTES, find_source
from stactools_esd.sources.guide_source import GuideSource, open_guide
from stactools_esd.sources.source import Source


@dataclass(frozen=True, kw_only=True)
class EncodePlan:
    """Everything that is known before images are read."""

    request: EncodeRequest
    """What was asked."""

    job: EncodeJob
    """What the blocks have in common."""

    encoder: Encoder
    """The loaded encoder."""

    ground: Ground
    """Where terrain is read."""

    tags: CodesTags
    """What the codes COG will say of itself."""

    blocks: tuple[Block, ...]
    """All blocks, from the top."""

    source_options: Mapping[str, Any]
    """Options of the reader that were given, by key."""

    reader_bytes: int
    """Memory that the reader keeps between images, and what a guide takes beside its images."""

    @property
    def codes_path(self) -> Path:
        """Where the codes COG will lie."""
        return self.request.destination / self.tags.name.item_id / f"{self.tags.name.stem}.tif"

    @property
    def unfinished(self) -> Path:
        """Folder of finished blocks until all are."""
        return self.request.destination / f".{self.tags.name.stem}.partial"

    def inputs(self, without: Iterable[int] = ()) -> list[Path]:
        """Return every file that is read, each once.

        Args:
            without: Positions of images that are left out, in the order of `EncodeJob.names`.
        """
        left_out, job = set(without), self.job
        files = [job.source.files[position] for position in job.positions if position not in left_out]
        if job.guide is not None:
            behind = len(job.source.names)
            images = zip(job.guide.positions, job.guide.files, strict=True)
            files += [each for position, each in images if behind + position not in left_out]
        return list(dict.fromkeys([*(file for each in files for file in each), *self.ground.files]))

    @property
    def images_held(self) -> int:
        """Images that are held of each row, those of a guide counted by the memory that they take."""
        return len(self.job.positions) + (self.job.guide.images_held if self.job.guide else 0)

    @property
    def bad(self) -> tuple[str, ...]:
        """Names of damaged images that were passed over when the sources were opened."""
        return (*self.job.source.bad, *(self.job.guide.source.bad if self.job.guide else ()))

    @cached_property
    def run_key(self) -> str:
        """Hash of what decides the codes: software, encoder, engine, recipe, window, grid, blocks and files."""
        source = self.job.source
        facts: dict[str, Any] = {
            "software": self.tags.software,
            "engine": self.tags.engine,
            **self.tags.identity.as_dict(),
            "window": [self.tags.year, str(self.tags.window_start or ""), self.tags.temporal_context],
            "grid": [str(source.crs), list(source.transform)[:6], list(source.shape)],
            "rows": self.blocks[0].height,
            "sea_level": self.request.sea_level,
            "source_options": dict(self.source_options),
            "images": [source.names[position] for position in self.job.positions],
            "guide": list(self.job.guide.names) if self.job.guide else None,
            "files": [[str(file), *_state(file)] for file in self.inputs()],
        }
        return run_key(facts)


def make_plan(request: EncodeRequest) -> EncodePlan:
    """Open images and encoder.

    Raises:
        NothingFoundError: No image lies in the window.
        RasterError: The images or the elevation cannot be read.
        GridError: The georeference does not fit the tile, or the part leaves the grid.
        WeightsError: The encoder cannot be loaded.
        MissingExtraError: The library of the engine is not installed.
        EngineError: The engine cannot run here, or moves more levels than is stated of it.
        UsageError: Options do not go together.
    """
    filling = fusion(request.fill, request.context, guided=request.guide is not None)
    found = find_source(
        request.source,
        request.tile,
        source_type=request.source_type,
        grid=request.grid,
        harmonise=request.harmonise,
        options=request.source_options,
        skip_bad=request.skip_bad,
    )
    images = _part(found.source, request.part)
    _check_side(images)
    check_georeference(request.tile, images.crs, images.transform, images.shape)
    _check_dates(images, request)
    guide = _guide(request, images, found.source, filling)
    encoder = request.encoder if isinstance(request.encoder, Encoder) else load_encoder(request.encoder, request.engine)
    ground = find_ground(request.source, images, found.source, request.dem, request.sea_level)
    recipe = request.recipe or InputRecipe(
        source=(request.source_name or found.name) + (f" guided by {guide.name}" if guide else ""),
        fusion=filling.name,
        harmonisation=request.harmonisation or images.harmonisation,
        dem=request.dem_name or ground.name,
    )
    blocks = tuple(plan_rows(*images.shape, request.rows_per_block))
    return EncodePlan(
        request=request,
        job=EncodeJob(
            source=images,
            positions=filling.positions(images.dates, request.window),
            window=request.window,
            fusion=filling,
            terrain=ground.terrain,
            skip_bad=request.skip_bad,
            guide=guide,
        ),
        encoder=encoder,
        ground=ground,
        tags=CodesTags(
            identity=CodesIdentity(encoder=encoder.identity, recipe=recipe),
            tile=request.tile,
            year=request.window.year,
            window_start=request.window.start,
            sources=request.sources or _sources(request, found.words),
            temporal_context=filling.context,
            licence=request.licence,
            engine=encoder.engine,
            software=f"{SOFTWARE} {version(SOFTWARE)}",
        ),
        blocks=blocks,
        source_options=found.options,
        reader_bytes=READER_BYTES.get(found.source_type, 0) + (guide.block_bytes(blocks[0]) if guide else 0),
    )


def _part(source: Source, part: tuple[int, int, int, int] | None) -> Source:
    """Cut a source to a part of its grid."""
    if part is None:
        return source
    row, column, height, width = part
    return Cutout(whole=source, row=row, column=column, shape=(height, width))


def _guide(request: EncodeRequest, images: Source, whole: Source, filling: Fusion) -> GuideSource | None:
    """Open the guide, if one was given."""
    if request.guide is None:
        return None
    return open_guide(request.guide, images, whole, request.window, filling.context, skip_bad=request.skip_bad)


def _sources(request: EncodeRequest, words: str) -> tuple[str, ...]:
    """Say what the codes were made from."""
    names = (", ".join(filter(None, (request.source.resolve().name, words))),)
    return names if request.guide is None else (*names, f"{request.guide.resolve().name} as a guide")


def _check_side(images: Source) -> None:
    """See that there will be no more pixels a side than a file of codes may have."""
    height, width = images.shape
    if max(height, width) > MAX_SIDE:
        raise GridError(
            f"got images of {height} x {width} pixels, expected at most {MAX_SIDE} a side, as a file of codes may "
            "have; encode parts of it, each by --window and under a --name of its own"
        )


def _check_dates(images: Source, request: EncodeRequest) -> None:
    """See that an image lies in the window."""
    window = request.window
    if not len(window.positions(images.dates)[0]):
        raise NothingFoundError(
            f"got no image of {window.first_day} to {window.last_day} in {request.source}, expected some; the folder "
            f"holds {np.min(images.dates)} to {np.max(images.dates)}: choose another year or window start"
        )


def _state(file: Path) -> tuple[int, int]:
    """Return size and time of change of a file, or of all files of a store."""
    states = [path.stat() for path in ((file,) if file.is_file() else file.rglob("*"))]
    return sum(state.st_size for state in states), max((state.st_mtime_ns for state in states), default=0)
