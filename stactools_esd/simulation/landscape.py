"""A simulated landscape: fields, forest, a river, a town and their changes, observed between clouds.

Everything is drawn from a seed. The map is made once; reflectance is made for the rows and dates asked for, so a large
landscape never lies in memory as daily series, and any rows equal those of the whole.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as reproject

from stactools_esd.errors import ObservationsError
from stactools_esd.observations import Dates, Observations, YearWindow
from stactools_esd.product import BANDS, PIXEL_SIZE
from stactools_esd.simulation.classes import CLASS_NAMES
from stactools_esd.simulation.history import ParcelYear, draw_history
from stactools_esd.simulation.land_use import CLEAR_CUT, draw_map, draw_parcels
from stactools_esd.simulation.noise import generator, smooth_noise
from stactools_esd.simulation.observation import CLOUD, add_sensor_noise
from stactools_esd.simulation.reflectance import clean_reflectance
from stactools_esd.simulation.sky import draw_clouds, draw_passes
from stactools_esd.simulation.traits import vary_pixels
from stactools_esd.simulation.weather import Weather, simulate_weather

DEFAULT_ORIGIN: Final = (520005.0, 5620035.0)
"""Upper left corner in EPSG:32631 (Flanders), on the half-pixel grid of the product's tiles."""

_COAST: Final = (0.25, 0.4)
_MAP, _FARM, _YEAR, _CLOUDS, _PIXELS = range(5)  # second number of every seed: what is drawn
_CHUNK_PIXELS: Final = 16384


class Landscape:
    """A simulated landscape with truth.

    Attributes:
        shape: Rows and columns.
        years: Years that can be observed.
        transform: From pixel corners (column, row) to coordinates of the CRS.
        crs: Coordinate reference system.
        terrain: Elevation in metres, slope and aspect in degrees, aspect NaN where flat (3, y, x).
        parcels: Number of each pixel's parcel (y, x).
        class_names: Names of the classes; a class_id is a position.
    """

    class_names = CLASS_NAMES

    def __init__(
        self,
        seed: int,
        *,
        size: tuple[int, int] = (128, 128),
        years: Sequence[int] = (2019, 2020),
        crs: str = "EPSG:32631",
        origin: tuple[float, float] = DEFAULT_ORIGIN,
    ) -> None:
        """Draw the map, the parcels and what happens to them.

        Args:
            seed: Any non-negative integer.
            size: Rows and columns, at least 32 each.
            years: Consecutive years; changes happen from the second on.
            crs: A metric coordinate reference system.
            origin: Upper left corner in it.

        Raises:
            ObservationsError: The size is too small, or the years are not consecutive.
        """
        if min(size) < 32:
            raise ObservationsError(f"got a landscape of {size} pixels, expected 32 x 32 or more; enlarge it")
        if not years or list(years) != list(range(years[0], years[0] + len(years))):
            raise ObservationsError(f"got years {list(years)}, expected one or more consecutive ones; fill the gaps")
        self.seed = seed
        self.shape = size
        self.years = tuple(years)
        self.crs = CRS.from_string(crs)
        self.transform = Affine(PIXEL_SIZE, 0, origin[0], 0, -PIXEL_SIZE, origin[1])
        centre = self.transform * (size[1] / 2, size[0] / 2)
        self.latitude = float(reproject(self.crs, "EPSG:4326", [centre[0]], [centre[1]])[1][0])
        self.terrain, zone = draw_map([seed, _MAP], size)
        self.parcels = draw_parcels([seed, _MAP, 7], zone)
        self._zones = zone.ravel()[np.unique(self.parcels, return_index=True)[1]]

    @cached_property
    def _states(self) -> dict[int, ParcelYear]:
        n = len(self._zones)
        count = np.bincount(self.parcels.ravel(), minlength=n)
        elevation = np.bincount(self.parcels.ravel(), weights=self.terrain[0].ravel(), minlength=n) / count
        return draw_history([self.seed, _FARM], self.years, self._zones, elevation, self.latitude)

    def _state(self, year: int) -> ParcelYear:
        if year not in self._states:
            raise ObservationsError(f"got the year {year}, expected one of {list(self.years)}; choose one of them")
        return self._states[year]

    def class_map(self, year: int) -> NDArray[np.uint8]:
        """Return the class_id of each pixel (y, x); after a change, the class that the year ends with.

        Raises:
            ObservationsError: The landscape does not have the year.
        """
        return self._state(year).class_id[self.parcels]

    def change_map(self, year: int) -> NDArray[np.uint8]:
        """Return what happened in a year to each pixel (y, x), as positions in `CHANGES`; nothing in the first year.

        Rotations come with the year, the others on a day of their parcel (`change_day`): from then on the series is of
        the class that `class_map` gives for the year. Shrubs on land burnt the year before are no change.

        Raises:
            ObservationsError: The landscape does not have the year.
        """
        return self._state(year).change[self.parcels]

    def change_day(self, year: int) -> NDArray[np.int64]:
        """Return the day, 20..109, on which forest was cut, land burnt or buildings rose (y, x); 0 elsewhere."""
        return self._state(year).day[self.parcels]

    def changed(self, year_a: int, year_b: int) -> NDArray[np.bool_]:
        """Tell where forest was cut, land burnt or buildings rose after one year and until another (y, x).

        Rotations of crops do not count.

        Raises:
            ObservationsError: The landscape does not have one of the years.
        """
        first, last = sorted((year_a, year_b))
        self._state(first)
        self._state(last)
        total = np.zeros(self.shape, np.bool_)
        for year in range(first + 1, last + 1):
            total |= self.change_map(year) >= CLEAR_CUT
        return total

    def dates(self, year: int) -> Dates:
        """Days of the satellite's passes that were not all cloud, every eighth day or fewer (t,).

        Raises:
            ObservationsError: The landscape does not have the year.
        """
        self._state(year)
        return YearWindow(year=year).days[draw_passes(self.seed, _CLOUDS, year)[0]]

    @cached_property
    def _weather(self) -> dict[int, Weather]:
        place = np.array([self.latitude], np.float32), self.terrain[0].mean(keepdims=True).ravel()
        return {
            year: simulate_weather(*place, generator(self.seed, _YEAR, year, 1), continental=_COAST)
            for year in self.years
        }

    def clean(self, year: int, days: NDArray[np.integer], rows: slice = slice(None)) -> NDArray[np.float32]:
        """Reflectance without noise or clouds on chosen days.

        Args:
            year: A year of the landscape.
            days: Days of the year, 0..364 (t,).
            rows: Rows without a step.

        Returns:
            Reflectance (t, 6, y, x).

        Raises:
            ObservationsError: The landscape does not have the year.
        """
        state = self._state(year)
        first, stop, _ = rows.indices(self.shape[0])
        step = max(_CHUNK_PIXELS // self.shape[1], 1)
        out = np.empty((len(days), len(BANDS), stop - first, self.shape[1]), np.float32)
        for row in range(first, stop, step):
            last = min(row + step, stop)
            pixels = self._clean_rows(state, year, days, slice(row, last))
            block = pixels.reshape(last - row, self.shape[1], len(days), len(BANDS))
            out[:, :, row - first : last - first] = block.transpose(2, 3, 0, 1)
        return out

    def _clean_rows(self, state: ParcelYear, year: int, days: NDArray[np.integer], rows: slice) -> NDArray[np.float32]:
        """Reflectance (n, t, 6) of rows, with mixed pixels along the borders of parcels."""
        own = self.parcels[rows].ravel()
        terrain = self.terrain[:, rows].reshape(3, -1).T
        spread = np.stack([
            generator(self.seed, _PIXELS, row).standard_normal((self.shape[1], 4), np.float32)
            for row in range(rows.start, rows.stop)
        ]).reshape(-1, 4)  # fmt: skip
        smooth = [smooth_noise([self.seed, _PIXELS, 1 + k], self.shape, 14, rows=rows).ravel() for k in range(2)]
        clean = self._reflect(state, year, days, own, terrain, spread, smooth)
        lines = np.arange(rows.start, rows.stop)
        beside = self.parcels[rows][:, np.minimum(np.arange(self.shape[1]) + 1, self.shape[1] - 1)].ravel()
        below = self.parcels[np.minimum(lines + 1, self.shape[0] - 1)].ravel()
        other = np.where(beside != own, beside, below)
        border = np.flatnonzero(other != own)
        if len(border):
            second = self._reflect(
                state, year, days, other[border], terrain[border], spread[border], [part[border] for part in smooth]
            )
            share = np.minimum(np.abs(spread[border, 3]) * 0.25, 0.5)[:, None, None]
            clean[border] = clean[border] * (1 - share) + second * share
        return clean

    def _reflect(
        self,
        state: ParcelYear,
        year: int,
        days: NDArray[np.integer],
        parcels: NDArray[np.int64],
        terrain: NDArray[np.float32],
        spread: NDArray[np.float32],
        smooth: list[NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        """Reflectance (n, t, 6) of pixels that belong to given parcels."""
        weather = self._weather[year]
        traits = vary_pixels(state.traits.take(parcels), terrain, spread, smooth)
        clean = clean_reflectance(traits, weather, days)
        hit = np.flatnonzero(state.day[parcels] > 0)
        if len(hit):
            before = vary_pixels(
                state.previous.take(parcels[hit]), terrain[hit], spread[hit], [part[hit] for part in smooth]
            )
            early = days[None] < state.day[parcels[hit]][:, None]
            clean[hit] = np.where(early[:, :, None], clean_reflectance(before, weather, days), clean[hit])
        return clean

    def observations(self, year: int, rows: slice | None = None) -> Observations:
        """Observe a year: about thirty to forty dates with clouds and shadows masked, but for their thin edges.

        Args:
            year: A year of the landscape.
            rows: Rows without a step; all by default. They equal the same rows of the whole.

        Raises:
            ObservationsError: The landscape does not have the year.
        """
        wanted = slice(*(rows or slice(None)).indices(self.shape[0]))
        days, cover = draw_passes(self.seed, _CLOUDS, year)
        reflectance = self.clean(year, days, wanted)
        height = reflectance.shape[2]
        noise = np.stack([
            generator(self.seed, _PIXELS, year, row).standard_normal(
                (len(days), len(BANDS) + 1, self.shape[1]), np.float32
            )
            for row in range(wanted.start, wanted.stop)
        ], axis=2) if height else np.zeros((len(days), len(BANDS) + 1, 0, self.shape[1]), np.float32)  # fmt: skip
        valid = np.ones(reflectance.shape, np.bool_)
        for position, share in enumerate(cover):
            cloud, shadow = draw_clouds([self.seed, _CLOUDS, year, position], self.shape, float(share), wanted)
            haze = generator(self.seed, _CLOUDS, year, position).gamma(0.7) - 0.5
            image = add_sensor_noise(reflectance[position], noise[position], haze=float(haze))
            image = image * (1 - cloud) + CLOUD[:, None, None] * cloud
            reflectance[position] = image * (1 - 0.6 * shadow)
            valid[position] = (cloud < 0.12) & (shadow < 0.25)
        return Observations(
            dates=YearWindow(year=year).days[days],
            reflectance=np.clip(reflectance, 0, 1.4),
            valid=valid,
            transform=self.transform * Affine.translation(0, wanted.start),
            crs=self.crs,
        )

    def sample_points(
        self, n_per_class: int, year: int, seed: int, edge: int = 1
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
        """Draw labelled points at pixel centres, away from the borders between classes.

        Args:
            n_per_class: Points of each class; classes with fewer such pixels give all they have.
            year: Year of the classes.
            seed: Any non-negative integer.
            edge: Pixels around a point, in rows and columns, that must be of its class.

        Returns:
            Coordinates x and y in the CRS and class_id, each (n,), ordered by class.

        Raises:
            ObservationsError: The landscape does not have the year.
        """
        classes = self.class_map(year)
        inner = np.zeros(self.shape, np.bool_)
        core = classes[edge : self.shape[0] - edge, edge : self.shape[1] - edge]
        same = np.ones(core.shape, np.bool_)
        for row in range(2 * edge + 1):
            for column in range(2 * edge + 1):
                same &= classes[row : row + core.shape[0], column : column + core.shape[1]] == core
        inner[edge : self.shape[0] - edge, edge : self.shape[1] - edge] = same
        rng = np.random.default_rng(seed)
        chosen = []
        for class_id in np.unique(classes):
            candidates = np.flatnonzero(inner & (classes == class_id))
            chosen.append(rng.permutation(candidates)[:n_per_class])
        rows, columns = np.divmod(np.concatenate(chosen), self.shape[1])
        x = self.transform.c + PIXEL_SIZE * (columns + 0.5)
        y = self.transform.f - PIXEL_SIZE * (rows + 0.5)
        return x, y, classes[rows, columns]
