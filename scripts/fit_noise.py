"""Fit the noise of real single-date observations once, and write stactools_esd/simulation/noise.json.

    python scripts/fit_noise.py DATA [OUT]

Only sets of the training role with single dates are used. The residual of a clear, screened observation is its
distance from the straight line between its two neighbours in time, divided by sqrt(1 + w^2 + (1 - w)^2), w the weight
of the earlier one: the pseudo-residual of Gasser, Sroka and Jennen-Steinmetz (1986, Biometrika 73, 625-633), whose
variance is that of the noise where the series is smooth. Triples longer than 34 days or with snow are left out.
Curvature of the season stays in it, so the noise is an upper estimate. Outliers are found round by round, judged by
neighbours that are none themselves. Each place weighs the same.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder.data import place_on_days, read_series
from stactools_esd.encoder.real_sets import REAL_SETS
from stactools_esd.files import sha256_file, write_json
from stactools_esd.product import BANDS
from stactools_esd.seamless import screen
from stactools_esd.simulation.observation import CLOUD

OUT = Path(__file__).parent.parent / "stactools_esd" / "simulation" / "noise.json"
SETS = {
    "harvard_first_150": 1.0,
    "single_pixels": 1.0,
    "brazil_cube_2018": 1.0,
    "flanders_a_sentinel2": 0.5,
    "flanders_a_landsat8": 0.5,
}
"""Sets and their weights; the two of Flanders are one place."""

LONGEST = 34
"""Days between the neighbours of a judged observation."""

LIMIT = 5.0
"""Standard deviations in any band from which an observation is an outlier."""

ROUNDS = 3
FEWEST = 6
QUANTILES = np.linspace(0, 1, 41)


@dataclass
class Residuals:
    """Pseudo-residuals of the observations of one set, or of several."""

    value: NDArray[np.float64]
    """Normalised residual (n, 6)."""

    level: NDArray[np.float64]
    """What the neighbours say (n, 6)."""

    weight: NDArray[np.float64]
    """Weight (n,), summing to that of the set."""

    follower: NDArray[np.int64]
    """Position of the residual three observations later in the same series, -1 for none (n,)."""

    lag: NDArray[np.int64]
    """Days to the follower (n,)."""

    source: NDArray[np.int64]
    """Position of the observation in the flat list of all of the set (n,)."""


Observed = list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]]
"""Days (t,), values (t, 6) and whether each shows snow (t,), one entry a pixel-year."""


def observed_years(data: Path, name: str) -> Observed:
    """Read the clear, screened observations of a set, one entry a pixel-year."""
    series = read_series(data, name)
    if REAL_SETS[name].windows == "own":
        starts = [np.nanmin(series.dates, axis=1)]
    else:
        first, last = (int(str(day)[:4]) for day in (np.nanmin(series.dates), np.nanmax(series.dates)))
        starts = [np.array(f"{year}-01-01", "datetime64[D]") for year in range(first, last + 1)]
    placed = (place_on_days(series.reflectance, series.dates, start) for start in starts)
    return [year for part in placed for year in listed(screen(part))]


def listed(placed: NDArray[np.float32]) -> Observed:
    """List the observations of pixel-years (n, 365, 6) that have enough whole ones."""
    years: Observed = []
    whole = ~np.isnan(placed).any(axis=2)
    for pixel in np.flatnonzero(whole.sum(axis=1) >= FEWEST):
        days = np.flatnonzero(whole[pixel])
        values = placed[pixel, days].astype(float)
        ratio = (values[:, 1] - values[:, 4]) / np.maximum(values[:, 1] + values[:, 4], 1e-6)
        years.append((days, values, (ratio > 0.4) & (values[:, 1] > 0.12) & (values[:, 3] > 0.11)))
    return years


def residuals(years: Observed, outlier: NDArray[np.bool_], weight: float, *, judged: str) -> Residuals:
    """Residuals of a set, from neighbours that are no outliers.

    Args:
        years: Observations.
        outlier: Whether each observation of the flat list is known to be one.
        weight: Weight of the set.
        judged: "all" for every observation, "sound" for those that are no outliers.
    """
    value, level, follower, lag, source, offset, found = [], [], [], [], [], 0, 0
    for days, values, snow in years:
        bad = outlier[offset : offset + len(days)]
        sound = np.flatnonzero(~bad)
        candidates = sound if judged == "sound" else np.arange(len(days))
        place = np.searchsorted(sound, candidates)
        left, right = place - 1, place + (~bad[candidates]).astype(int)
        inside = (left >= 0) & (right < len(sound))
        here, left, right = candidates[inside], sound[left[inside]], sound[right[inside]]
        near = (days[right] - days[left] <= LONGEST) & ~(snow[here] | snow[left] | snow[right])
        here, left, right = here[near], left[near], right[near]
        share = ((days[right] - days[here]) / (days[right] - days[left]))[:, None]
        expected = share * values[left] + (1 - share) * values[right]
        value.append((values[here] - expected) / np.sqrt(1 + share**2 + (1 - share) ** 2))
        level.append(np.maximum(expected, 0))
        third = np.arange(len(here)) + 3
        known = third < len(here)
        follower.append(np.where(known, found + third, -1))
        last = np.minimum(third, len(here) - 1)
        lag.append(np.where(known, days[here[last]] - days[here], 0) if len(here) else np.zeros(0, int))
        source.append(offset + here)
        offset, found = offset + len(days), found + len(here)
    return Residuals(
        value=np.concatenate(value),
        level=np.concatenate(level),
        weight=np.full(found, weight / max(found, 1)),
        follower=np.concatenate(follower),
        lag=np.concatenate(lag),
        source=np.concatenate(source),
    )


def joined(parts: list[Residuals]) -> Residuals:
    """Join the residuals of all sets."""
    starts = np.cumsum([0, *(len(part.value) for part in parts[:-1])])
    return Residuals(
        value=np.concatenate([part.value for part in parts]),
        level=np.concatenate([part.level for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
        follower=np.concatenate(
            [np.where(part.follower >= 0, part.follower + start, -1) for part, start in zip(parts, starts, strict=True)]
        ),
        lag=np.concatenate([part.lag for part in parts]),
        source=np.concatenate([part.source for part in parts]),
    )


def fit_variance(found: Residuals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Absolute part and part relative to the reflectance, as standard deviations (6,) each."""
    absolute, relative = np.zeros(len(BANDS)), np.zeros(len(BANDS))
    for band in range(len(BANDS)):
        level, square = found.level[:, band], found.value[:, band] ** 2
        order = np.argsort(level)
        total = np.cumsum(found.weight[order])
        groups = np.split(order, np.searchsorted(total, total[-1] * np.arange(1, 12) / 12))
        x = np.array([np.average(level[g] ** 2, weights=found.weight[g]) for g in groups])
        y = np.array([np.average(square[g], weights=found.weight[g]) for g in groups])
        # Two rounds of weights: the error of a variance is in proportion to it.
        fitted = y.copy()
        for _ in range(4):
            w = 1 / np.maximum(fitted, 1e-7) ** 2
            mx, my = np.average(x, weights=w), np.average(y, weights=w)
            slope = max(np.average((x - mx) * (y - my), weights=w) / np.average((x - mx) ** 2, weights=w), 0.0)
            base = my - slope * mx
            if base < 0:
                base, slope = 0.0, np.average(y * x, weights=w) / np.average(x * x, weights=w)
            fitted = base + slope * x
        absolute[band], relative[band] = np.sqrt(base), np.sqrt(slope)
    return absolute, relative


def standardised(found: Residuals, absolute: NDArray[np.float64], relative: NDArray[np.float64]) -> NDArray[np.float64]:
    """Residuals over their standard deviation (n, 6)."""
    return found.value / np.sqrt(absolute**2 + (relative * found.level) ** 2)


def quantiles(values: NDArray[np.float64], weights: NDArray[np.float64]) -> list[float]:
    """Weighted quantiles at 0, 2.5, .. 100 %."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    at = np.interp(QUANTILES, (total - 0.5 * weights[order]) / total[-1], values[order])
    return [round(float(value), 4) for value in at]


def intervals(sets: dict[str, Observed]) -> list[float]:
    """Quantiles of the days between clear observations of a pixel-year, sets weighing alike."""
    days = {name: np.concatenate([np.diff(days) for days, _, _ in years]) for name, years in sets.items()}
    values = np.concatenate(list(days.values())).astype(float)
    weights = np.concatenate([np.full(len(d), SETS[name] / len(d)) for name, d in days.items()])
    order = np.argsort(values)
    reached = np.searchsorted(np.cumsum(weights[order]) / weights.sum(), QUANTILES).clip(0, len(values) - 1)
    return [int(value) for value in values[order][reached]]


@dataclass
class Fit:
    """Size of the noise, and what it was fitted to."""

    outlier: dict[str, NDArray[np.bool_]]
    """Whether each observation of each set is an outlier."""

    sound: Residuals
    """Residuals of the others, from the others."""

    absolute: NDArray[np.float64]
    """Constant part of the standard deviation (6,)."""

    relative: NDArray[np.float64]
    """Part in proportion to the reflectance (6,)."""


def fit_size(sets: dict[str, Observed], weights: dict[str, float]) -> Fit:
    """Find outliers and the size of the noise, in turns."""
    outlier = {name: np.zeros(sum(len(days) for days, _, _ in years), bool) for name, years in sets.items()}
    absolute, relative = np.full(len(BANDS), 0.004), np.full(len(BANDS), 0.06)
    for step in range(ROUNDS + 1):
        if step:
            for name, years in sets.items():
                found = residuals(years, outlier[name], weights[name], judged="all")
                size = np.zeros(len(outlier[name]))
                size[found.source] = np.abs(standardised(found, absolute, relative)).max(axis=1)
                before, after = np.concatenate([[0], size[:-1]]), np.concatenate([size[1:], [0]])
                # A cloud makes its neighbours look wrong too, so only the worst of three goes in a round.
                outlier[name] |= (size > LIMIT) & (size >= before) & (size >= after)
        sound = joined([residuals(years, outlier[name], weights[name], judged="sound") for name, years in sets.items()])
        absolute, relative = fit_variance(sound)
    return Fit(outlier=outlier, sound=sound, absolute=absolute, relative=relative)


def main() -> None:
    """Fit, print and write."""
    data, out = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else OUT
    sets = {name: observed_years(data, name) for name in SETS}
    fit = fit_size(sets, SETS)
    outlier, sound, absolute, relative = fit.outlier, fit.sound, fit.absolute, fit.relative
    z = standardised(sound, absolute, relative)
    covariance = (z * sound.weight[:, None]).T @ z / sound.weight.sum()
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    time = {}
    pairs = sound.follower >= 0
    for low, high in ((0, 16), (16, 32), (32, 64), (64, 128)):
        chosen = np.flatnonzero(pairs & (sound.lag > low) & (sound.lag <= high))
        both = (z[chosen] * z[sound.follower[chosen]]).mean(axis=1)
        time[f"{low}-{high}"] = round(float(np.average(both, weights=sound.weight[chosen])), 3)
    kurtosis = np.array(
        [np.average(z[:, b] ** 4, weights=sound.weight) / covariance[b, b] ** 2 for b in range(len(BANDS))]
    )
    every = joined([residuals(years, outlier[name], SETS[name], judged="all") for name, years in sets.items()])
    flat = np.concatenate(
        [outlier[name][residuals(sets[name], outlier[name], 1.0, judged="all").source] for name in sets]
    )
    bright = flat & (every.value.sum(axis=1) > 0)
    dark = flat & ~bright
    # Residuals of outliers were divided for noise in the judged observation, so the whole distance is restored: about
    # sqrt(1.5) for neighbours at equal distance.
    distance = every.value * np.sqrt(1.5)
    towards = CLOUD - every.level
    cover = (distance * towards).sum(axis=1) / (towards**2).sum(axis=1)
    shade = -(distance * every.level).sum(axis=1) / (every.level**2).sum(axis=1)
    total = every.weight.sum()
    counts = [len(residuals(years, outlier[name], 1.0, judged="all").value) for name, years in sets.items()]
    content = {
        "name": "frozen-noise-1",
        "fitted_on": {
            name: {
                "pixel_years": len(sets[name]),
                "observations": int(outlier[name].size),
                "residuals": count,
                "weight": SETS[name],
            }
            for name, count in zip(sets, counts, strict=True)
        },
        "bands": list(BANDS),
        "absolute": [round(float(value), 5) for value in absolute],
        "relative": [round(float(value), 4) for value in relative],
        "highest": [quantiles(sound.level[:, band], sound.weight)[-2] for band in range(len(BANDS))],
        # Kurtosis of Student's t: 3 + 6 / (freedom - 4).
        "degrees_of_freedom": round(4 + 6 / (float(kurtosis.mean()) - 3), 1),
        "band_correlation": [[round(float(value), 3) for value in row] for row in correlation],
        "interval_days": intervals(sets),
        "cloud_share": round(float(every.weight[bright].sum() / total), 4),
        "cloud_opacity": quantiles(cover[bright].clip(0.005, 0.9), every.weight[bright]),
        "shadow_share": round(float(every.weight[dark].sum() / total), 4),
        "shadow_depth": quantiles(shade[dark].clip(0.005, 0.9), every.weight[dark]),
        "checked": {
            "time_correlation_of_residuals_by_lag_days": time,
            "kurtosis_of_standardised_residuals": [round(float(value), 2) for value in kurtosis],
        },
    }
    write_json(out, content)
    for key, value in content.items():
        print(f"{key}: {value}")
    for name, years in sets.items():
        found = residuals(years, outlier[name], 1.0, judged="sound")
        size = np.sqrt((standardised(found, absolute, relative) ** 2).mean(axis=0))
        share = outlier[name][residuals(years, outlier[name], 1.0, judged="all").source].mean()
        print(f"{name}: {len(found.value)} residuals, {size.round(2)} times the fitted size, outliers {share:.3f}")
    print(f"sha256 {sha256_file(out)}")


if __name__ == "__main__":
    main()
