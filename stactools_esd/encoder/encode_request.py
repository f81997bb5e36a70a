"""What a person may ask of encoding."""

from dataclasses import dataclass
from pathlib import Path

from stactools_esd.encoder.engines import REFERENCE, check_engine
from stactools_esd.encoder.inference import Encoder
from stactools_esd.errors import UsageError
from stactools_esd.fusion import DEFAULT_FILL
from stactools_esd.memory import DEFAULT_MEMORY
from stactools_esd.observations import YearWindow
from stactools_esd.product import DATA_LICENCE, InputRecipe
from stactools_esd.shipped import DEFAULT_ENCODER
from stactools_esd.sources.find import AUTO
from stactools_esd.sources.harmonise import Harmonise
from stactools_esd.sources.source import TargetGrid
from stactools_esd.sources.source_options import Given
from stactools_esd.tags import check_tile_and_year


@dataclass(frozen=True, kw_only=True)
class EncodeRequest:
    """Options of `encode.encode_source`."""

    source: Path
    """Folder of images, or another path that `sources.find` knows."""

    destination: Path
    """Folder that gets the folder of the item; made where it does not exist."""

    window: YearWindow
    """The 365 days."""

    tile: str
    """MGRS tile, or `x` and the name of a custom area."""

    encoder: str | Path | Encoder = DEFAULT_ENCODER
    """Name, path of weights, or a loaded encoder, which serves one worker only and brings its engine."""

    engine: str = REFERENCE
    """What runs the encoder's network, one of `engines.ENGINES`."""

    source_type: str = AUTO
    """What the source is, one of `sources.find.SOURCE_TYPES`; by default it is recognised."""

    source_options: Given = None
    """Options of the reader, as `sources.source_options` has them: a mapping, or the path of a YAML file."""

    grid: TargetGrid | None = None
    """Grid to put images on, for a custom area of a source that resamples."""

    part: tuple[int, int, int, int] | None = None
    """First row and column, rows and columns of a part of the grid; by default all of it is encoded."""

    harmonise: Harmonise = "none"
    """Which sensors of Landsat are brought to OLI."""

    fill: str = DEFAULT_FILL
    """How gaps are filled, `linear` or `gp`."""

    context: str | None = None
    """Which years filling looks at, `year`, `past` or `both`; by default as `fusion.fusion` says."""

    guide: Path | None = None
    """Folder of MODIS or VIIRS images that guide `gp`; see `guide`."""

    recipe: InputRecipe | None = None
    """The whole input recipe; None builds it from the next three and `fill`."""

    source_name: str | None = None
    """What the images are, e.g. `sentinel-2+landsat-8`; by default what the reader says."""

    harmonisation: str | None = None
    """How sensors were brought to one scale; by default what the reader says."""

    dem_name: str | None = None
    """What the elevation is; by default the name of its file."""

    dem: Path | None = None
    """Elevation, a raster or a folder of them. Without, `terrain.tif` beside the images is used where it is there."""

    sea_level: float | None = None
    """Elevation in metres to take where `dem` knows none; None leaves it unknown."""

    sources: tuple[str, ...] = ()
    """What the codes were made from, in words or hrefs; by default the name of the source and how it was read."""

    licence: str = DATA_LICENCE
    """Licence of the codes."""

    memory: int = DEFAULT_MEMORY
    """Bytes that all processes together may take."""

    workers: int | None = 1
    """Processes; more than one are spawned. None for as many as cores, memory and work allow."""

    rows_per_block: int | None = None
    """Rows of a block; by default as `blocks.plan_rows` has it."""

    skip_bad: bool = False
    """Pass over damaged images, with a warning each, and count them in the item."""

    overwrite: bool = False
    """Drop the blocks of another run that was killed here, and replace an item of other codes."""

    def __post_init__(self) -> None:
        """Check what needs no file.

        Raises:
            ProductNameError: The tile or the year is impossible.
            UsageError: A word of the recipe is empty, a sea level has no elevation, there is no such engine, a loaded
                encoder has another, or several workers are to share a loaded encoder.
        """
        check_tile_and_year(self.tile, self.window.year, self.window.start)
        for word in (self.source_name, self.harmonisation, self.dem_name):
            if word is not None and not word.strip():
                raise UsageError(
                    "got an empty source name, harmonisation or DEM name, expected words such as 'sentinel-2' and "
                    "'none'; codes are compared by them"
                )
        if self.sea_level is not None and self.dem is None:
            raise UsageError(
                f"got sea level {self.sea_level:g} without elevation, expected both; give --dem or leave it out"
            )
        check_engine(self.engine)
        if isinstance(self.encoder, Encoder) and self.engine not in (REFERENCE, self.encoder.engine):
            raise UsageError(
                f"got the engine {self.engine} and an encoder loaded with {self.encoder.engine}, expected one engine; "
                "load the encoder with it"
            )
        if isinstance(self.encoder, Encoder) and self.workers != 1:
            raise UsageError(
                "got a loaded encoder for several workers, expected its name or the path of its weights, which each "
                "worker loads; give that, or one worker"
            )
