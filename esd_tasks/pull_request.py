"""What a user asks of `pull`, before anything is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, get_args

from esd_tasks.request import MapRequest
from esd_tasks.shard import parse_shard
from esd_tasks.years import parse_years, years_in_a_name
from stactools_esd.errors import UsageError

Values = Literal["codes", "levels", "vectors"]
"""What is written of a pixel: its twelve codes, their 72 level indices, or their 72 vector values."""

RASTERS: Final = ("geotiff", "zarr", "geoparquet")
"""Formats of an area."""

TABLES: Final = ("geoparquet", "csv")
"""Formats of points."""

ZARR_FORMATS: Final = (2, 3)
"""Versions of the Zarr format: 2, which GDAL 3.10 and R open too, and 3."""

LIST_TILES: Final = "list"
"""The word for `--tiles` that asks which tiles there are."""

ALL_TILES: Final = "all"
"""The word for `--tiles` that takes every tile of the place."""


@dataclass(frozen=True, kw_only=True)
class YearsRequest(MapRequest):
    """Options of whatever reads several years.

    Raises:
        UsageError: See `MapRequest`; or a year and years.
    """

    years: str | None = None
    """Years, `2000-2024` or with commas; excludes `year`. All that there are where neither is given."""

    shard: str | None = None
    """`i/n`: the i-th of n parts of the work, for the jobs of an array."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.year is not None and self.years is not None:
            raise UsageError("got both --year and --years, expected one of them; leave one out")
        parse_shard(self.shard)
        _ = self.wanted_years

    @property
    def wanted_years(self) -> tuple[int, ...] | None:
        """Years ascending, or None for all that there are."""
        if self.year is not None:
            return (self.year,)
        return None if self.years is None else parse_years(self.years)

    @property
    def asked_years(self) -> str:
        """The years that were asked for, as part of a file name."""
        return super().asked_years if self.years is None else years_in_a_name(self.years)


@dataclass(frozen=True, kw_only=True)
class PullRequest(YearsRequest):
    """Options of `pull` for areas, points and tiles.

    Raises:
        UsageError: Options that exclude each other, or a value out of range.
    """

    task: ClassVar[str] = "pull"

    points: Path | None = None
    """File of points; excludes an area."""

    layer: str | None = None
    """Layer of the points where the file has several."""

    tiles: str | None = None
    """`all`, names with commas, or a file of names: tile by tile, each on its own grid."""

    crs: str | None = None
    """CRS of the result; that of the tile that owns the middle if None."""

    resolution: float | None = None
    """Side of a pixel in units of the CRS."""

    like: Path | None = None
    """Raster whose pixels the result has."""

    levels: bool = False
    """Write level indices, `uint8`."""

    decoded: bool = False
    """Write vectors, `float32`."""

    format: str | None = None
    """One of `RASTERS`, or of `TABLES` for points; the first of them if None."""

    zarr_format: int | None = None
    """Version of the Zarr format, `ZARR_FORMATS`; the first of them if None."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_place()
        if self.levels and self.decoded:
            raise UsageError("got both --levels and --decoded, expected one of them; leave one out")
        if self.format is not None and self.format not in self.formats:
            raise UsageError(f"got --format {self.format}, expected one of {', '.join(self.formats)}")
        if self.resolution is not None and not self.resolution > 0:
            raise UsageError(f"got --resolution {self.resolution:g}, expected a positive number; correct it")
        if self.zarr_format not in (None, *ZARR_FORMATS):
            raise UsageError(f"got --zarr-format {self.zarr_format}, expected 2 or 3")
        if self.zarr_format is not None and self.format_or_default != "zarr":
            raise UsageError("got --zarr-format without --format zarr, expected both; add it or leave this out")
        if self.layer is not None and self.points is None:
            raise UsageError(
                "got --layer without --points or --units, expected one of them: an area is all of its file"
            )

    def _check_place(self) -> None:
        """See that there is one place and one grid."""
        area = self.geometry is not None or self.bbox is not None
        if self.points is not None and area:
            raise UsageError("got --points and an area, expected one of them; leave one out")
        if self.points is None and not area and self.like is None and self.tiles is None:
            raise UsageError("got no place, expected --geometry, --bbox, --points, --tiles or --like; name one")
        grid = {"--crs": self.crs, "--resolution": self.resolution, "--like": self.like}
        chosen = [option for option, value in grid.items() if value is not None]
        if self.like is not None and len(chosen) > 1:
            raise UsageError(f"got --like and {chosen[0]}, expected one grid; leave one out")
        for option, value in (("--points", self.points), ("--tiles", self.tiles)):
            if value is not None and chosen:
                raise UsageError(f"got {option} and {chosen[0]}: {option} keep the pixels of the tiles; leave one out")
        if self.points is not None and self.tiles is not None:
            raise UsageError("got --points and --tiles, expected one of them; leave one out")
        if self.shard is not None and self.tiles is None:
            raise UsageError("got --shard without --tiles, expected both; say --tiles all")

    @property
    def formats(self) -> tuple[str, ...]:
        """Formats to choose among."""
        return RASTERS if self.points is None else TABLES

    @property
    def format_or_default(self) -> str:
        """The format of the result."""
        return self.format or self.formats[0]

    @property
    def zarr_format_or_default(self) -> int:
        """The version of the Zarr format."""
        return self.zarr_format or ZARR_FORMATS[0]

    @property
    def values(self) -> Values:
        """What is written of a pixel."""
        codes, levels, vectors = get_args(Values)
        kind: Values = levels if self.levels else vectors if self.decoded else codes
        return kind

    @property
    def named_after(self) -> Path | None:
        """The area, or the points."""
        return self.geometry or self.points
