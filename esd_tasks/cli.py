"""`esd-tasks`: parse, call once, print. Heavy modules are imported inside the commands."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from stactools_esd.errors import EsdError, UsageError

if TYPE_CHECKING:
    from esd_tasks.classify import ClassifyResult

app = typer.Typer(
    name="esd-tasks",
    help="Land-cover maps from Embedded Seamless Data.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_MOST_LINES = 24


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"esd-tasks {version('stactools-esd')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Land-cover maps from Embedded Seamless Data."""


@app.command()
def classify(
    labels: Annotated[Path, typer.Option(help="Labelled points or polygons: GeoPackage, GeoJSON or Shapefile.")],
    layer: Annotated[str | None, typer.Option(help="Layer of the labels, where there are several.")] = None,
    catalog: Annotated[
        str | None, typer.Option(help="Catalogue, item, codes COG or folder. Default: $ESD_CATALOG, else ./catalog.")
    ] = None,
    geometry: Annotated[Path | None, typer.Option(help="Polygons to map. Default: the labels' envelope.")] = None,
    bbox: Annotated[
        str | None, typer.Option(metavar="W,S,E,N", help="Box to map, in degrees; W > E crosses the antimeridian.")
    ] = None,
    year: Annotated[int | None, typer.Option(help="Year to map; needed where the catalogue has several.")] = None,
    class_field: Annotated[str | None, typer.Option(help="Field of the class: names or integers.")] = None,
    year_field: Annotated[
        str | None, typer.Option(help="Field of each label's year or date. Default: all are of the mapped year.")
    ] = None,
    legend: Annotated[
        Path | None, typer.Option(help="CSV with class_id, class_name and, if wanted, colour (#rrggbb).")
    ] = None,
    min_clear: Annotated[
        int, typer.Option(metavar="N", help="Leave out samples and pixels with fewer clear observations.")
    ] = 0,
    polygon_rule: Annotated[
        Literal["center", "all-touched"], typer.Option(help="Which pixels of a polygon are samples.")
    ] = "center",
    block_size: Annotated[
        str, typer.Option(metavar="auto|METRES", help="Side of the blocks of the spatial cross-validation.")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Decides folds, trees and draws.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Threads of prediction. Default: all cores.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier map in the output folder.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which items would be read; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more, on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the map. Default: <labels>-map beside the labels.")
    ] = None,
) -> None:
    """Make a land-cover map from labelled places, with cross-validated accuracy.

    Writes the class map (COG, with QGIS style and class names), confidence and clear observations, a preview, the
    accuracy, the model, a STAC item and a record of the run. A run that was killed continues where it was.
    """
    with _errors(), _messages(verbose=verbose, quiet=quiet):
        from esd_tasks.classify import run_plan
        from esd_tasks.plan import make_plan
        from esd_tasks.progress import Bars
        from esd_tasks.request import ClassifyRequest

        request = ClassifyRequest(
            labels=labels,
            layer=layer,
            catalog=catalog,
            geometry=geometry,
            bbox=bbox,
            year=year,
            class_field=class_field,
            year_field=year_field,
            legend=legend,
            min_clear=min_clear,
            polygon_rule=polygon_rule,
            block_size=_block_size(block_size),
            seed=seed,
            workers=workers,
            overwrite=overwrite,
            output=output,
        )
        plan = make_plan(request)
        if dry_run:
            cost = plan.cost()
            typer.echo(json.dumps(cost, indent=2, ensure_ascii=False) if as_json else "\n".join(_cost_lines(cost)))
            return
        with Bars(quiet=quiet) as bars:
            result = run_plan(plan, on_progress=bars)
        if as_json:
            typer.echo(json.dumps(result.as_dict(), indent=2, ensure_ascii=False))
        elif not quiet:
            typer.echo("\n".join(_result_lines(result)))


@app.command()
def evaluate_encoder(
    weights: Annotated[str, typer.Argument(help="Name of an encoder, or path of its .safetensors file.")],
    data: Annotated[Path, typer.Argument(help="Folder of the evaluation sets.")],
    also: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="WEIGHTS", help="Another seed of the encoder; may be repeated."),
    ] = None,
    sets: Annotated[
        str, typer.Option(metavar="NAME,..", help="Sets to judge on. Default: all but test sets; with --test, those.")
    ] = "",
    test: Annotated[bool, typer.Option("--test", help="Score test sets: once, for a frozen recipe.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON list.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no tables.")] = False,
) -> None:
    """Judge an encoder on tasks: land cover, few labels, change and identity, codes beside raw reflectance.

    Tables go to stderr; stdout gets a line FIGURE {..} for each number, with its interval of 95 %.
    """
    with _errors(), _messages(verbose=False, quiet=quiet):
        from esd_tasks.encoder_tasks.inputs import load_encoders
        from esd_tasks.evaluate_encoder import choose_sets, evaluate
        from esd_tasks.progress import Bars

        chosen = choose_sets([name.strip() for name in sets.split(",") if name.strip()], test=test)
        encoders = load_encoders([weights, *(also or ())])
        figures = []
        with Bars(quiet=quiet) as bars:
            for section in evaluate(data, encoders, chosen, on_progress=bars):
                if not quiet:
                    typer.echo("\n".join(section.lines) + "\n", err=True)
                figures += [figure.as_dict() for figure in section.figures]
        if as_json:
            typer.echo(json.dumps(figures, indent=2))
        else:
            typer.echo("\n".join(f"FIGURE {json.dumps(figure)}" for figure in figures))


@contextmanager
def _errors() -> Iterator[None]:
    """Turn errors of ours into one line and their exit code."""
    try:
        yield
    except EsdError as error:
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        typer.echo("Error: interrupted; the same command continues the run", err=True)
        raise typer.Exit(130) from error


@contextmanager
def _messages(*, verbose: bool, quiet: bool) -> Iterator[None]:
    """Send what the packages log, and their warnings, to stderr in plain lines while a command runs."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("esd_tasks")
    before = log.level
    log.setLevel(logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING)
    log.addHandler(handler)

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        log.warning("Warning: %s", " ".join(str(message).split()))

    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def _block_size(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"got --block-size {text}, expected metres or auto; correct it") from error


def _cost_lines(cost: dict[str, Any]) -> Iterator[str]:
    """Say what a run would read."""
    yield f"year      {cost['year']}"
    yield f"map       {cost['width']:,} x {cost['height']:,} = {cost['pixels']:,} pixels"
    yield f"labels    {cost['labels']:,} of {len(cost['classes'])} classes"
    yield f"items     {len(cost['items'])}, {_size(cost['bytes'])}, about {_size(cost['bytes_to_read'])} to read"
    for item in cost["items"]:
        yield f"          {item['id']}  {'size unknown' if item['bytes'] is None else _size(item['bytes'])}"
    yield f"output    {cost['output']}"
    yield "next: run the same command without --dry-run"


def _result_lines(result: "ClassifyResult") -> Iterator[str]:
    """Say what was made: classes, accuracy, notes, paths, next step."""
    from esd_tasks.crossval import accuracy_line

    if result.already_done:
        yield f"already done: {result.folder} holds the map of the same labels, codes and options"
    yield from _class_table(result)
    yield accuracy_line(result.accuracy)
    yield f"note: {result.accuracy['statement']}"
    yield from (f"note: {note}" for note in result.notes)
    width = max(len(kind) for kind in result.paths)
    yield from (f"{kind.replace('_', ' '):{width}}  {path}" for kind, path in result.paths.items())
    yield f"next: look at {result.paths['preview']}, open {result.paths['map']} in QGIS: names and colours load with it"


def _class_table(result: "ClassifyResult") -> Iterator[str]:
    """List the classes with samples, accuracies and mapped share."""
    classes = result.accuracy["classes"]
    total = sum(result.mapped_pixels.values())
    width = max(5, *(len(entry["class_name"]) for entry in classes))
    yield f"{'class':{width}}  {'samples':>7}  {'user':>6}  {'producer':>8}  {'mapped':>7}"
    for entry in classes[:_MOST_LINES]:
        share = result.mapped_pixels[entry["class_id"]] / total if total else 0.0
        yield (
            f"{entry['class_name']:{width}}  {entry['n_reference']:7}  {_accuracy(entry['users_accuracy']):>6}  "
            f"{_accuracy(entry['producers_accuracy']):>8}  {share:7.1%}"
        )
    if len(classes) > _MOST_LINES:
        yield f"and {len(classes) - _MOST_LINES} more classes in {result.paths['accuracy'].name}"


def _accuracy(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _size(count: float) -> str:
    """Return bytes in words."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
