"""Options that commands share, so that a word means the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Catalog = Annotated[
    str | None, typer.Option(help="Catalogue, STAC API, parquet index, item, codes COG or folder. Default: $ESD_CATALOG, else ./catalog.")
]
Geometry = Annotated[Path | None, typer.Option(help="Polygons of the area: GeoPackage, GeoJSON or Shapefile.")]
Bbox = Annotated[
    str | None, typer.Option(metavar="W,S,E,N", help="Box of the area, in degrees; W > E crosses the antimeridian.")
]
Year = Annotated[int | None, typer.Option(help="Year of the codes; needed where the catalogue has several.")]
Years = Annotated[str | None, typer.Option(metavar="2000-2024", help="Years, as a range or with commas. Default: all.")]
MinClear = Annotated[int, typer.Option(metavar="N", help="Leave out samples and pixels with fewer clear observations.")]
Seed = Annotated[int, typer.Option(help="Decides whatever is drawn.")]
Workers = Annotated[int | None, typer.Option(help="Threads. Default: all cores.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result in the output folder.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be read; write nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more, on stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
