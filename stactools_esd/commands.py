"""`stac esd ...`: parse, call one function, print. Heavy modules are imported inside the commands."""

import importlib
import json
import shlex
import warnings
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from stactools_esd.errors import EsdError, MissingExtraError, UsageError

_ENCODER_EXTRA = {"torch", "safetensors", "yaml", "matplotlib"}


class EsdGroup(click.Group):
    """A group whose errors and warnings are one line each on stderr."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours leaves with its own exit code."""
        try:
            with warnings.catch_warnings():
                said: set[str] = set()
                warnings.showwarning = lambda message, *_, **__: _warn_once(str(message), said)
                return super().invoke(ctx)
        except EsdError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            click.echo(f"Error: {error.strerror or error}{where}", err=True)
            ctx.exit(EsdError.exit_code)


def _warn_once(message: str, said: set[str]) -> None:
    if message not in said:
        said.add(message)
        click.echo(f"Warning: {message}", err=True)


@click.group("esd", cls=EsdGroup, short_help="Embedded Seamless Data: codes, items, catalogues")
def esd() -> None:
    """Make, describe and check Embedded Seamless Data (ESD)."""


def create_esd_command(cli: click.Group) -> click.Command:
    """Add `esd` to the `stac` command."""
    cli.add_command(esd)
    return esd


_encoder = click.option("--encoder", metavar="LABEL", help="Encoder of an untagged file: official-v001.")
_tile = click.option("--tile", metavar="ID", help="MGRS tile, such as 50TMK.")
_name = click.option("--name", metavar="NAME", help="Name of a custom area, instead of a tile: a-z, 0-9, _.")


@esd.command("create-collection", short_help="Write the collection of an encoder")
@click.argument("destination", type=click.Path(path_type=Path))
@click.option(
    "--encoder", default="official-v001", show_default=True, metavar="LABEL", help="Encoder of the collection."
)
def create_collection_command(destination: Path, encoder: str) -> None:
    """Write the collection of an encoder to DESTINATION, a .json file or a folder that gets collection.json."""
    from stactools_esd.files import write_json
    from stactools_esd.stac import create_collection

    path = destination if destination.suffix == ".json" else destination / "collection.json"
    write_json(path, create_collection(encoder).to_dict(False, False))
    _made([path], ["stac", "esd", "validate", path])


@esd.command("create-item", short_help="Describe an official tile or a codes COG")
@click.argument("source")
@click.argument("destination", type=click.Path(file_okay=False, path_type=Path))
@click.option("--no-copy", is_flag=True, help="Write the item alone; it points at SOURCE.")
@_encoder
@_tile
@click.option("--year", type=int, help="Year of a file that does not say.")
@_name
def create_item_command(
    source: str,
    destination: Path,
    no_copy: bool,
    encoder: str | None,
    tile: str | None,
    year: int | None,
    name: str | None,
) -> None:
    """Describe SOURCE, an official tile or a codes COG of ours, in DESTINATION/<item id>/.

    The folder gets the codes COG, a false-colour COG, a thumbnail and the item. An official tile is written again in
    the layout of this software: the same codes under the same name, with tags.
    """
    from stactools_esd.item_folder import write_item

    made = write_item(source, destination, copy=not no_copy, encoder=encoder, tile=_one_place(tile, name), year=year)
    paths = [made.item] if no_copy else [made.codes, made.visual, made.thumbnail, made.item]
    _made(paths, ["stac", "esd", "create-catalog", destination, "catalog"])


@esd.command("create-catalog", short_help="Write the static catalogue of items and codes")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.argument("destination", type=click.Path(file_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Drop items of an older catalogue that are not among the sources.")
@click.option("--copy-assets", is_flag=True, help="Copy assets to their items: one folder that can be published.")
def create_catalog_command(sources: tuple[str, ...], destination: Path, replace: bool, copy_assets: bool) -> None:
    """Write the static catalogue of all SOURCEs to DESTINATION.

    A SOURCE is an item, a codes COG, or a folder of either. Assets stay where they are unless --copy-assets is
    said. The catalogue holds exactly the SOURCEs: to add to one, name it among them.
    """
    from stactools_esd.catalog import create_catalog

    root = create_catalog(sources, destination, replace=replace, copy=copy_assets)
    _made([root], ["esd-tasks", "classify", "--labels", "samples.gpkg", "--catalog", destination])


@esd.command("encode", short_help="Encode dated images into codes and an item")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("destination", type=click.Path(file_okay=False, path_type=Path))
@click.option("--year", type=int, required=True, help="Calendar year, or the year in which the window starts.")
@_tile
@_name
@click.option("--window-start", type=click.DateTime(["%Y-%m-%d"]), help="First of 365 days; default 1 January.")
@click.option("--encoder", default="esdnet-small", show_default=True, metavar="NAME", help="Encoder, or its weights.")
@click.option("--source-name", metavar="TEXT", help="What the images are, for the input recipe.")
@click.option("--harmonisation", metavar="TEXT", help="How sensors were brought to one scale, for the input recipe.")
@click.option("--dem", type=click.Path(exists=True, path_type=Path), help="Elevation in metres, a GeoTIFF.")
@click.option("--dem-name", metavar="TEXT", help="What the elevation is, for the input recipe.")
@click.option("--overwrite", is_flag=True, help="Replace codes and unfinished blocks of another run.")
def encode_command(
    source: Path,
    destination: Path,
    year: int,
    tile: str | None,
    name: str | None,
    window_start: datetime | None,
    **recipe: Any,
) -> None:
    """Encode SOURCE, a folder of dated six-band GeoTIFFs, into DESTINATION/<item id>/.

    The folder gets the codes COG, a false-colour COG, a thumbnail and the item. A killed run continues where it was.
    """
    place = _one_place(tile, name)
    if place is None:
        raise UsageError("got neither --tile nor --name, expected one of them: say what the place is called")
    encode = _encoder_module("encode")
    from stactools_esd.item_folder import write_item
    from stactools_esd.observations import YearWindow

    window = YearWindow(year=year, start=window_start.date() if window_start else None)
    chosen = {key: value for key, value in recipe.items() if value is not None}
    codes = encode.encode_source(source, destination, window=window, tile=place, **chosen)
    made = write_item(codes, destination)
    if not codes.samefile(made.codes):
        codes.unlink()
    _made(
        [made.codes, made.visual, made.thumbnail, made.item],
        ["stac", "esd", "create-catalog", destination, "catalog"],
    )


@esd.command("train", short_help="Train an encoder")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", "run", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of real series.")
def train_command(config: Path, run: Path, data: Path | None) -> None:
    """Train an encoder as the YAML file CONFIG says; a run that was stopped continues."""
    weights = _encoder_module("train").train(config, run, data)
    next_command = ["stac", "esd", "encode", "SOURCE", "DESTINATION", "--year", "2020", "--name", "area"]
    _made([weights], [*next_command, "--encoder", weights])


@esd.command("evaluate", short_help="Judge an encoder by the protocol")
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


@esd.command("validate", short_help="Check items, catalogues and codes, offline")
@click.argument("path", type=click.Path(path_type=str))
def validate_command(path: str) -> None:
    """Check PATH, an item, collection, catalogue, codes COG or folder; print every problem, leave with 1 if any."""
    from stactools_esd.validate import validate

    report = validate(path)
    for problem in report.problems:
        click.echo(problem)
    if report.problems:
        count = len(report.problems)
        problems = "1 problem" if count == 1 else f"{count} problems"
        raise EsdError(f"got {problems} in {report.summary or path}, expected none; correct what is listed above")
    click.echo(f"valid: {report.summary}")


def _one_place(tile: str | None, name: str | None) -> str | None:
    """Return the tile, or the custom area as a tile."""
    from stactools_esd.names import area_tile

    if tile and name:
        raise UsageError(f"got both --tile {tile} and --name {name}, expected one of them; leave one out")
    return area_tile(name) if name else tile


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


def _made(paths: Iterable[Path | str | None], next_command: Iterable[Path | str]) -> None:
    """Print what was made, one path a line, and the command to try next."""
    for path in paths:
        if path is not None:
            click.echo(str(path))
    click.echo(f"next: {shlex.join(map(str, next_command))}")
