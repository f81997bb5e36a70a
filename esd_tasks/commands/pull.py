"""`esd-tasks pull`."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from esd_tasks.commands import options
from esd_tasks.commands.frame import errors, messages, see_files, size_in_words
from stactools_esd.errors import EsdError, PartlyDoneError, RasterError, UsageError

if TYPE_CHECKING:
    from esd_tasks.pull_request import PullRequest
    from esd_tasks.pull_result import OnProgress, PullResult

_MOST_LINES = 24


def pull(
    catalog: options.Catalog = None,
    geometry: Annotated[
        Path | None, typer.Option(help="Polygons to pull: GeoPackage, GeoJSON or Shapefile, or a URL.")
    ] = None,
    bbox: options.Bbox = None,
    points: Annotated[Path | None, typer.Option(help="Points to pull, into a table; a CSV has lon and lat.")] = None,
    units: Annotated[Path | None, typer.Option(help="Polygons of a panel: one row a unit and year.")] = None,
    unit_field: Annotated[str | None, typer.Option(help="Field that names each unit. Default: its number.")] = None,
    layer: Annotated[str | None, typer.Option(help="Layer of points or units, where there are several.")] = None,
    tiles: Annotated[
        str | None,
        typer.Option(
            metavar="all|list|A,B|FILE",
            help="Tile by tile, each in its own folder; `list` prints their names, with -q too.",
        ),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="i/n", help="The i-th of n parts of the tiles or units, for job arrays.")
    ] = None,
    year: Annotated[int | None, typer.Option(help="One year.")] = None,
    years: options.Years = None,
    levels: Annotated[bool, typer.Option("--levels", help="Level indices, uint8, instead of codes.")] = False,
    decoded: Annotated[bool, typer.Option("--decoded", help="Vectors, float32, instead of codes.")] = False,
    crs: Annotated[str | None, typer.Option(help="CRS of the result. Default: of the tile in the middle.")] = None,
    resolution: Annotated[float | None, typer.Option(help="Side of a pixel in units of the CRS.")] = None,
    like: Annotated[Path | None, typer.Option(help="Raster whose pixels the result has.")] = None,
    min_clear: Annotated[int, typer.Option(metavar="N", help="Pixels with fewer clear observations: no data.")] = 0,
    stat: Annotated[str | None, typer.Option(metavar="mean,sd,median", help="Statistics of units. [mean]")] = None,
    pixels: Annotated[
        Literal["all-years", "each-year"] | None,
        typer.Option(help="Pixels of a unit that count: usable in all years [default], or in the year alone."),
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="geotiff, zarr or geoparquet; points: geoparquet or csv; units: parquet or csv.")
    ] = None,
    zarr_format: Annotated[int | None, typer.Option(metavar="2|3", help="Version of the Zarr format. [2]")] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Threads that read and write; the result is the same. Default: one a core, four at most; of points "
            "and units on this machine, one.",
        ),
    ] = None,
    verify: options.Verify = False,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Output folder. Default: <place>-pull-<years>."),
    ] = None,
) -> None:
    """Pull codes of an area, of points or of units, for one year or many, onto one grid.

    Only the windows that are needed are read. Where tiles overlap each pixel comes from its owner, the same in every
    year. A run that was killed continues; one in which a tile failed ends with exit code 4 and says what is missing.
    """
    with errors(), messages(verbose=verbose, quiet=quiet):
        from esd_tasks.progress import Bars

        shared: dict[str, Any] = {
            "catalog": catalog,
            "year": year,
            "years": years,
            "min_clear": min_clear,
            "shard": shard,
            "threads": threads,
        }
        shared |= {"layer": layer, "crs": crs, "resolution": resolution, "like": like, "format": format}
        shared |= {"geometry": geometry, "bbox": bbox, "overwrite": overwrite, "output": output}
        of_units = {"unit_field": unit_field, "stat": stat, "pixels": pixels}
        of_units = {name: value for name, value in of_units.items() if value is not None}
        of_places: dict[str, Any] = {"points": points, "tiles": tiles, "levels": levels, "decoded": decoded}
        of_places["zarr_format"] = zarr_format
        _see_together(units, of_units, of_places)
        if units is not None:
            plans = _plan_panel(units=units, **shared, **of_units)
        else:
            from esd_tasks.pull_request import LIST_TILES, PullRequest

            request = PullRequest(**shared, **of_places)
            if tiles == LIST_TILES:
                _list(request, as_json)
                return
            plans = _plan_places(request, dry_run)
        if dry_run:
            costs = [plan.cost() for plan in plans]
            alone = costs[0] if len(costs) == 1 else costs
            typer.echo(json.dumps(alone, indent=2, ensure_ascii=False) if as_json else "\n".join(_cost_lines(costs)))
            return
        see_files(plans, asked=verify)
        with Bars(quiet=quiet) as bars:
            results, failures = _run(plans, bars)
        if as_json:
            said = [result.as_dict() for result in results]
            typer.echo(json.dumps(said[0] if tiles is None and said else said, indent=2, ensure_ascii=False))
        elif not quiet and (results or not failures):
            typer.echo("\n".join(_result_lines(results)))
        if failures:
            kind = PartlyDoneError if results else RasterError
            raise kind(
                f"got {len(failures)} of {len(results) + len(failures)} tiles that failed: {'; '.join(failures[:5])}; "
                "mend them and run the same command again"
            )
        for result in results:
            result.see_whole()
        if tiles is None and results:
            results[0].see_something()


def _see_together(units: Path | None, of_units: dict[str, Any], of_places: dict[str, Any]) -> None:
    """Refuse options of a panel without units, and options of rasters with them."""
    if units is None and of_units:
        option = next(iter(of_units)).replace("_", "-")
        raise UsageError(f"got --{option} without --units, expected both; name the polygons with --units")
    if units is not None and (wrong := [name for name, value in of_places.items() if value]):
        option = wrong[0].replace("_", "-")
        raise UsageError(f"got --units and --{option}, expected one of them; leave one out")


def _plan_panel(**given: Any) -> list[Any]:
    from esd_tasks.panel.plan import make_plan
    from esd_tasks.panel.request import PanelRequest

    plan = make_plan(PanelRequest(**given))
    return [plan] if len(plan.units.geometry) else []


def _plan_places(request: "PullRequest", dry_run: bool) -> list[Any]:
    from esd_tasks.pull_plan import make_plan, plan_tiles
    from esd_tasks.pull_points import make_points_plan

    if request.points is not None:
        return [make_points_plan(request)]
    if request.tiles is not None:
        return list(plan_tiles(request, dry_run=dry_run))
    return [make_plan(request, dry_run=dry_run)]


def _list(request: "PullRequest", as_json: bool) -> None:
    """Print the tiles of a place, one a line."""
    from esd_tasks.pull_plan import list_tiles

    names = list_tiles(request)
    typer.echo(json.dumps(names) if as_json else "\n".join(names), nl=as_json or bool(names))


def _run(plans: list[Any], on_progress: "OnProgress") -> tuple[list["PullResult"], list[str]]:
    """Run each plan; where there are several, one that fails does not stop the rest."""
    from esd_tasks import pull_points, pull_run
    from esd_tasks.panel import run as panel_run
    from esd_tasks.panel.plan import PanelPlan

    results, failures = [], []
    for plan in plans:
        try:
            if isinstance(plan, PanelPlan):
                results.append(panel_run.run_plan(plan, on_progress=on_progress))
            elif isinstance(plan, pull_points.PointsPlan):
                results.append(pull_points.run_points(plan, on_progress=on_progress))
            else:
                results.append(pull_run.run_plan(plan, on_progress=on_progress))
        except EsdError as error:
            if len(plans) == 1:
                raise
            failures.append(f"{plan.tile} ({' '.join(str(error).split())})")
    return results, failures


def _cost_lines(costs: list[dict[str, Any]]) -> Iterator[str]:
    """Say what a run would read and write."""
    if not costs:
        yield "nothing to do: this part is empty"
        return
    for cost in costs:
        items, needed = cost["items"], cost["bytes_to_read"]
        known = "size unknown" if not cost["bytes"] else size_in_words(cost["bytes"])
        about = "" if not needed else f", about {size_in_words(needed)} to read"
        yield f"years     {_years(cost['years'])}"
        yield f"items     {len(items)}, {known}{about}"
        for item in items[:_MOST_LINES]:
            yield f"          {item['id']}  {'size unknown' if item['bytes'] is None else size_in_words(item['bytes'])}"
        if len(items) > _MOST_LINES:
            yield f"          and {len(items) - _MOST_LINES} more"
        if "pixels" in cost:
            yield f"grid      {cost['width']:,} x {cost['height']:,} = {cost['pixels']:,} pixels, {cost['crs']}"
        else:
            yield f"rows      {cost['rows']:,}"
        yield f"output    {cost['output']}"
    yield "next: run the same command without --dry-run"


def _years(years: Iterable[int]) -> str:
    """Return years in words, runs of them as ranges."""
    runs: list[list[int]] = []
    for year in sorted(years):
        if runs and runs[-1][-1] == year - 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _result_lines(results: list["PullResult"]) -> Iterator[str]:
    """Say what was made: paths, what has data, notes, next step."""
    if not results:
        yield "nothing done: this part is empty"
        return
    for result in results:
        if result.already_done:
            yield f"already done: {result.folder} holds what was asked for"
        counts = result.valid.values()
        least, most = min(counts), max(counts)
        with_data = f"{most:,}" if least == most else f"{least:,} to {most:,}"
        noun = result.counted.removesuffix("s") if least == most == 1 else result.counted
        yield f"{_years(result.years)}: {with_data} {noun} with values a year"
        yield from (f"note: {note}" for note in result.notes)
        width = max(len(kind) for kind in result.paths)
        yield from (f"{kind.replace('_', ' '):{width}}  {path}" for kind, path in result.paths.items())
    if any(results[0].valid.values()):
        yield f"next: {_next_step(results[0])}"


def _next_step(result: "PullResult") -> str:
    if "panel" in result.paths:
        return f"open {result.paths['panel']} in pandas or R; column status says why a row has no values"
    if "table" in result.paths:
        return f"open {result.paths['table']} in pandas, geopandas or R"
    if "zarr" in result.paths:
        return f"xarray.open_zarr({str(result.paths['zarr'])!r})"
    if any(kind.startswith("clear_obs") for kind in result.paths):
        return "open the bands in QGIS, rasterio or R; clear_obs counts what each year was made of"
    if any(path.name.startswith("codes_") for path in result.paths.values()):
        return "open the bands in QGIS, rasterio or R; other commands take codes on square metres alone"
    return f"use the folder as a catalogue: esd-tasks classify --catalog {result.folder} --labels .."
