"""Label series: the codes of labelled pixels in every year, whatever the year of their label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from esd_tasks.codes_item import CodesItem, by_year
from esd_tasks.failures import Failures
from esd_tasks.features import level_features
from esd_tasks.labels import Labels
from esd_tasks.samples import Samples, extract
from esd_tasks.series import Series
from stactools_esd.product import CHANNELS, STEPS


@dataclass(frozen=True, kw_only=True)
class LabelSeries:
    """Labelled pixels with all their years; n of them."""

    years: tuple[int, ...]
    """Calendar years, ascending, consecutive or not."""

    codes: NDArray[np.uint16]
    """Shape (n, years, 12); all 0 where a year has no data."""

    valid: NDArray[np.bool_]
    """Where a year has data and enough clear observations, (n, years)."""

    clear_obs: NDArray[np.uint16]
    """Clear observations, (n, years)."""

    class_id: NDArray[np.int64]
    """Class of the label, (n,)."""

    label_year: NDArray[np.int64]
    """Year of the label, (n,): one of `years`."""

    label: NDArray[np.int64]
    """Position of the label in the file's usable features, (n,): pixels of one polygon share it."""

    lon: NDArray[np.float64]
    """Degrees in WGS84, (n,)."""

    lat: NDArray[np.float64]
    """Degrees in WGS84, (n,)."""

    x: NDArray[np.float64]
    """Metres, (n,), in one CRS: distances between samples."""

    y: NDArray[np.float64]
    """Metres, (n,)."""

    names: Mapping[int, str]
    """Name of each class_id."""

    dropped: Mapping[str, int]
    """Pixels or labels left out, by reason."""

    def __len__(self) -> int:
        return len(self.class_id)

    @property
    def sample_id(self) -> NDArray[np.int64]:
        """Number of each sample from 1, (n,)."""
        return np.arange(1, len(self) + 1)

    @property
    def class_ids(self) -> tuple[int, ...]:
        """Classes that have samples, ascending."""
        return tuple(np.unique(self.class_id).tolist())

    @cached_property
    def levels(self) -> NDArray[np.uint8]:
        """Level indices, (n, years, 72); those of code 0 where a year has no data."""
        n, years = self.valid.shape
        return level_features(self.codes.reshape(-1, STEPS)).reshape(n, years, CHANNELS)

    @property
    def at_label(self) -> NDArray[np.intp]:
        """Position of the label's year among the years, (n,)."""
        return np.searchsorted(np.array(self.years), self.label_year)


def read_label_series(
    labels: Labels,
    items: Sequence[CodesItem],
    *,
    label_year: int | None,
    min_clear: int = 0,
    polygon_rule: str = "center",
    polygon_cap: int | None = 25,
    seed: int = 0,
    failures: Failures | None = None,
) -> LabelSeries:
    """Read the codes of labelled pixels in the years of all items.

    Pixels are chosen in the year of their label, as `classify` does; a pixel without codes in that year is left out,
    for nothing ties its label to the series.

    Args:
        labels: What was where.
        items: Items of all years, those of labels among them.
        label_year: Year of all labels that have none of their own.
        min_clear: Years with fewer clear observations count as without data.
        polygon_rule: `center` or `all-touched`.
        polygon_cap: Most pixels of one polygon; None for all.
        seed: Decides which pixels of a large polygon are drawn.
        failures: Hears of items that cannot be read; None raises their errors.

    Raises:
        EsdError: See `samples.extract` and `series.Series`.
    """
    hear = None if failures is None else failures.hear
    with Series(items, on_failure=hear) as series:
        samples = extract(
            labels,
            by_year(series.items),
            polygon_rule=polygon_rule,
            min_clear=min_clear,
            polygon_cap=polygon_cap,
            seed=seed,
            year=label_year if labels.year is None else None,
            failures=failures,
        )
        read = [points for _, points in series.read_points(samples.lon, samples.lat)]
        years = series.years
    clear_obs = np.stack([points.clear_obs for points in read], axis=1)
    valid = np.stack([points.valid for points in read], axis=1) & (clear_obs >= min_clear)
    return _joined(samples, years, np.stack([points.codes for points in read], axis=1), valid, clear_obs)


def _joined(
    samples: Samples,
    years: tuple[int, ...],
    codes: NDArray[np.uint16],
    valid: NDArray[np.bool_],
    clear_obs: NDArray[np.uint16],
) -> LabelSeries:
    order = np.lexsort((samples.lat, samples.lon, samples.group))
    return LabelSeries(
        years=years,
        codes=codes[order],
        valid=valid[order],
        clear_obs=clear_obs[order],
        class_id=samples.class_id[order].astype(np.int64),
        label_year=samples.year[order],
        label=samples.group[order],
        lon=samples.lon[order],
        lat=samples.lat[order],
        x=samples.x[order],
        y=samples.y[order],
        names=samples.names,
        dropped={reason: sum(counts.values()) for reason, counts in samples.dropped.items()},
    )
