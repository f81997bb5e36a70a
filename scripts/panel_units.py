"""What a panel of units is good for, codes beside raw reflectance: shares of forest, and years in which much was lost.

    panel_units.py [--encoder NAME|WEIGHTS]

Three simulated landscapes, six years each, cut into units that ignore its parcels; the same units and pixels give a
panel of codes, by `esd-tasks pull --units`, and one of monthly means of raw reflectance. Keys: `tasks.panel.<measure>`:

- `share_mae`, `share_r2`: the share of forest in a unit and year by ridge regression on the means of the unit, trained
  on two landscapes and judged on the third; the penalty is chosen by leaving one row of the training part out.
- `step_auc`: whether a twentieth of the unit or more was cut, burnt or built upon since the year before, against units
  and years without any such pixel, by the distance of the two rows in standard deviations of all columns.

Intervals are of 95 %, by units drawn again with all their years.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import geopandas
import numpy as np
import pandas
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from esd_tasks.encoder_tasks import bootstrap
from esd_tasks.encoder_tasks.bootstrap import Estimate
from esd_tasks.features import feature_names
from esd_tasks.panel.coverage import shares
from esd_tasks.panel.plan import make_plan
from esd_tasks.panel.request import PanelRequest
from esd_tasks.panel.run import run_plan
from esd_tasks.target import Grid
from stactools_esd.cog import write_codes
from stactools_esd.encoder import Encoder, load_encoder
from stactools_esd.fusion import FUSION
from stactools_esd.names import CodesTags
from stactools_esd.observations import YearWindow
from stactools_esd.product import CodesIdentity, InputRecipe
from stactools_esd.seamless import prepare
from stactools_esd.simulation import Landscape

SEEDS: Final = (91, 92, 93)
"""Landscapes; no method was chosen on them."""

SIZE: Final = (112, 112)
"""Rows and columns of each."""

YEARS: Final = tuple(range(2013, 2019))
"""Years of the panel; a step needs the year before."""

UNITS: Final = 40
"""Units of a landscape, of 300 pixels or so."""

MONTHS: Final = np.minimum(np.arange(365) * 12 // 365, 11)
"""Twelfth of the year of each day."""

STEP: Final = 0.05
"""Share of a unit that has to change for a step."""

RECIPE: Final = InputRecipe(source="simulated", fusion=FUSION, harmonisation="none", dem="none")


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Rows of units and years, (n, ..) each, years within units."""

    unit: NDArray[np.int64]
    landscape: NDArray[np.int64]
    codes: NDArray[np.float64]
    raw: NDArray[np.float64]
    forest: NDArray[np.float64]
    changed: NDArray[np.float64]


def cut_into_units(landscape: Landscape) -> list[shapely.Polygon]:
    """Return polygons around random places, each of all that is nearer to its place than to the others."""
    transform, (height, width) = landscape.transform, landscape.shape
    area = shapely.box(*(transform * (0, height)), *(transform * (width, 0)))
    places = np.random.default_rng([landscape.seed, 5]).uniform((0, 0), (width, height), (UNITS, 2))
    points = shapely.MultiPoint([transform * tuple(place) for place in places])
    return [shapely.intersection(cell, area) for cell in shapely.voronoi_polygons(points, extend_to=area).geoms]


def unit_means(weights: list[NDArray[np.float64]], values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return means of units (units, ..) of values of pixels (pixels, ..)."""
    return np.stack([weight.ravel() @ values / weight.sum() for weight in weights])


def panel_of(seed: int, encoder: Encoder, folder: Path) -> Panel:
    """Observe, encode and pull one landscape."""
    landscape = Landscape(seed, size=SIZE, years=YEARS)
    grid = Grid(crs=landscape.crs, transform=landscape.transform, height=SIZE[0], width=SIZE[1])
    polygons = cut_into_units(landscape)
    weights = [shares(polygon, grid, Window(0, 0, *SIZE[::-1])) for polygon in polygons]
    forests = [number for number, name in enumerate(landscape.class_names) if "forest" in name]
    raw, forest, changed = [], [], []
    for year in YEARS:
        series, clear_obs = prepare(landscape.observations(year), YearWindow(year=year))
        identity = CodesIdentity(encoder=encoder.identity, recipe=RECIPE)
        tags = CodesTags(identity=identity, tile=f"xpanel{seed}", year=year)
        codes = encoder.encode(series).T.reshape(12, *SIZE)
        path = folder / "codes" / f"{tags.name.stem}.tif"
        place = {"transform": landscape.transform, "crs": landscape.crs}
        write_codes(path, codes, clear_obs.reshape(SIZE), **place, tags=tags)
        monthly = np.stack([np.nanmean(series[:, month == MONTHS], axis=1) for month in range(12)], axis=1)
        raw.append(unit_means(weights, np.nan_to_num(monthly.reshape(len(series), -1))))
        forest.append(unit_means(weights, np.isin(landscape.class_map(year).ravel(), forests)))
        before = landscape.changed(year - 1, year) if year > YEARS[0] else np.zeros(SIZE, np.bool_)
        changed.append(unit_means(weights, before.ravel()))
    units = folder / "units.gpkg"
    geopandas.GeoDataFrame({"id": range(UNITS)}, geometry=polygons, crs=landscape.crs).to_file(units)
    request = PanelRequest(catalog=str(folder / "codes"), units=units, unit_field="id", output=folder / "panel")
    result = run_plan(make_plan(request))
    table = pandas.read_parquet(result.paths["panel"]).sort_values(["id", "year"])
    if len(table) != UNITS * len(YEARS) or (table.status != "ok").any():
        raise SystemExit(f"got {len(table)} rows, expected {UNITS * len(YEARS)}, all of status ok")
    rows = (UNITS * len(YEARS), -1)
    return Panel(
        unit=table["id"].to_numpy(np.int64) + 1000 * seed,
        landscape=np.full(len(table), seed),
        codes=table[[f"{name}_mean" for name in feature_names()]].to_numpy(np.float64),
        raw=np.stack(raw, axis=1).reshape(rows),
        forest=np.stack(forest, axis=1).ravel(),
        changed=np.stack(changed, axis=1).ravel(),
    )


def predicted(panel: Panel, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shares of forest of each landscape by a regression trained on the others."""
    share = np.empty(len(values))
    for seed in SEEDS:
        test = panel.landscape == seed
        model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-3, 4, 29)))
        share[test] = np.clip(model.fit(values[~test], panel.forest[~test]).predict(values[test]), 0, 1)
    return share


def explained(panel: Panel, share: NDArray[np.float64]) -> Estimate:
    """Return R2 of shares with its interval."""
    member, n = bootstrap.numbered(panel.unit)
    draws = bootstrap.cluster_draws(n)
    sums = [np.bincount(member, weights=part, minlength=n) for part in (panel.forest, panel.forest**2)]
    lost = np.bincount(member, weights=(panel.forest - share) ** 2, minlength=n)
    rows = np.bincount(member, minlength=n)

    def of(weight: NDArray[np.float64]) -> NDArray[np.float64]:
        total, squares = weight @ sums[0], weight @ sums[1]
        return 1 - weight @ lost / (squares - total**2 / (weight @ rows))

    return bootstrap.estimate(float(of(np.ones((1, n)))[0]), of(draws))


def steps(panel: Panel, values: NDArray[np.float64]) -> tuple[bootstrap.Wins, int]:
    """Compare units and years in which much changed with those in which nothing did; and count the first."""
    scaled = (values / values.std(axis=0).clip(1e-9)).reshape(-1, len(YEARS), values.shape[1])
    distance = np.linalg.norm(np.diff(scaled, axis=1), axis=2).ravel()
    changed = panel.changed.reshape(-1, len(YEARS))[:, 1:].ravel()
    unit = panel.unit.reshape(-1, len(YEARS))[:, 1:].ravel()
    judged = (changed >= STEP) | (changed == 0)
    much = changed[judged] >= STEP
    return bootstrap.wins(distance[judged], much, unit[judged]), int(much.sum())


def report(measure: str, value: Estimate, unit: str, n: int) -> None:
    """Print a figure."""
    spread = [round(value.low, 4), round(value.high, 4)]
    figure = {"key": f"tasks.panel.{measure}", "value": round(value.value, 4), "unit": unit, "n": n, "spread": spread}
    print("FIGURE", json.dumps(figure | {"split": "simulated"}), flush=True)


def main() -> None:
    """Make the panels and report both tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="esdnet-small", help="name or weights")
    encoder = load_encoder(parser.parse_args().encoder)
    with tempfile.TemporaryDirectory() as folder:
        several = [panel_of(seed, encoder, Path(folder) / str(seed)) for seed in SEEDS]
    panel = Panel(**{name: np.concatenate([getattr(one, name) for one in several]) for name in vars(several[0])})
    for end, values in (("codes", panel.codes), ("raw", panel.raw)):
        share = predicted(panel, values)
        lost = bootstrap.mean_estimate([(np.abs(share - panel.forest), panel.unit)])
        report(f"share_mae.{end}", lost, "share of the unit", len(share))
        report(f"share_r2.{end}", explained(panel, share), "R2", len(share))
        compared, n = steps(panel, values)
        report(f"step_auc.{end}", compared.estimate(), "AUC", n)
    average = bootstrap.mean_estimate([(np.abs(panel.forest - panel.forest.mean()), panel.unit)])
    report("share_mae.mean", average, "share of the unit", len(panel.forest))
    gain = bootstrap.auc_gain(steps(panel, panel.codes)[0], steps(panel, panel.raw)[0])
    report("step_auc.gain", gain, "AUC", steps(panel, panel.codes)[1])


if __name__ == "__main__":
    main()
