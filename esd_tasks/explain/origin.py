"""Where the codes of migrated labels come from: their encoder, and the month in which their years start."""

from dataclasses import dataclass
from pathlib import Path

from esd_tasks.migrate.outputs import record_path
from stactools_esd.errors import EsdError, OutputError
from stactools_esd.files import read_json
from stactools_esd.product import STEPS, EncoderIdentity

_MIDDLE_DAY = 15


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What is told of the codes."""

    identity: EncoderIdentity | None = None
    """Encoder that made them; None where nothing says which."""

    first_month: int = 1
    """Month in which their years start, 1..12: the next one where they start in its second half."""


def read_origin(samples: Path) -> Origin:
    """Read what the record of `migrate-labels` says of the codes; nothing where there is no record.

    Args:
        samples: GeoPackage that it wrote.

    Raises:
        OutputError: The record is of another kind.
    """
    if not (path := record_path(samples)).is_file():
        return Origin()
    record = read_json(path, error=OutputError)
    try:
        month, day = map(int, record["first_day"].split("-"))
        identity = EncoderIdentity.parse(record["encoder"], record["weights_sha256"])
    except (KeyError, TypeError, ValueError, AttributeError, EsdError) as error:
        raise OutputError(
            f"got {path} that does not say which codes were read, expected the record of esd-tasks migrate-labels; run "
            "it again"
        ) from error
    return Origin(identity=identity, first_month=(month - 1 + (day > _MIDDLE_DAY)) % STEPS + 1)
