"""Fixtures that many tests share: golden files and two tiny codes rasters."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import synthetic
from golden_files import Golden, compare
from hypothesis import HealthCheck, settings

from stactools_esd import grid
from stactools_esd.cog import write_codes

# A busy machine must not fail a property; a submission is judged on the same examples every time.
settings.register_profile(
    "esd", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("esd")


@pytest.fixture
def golden() -> Golden:
    """Compare JSON content with `tests/golden/<name>.json`; `ESD_REGENERATE=1` writes the file instead."""
    return compare


@pytest.fixture
def area_cog(tmp_path: Path) -> Path:
    """A codes COG of ours: the custom area `demo`, 2020, 48 rows by 64 columns."""
    path = tmp_path / "codes" / "ESD_esdnet-small-v1_xdemo_2020.tif"
    write_codes(
        path,
        synthetic.patchy_codes(1, 48, 64),
        synthetic.counts(1, 48, 64),
        transform=synthetic.AREA_TRANSFORM,
        crs=synthetic.AREA_CRS,
        tags=synthetic.tags(software="stactools-esd 0.1.0", sources=("simulated landscape, seed 1",)),
    )
    return path


@pytest.fixture
def official_tile(tmp_path: Path) -> Path:
    """A window of 40 by 40 pixels of an official tile, untagged, under its official name."""
    path = tmp_path / "official" / "SDC30_EBD_V001_50TMK_2020.tif"
    path.parent.mkdir()
    codes, counts = synthetic.patchy_codes(2, 40, 40), synthetic.counts(2, 40, 40)
    return synthetic.write_official(path, codes, counts, transform=grid.tile("50TMK").transform, crs="EPSG:32650")


@pytest.fixture(scope="session")
def road(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo was run into `demo/`: the whole road on a simulated landscape."""
    folder = tmp_path_factory.mktemp("road")
    script = Path(__file__).parent.parent / "examples" / "demo.py"
    subprocess.run([sys.executable, script, "demo"], cwd=folder, check=True, capture_output=True, text=True)
    return folder
