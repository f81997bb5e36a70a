"""Options that commands share, so that a word means the same everywhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from stactools_esd.errors import UsageError

Catalog = Annotated[
    str | None,
    typer.Option(
        help="Catalogue, STAC API, parquet index, item, codes COG or folder. Default: $ESD_CATALOG, else ./catalog."
    ),
]
Geometry = Annotated[
    Path | None, typer.Option(help="Polygons of the area: GeoPackage, GeoJSON or Shapefile, or a URL.")
]
Bbox = Annotated[
    str | None, typer.Option(metavar="W,S,E,N", help="Box of the area, in degrees; W > E crosses the antimeridian.")
]
Labels = Annotated[Path, typer.Option(help="Labelled places: GeoPackage, GeoJSON, Shapefile, or CSV with lon and lat.")]
ClassField = Annotated[str | None, typer.Option(help="Field of the class: names or integers.")]
YearField = Annotated[
    str | None, typer.Option(help="Field of each label's year or date. Default: all are of the mapped year.")
]
LegendFile = Annotated[
    Path | None,
    typer.Option("--legend", help="CSV with class_id, class_name and, if wanted, colour (#rrggbb), parent."),
]
PolygonRule = Annotated[Literal["center", "all-touched"], typer.Option(help="Which pixels of a polygon are samples.")]
BlockSize = Annotated[
    str, typer.Option(metavar="auto|METRES", help="Side of the blocks of the spatial cross-validation.")
]
Year = Annotated[int | None, typer.Option(help="Year of the codes; needed where the catalogue has several.")]
Years = Annotated[str | None, typer.Option(metavar="2000-2024", help="Years, as a range or with commas. Default: all.")]
MinClear = Annotated[int, typer.Option(metavar="N", help="Leave out samples and pixels with fewer clear observations.")]
Exclude = Annotated[
    list[str] | None, typer.Option(metavar="CLASS", help="Class that is left out of the population; may be repeated.")
]
Band = Annotated[
    list[str] | None,
    typer.Option(
        metavar="probability|entropy|applicability|parent", help="Raster beside the class map; may be repeated."
    ),
]
Covariate = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]FILE", help="Raster that the model sees beside the codes, e.g. a DEM; may be repeated."
    ),
]
Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", metavar="NAME", help="Layer of the places, where there are several; may be repeated."),
]
Smooth = Annotated[
    int,
    typer.Option(metavar="PIXELS", help="Let classes be voted by probability in a window of so many pixels a side."),
]
Mmu = Annotated[int, typer.Option(metavar="PIXELS", help="Merge patches of fewer pixels into their largest neighbour.")]
Seed = Annotated[int, typer.Option(help="Decides whatever is drawn.")]
Threads = Annotated[int | None, typer.Option(metavar="N", help="Threads that compute. Default: all cores.")]
Memory = Annotated[str | None, typer.Option(metavar="8GB", help="Memory that may be taken. Default: 8GB.")]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Processes of a Dask cluster on this machine, of --threads each (1). Default: this process."
    ),
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="tcp://HOST:8786", help="Scheduler of a Dask cluster that does the work.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result in the output folder.")]
Verify = Annotated[
    bool, typer.Option("--verify", help="First read every file whole and see that it has the checksum of its item.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be read; write nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more, on stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]


def metres_or_word(text: str, option: str, words: Sequence[str]) -> float | str:
    """Read an option in metres in whose place words may stand.

    Raises:
        UsageError: It is neither a number nor one of the words.
    """
    if text in words:
        return text
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"got {option} {text}, expected metres or {' or '.join(words)}; correct it") from error
