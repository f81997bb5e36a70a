"""Where results lie when nobody says: beside the file of their place, and each year apart."""

from pathlib import Path

import pytest

from esd_tasks.addresses import address_of, beside
from esd_tasks.change.model_request import LandCoverRequest, TrainRequest
from esd_tasks.change.request import PairRequest, SeriesRequest
from esd_tasks.cluster import ClusterRequest
from esd_tasks.few_shot import FewShotRequest
from esd_tasks.learning_curve import CurveRequest
from esd_tasks.panel.request import PanelRequest
from esd_tasks.predict import PredictRequest
from esd_tasks.pull_request import PullRequest
from esd_tasks.regress_plan import RegressRequest
from esd_tasks.request import ClassifyRequest, MapRequest
from esd_tasks.similar import SimilarRequest

BOX = "3,50,4,51"
LABELS, AREA = Path("data/samples.gpkg"), Path("data/park.gpkg")

NAMES: dict[str, MapRequest] = {
    "data/samples-map": ClassifyRequest(labels=LABELS),
    "data/samples-map-2020": ClassifyRequest(labels=LABELS, geometry=AREA, year=2020),
    "data/samples-few-shot-2020": FewShotRequest(labels=LABELS, year=2020),
    "data/samples-learning-curve-2020": CurveRequest(labels=LABELS, year=2020),
    "data/samples-tree-height-2020": RegressRequest(labels=LABELS, target_field="tree height", year=2020),
    "data/samples-similar-2020": SimilarRequest(examples=LABELS, year=2020),
    "predict": PredictRequest(model=Path("map")),
    "predict-2019": PredictRequest(model=Path("map"), year=2019),
    "data/park-predict-2019": PredictRequest(model=Path("map"), geometry=AREA, year=2019),
    "clusters-2020": ClusterRequest(bbox=BOX, year=2020),
    "pull": PullRequest(bbox=BOX),
    "pull-2020": PullRequest(bbox=BOX, year=2020),
    "data/park-pull-2000-2010_2015": PullRequest(geometry=AREA, years="2000 - 2010, 2015"),
    "data/samples-pull-2019": PullRequest(points=LABELS, years="2019"),
    "data/park-panel-2015-2020": PanelRequest(units=AREA, years="2015-2020"),
    "change-pair-2015-2020": PairRequest(year1=2015, year2=2020, expected_rate=0.02),
    "change-series": SeriesRequest(),
    "change-series-2012-2020": SeriesRequest(years="2012-2020"),
    "data/park-change-land-cover-2012-2020": LandCoverRequest(model=Path("map"), geometry=AREA, years="2012-2020"),
    "data/samples-change-model": TrainRequest(labels=LABELS),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_year_has_its_own_folder(name: str) -> None:
    """The default is `<place>-<what is made>-<years>`: a second year is never refused for the first."""
    assert NAMES[name].output_or_default == Path(name)


def test_an_area_on_a_server_leaves_its_map_here() -> None:
    """Of an address the name alone is taken, without its signature; what the user asked is told without it too."""
    path = Path("https://example.org/areas/park.gpkg?sig=secret")
    assert address_of(path) == "https://example.org/areas/park.gpkg?sig=secret"
    assert beside(path, "map") == Path("park-map")
    request = PullRequest(geometry=path, year=2020)
    assert request.output_or_default == Path("park-pull-2020")
    assert "--geometry https://example.org/areas/park.gpkg --year" in request.command
    assert address_of(Path("https.gpkg")) is None
