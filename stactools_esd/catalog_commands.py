"""`stac esd create-catalog` and `stac esd list-portal`: catalogues of files and of listings."""

from pathlib import Path

import click

from stactools_esd.command_group import numbers, print_made
from stactools_esd.errors import EsdError, UsageError


@click.command("create-catalog", short_help="Write the static catalogue of items, codes or a listing")
@click.argument("sources", metavar="SOURCE...", nargs=-1)
@click.argument("destination", type=click.Path(file_okay=False))
@click.option("--replace", is_flag=True, help="Drop items of an older catalogue that are not among the sources.")
@click.option("--append", is_flag=True, help="Keep them; items that did not change are left alone.")
@click.option("--copy-assets", is_flag=True, help="Copy assets to their items: one folder that can be published.")
@click.option("--no-index", is_flag=True, help="Write no parquet index, which needs stactools-esd[catalog].")
@click.option("--check", is_flag=True, help="Write nothing; list what is missing, orphaned, changed or twice there.")
@click.option("--collection", "collections", multiple=True, metavar="LABEL", help="Encoder whose collection is added.")
@click.option("--like", metavar="ITEM", help="Item that says what all tiles of a listing are; else official.")
@click.option(
    "--allow",
    multiple=True,
    metavar="WORD",
    help="Scheme of hrefs that may be, such as http. outside: a listing's files outside the catalogue, or with "
    "--copy-assets those outside the SOURCEs.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes for a listing; one a core, unless said.")
def create_catalog_command(
    sources: tuple[str, ...],
    destination: str,
    replace: bool,
    append: bool,
    copy_assets: bool,
    no_index: bool,
    check: bool,
    collections: tuple[str, ...],
    like: str | None,
    allow: tuple[str, ...],
    workers: int | None,
) -> None:
    """Write the static catalogue of all SOURCEs to DESTINATION.

    A SOURCE is an item, a codes COG, or a folder of either; or one listing alone, a .csv, .parquet or .jsonl file with
    tile, year, href and perhaps size. Assets stay where they are unless --copy-assets is said. The catalogue holds
    exactly the SOURCEs, unless --append is said.
    """
    from stactools_esd.catalog import Layout, create_catalog
    from stactools_esd.catalog_listing import catalog_of_listing, usual_workers
    from stactools_esd.listing import is_listing

    if not destination or not all(sources):
        empty = "SOURCE" if destination else "DESTINATION"
        raise UsageError(f"got an empty {empty}, expected a path; is a variable of the shell empty?")
    catalog = Path(destination)
    listings = [source for source in sources if is_listing(source)]
    if listings and len(sources) > 1:
        raise UsageError(
            f"got the listing {listings[0]} beside other sources, expected it alone; use --append for them"
        )
    if like and not listings:
        raise UsageError("got --like without a listing, expected a .csv, .parquet or .jsonl file as SOURCE")
    if check:
        _check(sources, catalog, bool(listings), like, allow)
        return
    if not sources and not collections:
        raise UsageError("Missing argument 'SOURCE...'; name items, codes COGs, folders of these, or a listing")
    options = {"replace": replace, "append": append, "index": not no_index, "collections": collections}
    if listings:
        layout = Layout(**options, workers=workers or usual_workers())  # type: ignore[arg-type]
        root = catalog_of_listing(listings[0], catalog, layout=layout, like=like, allowed=allow)
    else:
        root = create_catalog(sources, catalog, copy=copy_assets, allowed=allow, **options)  # type: ignore[arg-type]
    print_made([root], ["esd-tasks", "classify", "--labels", "samples.gpkg", "--catalog", _of_one_encoder(catalog)])


def _of_one_encoder(catalog: Path) -> Path:
    """Return what `esd-tasks` takes: the catalogue, or the first of its collections where several have items."""
    from stactools_esd.catalog_files import linked_below
    from stactools_esd.inventory import years_of

    children = [path for relation, path in linked_below(catalog / "catalog.json") if relation == "child"]
    with_items = [path.parent for path in children if years_of(path)]
    return with_items[0] if len(with_items) > 1 else catalog


def _check(
    sources: tuple[str, ...], destination: Path, listing: bool, like: str | None, allow: tuple[str, ...]
) -> None:
    """Compare a catalogue with its sources, or with itself."""
    from stactools_esd.catalog_check import check_catalog

    report = check_catalog(destination, sources, listing=listing, like=like, allowed=allow)
    for line in report.lines:
        click.echo(line)
    if report.lines:
        raise EsdError(f"got {report.summary} in {destination}, expected none; build the catalogue again")
    click.echo(f"sound: {report.count} items")


@click.command("list-portal", short_help="List what the portal of the official archive has")
@click.argument("listing", type=click.Path(dir_okay=False))
@click.option(
    "--years", metavar="YEARS", default="2000-2024", show_default=True, help="Such as 2015-2020 or 2000,2020."
)
@click.option("--bbox", metavar="W,S,E,N", help="Only tiles that meet a box in degrees; everywhere if not said.")
@click.option(
    "--variant",
    type=click.Choice(["V001", "V001CHN"]),
    default="V001",
    show_default=True,
    help="V001CHN: tiles over China by another recipe.",
)
@click.option("--url", metavar="URL", help="Another server of the same kind; ESD_PORTAL_URL if not said.")
def list_portal_command(listing: str, years: str, bbox: str | None, variant: str, url: str | None) -> None:
    """Write what the portal lists to LISTING, a .csv or .parquet file for `create-catalog`. No login is needed.

    Hrefs in it are names of files: they are signed when somebody reads them, with ESD_PORTAL_TOKEN, ESD_PORTAL_USER and
    ESD_PORTAL_USER_ID of the environment. Nothing of these is written anywhere.
    """
    from stactools_esd.listing import listing_to_write, write_listing
    from stactools_esd.portal import list_archive

    path = listing_to_write(listing)  # before the portal is asked, which takes a while
    box = numbers(bbox, float, "W,S,E,N in degrees")
    count = write_listing(path, list_archive(years, box=box, variant=variant, server=url))
    click.echo(f"{count} tiles and years")
    print_made([path], ["stac", "esd", "create-catalog", path, "catalog"])
