"""Labels in noise, where nothing is sure: what depends on how a machine adds up shows there."""

import sys

import numpy as np

from esd_tasks.migrate.migration import migrate
from esd_tasks.migrate.series import LabelSeries


def noise(n: int, years: int, k: int) -> LabelSeries:
    """Return n samples of k classes whose codes are noise; some years are missing, never the label's.

    Args:
        n: Samples.
        years: Years.
        k: Classes.
    """
    generator = np.random.default_rng(n)
    at = generator.integers(0, years, n)
    valid = generator.random((n, years)) < 0.7
    valid[np.arange(n), at] = True
    class_id = np.resize(np.arange(k) * 3 + 1, n)
    return LabelSeries(
        years=tuple(range(2000, 2000 + years)),
        codes=generator.integers(0, 64_000, (n, years, 12)).astype(np.uint16),
        valid=valid,
        clear_obs=np.full((n, years), 9, np.uint16),
        class_id=class_id,
        label_year=2000 + at,
        label=np.arange(n),
        lon=np.zeros(n),
        lat=np.zeros(n),
        x=generator.uniform(0, 1e4, n),
        y=generator.uniform(0, 1e4, n),
        names={int(one): str(one) for one in np.unique(class_id)},
        dropped={},
    )


def main() -> None:
    """Carry labels in noise, and write every number that is found to stdout."""
    found = migrate(noise(*map(int, sys.argv[1:])), error_rate=0.05, min_probability=0.3)
    for values in (found.state, found.label, found.probability, found.anomaly, found.change_year, found.p_value):
        sys.stdout.buffer.write(values.tobytes())


if __name__ == "__main__":
    main()
