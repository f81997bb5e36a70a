"""Commands of `stac esd` that need the encoder: encode, reconstruct, train, evaluate."""

import importlib
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from stactools_esd.command_group import name_option, numbers, one_place, print_made, tile_option, window_option
from stactools_esd.errors import MissingExtraError, UsageError
from stactools_esd.shipped import DEFAULT_ENCODER, shipped_names

SOURCE_TYPES = ("auto", "folder", "sdc30", "landsat", "modis", "viirs", "cube")
"""What --source-type may say."""

ENGINES = ("torch", "torch-cuda", "openvino", "openvino-bf16")
"""What --engine may say."""

_ENCODER_EXTRA = {"torch", "safetensors", "yaml", "matplotlib"}
_PART = "row, column, height and width in whole pixels, such as 0,0,512,3600"


@click.command("encode", short_help="Encode dated images into codes and an item")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("destination", type=click.Path(file_okay=False, path_type=Path))
@click.option("--year", type=int, required=True, help="Calendar year, or the year in which the window starts.")
@tile_option
@name_option
@click.option("--window-start", type=click.DateTime(["%Y-%m-%d"]), help="First of 365 days; default 1 January.")
@click.option(
    "--source-type", type=click.Choice(SOURCE_TYPES), default="auto", show_default=True, help="What SOURCE holds."
)
@click.option(
    "--source-options", metavar="FILE", help="YAML with options of the reader, or the YAML itself: '{scale: 0.0001}'."
)
@click.option("--like", type=click.Path(exists=True, path_type=Path), help="Raster whose grid a custom area takes.")
@window_option
@click.option(
    "--encoder",
    default=DEFAULT_ENCODER,
    show_default=True,
    metavar="NAME",
    help=f"{' or '.join(shipped_names())}, with or without version; or the path of weights.",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="torch",
    show_default=True,
    help="What runs the encoder's network; all but torch may move a few levels by one. openvino needs "
    "'stactools-esd[openvino]', torch-cuda an NVIDIA GPU.",
)
@click.option(
    "--fill",
    type=click.Choice(["linear", "gp"]),
    default="linear",
    show_default=True,
    help="Fill gaps by straight lines, or by a Gaussian process.",
)
@click.option("--context", type=click.Choice(["year", "past", "both"]), help="Years that filling by gp looks at.")
@click.option(
    "--guide",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of MODIS or VIIRS images that guide filling by gp.",
)
@click.option(
    "--harmonise",
    type=click.Choice(["none", "etm", "etm+tm"]),
    default="none",
    show_default=True,
    help="Sensors of Landsat that are brought to OLI.",
)
@click.option("--source-name", metavar="TEXT", help="What the images are, for the input recipe.")
@click.option("--harmonisation", metavar="TEXT", help="How sensors were brought to one scale, for the input recipe.")
@click.option(
    "--dem", type=click.Path(exists=True, path_type=Path), help="Elevation in metres, a raster or a folder of them."
)
@click.option("--sea-level", type=float, metavar="METRES", help="Elevation where the DEM knows none, such as 0.")
@click.option("--dem-name", metavar="TEXT", help="What the elevation is, for the input recipe.")
@click.option("--memory", default="8GB", show_default=True, metavar="SIZE", help="What all processes may take.")
@click.option("--workers", type=int, metavar="N", help="Processes; default as many as cores, memory and work allow.")
@click.option("--skip-bad", is_flag=True, help="Pass over damaged images; each is named, and the item counts them.")
@click.option("--overwrite", is_flag=True, help="Replace codes and unfinished blocks of another run.")
def encode_command(
    source: Path,
    destination: Path,
    year: int,
    tile: str | None,
    name: str | None,
    window_start: datetime | None,
    like: Path | None,
    part: str | None,
    memory: str,
    workers: int | None,
    **options: Any,
) -> None:
    """Encode SOURCE, dated images, into DESTINATION/<item id>/.

    SOURCE is a folder of six-band GeoTIFFs, of SDC30, of MODIS or VIIRS files, of Landsat Collection 2 scenes or their
    STAC items, or a cube in Zarr or NetCDF. The folder of the item gets the codes COG, a false-colour COG, a thumbnail
    and the item. A killed run continues where it was when it is started again.
    """
    from stactools_esd.memory import parse_memory

    place = one_place(tile, name)
    if place is None:
        raise UsageError("got neither --tile nor --name, expected one of them; say what the place is called")
    chosen = {key: value for key, value in options.items() if value is not None}
    chosen |= {"memory": parse_memory(memory), "part": numbers(part, int, _PART), "workers": workers}
    encode = _encoder_module("encode")
    from stactools_esd.observations import YearWindow
    from stactools_esd.sources.find import grid_of

    window = YearWindow(year=year, start=window_start.date() if window_start else None)
    grid = None if like is None else grid_of(like)
    made = encode.encode_source(source, destination, window=window, tile=place, grid=grid, **chosen)
    print_made(
        [made.codes, made.visual, made.thumbnail, made.item],
        ["stac", "esd", "create-catalog", destination, "catalog"],
    )


@click.command("reconstruct", short_help="Decode codes into reflectance of any day")
@click.argument("item", type=click.Path(path_type=str))
@click.option("--dates", required=True, metavar="DATES", help="Days between commas: 2020-07-01,2020-07-16.")
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder.")
@window_option
@click.option("--bbox", metavar="W,S,E,N", help="Part of the item, in degrees.")
@click.option("--encoder", metavar="WEIGHTS", help="Weights of an encoder that does not come with this software.")
def reconstruct_command(
    item: str, dates: str, output: Path, part: str | None, bbox: str | None, encoder: str | None
) -> None:
    """Decode the codes of ITEM, an item or a codes COG, into one COG of reflectance a day.

    Six bands, 16-bit integers of scale 0.0001, -32768 where there are no data. Official codes cannot be decoded: the
    weights of their encoder are not public.
    """
    if part is not None and bbox is not None:
        raise UsageError("got both --window and --bbox, expected one of them; leave one out")
    asked = {
        "part": numbers(part, int, _PART),
        "bbox": numbers(bbox, float, "west, south, east and north in degrees, such as 4.1,50.9,4.2,51.0"),
        "encoder": encoder,
    }
    days = _days(dates.split(","))
    paths = _encoder_module("reconstruct").reconstruct(item, days, output, **asked)
    print_made(paths, ["rio", "info", paths[0]])


def _days(texts: Sequence[str]) -> list[Any]:
    """Read days such as 2020-07-01."""
    try:
        return [datetime.strptime(text.strip(), "%Y-%m-%d").date() for text in texts]
    except ValueError as error:
        raise UsageError(
            f"got --dates {','.join(texts)}, expected days such as 2020-07-01,2020-07-16; correct them"
        ) from error


@click.command("train", short_help="Train an encoder")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", "run", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of real series.")
def train_command(config: Path, run: Path, data: Path | None) -> None:
    """Train an encoder as the YAML file CONFIG says; a run that was stopped continues."""
    from stactools_esd.files import remove_scratch
    from stactools_esd.run_lock import locked_folder

    module = _encoder_module("train")
    with locked_folder(run):
        remove_scratch(run)
        weights = module.train(config, run, data)
    next_command = ["stac", "esd", "encode", "SOURCE", "DESTINATION", "--year", "2020", "--name", "area"]
    print_made([weights], [*next_command, "--encoder", weights])


@click.command("evaluate", short_help="Judge an encoder by the protocol")
@click.argument("weights")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--sets", multiple=True, metavar="NAME", help="Set, or role train, dev or test; may be repeated.")
@click.option("--also", multiple=True, metavar="WEIGHTS", help="Weights of another seed; may be repeated.")
@click.option("--test", is_flag=True, help="Judge test sets, too: once, for a recipe that is frozen.")
@click.option("--json", "as_json", is_flag=True, help="Print all that was measured as JSON on stdout.")
@click.option("--figures", metavar="PREFIX", help="Print FIGURE lines for the documentation, keys under PREFIX.")
def evaluate_command(
    weights: str,
    data: Path,
    sets: tuple[str, ...],
    also: tuple[str, ...],
    test: bool,
    as_json: bool,
    figures: str | None,
) -> None:
    """Judge WEIGHTS, the name of an encoder or a .safetensors file, on the real series of the folder DATA.

    Default are the development sets, with --test also the test sets. A table goes to stderr. FIGURE lines go to
    stdout, or to stderr where --json has it. Figures are those of WEIGHTS; those of --also give their range.
    """
    evaluate = _encoder_module("evaluate").evaluate
    from stactools_esd.encoder.figures import figures as list_figures
    from stactools_esd.encoder.tables import table

    report = evaluate(weights, data, sets, test=test, also=also)
    click.echo(table(report), err=True)
    if report["median"] != report["encoders"][0]["sha256"]:
        click.echo(f"Warning: {weights} is not the median seed, {report['median'][:12]} is", err=True)
    for figure in list_figures(report, figures) if figures else []:
        click.echo(f"FIGURE {json.dumps(figure)}", err=as_json)
    if as_json:
        click.echo(json.dumps(report, indent=2))


def _encoder_module(module: str) -> ModuleType:
    """Import a module of the encoder, which needs an extra."""
    try:
        return importlib.import_module(f"stactools_esd.encoder.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in _ENCODER_EXTRA:
            raise MissingExtraError(
                f"got no {error.name}, expected the encoder's libraries; run: pip install 'stactools-esd[encoder]'"
            ) from error
        raise
