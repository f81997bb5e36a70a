"""Labelled places met with the codes of both their years."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from esd_tasks.change.distances import pair_distances
from esd_tasks.change.reference import NO_CHANGE, PairLabels
from esd_tasks.codes_item import CodesItem, by_year
from esd_tasks.failures import Failures
from esd_tasks.mosaic import Mosaic
from esd_tasks.samples import FEW_CLEAR, Samples, extract
from esd_tasks.target import WGS84, transformer
from esd_tasks.training_pixels import TrainingPixels
from stactools_esd.errors import LabelsError, NothingFoundError

NO_EARLIER: Final = "no codes in the earlier year"
"""Why a place with codes of the later year is left out."""


@dataclass(frozen=True, kw_only=True)
class PairSamples:
    """Labelled pixels with the codes of both years; n of them."""

    samples: Samples
    """Codes of the later year, classes, places and groups."""

    before: NDArray[np.uint16]
    """Codes of the earlier year, (n, 12)."""

    year_before: NDArray[np.int64]
    """The earlier year, (n,)."""

    clear: NDArray[np.int64]
    """Clear observations of the poorer year, (n,)."""

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Which changed, (n,)."""
        return np.asarray(self.samples.class_id != NO_CHANGE)

    @property
    def training_pixels(self) -> TrainingPixels:
        """Their places and years, to be kept beside what was learnt from them."""
        samples = self.samples
        return TrainingPixels.of(samples.lon, samples.lat, samples.year, self.year_before)

    def distances(self, measure: str) -> NDArray[np.float32]:
        """Return the level or the cosine distance of both years, (n,)."""
        level, cosine = pair_distances(self.before, self.samples.codes)
        return level if measure == "level" else cosine


def pair_samples(
    pairs: PairLabels,
    items: Sequence[CodesItem],
    *,
    min_clear: int,
    seed: int,
    least_classes: int = 2,
    failures: Failures | None = None,
) -> PairSamples:
    """Read the codes of both years of labelled pixels; those that lack one are left out and counted.

    Args:
        pairs: What changed where.
        items: Items of all years; tiles that lack a year are passed over in all.
        min_clear: Pixels with fewer clear observations in either year are left out.
        seed: Decides which pixels of a large polygon are drawn.
        least_classes: Classes that must be left.
        failures: Hears of items that cannot be read, whose places are then left out; None raises their errors.

    Raises:
        NothingFoundError: A year has no items, or nothing lies in them.
        LabelsError: Too few classes are left.
        EsdError: The first failure, where too little is left because of failures.
    """
    try:
        return _read_pairs(pairs, items, min_clear, seed, least_classes, failures)
    except (NothingFoundError, LabelsError) as error:
        if failures is not None and failures.first is not None:
            raise failures.first from error
        raise


def _read_pairs(
    pairs: PairLabels,
    items: Sequence[CodesItem],
    min_clear: int,
    seed: int,
    least_classes: int,
    failures: Failures | None,
) -> PairSamples:
    of_year = by_year(items)
    if missing := sorted(set(pairs.years) - set(of_year)):
        raise NothingFoundError(
            f"got places of {', '.join(map(str, missing))}, expected years of the catalogue here: "
            f"{', '.join(map(str, of_year)) or 'none'}; leave them out or add items of their years"
        )
    common = set.intersection(*({item.tile for item in of_year[year]} for year in pairs.years))
    parts = [_of_pair(pairs, pair, of_year, common, min_clear, seed, failures) for pair in pairs.pairs]
    joined = _joined([part for part in parts if part is not None], pairs.labels.names)
    if len(np.unique(joined.samples.class_id)) < least_classes:
        raise LabelsError(
            f"got {len(joined.clear)} pixels with codes in both years, of {len(np.unique(joined.samples.class_id))} "
            f"class, expected {least_classes}; give more places, changed and unchanged"
        )
    return joined


def _of_pair(
    pairs: PairLabels,
    pair: tuple[int, int],
    of_year: Mapping[int, Sequence[CodesItem]],
    tiles: set[str],
    min_clear: int,
    seed: int,
    failures: Failures | None,
) -> PairSamples | None:
    """Read the samples of one pair of years."""
    labels = pairs.labels
    members = np.flatnonzero((pairs.before == pair[0]) & (labels.year == pair[1]))
    part = replace(
        labels,
        geometry=labels.geometry[members],
        class_id=labels.class_id[members],
        year=np.full(len(members), pair[1]),
    )
    items = [[item for item in of_year[year] if item.tile in tiles] for year in pair]
    try:
        after = extract(part, {pair[1]: items[1]}, seed=seed, least_classes=1, failures=failures)
    except LabelsError:  # nothing of this pair is left; what is left of all pairs is looked at in the end
        return None
    with Mosaic(items[0], on_failure=None if failures is None else failures.hear) as mosaic:
        before = mosaic.read_points(after.lon, after.lat)
    dropped = dict(after.dropped)
    cloudy = (before.valid & (before.clear_obs < min_clear)) | (after.clear_obs < min_clear)
    for reason, rows in ((NO_EARLIER, ~before.valid & ~cloudy), (FEW_CLEAR, cloudy)):
        if rows.any():
            dropped[reason] = {NO_CHANGE: int(rows.sum())}
    kept = np.flatnonzero(before.valid & ~cloudy)
    columns = ("codes", "clear_obs", "class_id", "year", "x", "y", "lon", "lat")
    samples = replace(
        after,
        group=members[after.group[kept]],
        dropped=dropped,
        min_clear=min_clear,
        **{name: getattr(after, name)[kept] for name in columns},
    )
    return PairSamples(
        samples=samples,
        before=before.codes[kept],
        year_before=np.full(len(kept), pair[0]),
        clear=np.minimum(before.clear_obs[kept], after.clear_obs[kept]).astype(np.int64),
    )


def _joined(parts: Sequence[PairSamples], names: Mapping[int, str]) -> PairSamples:
    """Join the samples of several pairs of years."""
    if not parts or not sum(len(part.clear) for part in parts):
        raise NothingFoundError(
            "got no labelled place with codes in both years, expected some; check places, years and --min-clear"
        )
    columns = ("codes", "clear_obs", "class_id", "group", "year", "x", "y", "lon", "lat")
    fields: dict[str, Any] = {name: np.concatenate([getattr(part.samples, name) for part in parts]) for name in columns}
    if len({part.samples.crs for part in parts}) > 1:
        fields |= _true_to_distance(fields["lon"], fields["lat"])
    total: Counter[str] = Counter()
    for part in parts:
        total.update({reason: sum(counts.values()) for reason, counts in part.samples.dropped.items()})
    samples = replace(
        parts[0].samples,
        names=dict(names),
        dropped={reason: {NO_CHANGE: n} for reason, n in total.items()},
        **fields,
    )
    return PairSamples(
        samples=samples,
        before=np.concatenate([part.before for part in parts]),
        year_before=np.concatenate([part.year_before for part in parts]),
        clear=np.concatenate([part.clear for part in parts]),
    )


def _true_to_distance(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> dict[str, Any]:
    """Return places of several UTM zones in metres from their middle."""
    east, north = np.deg2rad(lon), np.deg2rad(lat)
    across, along, up = np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)
    middle_lon = np.rad2deg(np.arctan2(along.mean(), across.mean()))
    middle_lat = np.rad2deg(np.arctan2(up.mean(), np.hypot(across.mean(), along.mean())))
    crs = CRS.from_string(f"+proj=aeqd +lat_0={middle_lat:.2f} +lon_0={middle_lon:.2f} +datum=WGS84 +units=m")
    x, y = transformer(WGS84, crs).transform(lon, lat)
    return {"x": x, "y": y, "crs": crs.to_string()}
