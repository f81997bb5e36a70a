"""The real series that training and judging know: who may be used for what.

The data are not part of the project. Roles are fixed here and nowhere else: `train` sets feed the optimiser, `dev`
sets may tune recipes, `test` sets are scored once for a frozen recipe. Only sets with an open licence may train weights
that ship.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from stactools_esd.encoder.readers import (
    Arrays,
    Series,
    brazil_cube,
    composites,
    cube,
    harvard_row,
    interpolated,
    single_pixels,
    tundra,
)

Role = Literal["train", "dev", "test"]


@dataclass(frozen=True, kw_only=True)
class RealSet:
    """A set of real series and what it may be used for."""

    name: str
    """Name in configurations, figures and cards."""

    path: str
    """File under the data folder."""

    role: Role
    """What it may be used for."""

    licence: str
    """As its origin states it."""

    read: Callable[[Arrays], Series]
    """Arrays of the file to series."""

    windows: Literal["calendar", "own", "both"]
    """365-day windows: calendar years; from each pixel's first date; or calendar years and years from 1 July."""

    min_observations: int
    """Fewest dates in a window that make it worth using."""

    screened: bool = False
    """Whether leftover clouds are screened as `seamless.prepare` does: for series of single dates, not composites."""

    dated: bool = False
    """Whether each date is an observation of its own, so that some can be left out and asked for."""

    share: float = 1.0
    """How often training draws from this set, relative to the others."""


_POINTS = "worldcereal_s2_points"
_LANDSAT = "landsat_longterm_pixels"

REAL_SETS: Final[Mapping[str, RealSet]] = {
    entry.name: entry
    for entry in (
        # -- train: open licences, used without labels
        RealSet(
            name="harvard_first_150",
            path=f"{_LANDSAT}/harvard_forest_p013r030_row.npz",
            role="train",
            licence="MIT",
            read=harvard_row(0, 150),
            windows="both",
            min_observations=6,
            screened=True,
            dated=True,
            share=2.0,
        ),
        RealSet(
            name="single_pixels",
            path=f"{_LANDSAT}/single_pixels.npz",
            role="train",
            licence="Unlicense / Apache-2.0",
            read=single_pixels,
            windows="both",
            min_observations=6,
            screened=True,
            dated=True,
        ),
        RealSet(
            name="tundra_noatak",
            path="landsat_tundra_points/noatak_alaska.npz",
            role="train",
            licence="MIT (modified: citation of Berner et al. 2022)",
            read=tundra,
            windows="calendar",
            min_observations=5,
            screened=True,
            dated=True,
            share=0.4,
        ),
        RealSet(
            name="tundra_itex",
            path="landsat_tundra_points/itex_tundra_sites.npz",
            role="train",
            licence="MIT (modified: citation of Berner et al. 2022)",
            read=tundra,
            windows="calendar",
            min_observations=5,
            screened=True,
            dated=True,
            share=0.3,
        ),
        RealSet(
            name="corsica_2022",
            path=f"{_POINTS}/corsica_france_2022_monthly.npz",
            role="train",
            licence="MIT",
            read=composites,
            windows="both",
            min_observations=9,
            share=1.5,
        ),
        RealSet(
            name="east_africa_2017",
            path=f"{_POINTS}/east_africa_2017_monthly.npz",
            role="train",
            licence="MIT",
            read=composites,
            windows="own",
            min_observations=9,
            share=1.5,
        ),
        RealSet(
            name="france_2023",
            path=f"{_POINTS}/france_2023_dekadal.npz",
            role="train",
            licence="MIT",
            read=composites,
            windows="both",
            min_observations=9,
            share=1.5,
        ),
        RealSet(
            name="flanders_2021",
            path=f"{_POINTS}/flanders_2021_monthly.npz",
            role="train",
            licence="MIT",
            read=composites,
            windows="both",
            min_observations=9,
            share=0.5,
        ),
        RealSet(
            name="brazil_cube_2018",
            path="amazon_s2_6band/bdc_1446.npz",
            role="train",
            licence="MIT",
            read=brazil_cube,
            windows="own",
            min_observations=8,
            screened=True,
            dated=True,
            share=2.0,
        ),
        RealSet(
            name="flanders_a_sentinel2",
            path="worldcereal_cubes/flanders_2017_18_31UDS.npz",
            role="train",
            licence="MIT",
            read=cube(""),
            windows="both",
            min_observations=10,
            screened=True,
            dated=True,
        ),
        RealSet(
            name="flanders_a_landsat8",
            path="worldcereal_cubes/flanders_2017_18_31UDS.npz",
            role="train",
            licence="MIT",
            read=cube("L8_"),
            windows="both",
            min_observations=6,
            screened=True,
            dated=True,
            share=0.3,
        ),
        RealSet(
            name="flanders_c_landsat8",
            path="worldcereal_cubes/flanders_2018_19_c.npz",
            role="train",
            licence="MIT",
            read=cube("L8_"),
            windows="both",
            min_observations=6,
            screened=True,
            dated=True,
            share=0.3,
        ),
        # -- dev: recipes may be tuned on them
        RealSet(
            name="rondonia_a",
            path="amazon_s2_6band/rondonia_A.npz",
            role="dev",
            licence="MIT",
            read=interpolated,
            windows="own",
            min_observations=8,
        ),
        RealSet(
            name="matogrosso",
            path="matogrosso_modis_4band/mt_modis_mod13q1.npz",
            role="dev",
            licence="GPL-2 (evaluation only)",
            read=composites,
            windows="own",
            min_observations=8,
            dated=True,
        ),
        RealSet(
            name="romania",
            path="romania_s2_forest_cube/cube.npz",
            role="dev",
            licence="EUPL-1.2",
            read=cube(""),
            windows="calendar",
            min_observations=10,
            screened=True,
            dated=True,
        ),
        # -- test: scored once for a frozen recipe
        RealSet(
            name="harvard_last_120",
            path=f"{_LANDSAT}/harvard_forest_p013r030_row.npz",
            role="test",
            licence="MIT",
            read=harvard_row(180, 300),
            windows="calendar",
            min_observations=6,
            screened=True,
            dated=True,
        ),
        RealSet(
            name="global_monthly_a",
            path=f"{_POINTS}/global_monthly_a.npz",
            role="test",
            licence="not stated (evaluation only)",
            read=composites,
            windows="own",
            min_observations=9,
        ),
        RealSet(
            name="canada_2017",
            path=f"{_POINTS}/canada_2017_monthly.npz",
            role="test",
            licence="not stated (evaluation only)",
            read=composites,
            windows="calendar",
            min_observations=9,
        ),
    )
}
"""Every real set that this project knows, by name."""


def names(role: Role) -> list[str]:
    """List the sets of a role."""
    return [entry.name for entry in REAL_SETS.values() if entry.role == role]
