"""Labels carried through 25 simulated years, judged by the truth: beside static labels and thresholded cosine.

    label_migration.py [--dev] [--vae]

Each landscape is a campaign of its own: up to 60 labels a class in 2015, years 2000 to 2024, codes of `esdnet-small`.
Everything was chosen on other landscapes (--dev judges two of them, with keys `labels.tuning.<measure>`); these were
looked at once, and a second time only to judge more rivals. Keys are `labels.<measure>`.

- `stable_precision`, `stable_recall`: samples selected as stable, whose class truly is the same in all years.
- `change_recall_pm1`, `change_precision_pm1`: events (a new class, a fire) with a change year found within a year, and
  change years found with an event or a return of burnt land within a year.
- `relabel_accuracy`: rows of status relabelled whose class is true; `row_accuracy`: all rows, uncertain ones wrong.
- `map_oa.static|migrated|true`: overall accuracy, over all pixels that are no sample, of maps of other years than the
  labels' trained on the codes of that year with these labels; `map_gap_closed`: (migrated - static) / (true - static).
- `anomaly_auc.*`: years whose class is another than the label's, against all others, by content, by time, by both, and
  with --vae by a variational autoencoder that is given the same, of three seeds (`vae`, `vae_seed_1`, `vae_seed_2`).
  `vae_minus_both` is their mean AUC minus that of `both`, of the same parcels drawn again.

`.cosine` says that a year has changed where the cosine distance to the label's year is above a limit, which is the one
of best balanced accuracy on the landscapes of tuning. These years are named by the classifier of `migrate-labels`, each
by itself (`label_migration_cosine.py`); `.cosine_smoothed` reads the years together as `migrate-labels` does, and
`.cosine_sure` also leaves out labels below its least probability. `relabel_accuracy` of these is of the years that they
relabel, `.static` of those that `migrate-labels` relabels. `.minus_cosine_smoothed` is how much better `migrate-labels`
is on the same rows or pixels. Intervals are of 95 %, by parcels drawn again.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from label_migration_cosine import BEST, KINDS, CosineLabels, best_limit, cosine_labels, distance_to_label
from migration_places import LEGEND, SIZE, YEARS, SimulatedPlace, simulated_place
from normal_vae import vae_scores
from numpy.typing import NDArray

from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.encoder_tasks import bootstrap
from esd_tasks.encoder_tasks.bootstrap import Estimate
from esd_tasks.migrate.anomaly import unlike
from esd_tasks.migrate.migration import Migration, change_years, migrate
from esd_tasks.migrate.normal import scaled
from esd_tasks.migrate.series import LabelSeries
from esd_tasks.migrate.series_file import NONE, RELABELLED, UNCERTAIN
from stactools_esd.simulation import CHANGES

DEV: Final = (101, 102)
TEST: Final = (201, 202, 203, 204)
LABEL_YEAR: Final = 2015
A_CLASS: Final = 60
"""Labels of a class, where it has as many places."""

MAPPED: Final = (2000, 2008, 2019, 2024)
"""Years that are mapped."""

ERROR_RATE: Final = 0.02
MIN_PROBABILITY: Final = 0.8
VAE_SEEDS: Final = {"vae": 0, "vae_seed_1": 1, "vae_seed_2": 2}
COSINE: Final = 0.4528
"""Limit of the cosine distance of best balanced accuracy on `DEV`; --dev prints it."""

Rows = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """Labels of a landscape with what is true of them; n samples."""

    place: SimulatedPlace
    pixel: NDArray[np.int64]
    series: LabelSeries
    truth: NDArray[np.int64]
    events: Rows
    returns: Rows
    cluster: NDArray[np.int64]

    @property
    def same(self) -> Rows:
        """Years of the class of the label (n, years)."""
        return np.asarray(self.truth == self.series.class_id[:, None])


def campaign(seed: int) -> Campaign:
    """Label a landscape, and gather what is true."""
    place = simulated_place(seed)
    landscape, at = place.landscape, YEARS.index(LABEL_YEAR)
    x, y, _ = landscape.sample_points(SIZE[0] * SIZE[1], LABEL_YEAR, seed)
    columns, rows = (np.floor(part).astype(np.int64) for part in ~landscape.transform * (x, y))
    class_id = place.truth[at, rows, columns]
    order = np.random.default_rng([seed, 9]).permutation(len(class_id))
    kept = np.concatenate([order[class_id[order] == one][:A_CLASS] for one in LEGEND])
    pixel, x, y = rows[kept] * SIZE[1] + columns[kept], x[kept], y[kept]
    truth = place.truth.reshape(len(YEARS), -1)[:, pixel].T
    happened = np.stack([landscape.change_map(year).ravel()[pixel] for year in YEARS], axis=1)
    new = np.zeros(truth.shape, np.bool_)
    new[:, 1:] = truth[:, 1:] != truth[:, :-1]
    returns = np.zeros(truth.shape, np.bool_)
    returns[:, 1:] = (happened[:, :-1] == CHANGES.index("fire")) & (happened[:, 1:] == 0)
    bands = place.bands.reshape(len(YEARS), 13, -1)[:, :, pixel]
    series = LabelSeries(
        years=YEARS,
        codes=np.ascontiguousarray(bands[:, :12].transpose(2, 0, 1)),
        valid=np.ones(truth.shape, np.bool_),
        clear_obs=bands[:, 12].T.copy(),
        class_id=class_id[kept],
        label_year=np.full(len(pixel), LABEL_YEAR),
        label=np.arange(len(pixel)),
        lon=x,
        lat=y,
        x=x,
        y=y,
        names=LEGEND,
        dropped={},
    )
    return Campaign(
        place=place,
        pixel=pixel,
        series=series,
        truth=truth,
        events=(new & ~returns) | (happened >= CHANGES.index("clear-cut")),
        returns=returns,
        cluster=landscape.parcels.ravel()[pixel] + 100_000 * seed,
    )


def years_found(change_year: NDArray[np.int64]) -> list[set[int]]:
    """Return the change years of each sample."""
    return [set(row[row > 0].tolist()) for row in change_year]


def years_of(rows: Rows) -> list[set[int]]:
    """Return the years that are True of each sample."""
    return [set(np.array(YEARS)[row].tolist()) for row in rows]


def within_a_year(wanted: list[set[int]], there: list[set[int]]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return for each wanted year whether one is there within a year, and of which sample it is."""
    hits = [
        (any(abs(year - other) <= 1 for other in there[k]), k)
        for k, years in enumerate(wanted)
        for year in sorted(years)
    ]
    return np.array([hit for hit, _ in hits], float), np.array([k for _, k in hits], np.int64)


Part = tuple[str, NDArray[np.float64], NDArray[np.int64]]


def judged(one: Campaign, found: Migration, cosine: CosineLabels) -> Iterator[Part]:
    """Yield each measure with its values and their clusters."""
    stable, cluster, quiet = one.same.all(axis=1), one.cluster, cosine.quiet
    at = np.full(len(cluster), YEARS.index(LABEL_YEAR))
    by_cosine = change_years((~quiet).astype(np.intp), np.zeros(quiet.shape), one.series.valid, at, np.array(YEARS))
    for end, selected, change in (
        ("", found.selected, found.change_year),
        (".cosine", quiet.all(axis=1), by_cosine),
        (".static", np.ones(len(stable), np.bool_), np.zeros_like(found.change_year)),
    ):
        yield f"stable_precision{end}", stable[selected].astype(float), cluster[selected]
        if end != ".static":
            yield f"stable_recall{end}", selected[stable].astype(float), cluster[stable]
            hit, k = within_a_year(years_of(one.events), years_found(change))
            yield f"change_recall_pm1{end}", hit, cluster[k]
            hit, k = within_a_year(years_found(change), years_of(one.events | one.returns))
            yield f"change_precision_pm1{end}", hit, cluster[k]
    relabelled = found.status == RELABELLED
    every = np.repeat(cluster[:, None], len(YEARS), axis=1)
    yield "relabel_accuracy", (found.label == one.truth)[relabelled].astype(float), every[relabelled]
    static = np.repeat(one.series.class_id[:, None], len(YEARS), axis=1)
    yield "relabel_accuracy.static", (static == one.truth)[relabelled].astype(float), every[relabelled]
    yield "row_accuracy", (found.label == one.truth).ravel().astype(float), every.ravel()
    yield "row_accuracy.static", (static == one.truth).ravel().astype(float), every.ravel()
    yield "uncertain_share", (found.status == UNCERTAIN).ravel().astype(float), every.ravel()
    yield "probability_gap", (found.probability - (found.state == one.truth))[relabelled], every[relabelled]
    for kind, label in cosine.label.items():
        right, named = (label == one.truth).astype(float), ~quiet & (label != NONE)
        yield f"relabel_accuracy.{kind}", right[named], every[named]
        yield f"row_accuracy.{kind}", right.ravel(), every.ravel()
        if (label == NONE).any():
            yield f"uncertain_share.{kind}", (label == NONE).ravel().astype(float), every.ravel()
    gain = (found.label == one.truth).astype(float) - (cosine.label[BEST] == one.truth)
    yield f"row_accuracy.minus_{BEST}", gain.ravel(), every.ravel()


MapHits = dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]]


def map_hits(one: Campaign, found: Migration, cosine: CosineLabels) -> MapHits:
    """Return whether each pixel that is no sample is right in maps of each kind of labels, and its parcel."""
    pixels = np.setdiff1d(np.arange(SIZE[0] * SIZE[1]), one.pixel)
    parcel = one.place.landscape.parcels.ravel()[pixels] + 100_000 * one.place.landscape.seed
    static = np.repeat(one.series.class_id[:, None], len(YEARS), axis=1)
    labels = {"static": static, "migrated": found.label, "true": one.truth} | cosine.label
    hits: dict[str, list[NDArray[np.bool_]]] = {kind: [] for kind in labels}
    for year in MAPPED:
        position = YEARS.index(year)
        codes = one.place.bands[position, :12].reshape(12, -1).T[pixels]
        truth = one.place.truth[position].ravel()[pixels]
        for kind, of_years in labels.items():
            label = of_years[:, position]
            known = label > 0
            model = Classifier(TreeParameters(rounds=100)).fit(one.series.codes[known, position], label[known])
            hits[kind].append(model.predict(np.ascontiguousarray(codes)) == truth)
    means = {kind: np.mean(of_years, axis=0) for kind, of_years in hits.items()}
    means[f"minus_{BEST}"] = means["migrated"] - means[BEST]
    return {kind: (mean, parcel) for kind, mean in means.items()}


def gap_closed(maps: list[MapHits], by: str = "migrated") -> Estimate:
    """Return how much of the gap between static and true labels a kind of labels closes, with its interval."""
    parcel = np.concatenate([one["true"][1] for one in maps])
    member, n = bootstrap.numbered(parcel)
    draws = bootstrap.cluster_draws(n)
    sums = {
        kind: np.bincount(member, weights=np.concatenate([one[kind][0] for one in maps]), minlength=n)
        for kind in maps[0]
    }

    def closed(weight: NDArray[np.float64]) -> NDArray[np.float64]:
        static, migrated, true = (weight @ sums[kind] for kind in ("static", by, "true"))
        return np.asarray((migrated - static) / (true - static))

    return bootstrap.estimate(float(closed(np.ones((1, n)))[0]), closed(draws))


def anomaly_aucs(several: list[Campaign], founds: list[Migration], *, vae: bool) -> Iterator[tuple[str, Estimate, int]]:
    """Yield the AUC of each anomaly score, of years of another class than the label's, and the autoencoder's gain."""
    seeds = VAE_SEEDS if vae else {}
    scores: dict[str, list[NDArray[np.float64]]] = {name: [] for name in ("content", "time", "both", *seeds)}
    for one, found in zip(several, founds, strict=True):
        values, own = scaled(one.series.levels), found.change_year == 0
        member = found.normal.member_of(one.series.class_id)
        apart = unlike(found.normal, values, own, member)
        for name in ("content", "time", "both"):
            scores[name].append(getattr(apart, name).ravel())
        for name, seed in seeds.items():
            scores[name].append(vae_scores(values, own, member, len(LEGEND), seed=seed).ravel())
    changed = np.concatenate([~one.same.ravel() for one in several])
    cluster = np.concatenate([np.repeat(one.cluster, len(YEARS)) for one in several])
    wins = {name: bootstrap.wins(np.concatenate(parts), changed, cluster) for name, parts in scores.items()}
    for name, one_wins in wins.items():
        yield name, one_wins.estimate(), len(changed)
    if vae:
        mean = bootstrap.mean_wins([wins[name] for name in seeds])
        yield "vae_minus_both", bootstrap.auc_gain(mean, wins["both"]), len(changed)


def report(measure: str, value: Estimate, n: int, unit: str = "share", *, prefix: str = "labels") -> None:
    """Print a figure."""
    spread = [round(value.low, 4), round(value.high, 4)]
    figure = {"key": f"{prefix}.{measure}", "value": round(value.value, 4), "unit": unit, "n": n, "spread": spread}
    print("FIGURE", json.dumps(figure | {"split": "simulated"}), flush=True)


def main() -> None:
    """Judge all landscapes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", action="store_true", help="judge the landscapes of tuning")
    parser.add_argument("--vae", action="store_true", help="train the autoencoder as well")
    arguments = parser.parse_args()
    prefix = "labels.tuning" if arguments.dev else "labels"
    several = [campaign(seed) for seed in (DEV if arguments.dev else TEST)]
    distance = np.concatenate([distance_to_label(one.series).ravel() for one in several])
    limit = best_limit(distance, np.concatenate([~one.same.ravel() for one in several]))
    print("best limit of the cosine distance here:", round(limit, 4), flush=True)
    founds = [migrate(one.series, error_rate=ERROR_RATE, min_probability=MIN_PROBABILITY) for one in several]
    cosines = [cosine_labels(one.series, COSINE, min_probability=MIN_PROBABILITY) for one in several]
    parts: dict[str, list[tuple[NDArray[np.float64], NDArray[np.int64]]]] = {}
    for one, found, cosine in zip(several, founds, cosines, strict=True):
        for name, values, cluster in judged(one, found, cosine):
            parts.setdefault(name, []).append((values, cluster))
    for name, of_places in parts.items():
        kept = [(values, cluster) for values, cluster in of_places if len(values)]
        report(name, bootstrap.mean_estimate(kept), sum(len(values) for values, _ in kept), prefix=prefix)
    for name, auc, n in anomaly_aucs(several, founds, vae=arguments.vae):
        report(f"anomaly_auc.{name}", auc, n, "AUC", prefix=prefix)
    maps = [map_hits(*of_one) for of_one in zip(several, founds, cosines, strict=True)]
    for kind in maps[0]:
        report(
            f"map_oa.{kind}",
            bootstrap.mean_estimate([one[kind] for one in maps]),
            sum(len(one[kind][0]) for one in maps),
            prefix=prefix,
        )
    for by, end in (("migrated", ""), *((kind, f".{kind}") for kind in KINDS)):
        report(f"map_gap_closed{end}", gap_closed(maps, by), sum(len(one["true"][0]) for one in maps), prefix=prefix)


if __name__ == "__main__":
    main()
