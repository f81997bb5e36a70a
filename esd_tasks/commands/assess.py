"""`esd-tasks assess`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages

if TYPE_CHECKING:
    from esd_tasks.assess import Assessment

_MOST_COLUMNS = 12


def assess(
    map: Annotated[
        Path, typer.Argument(help="Raster of classes, the folder that classify wrote, or a table of counts (.csv).")
    ],
    reference: Annotated[
        Path | None, typer.Option(help="Reference points: GeoPackage, GeoJSON or Shapefile. None with a table.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the reference, where there are several.")] = None,
    class_field: Annotated[
        str | None, typer.Option(help="Field of the reference class, names or ids. Default: reference.")
    ] = None,
    sampling: Annotated[
        Literal["stratified", "simple", "convenience"] | None,
        typer.Option(help="How the reference was drawn. Default: as the record of esd-tasks design says."),
    ] = None,
    strata: Annotated[
        str | None, typer.Option(metavar="RASTER|FIELD", help="Strata, where they are not the map's classes.")
    ] = None,
    strata_sizes: Annotated[
        Path | None, typer.Option(help="CSV with stratum and pixels, where strata are a field.")
    ] = None,
    design: Annotated[
        Path | None, typer.Option(help="Record of the draw. Default: <reference>.design.json, where there is one.")
    ] = None,
    post_strata: Annotated[
        bool, typer.Option("--post-strata/--no-post-strata", help="Weigh a simple random sample by map classes.")
    ] = True,
    drawn_by: Annotated[
        Literal["pixel", "area"],
        typer.Option(help="What was as likely to be drawn: every pixel, or every hectare. Matters on maps in degrees."),
    ] = "pixel",
    exclude: options.Exclude = None,
    legend: options.LegendFile = None,
    area_unit: Annotated[Literal["ha", "km2", "m2"], typer.Option(help="Unit of areas.")] = "ha",
    pixel_size: Annotated[
        float | None, typer.Option(metavar="METRES", help="Side of a pixel, for a table without areas.")
    ] = None,
    overwrite: options.Overwrite = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the figures; write nothing.")] = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder. Default: <reference>-accuracy beside the reference.")
    ] = None,
) -> None:
    """Estimate the accuracy of a map, and the area of its classes, from reference places drawn at random.

    Intervals are of 95 %, after Olofsson et al. 2014, or Stehman 2014 where strata are not the map's classes.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.assess import run_assess
        from esd_tasks.assess_report import report, write_report
        from esd_tasks.assess_request import AssessRequest
        from esd_tasks.progress import Bars

        request = AssessRequest(
            map=map,
            reference=reference,
            layer=layer,
            class_field=class_field,
            legend=legend,
            sampling=sampling,
            design=design,
            strata=strata,
            strata_sizes=strata_sizes,
            post_strata=post_strata,
            drawn_by=drawn_by,
            exclude=tuple(exclude or ()),
            area_unit=area_unit,
            pixel_size=pixel_size,
            overwrite=overwrite,
            output=output,
        )
        with Bars(quiet=quiet) as bars:
            found = run_assess(request, bars)
        paths = {} if dry_run else write_report(found)
        if as_json:
            content = report(found) | {"paths": {kind: path.as_posix() for kind, path in paths.items()}}
            typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
        elif not quiet:
            typer.echo("\n".join([*_head(found), *_classes(found), *_matrix(found), *_end(found, paths)]))


def _head(found: "Assessment") -> Iterator[str]:
    """Say what was assessed, how, and the overall accuracy."""
    from esd_tasks.assess_figures import pixel_area
    from esd_tasks.assess_report import NOT_VALID, PLAIN_STATEMENT
    from esd_tasks.estimates import Z_95

    population = found.population
    known = population.total_area == population.total_area
    total = f", {_area(population.total_area, found)} {found.request.area_unit}" if known else ""
    pixels = f"{int(population.pixels.sum()):,} pixels in {len(population.pixels)} classes"
    yield f"map         {found.request.map}: {pixels}{total}"
    yield f"samples     {found.plain.n:,}, {population.sampling}{f' ({found.record})' if found.record else ''}"
    if found.estimates is None:
        yield f"accuracy    {NOT_VALID}"
        yield f"overall     {_number(found.plain.overall)} of the samples agree with the map"
        return
    yield f"estimator   {population.method}{'; finite population correction' if population.corrected else ''}"
    areas = pixel_area(found)
    if areas and areas["nominal_off_by_percent"]:
        yield (
            f"areas       true ones: pixels are of {areas['mean_m2']:,.2f} m2 on average, and the projection's "
            f"{areas['nominal_m2']:,.0f} m2 are off by {areas['nominal_off_by_percent']:+.2f} %"
        )
    score = _interval(found.score_overall.tolist())
    yield (
        f"overall     {_number(found.estimates.overall)} ± {_number(Z_95 * found.estimates.overall_se)} area-weighted; "
        f"{'' if score == '-' else f'score interval {score}; '}"
        f"plain {_number(found.plain.overall)} ({PLAIN_STATEMENT.partition(':')[0].lower()})"
    )


def _classes(found: "Assessment") -> Iterator[str]:
    """List accuracies and areas of the classes, area-weighted and plain."""
    from esd_tasks.estimates import Z_95

    population, plain, unit = found.population, found.plain, found.request.area_unit
    total, estimates = population.total_area, found.estimates
    pixels, mapped = found.mapped(population.pixels), found.mapped(population.area)
    accuracies = [["class", "n", "plain user's", "plain producer's"]]
    areas = [["class", "pixels", f"mapped {unit}"]]
    if estimates is not None:
        accuracies[0][2:2] = ["user's ± 95 %", "score interval", "producer's ± 95 %"]
        areas[0] += [f"estimated {unit} ± 95 %", "share ± 95 %"]
    for k, class_id in enumerate(found.class_ids):
        name = found.names[class_id]
        figures = [_number(plain.users[k]), _number(plain.producers[k])]
        sizes = [f"{int(pixels[k]):,}", _area(mapped[k], found)]
        if estimates is not None:
            figures[:0] = [
                f"{_number(estimates.users[k])} ± {_number(Z_95 * estimates.users_se[k])}",
                _interval(found.score_users[k].tolist()),
                f"{_number(estimates.producers[k])} ± {_number(Z_95 * estimates.producers_se[k])}",
            ]
            share, half = estimates.shares[k], Z_95 * estimates.shares_se[k]
            sizes += [
                f"{_area(share * total, found)} ± {_area(half * total, found)}",
                f"{_number(share)} ± {_number(half)}",
            ]
        accuracies.append([name, f"{int(plain.matrix[k].sum()):,}", *figures])
        areas.append([name, *sizes])
    yield ""
    yield from _aligned(accuracies)
    yield ""
    yield from _aligned(areas)
    yield ""


def _matrix(found: "Assessment") -> Iterator[str]:
    """Show the counts, where they fit."""
    if len(found.class_ids) > _MOST_COLUMNS:
        return
    yield "samples: rows map, columns reference"
    names = [found.names[class_id] for class_id in found.class_ids]
    counts = found.plain.matrix.tolist()
    yield from _aligned([["", *names], *([name, *map(str, row)] for name, row in zip(names, counts, strict=True))])
    yield ""


def _end(found: "Assessment", paths: dict[str, Path]) -> Iterator[str]:
    """Say what is to be known, where everything is, and what comes next."""
    yield from (f"note: {note}" for note in found.notes)
    yield from (f"{kind:8}  {path}" for kind, path in paths.items())
    if found.estimates is None:
        yield f"next: for intervals draw a probability sample: esd-tasks design {found.request.map}"
    elif not paths:
        yield "next: run the same command without --dry-run"
    else:
        yield f"next: cite estimated areas with their intervals, not mapped ones; {paths['accuracy']} holds all figures"


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    """Set rows of cells in columns: the first to the left, others to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for first, *others in rows:
        cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join([f"{first:{widths[0]}}", *cells]).rstrip()


def _number(value: Any) -> str:
    return "-" if value != value else f"{value:.3f}"


def _interval(ends: list[float]) -> str:
    return "-" if ends[0] != ends[0] else f"{ends[0]:.3f}..{ends[1]:.3f}"


def _area(square_metres: float, found: "Assessment") -> str:
    """Return a number of the unit that was asked for, with as many digits as matter."""
    from esd_tasks.assess_request import AREA_UNITS

    if square_metres != square_metres:
        return "-"
    value = square_metres / AREA_UNITS[found.request.area_unit]
    digits = 0 if found.population.total_area >= 1e4 * AREA_UNITS[found.request.area_unit] else 2
    return f"{value:,.{digits}f}"
