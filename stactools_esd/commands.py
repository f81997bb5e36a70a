"""`stac esd ...`: parse, call one function, print. Heavy modules are imported inside the commands."""

from pathlib import Path

import click

from stactools_esd.browse_commands import browse_command, build_browser_command
from stactools_esd.catalog_commands import create_catalog_command, list_portal_command
from stactools_esd.command_group import esd, name_option, one_place, print_made, tile_option
from stactools_esd.encoder_commands import encode_command, evaluate_command, reconstruct_command, train_command
from stactools_esd.errors import EsdError, UsageError
from stactools_esd.usage_line import one_line

__all__ = ["create_esd_command", "esd"]


def create_esd_command(cli: click.Group) -> click.Command:
    """Add `esd` to the `stac` command."""
    cli.add_command(esd)
    return esd


_encoder = click.option("--encoder", metavar="LABEL", help="Encoder of an untagged file: official-v001.")


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
    print_made([path], ["stac", "esd", "validate", path])


@esd.command("create-item", short_help="Describe an official tile or a codes COG")
@click.argument("source")
@click.argument("destination", type=click.Path(file_okay=False, path_type=Path))
@click.option("--no-copy", is_flag=True, help="Write the item alone; it points at SOURCE.")
@_encoder
@tile_option
@click.option("--year", type=int, help="Year of a file that does not say.")
@name_option
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

    if "://" not in source and not source.startswith("/vsi") and not Path(source).is_file():
        raise UsageError(f"got no file at {source}, expected a GeoTIFF of codes; check the path")
    made = write_item(source, destination, copy=not no_copy, encoder=encoder, tile=one_place(tile, name), year=year)
    paths = [made.item] if no_copy else [made.codes, made.visual, made.thumbnail, made.item]
    print_made(paths, ["stac", "esd", "create-catalog", destination, "catalog"])


@esd.command("validate", short_help="Check items, catalogues and codes, offline")
@click.argument("path", type=click.Path(path_type=str))
@click.option("--allow", multiple=True, metavar="WORD", help="Scheme of addresses that may be, such as ftp.")
def validate_command(path: str, allow: tuple[str, ...]) -> None:
    """Check PATH, an item, collection, catalogue, codes COG or folder; print every problem, leave with 1 if any.

    Assets outside the folder of a catalogue are no problem; one line on stderr notes them.
    """
    from stactools_esd.validate import validate

    report = validate(path, allowed=allow)
    for note in report.notes:
        click.echo(f"Note: {one_line(note)}", err=True)
    for problem in report.problems:
        click.echo(problem)
    if report.problems:
        count = len(report.problems)
        problems = "1 problem" if count == 1 else f"{count} problems"
        raise EsdError(f"got {problems} in {report.summary or path}, expected none; correct what is listed above")
    click.echo(f"valid: {report.summary}")


for _command in (
    browse_command,
    build_browser_command,
    create_catalog_command,
    list_portal_command,
    encode_command,
    evaluate_command,
    reconstruct_command,
    train_command,
):
    esd.add_command(_command)
