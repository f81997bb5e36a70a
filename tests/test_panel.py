"""A panel says of each unit and year what its pixels say, weighted by how much of each lies in it."""

import os
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbours import CORNER, to_wgs84, write_area, write_tile
from numpy.typing import NDArray
from rasterio.windows import Window
from synthetic import AREA_CRS, AREA_TRANSFORM, random_codes

from esd_tasks.features import feature_names
from esd_tasks.items import find_items
from esd_tasks.panel.coverage import shares
from esd_tasks.panel.level_counts import count_levels, statistic
from esd_tasks.panel.plan import make_plan
from esd_tasks.panel.request import PanelRequest
from esd_tasks.panel.run import run_plan
from esd_tasks.panel.unit_row import FAILED, rows_of_unit
from esd_tasks.pull import read_window
from esd_tasks.pull_points import make_points_plan, run_points
from esd_tasks.pull_request import PullRequest
from esd_tasks.series import Series
from esd_tasks.target import Grid, projected
from stactools_esd.errors import EsdError, LabelsError, NothingFoundError, RasterError, UsageError
from stactools_esd.fsq import codes_to_level_indices, codes_to_vectors

SIZE = 40
YEARS = (2018, 2019, 2020)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A custom area in three years: holes that move, and one year of few observations in the west."""
    folder = tmp_path_factory.mktemp("place")
    for year in YEARS:
        clear = np.random.default_rng(year).integers(5, 30, (SIZE, SIZE)).astype(np.uint16)
        if year == 2019:
            clear[:, :12] = 2
        write_area(folder, random_codes(year, SIZE, SIZE, nodata_share=0.1), clear, year=year)
    return folder


def around(points: list[tuple[float, float]]) -> shapely.Polygon:
    """Return a polygon in WGS84 of places counted in pixels from the upper left corner."""
    places = [to_wgs84(32631, AREA_TRANSFORM.c + 30 * x, AREA_TRANSFORM.f - 30 * y) for x, y in points]
    return shapely.Polygon(places)


UNITS = {
    "whole": around([(2.3, 3.1), (30.7, 5.2), (25.0, 33.3)]),
    "west": around([(1, 1), (9.5, 1), (9.5, 20), (1, 20)]),
    "beyond": around([(35, 35), (60, 35), (60, 60), (35, 60)]),
    "small": around([(20.2, 20.2), (20.4, 20.2), (20.4, 20.4)]),
}


def write_units(path: Path, units: dict[str, shapely.Geometry] = UNITS) -> Path:
    """Write units with fields, one of which is called like a column of the panel."""
    fields = {"name": list(units), "people": range(len(units)), "status": "open"}
    geopandas.GeoDataFrame(fields, geometry=list(units.values()), crs=4326).to_file(path)
    return path


def panel(place: Path, folder: Path, **options: Any) -> pandas.DataFrame:
    """Make a panel of the units."""
    units = options.pop("units", None) or write_units(folder / "units.gpkg")
    result = run_plan(make_plan(request_of(place, folder, units, **options)))
    return pandas.read_parquet(result.paths["panel"]).set_index(["name", "year"])


def request_of(place: Path, folder: Path, units: Path, **options: Any) -> PanelRequest:
    """Return a request of a panel."""
    given = {
        "catalog": str(place),
        "unit_field": "name",
        "stat": "mean,sd,median",
        "output": folder / "panel",
        "threads": 1,
    }
    return PanelRequest(units=units, **given | options)


def brute_force(
    place: Path, polygon: shapely.Geometry, min_clear: int, each_year: bool
) -> dict[int, dict[str, NDArray[np.float64] | float]]:
    """Weigh every pixel of the area by its exact share, one by one, and sort vectors for their medians."""
    grid = Grid(crs=find_items(place)[0].grid.crs, transform=AREA_TRANSFORM, width=SIZE, height=SIZE)
    outline = projected(polygon, grid.crs)
    x, y = grid.centres(Window(0, 0, SIZE, SIZE))
    weight = shapely.area(shapely.intersection(outline, shapely.box(x - 15, y - 15, x + 15, y + 15))) / 900
    blocks = {year: read_window(find_items(place, years=[year]), grid) for year in YEARS}
    usable = {year: block.valid & (block.clear_obs >= min_clear) for year, block in blocks.items()}
    everywhere = np.all(list(usable.values()), axis=0)
    found = {}
    for year, block in blocks.items():
        there = (usable[year] if each_year else everywhere) & (weight > 1e-9)
        w = weight[there]
        vectors = codes_to_vectors(block.codes[:, there].T).reshape(-1, 72).astype(float)
        levels = codes_to_level_indices(block.codes[:, there].T).reshape(-1, 72)
        mean = (vectors * w[:, None]).sum(axis=0) / w.sum()
        median = []
        for channel in levels.T:
            order = np.argsort(channel)
            half = np.cumsum(w[order]) >= w.sum() / 2 - 1e-12
            median.append(channel[order][half][0])
        found[year] = {
            "mean": mean,
            "sd": np.sqrt((w[:, None] * (vectors - mean) ** 2).sum(axis=0) / w.sum()),
            "median": np.array(median, dtype=float),
            "n_valid": float(there.sum()),
            "clear_obs_min": float(block.clear_obs[there].min()),
            "weight": w.sum(),
        }
    return found


corners = st.tuples(st.floats(1, SIZE - 1), st.floats(1, SIZE - 1))


@settings(max_examples=12)
@given(st.lists(corners, min_size=3, max_size=6), st.sampled_from([0, 8]), st.booleans())
def test_rows_are_those_of_brute_force(
    place: Path, points: list[tuple[float, float]], min_clear: int, each_year: bool
) -> None:
    """Means, deviations and medians of any polygon are those of its pixels taken one by one with their exact shares."""
    polygon = shapely.convex_hull(around(points))
    if projected(polygon, find_items(place)[0].grid.crs).area < 9000:
        return
    options = {"pixels": "each-year" if each_year else "all-years", "min_clear": min_clear}
    request = request_of(place, place, place, **options)
    with Series(find_items(place)) as series:
        rows = rows_of_unit(request, series, polygon)
    if (rows.status != 0).any():
        return
    expected = brute_force(place, polygon, min_clear, each_year)
    for position, year in enumerate(YEARS):
        truth = expected[year]
        assert np.allclose(rows.values[position, 0], truth["mean"], atol=1e-6)
        assert np.allclose(rows.values[position, 1], truth["sd"], atol=1e-6)
        assert np.mean(rows.values[position, 2] == truth["median"]) > 0.98  # halves of the weight may tie
        assert rows.n_valid[position] == pytest.approx(truth["n_valid"], abs=1)
        assert rows.clear_min[position] == truth["clear_obs_min"]


def test_a_panel_is_balanced(place: Path, tmp_path: Path) -> None:
    """One row a unit and year, from the same number of pixels in each; fields are kept, clashing names are marked."""
    frame = panel(place, tmp_path, years="2018-2020")
    assert len(frame) == len(UNITS) * 3
    assert frame.groupby(level="name").n_valid.nunique().eq(1).all()
    assert (frame.loc["whole"].status == "ok").all()
    assert frame.loc[("whole", 2019), "status_given"] == "open"
    assert frame.people.groupby(level="name").first().to_dict()["west"] == 1
    assert {f"{name}_{stat}" for name in feature_names() for stat in ("mean", "sd", "median")} <= set(frame.columns)
    assert 0.6 < frame.loc[("whole", 2018), "share_valid"] < 0.8
    assert frame.loc[("beyond", 2018), "share_valid"] < 0.05


def test_each_row_says_why_it_has_no_values(place: Path, tmp_path: Path) -> None:
    """Too few observations in one year empty a balanced unit in all years, and only that year otherwise."""
    far = around([(5000, 5000), (5010, 5000), (5010, 5010)])
    units = write_units(tmp_path / "units.gpkg", {**UNITS, "far": far})
    frame = panel(place, tmp_path, units=units, min_clear=5)
    assert frame.loc["west"].status.to_dict() == {
        2018: "not in all years",
        2019: "too few clear",
        2020: "not in all years",
    }
    assert (frame.loc["far"].status == "outside").all()
    assert frame.loc["west"].step_01_d1_mean.isna().all()
    assert frame.loc["west"].clear_obs_min.isna().all()
    loose = panel(place, tmp_path / "loose", units=units, min_clear=5, pixels="each-year")
    assert loose.loc["west"].status.to_dict() == {2018: "ok", 2019: "too few clear", 2020: "ok"}


def test_a_panel_continues_and_is_the_same(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Units of finished groups are not read again; shards of units make the rows of the whole."""
    monkeypatch.setattr("esd_tasks.panel.run.GROUP_UNITS", 1)
    whole = panel(place, tmp_path)
    made: list[Any] = []
    rows_of = rows_of_unit

    def interrupted(*args: Any) -> Any:
        made.append(args)
        if len(made) == 3:
            raise KeyboardInterrupt
        return rows_of(*args)

    monkeypatch.setattr("esd_tasks.panel.run.rows_of_unit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        panel(place, tmp_path / "again", units=tmp_path / "units.gpkg")
    again = panel(place, tmp_path / "again", units=tmp_path / "units.gpkg")
    assert len(made) == 1 + len(UNITS)
    pandas.testing.assert_frame_equal(whole, again)
    parts = [panel(place, tmp_path / str(part), units=tmp_path / "units.gpkg", shard=f"{part}/3") for part in (1, 2, 3)]
    pandas.testing.assert_frame_equal(pandas.concat(parts).sort_index(), whole.sort_index())


def test_units_without_fields_are_numbered(place: Path, tmp_path: Path) -> None:
    """A file of nothing but polygons is a panel of unit 1, 2, .., and one of nothing but points a table of points."""
    geopandas.GeoSeries([UNITS["west"], UNITS["small"]], crs=4326).to_file(tmp_path / "units.gpkg")
    request = PanelRequest(catalog=str(place), units=tmp_path / "units.gpkg", output=tmp_path / "panel")
    frame = pandas.read_parquet(run_plan(make_plan(request)).paths["panel"])
    assert frame.unit.tolist() == [1, 1, 1, 2, 2, 2]
    geopandas.GeoSeries([shapely.Point(*UNITS["west"].centroid.coords)], crs=4326).to_file(tmp_path / "points.gpkg")
    points = PullRequest(catalog=str(place), points=tmp_path / "points.gpkg", output=tmp_path / "points")
    assert len(pandas.read_parquet(run_points(make_points_plan(points)).paths["table"])) == 3


def test_shards_do_not_decide_years_or_tiles(place: Path, tmp_path: Path) -> None:
    """Years that nobody named and tiles are those of all units, so a shard of units outside has its rows, too."""
    far = around([(5000, 5000), (5010, 5000), (5010, 5010)])
    units = write_units(tmp_path / "units.gpkg", {"far": far, "west": UNITS["west"]})
    whole = panel(place, tmp_path / "whole", units=units)
    parts = [panel(place, tmp_path / str(part), units=units, shard=f"{part}/3") for part in (1, 2)]
    pandas.testing.assert_frame_equal(pandas.concat(parts), whole)
    assert not len(make_plan(request_of(place, tmp_path, units, shard="3/3")).units.geometry)


def test_a_broken_year_fails_the_unit(place: Path, tmp_path: Path) -> None:
    """A year that cannot be read empties no pixels silently: the unit is failed, and the run ends with a list."""
    copies = []
    for item in find_items(place):
        copies.append(tmp_path / Path(item.href).name)
        copies[-1].write_bytes(Path(item.href).read_bytes())
    units = write_units(tmp_path / "units.gpkg")
    plan = make_plan(request_of(tmp_path, tmp_path, units))
    each_year = make_plan(request_of(tmp_path, tmp_path, units, pixels="each-year", output=tmp_path / "each"))
    os.truncate(copies[1], copies[1].stat().st_size // 2)
    with Series(plan.items, on_failure=lambda *_: None) as series:
        rows = rows_of_unit(plan.request, series, plan.units.geometry[0])
    assert (rows.status == FAILED).all()
    assert np.isnan(rows.values).all()
    with pytest.raises(RasterError, match="2019"):  # no row has values
        run_plan(plan)
    assert not plan.folder.exists()
    result = run_plan(each_year)
    assert "2019" in result.missing[0]
    frame = pandas.read_parquet(result.paths["panel"]).set_index(["name", "year"])
    assert (frame.loc["whole"].status == "failed").to_dict() == {2018: False, 2019: True, 2020: False}


def test_a_unit_across_tiles_takes_each_pixel_from_its_owner(tmp_path: Path) -> None:
    """A unit on the border of two tiles has as much of each as lies in its square."""
    lon, lat = to_wgs84(32631, CORNER[0], CORNER[1] + 3000)
    for mark, tile in ((0, "31UDS"), (1, "31UES")):
        write_tile(tmp_path, tile, lon, lat, mark=8 * mark, size=(60, 60))
    corners = [(-1, -1), (3, -1), (3, 1), (-1, 1)]
    unit = shapely.Polygon([to_wgs84(32631, CORNER[0] + 155 * x, CORNER[1] + 3000 + 155 * y) for x, y in corners])
    frame = panel(tmp_path, tmp_path, units=write_units(tmp_path / "units.gpkg", {"border": unit}), stat="mean")
    # Step 12 is 0 in the western tile and 8 in the eastern: its second dimension has level 0 or 1, -1 or -0.75. The
    # pixel on the border begins 5 m west of it, and its middle lies in the eastern square.
    assert frame.step_12_d2_mean.iloc[0] == pytest.approx(-1 + 0.25 * (3 * 155 + 5) / (4 * 155), abs=1e-4)


@given(st.lists(corners, min_size=3, max_size=8))
def test_shares_are_areas(points: list[tuple[float, float]]) -> None:
    """The share of each pixel is the area of the polygon in it, and all of them make up the polygon."""
    polygon = shapely.convex_hull(shapely.MultiPoint([(30 * x, 30 * y) for x, y in points]))
    if polygon.geom_type != "Polygon":
        return
    grid = Grid(crs=AREA_CRS, transform=AREA_TRANSFORM, width=SIZE, height=SIZE)
    corner = np.array([AREA_TRANSFORM.c, AREA_TRANSFORM.f])
    moved = shapely.transform(polygon, lambda at: corner + at * [1, -1])
    found = shares(moved, grid, Window(5, 0, 20, SIZE))
    x, y = grid.centres(Window(5, 0, 20, SIZE))
    boxes = shapely.box(x - 15, y - 15, x + 15, y + 15)
    assert np.allclose(found, shapely.area(shapely.intersection(moved, boxes)) / 900, atol=1e-4)


def test_medians_are_levels_that_pixels_have() -> None:
    """The median is the lowest level that half of the weight reaches, never one between two."""
    codes = np.array([[0] * 12, [1] * 12, [3] * 12], dtype=np.uint16)
    codes[0, 0] = 8
    for weight, expected in (((1, 1, 1), 1), ((3, 1, 1), 0), ((1, 0, 1), 0), ((1, 1, 3), 3)):
        assert statistic("median", count_levels(codes, np.array(weight, dtype=float)))[6] == expected


WRONG: dict[str, tuple[dict[str, Any], type[EsdError], str]] = {
    "no such field": ({"unit_field": "id"}, UsageError, "--unit-field id"),
    "unknown statistic": ({"stat": "mode"}, UsageError, "--stat mode"),
    "a missing year": ({"years": "2017-2019"}, NothingFoundError, "2017"),
    "an area too": ({"bbox": "1,2,3,4"}, UsageError, "--units and an area"),
    "a name twice": ({"unit_field": "status"}, LabelsError, "more than once"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_requests_are_one_line(fault: str, place: Path, tmp_path: Path) -> None:
    """What cannot be a panel is refused before anything is read."""
    options, error, said = WRONG[fault]
    with pytest.raises(error, match=said):
        make_plan(request_of(place, tmp_path, write_units(tmp_path / "units.gpkg"), **options))
