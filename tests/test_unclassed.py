"""Places without classes: what is in the file is read or counted, nothing is silently lost."""

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from esd_tasks.unclassed import read_unclassed
from stactools_esd.errors import LabelsError, UsageError


def write(path: Path, layer: str = "plots") -> Path:
    """Write a point, an invalid polygon, an empty geometry and a point without a number."""
    bow = shapely.Polygon([(3, 50), (3.1, 50.1), (3.1, 50), (3, 50.1)])
    places = [shapely.Point(3, 50), bow, shapely.Point(), shapely.Point(3.2, 50)]
    columns = {"biomass": ["1.5", " 20 ", "3", None], "when": ["2019-07-01", "2020", "2020", "2020"]}
    geopandas.GeoDataFrame(columns, geometry=places, crs=4326).to_file(path, layer=layer)
    return path


def test_numbers_years_and_geometries_are_read_or_counted(tmp_path: Path) -> None:
    """Text that spells numbers and dates counts, bow ties are mended, gaps are dropped with their reason."""
    path = write(tmp_path / "plots.gpkg")
    labels, values = read_unclassed(path, name="plot", value_field="Biomass", year_field="when")
    assert values.tolist() == [1.5, 20]
    assert labels.year is not None
    assert labels.year.tolist() == [2019, 2020]
    assert labels.repaired == 1
    assert labels.dropped == {"empty geometry": 1, "no number in field biomass": 1}
    assert labels.names == {1: "plot"}


def test_without_a_field_every_place_counts(tmp_path: Path) -> None:
    """Examples have no number: NaN, and nothing but empty geometries is dropped."""
    labels, values = read_unclassed(write(tmp_path / "plots.gpkg"), name="example")
    assert len(labels.class_id) == 3
    assert np.isnan(values).all()


def test_what_cannot_be_chosen_is_asked_for(tmp_path: Path) -> None:
    """Several layers are listed; words in place of numbers and an absent field are errors that name the field."""
    path = write(tmp_path / "plots.gpkg")
    write(path, layer="more")
    with pytest.raises(UsageError, match="plots, more"):
        read_unclassed(path, name="plot")
    with pytest.raises(LabelsError, match="expected numbers"):
        read_unclassed(path, name="plot", layer="plots", value_field="when")
    with pytest.raises(UsageError, match="biomass"):
        read_unclassed(path, name="plot", layer="plots", value_field="height")
