"""`stac esd browse` and `stac esd build-browser`: a catalogue in STAC Browser, on this machine or published."""

import signal
from pathlib import Path

import click

from stactools_esd.command_group import print_made

DEFAULT_PORT = 8080
"""Where `browse` listens unless told otherwise."""


@click.command("browse", short_help="Show a catalogue in STAC Browser, on this machine")
@click.argument("catalog", type=click.Path(path_type=Path))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0 takes a free one."
)
@click.option("--browser-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of a built STAC Browser.")
def browse_command(catalog: Path, port: int, browser_dir: Path | None) -> None:
    """Serve CATALOG, a folder or its catalog.json, with STAC Browser beside it until Ctrl-C or SIGTERM.

    Only this machine can see it. STAC Browser comes from `stac esd build-browser`. Other tools read the catalogue and
    its files, in parts too, below /catalog/ of the same address.
    """
    from urllib.parse import unquote

    from stactools_esd.browse_look import look
    from stactools_esd.browser import find_browser, site
    from stactools_esd.file_server import HOST, open_server

    served, path = site(catalog, find_browser(browser_dir))
    with open_server(served, port) as server:
        address = f"http://{HOST}:{server.server_port}/"
        click.echo(address)
        click.echo(f"catalogue at {address}{path}; Ctrl-C ends")
        if lacking := look(served.folders["/catalog/"] / unquote(Path(path).name)):
            click.echo(f"warning: {lacking}", err=True)
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a shell's background jobs hear no SIGINT
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("ended", err=True)
        finally:
            signal.signal(signal.SIGTERM, before)


@click.command("build-browser", short_help="Build STAC Browser, once, for `browse`")
@click.argument("destination", required=False, type=click.Path(path_type=Path))
@click.option(
    "--browser-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of the build; a cache if not said."
)
def build_browser_command(destination: Path | None, browser_dir: Path | None) -> None:
    """Build STAC Browser from its npm package into the user's cache; it takes minutes, node and npm.

    With DESTINATION, such as catalog/browser, it is copied there too, beside a catalog.json, ready to be published.
    """
    from stactools_esd.browser import build_browser, publish_browser

    folder = build_browser(browser_dir, lambda step: click.echo(f"{step} ...", err=True))
    if destination is not None:
        folder = publish_browser(destination, browser_dir)
    print_made([folder], ["stac", "esd", "browse", "catalog"])
