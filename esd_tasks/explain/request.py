"""What a user asks of `explain-labels`, and what is known before years are compared."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from esd_tasks.command_line import command_line
from esd_tasks.explain.changes import Changes, find_changes
from esd_tasks.explain.decoder import Decoder, find_decoder
from esd_tasks.explain.origin import Origin, read_origin
from esd_tasks.migrate.series_file import MigratedSeries, read_series, series_path
from esd_tasks.run_record import software
from stactools_esd.blocks import run_key
from stactools_esd.errors import NothingFoundError, UsageError
from stactools_esd.files import multihash_file

MOST_PAGES = 1000
"""Pages that one folder may have."""


@dataclass(frozen=True, kw_only=True)
class ExplainRequest:
    """Options of `explain-labels`; paths stand as the user gave them.

    Raises:
        UsageError: A value is out of range.
    """

    samples: Path
    """GeoPackage that `migrate-labels` wrote; its series lie beside it."""

    encoder: str | None = None
    """Name or path of the encoder that made the codes; what they name if None."""

    sample: tuple[int, ...] = ()
    """Samples to explain; all that changed if empty."""

    pages: int = 50
    """Changes that get a page, the most unusual years first."""

    seed: int = 0
    """Decides the draws of the sampler."""

    overwrite: bool = False
    """Replace an earlier result in the output folder."""

    output: Path | None = None
    """Output folder; `<samples>-explained` beside the samples if None."""

    def __post_init__(self) -> None:
        if not 0 <= self.pages <= MOST_PAGES:
            raise UsageError(f"got --pages {self.pages}, expected 0..{MOST_PAGES}; correct it")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"got --seed {self.seed}, expected 0..{2**31 - 1}; choose another")

    @property
    def command(self) -> str:
        """The command line that asks the same."""
        return command_line(("esd-tasks", "explain-labels"), self, positional=("samples",))

    @property
    def output_or_default(self) -> Path:
        """The output folder."""
        return self.output or self.samples.with_name(f"{self.samples.stem}-explained")


@dataclass(frozen=True, kw_only=True)
class ExplainPlan:
    """What is known before years are compared."""

    request: ExplainRequest
    """What was asked."""

    series: MigratedSeries
    """Samples with all their years."""

    changes: Changes
    """Changes to explain, at least one."""

    origin: Origin
    """Where the codes come from."""

    decoder: Decoder
    """Turns codes into reflectance, or says why that cannot be."""

    @property
    def facts(self) -> dict[str, Any]:
        """What decides the result."""
        request, encoder = self.request, self.decoder.identity
        return {
            "series": multihash_file(series_path(request.samples)),
            "parameters": {"sample": list(request.sample), "pages": request.pages, "seed": request.seed},
            "encoder": None if encoder is None else {"label": encoder.label, "weights_sha256": encoder.weights_sha256},
            "decoded": self.decoder.decode is not None,
            "version": software()["stactools-esd"],
        }

    @property
    def run_key(self) -> str:
        """Key of the run."""
        return run_key(self.facts)

    def as_dict(self) -> dict[str, Any]:
        """Return what would be done, as JSON content."""
        return {
            "samples": len(self.series.sample_id),
            "changed_samples": len(np.unique(self.changes.sample)),
            "changes": len(self.changes),
            "pages": min(self.request.pages, len(self.changes)),
            "bands_and_days": self.decoder.decode is not None,
            "output": self.request.output_or_default.as_posix(),
        }


def make_plan(request: ExplainRequest) -> ExplainPlan:
    """Read the series, list their changes and look for the decoder.

    Raises:
        OutputError: There are no series, or not of our making.
        UsageError: A sample is unknown.
        NothingFoundError: Nothing changed.
        WeightsError: See `decoder.decoder_of`.
    """
    series = read_series(series_path(request.samples))
    if unknown := sorted(set(request.sample) - set(series.sample_id.tolist())):
        raise UsageError(
            f"got --sample {unknown[0]}, expected sample_id 1..{series.sample_id[-1]} of {request.samples}; correct it"
        )
    changes = find_changes(series)
    if request.sample:
        changes = changes.taken(np.flatnonzero(np.isin(series.sample_id[changes.sample], request.sample)))
    if not len(changes):
        who = "these samples" if request.sample else f"the {len(series.sample_id)} samples"
        raise NothingFoundError(
            f"got no change of {who} in {request.samples}, expected at least one to explain; choose others, or let "
            "esd-tasks migrate-labels find more with a higher rate of errors"
        )
    origin = read_origin(request.samples)
    decoder = find_decoder(origin.identity, request.encoder)
    return ExplainPlan(request=request, series=series, changes=changes, origin=origin, decoder=decoder)
