"""Clusters of pixels: mini-batch k-means on vectors, and the centres that it found."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.cluster_colours import principal_components
from esd_tasks.code_features import code_vectors
from esd_tasks.features import feature_names
from esd_tasks.model_file import CLUSTERS, MALFORMED, MODEL_JSON, SCHEMA_VERSION, read_model
from stactools_esd.errors import OutputError, UsageError
from stactools_esd.files import write_json
from stactools_esd.product import CodesIdentity

HELD_OUT: Final = 5
"""One in so many pixels of the sample tells how well the centres describe what they were not fitted to."""

_STARTS: Final = 5
_BATCH: Final = 4_096
_DIGITS: Final = 6
_ROWS: Final = 65_536


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """Centres of clusters, ordered along the direction in which they differ most: neighbours in number are alike."""

    centres: NDArray[np.float64]
    """Mean vectors, (k, 72)."""

    explained: float
    """Share of the variance of pixels that were not fitted to which knowing their cluster explains."""

    n_fitted: int
    """Pixels that the centres were fitted to."""

    def predict(self, codes: NDArray[np.uint16]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the cluster of pixels, 1..k, and the margin 1 - d / e: d to its centre, e to the next one, (n,).

        Args:
            codes: Shape (n, 12), of pixels with data.
        """
        cluster, margin = np.empty(len(codes), dtype=np.int64), np.zeros(len(codes))
        for first in range(0, len(codes), _ROWS):
            part = slice(first, first + _ROWS)
            squares = _squares(code_vectors(codes[part]).astype(np.float64), self.centres)
            cluster[part] = squares.argmin(axis=1) + 1
            if len(self.centres) > 1:
                best = np.sqrt(np.partition(squares, 1, axis=1)[:, :2])
                margin[part] = 1 - np.divide(best[:, 0], best[:, 1], out=np.ones(len(best)), where=best[:, 1] > 0)
        return cluster, margin

    def save(self, folder: Path, *, identity: CodesIdentity, further: Mapping[str, Any]) -> None:
        """Write `model.json`.

        Args:
            folder: Where to write.
            identity: Encoder and recipe of the codes; the centres are good for no others.
            further: What else belongs into the file: legend, versions of the software.
        """
        write_json(
            folder / MODEL_JSON,
            {
                "schema_version": SCHEMA_VERSION,
                "kind": CLUSTERS,
                "features": {"kind": "vectors", "dtype": "float32", "names": list(feature_names())},
                "centres": self.centres.tolist(),
                "explained_variance": round(self.explained, _DIGITS),
                "n_fitted": self.n_fitted,
                **identity.as_dict(),
                **further,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> tuple["Clusters", dict[str, Any]]:
        """Read saved centres.

        Returns:
            The clusters and the content of `model.json`.

        Raises:
            OutputError: The file is absent, damaged, or of a layout that this release does not know.
        """
        facts = read_model(folder, CLUSTERS)
        try:
            centres = np.array(facts["centres"], dtype=float).reshape(-1, len(feature_names()))
            clusters = cls(centres=centres, explained=facts["explained_variance"], n_fitted=facts["n_fitted"])
        except MALFORMED as error:
            raise OutputError(f"cannot read the clusters in {folder} ({error!r}); make them again") from error
        return clusters, facts


def fit_clusters(codes: NDArray[np.uint16], n_clusters: int, *, seed: int) -> Clusters:
    """Find clusters by mini-batch k-means (Sculley 2010), the best of five starts.

    Args:
        codes: A sample of pixels, (n, 12).
        n_clusters: How many.
        seed: Decides starts and batches; one thread, so that the result is the same everywhere.

    Raises:
        UsageError: The sample has fewer different pixels than clusters are asked for.
    """
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    vectors = code_vectors(codes).astype(np.float64)
    held_out = np.arange(len(vectors)) % HELD_OUT == HELD_OUT - 1
    fitted = vectors[~held_out]
    if (different := len(np.unique(codes[~held_out], axis=0))) < n_clusters:
        raise UsageError(
            f"got --n-clusters {n_clusters} and {different} different pixels among {len(fitted)} that were looked at, "
            "expected no more clusters than that; ask for fewer, or for a larger area"
        )
    with threadpool_limits(limits=1):
        model = MiniBatchKMeans(n_clusters, random_state=seed, batch_size=_BATCH, n_init=_STARTS).fit(fitted)
    sizes = np.bincount(model.labels_, minlength=n_clusters)
    order = np.argsort(principal_components(model.cluster_centers_, np.maximum(sizes, 1))[:, 0], kind="stable")
    centres = np.round(model.cluster_centers_[order], _DIGITS)
    tested = vectors[held_out] if held_out.any() else fitted
    left = _squares(tested, centres).min(axis=1).sum()
    total = ((tested - tested.mean(axis=0)) ** 2).sum()
    return Clusters(centres=centres, explained=float(1 - left / total) if total else float("nan"), n_fitted=len(fitted))


def _squares(vectors: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return squared distances of rows to centres, (n, k)."""
    squares = (vectors**2).sum(axis=1)[:, None] - 2 * vectors @ centres.T + (centres**2).sum(axis=1)
    return np.asarray(np.maximum(squares, 0))
