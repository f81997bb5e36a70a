"""Where the codes of migrated labels come from: their encoder, and the month in which their years start."""

from dataclasses import dataclass
from pathlib import Path

from stactools_esd.product import EncoderIdentity


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What is told of the codes."""

    identity: EncoderIdentity | None = None
    """Encoder that made them; None where nothing says which."""

    first_month: int = 1
    """Month in which their years start."""


def read_origin(samples: Path) -> Origin:
    """Read what stands beside migrated samples of the origin of their codes.

    Args:
        samples: GeoPackage that `migrate-labels` wrote.
    """
    return Origin()
