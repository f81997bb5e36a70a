"""What every `accuracy.json` of the toolkit has in common: the same names in the same order, whatever was judged.

First what is judged and what the figures mean (`schema_version`, `kind`, `statement`, `design_based`), then the figures
(`n`, and of classes `overall_accuracy`, `balanced_accuracy`, `kappa`, `classes`, `matrix`; of a quantity its measures),
then `protocol`, then what only this kind has.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from esd_tasks.accuracy import DESIGN_STATEMENT, SCHEMA_VERSION
from stactools_esd.errors import OutputError
from stactools_esd.files import json_text, read_json

if TYPE_CHECKING:
    from esd_tasks.folds import Folds

RANDOM_STATEMENT: Final = "Neighbours stand on both sides of a random split, so it flatters; only the gap tells."
"""Stands beside the figures of a random split."""


def accuracy_content(
    figures: Mapping[str, Any],
    *,
    kind: str,
    statement: str,
    protocol: Mapping[str, Any],
    further: Mapping[str, Any],
    design_statement: str | None = DESIGN_STATEMENT,
) -> dict[str, Any]:
    """Return the content of an `accuracy.json`, of classes or of a quantity.

    Args:
        figures: `n` first, then what was measured.
        kind: What was judged and how, in words.
        statement: What the figures mean.
        protocol: How they were obtained.
        further: What only this kind of report has.
        design_statement: Why design-based intervals are not valid; None where they are.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "statement": statement,
        "design_based": {"valid": design_statement is None, "statement": design_statement},
        **figures,
        "protocol": dict(protocol),
        **further,
    }


def see_free(path: Path, content: Mapping[str, Any], *, overwrite: bool) -> None:
    """See that no other assessment would be lost.

    Args:
        path: `accuracy.json` that is to be written.
        content: What it is to hold.
        overwrite: The user's word.

    Raises:
        OutputError: The folder holds another one.
    """
    if path.exists() and not overwrite and json_text(read_json(path, error=OutputError)) != json_text(content):
        raise OutputError(
            f"got {path.parent} with another {path.name}, expected an empty folder; choose another with -o, or replace "
            "it with --overwrite"
        )


def protocol_of(folds: "Folds", *, n_samples: int, n_tested: int) -> dict[str, Any]:
    """Return the protocol of a cross-validation in spatial blocks.

    Args:
        folds: Which samples were tested together.
        n_samples: Samples in all.
        n_tested: Those that were tested.
    """
    return {
        "n_samples": n_samples,
        "n_tested": n_tested,
        "n_untested": n_samples - n_tested,
        "n_blocks": folds.n_blocks,
        "block_size_m": folds.block_size,
        "block_size_automatic": folds.automatic,
        "n_folds": folds.n_folds,
        "buffer_m": folds.buffer,
        "n_left_out_by_buffer": list(folds.n_dropped),
        "seed": folds.seed,
    }
