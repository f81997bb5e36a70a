"""Migrated labels as files: a GeoPackage of one row a sample and year, and beside it the series, a report, a record."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.geopackage import write_geopackage
from esd_tasks.migrate.migration import Migration
from esd_tasks.migrate.series import LabelSeries
from esd_tasks.migrate.series_file import NONE, STATUSES, UNCERTAIN, MigratedSeries, series_path, write_series
from esd_tasks.target import WGS84

LAYER: Final = "labels"
"""Layer of the GeoPackage."""

LABEL_FIELD, YEAR_FIELD = "label", "year"
"""Fields that `classify` is told."""


def record_path(output: Path) -> Path:
    """Return where the record of a run lies: `samples.gpkg` has `samples_run.json`."""
    return output.with_name(f"{output.stem}_run.json")


def report_path(output: Path) -> Path:
    """Return where the report lies: `samples.gpkg` has `samples_report.html`."""
    return output.with_name(f"{output.stem}_report.html")


def paths_of(output: Path) -> dict[str, Path]:
    """Return every file of a run by its kind."""
    return {
        "samples": output,
        "series": series_path(output),
        "report": report_path(output),
        "run": record_path(output),
    }


def write_samples(path: Path, series: LabelSeries, found: Migration) -> None:
    """Write one row a sample and year; the label is null where the status is uncertain or nodata.

    Args:
        path: `.gpkg`.
        series: The samples.
        found: What was found of them.
    """
    import geopandas
    import pandas

    n, count = found.status.shape
    names = np.array([None, *series.names.values()], dtype=object)
    position = {class_id: place for place, class_id in enumerate(series.names, start=1)} | {NONE: 0}
    of_label = np.vectorize(position.__getitem__, otypes=[np.int64])

    def each(values: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(values, count)

    change = found.change_year.ravel()
    frame = geopandas.GeoDataFrame(
        {
            "sample_id": each(series.sample_id),
            "feature": each(series.label + 1),
            YEAR_FIELD: np.tile(np.array(series.years), n),
            LABEL_FIELD: names[of_label(found.label)].ravel(),
            "probability": found.probability.ravel(),
            "status": np.array(STATUSES, dtype=object)[found.status].ravel(),
            "anomaly": found.anomaly.ravel(),
            "change_year": pandas.array(np.where(change == NONE, -1, change), dtype="Int64"),
            "label_year": each(series.label_year),
            "source_label": names[of_label(each(series.class_id))],
            "stable_sample": each(found.selected),
        },
        geometry=each(shapely.points(series.lon, series.lat)),
        crs=WGS84,
    )
    frame.loc[frame["change_year"] == -1, "change_year"] = pandas.NA
    write_geopackage(path, frame, layer=LAYER)


def write_found(path: Path, series: LabelSeries, found: Migration) -> None:
    """Write the series beside the GeoPackage, for `explain-labels`."""
    write_series(series_path(path), migrated_series(series, found))


def migrated_series(series: LabelSeries, found: Migration) -> MigratedSeries:
    """Join a series with what was found of it."""
    class_ids = np.array(series.class_ids)
    return MigratedSeries(
        years=np.array(series.years),
        sample_id=series.sample_id,
        lon=series.lon,
        lat=series.lat,
        codes=series.codes,
        valid=series.valid,
        class_id=series.class_id,
        label_year=series.label_year,
        label=found.label,
        probability=found.probability.astype(np.float32),
        anomaly=found.anomaly.astype(np.float32),
        status=found.status,
        change_year=found.change_year,
        class_ids=class_ids,
        class_names=np.array([series.names[int(one)] for one in class_ids]),
        normal=found.normal,
    )


def summary(series: LabelSeries, found: Migration) -> dict[str, Any]:
    """Return the figures of a migration as JSON content: rows by status, samples by class, statuses by year."""
    status = found.status
    changed = (found.change_year != NONE).any(axis=1)
    lost = (status == UNCERTAIN).any(axis=1)
    return {
        "samples": len(series),
        "rows": {name: int((status == number).sum()) for number, name in enumerate(STATUSES)},
        "classes": [
            {
                "class_id": class_id,
                "class_name": series.names[class_id],
                "samples": int((rows := series.class_id == class_id).sum()),
                "stable": int((found.selected & rows).sum()),
                "changed": int((changed & rows).sum()),
                "with_uncertain_years": int((lost & rows).sum()),
                "labels": int((found.label == class_id).sum()),
            }
            for class_id in series.class_ids
        ],
        "years": [
            {"year": year, **{name: int((status[:, k] == number).sum()) for number, name in enumerate(STATUSES)}}
            for k, year in enumerate(series.years)
        ],
        **found.facts,
    }
