"""Names of Landsat scenes: `LC08_L2SP_012031_20200704_20200910_02_T1`, and of their files."""

import re
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from stactools_esd.errors import RasterError
from stactools_esd.sources.landsat_qa import SENSORS, Sensor

_NAME = re.compile(
    r"(?P<scene>(?P<mission>L[A-Z]\d\d)_(?P<level>L\d\w\w)_(?P<path>\d{3})(?P<row>\d{3})_(?P<acquired>\d{8})"
    r"(?:_(?P<processed>\d{8}))?_(?P<collection>\d\d)_(?P<tier>T1|T2|RT))(?:_(?P<layer>\w+))?"
)
_LIKE_LANDSAT = re.compile(r"L[A-Z]\d\d?_?[\dL]")
_COLLECTION = "02"
_LEVELS = ("L2SP", "L2SR")


@dataclass(frozen=True, kw_only=True)
class SceneName:
    """What the name of a Collection 2 Level-2 scene says."""

    text: str
    """The name itself; STAC items may leave out the date of processing."""

    mission: str
    """Sensor and satellite, e.g. `LC08`."""

    path_row: str
    """Place in the Worldwide Reference System, six digits."""

    date: np.datetime64
    """Day on which the scene was seen."""

    @property
    def sensor(self) -> Sensor:
        """The instrument."""
        return SENSORS[self.mission]

    @property
    def observation(self) -> tuple[str, str, str]:
        """What was seen, however often it was processed: satellite, path and row, and day."""
        return self.mission[2:], self.path_row, str(self.date)


def looks_like_landsat(text: str) -> bool:
    """Tell whether a name is that of some Landsat file, of whatever collection and level."""
    return _LIKE_LANDSAT.match(text) is not None


def split_name(text: str) -> tuple[str, str]:
    """Split a file name without suffix into scene and layer, e.g. `SR_B2`; the layer is empty where there is none.

    A name that cannot be split is all scene.
    """
    match = _NAME.fullmatch(text)
    return (text, "") if match is None else (match["scene"], match["layer"] or "")


def is_scene(text: str) -> bool:
    """Tell whether a name is that of a scene that can be read."""
    try:
        parse_name(text)
    except RasterError:
        return False
    return True


def parse_name(text: str) -> SceneName:
    """Read the name of a scene.

    Raises:
        RasterError: It is no name of a Collection 2 Level-2 scene of Landsat 4 to 9, TM, ETM+ or OLI.
    """
    match = _NAME.fullmatch(text)
    expected = "expected a Collection 2 Level-2 scene such as LC08_L2SP_012031_20200704_20200910_02_T1"
    if match is None or match["layer"]:
        raise RasterError(f"got {text}, {expected}; give scenes under the names that USGS gave them")
    if match["collection"] != _COLLECTION:
        raise RasterError(
            f"got {text} of Collection {int(match['collection'])}, {expected}; get the scene from Collection 2"
        )
    if match["level"] not in _LEVELS:
        raise RasterError(
            f"got {text} of Level-{match['level'][1]} ({match['level']}), {expected}; get its surface reflectance"
        )
    if match["mission"] not in SENSORS:
        raise RasterError(f"got {text} of {match['mission']}, expected one of {', '.join(SENSORS)}; leave it out")
    try:
        day = datetime.strptime(match["acquired"], "%Y%m%d").date()
    except ValueError as error:
        raise RasterError(f"got {text} with the date {match['acquired']}, {expected}; correct the name") from error
    return SceneName(
        text=text, mission=match["mission"], path_row=match["path"] + match["row"], date=np.datetime64(day, "D")
    )
