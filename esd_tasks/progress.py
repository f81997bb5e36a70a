"""Progress bars of a run: on a terminal, and nowhere else."""

from typing import Any, Self

from tqdm import tqdm


class Bars:
    """One bar a stage on stderr; a context manager, called as `OnProgress`."""

    def __init__(self, *, quiet: bool = False) -> None:
        """Make bars.

        Args:
            quiet: Show none; otherwise they show where stderr is a terminal.
        """
        self._disable = True if quiet else None  # None: tqdm asks whether it writes to a terminal
        self._stage = ""
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` parts of a stage are done."""
        if stage != self._stage:
            self._close()
            self._stage = stage
            self._bar = tqdm(total=total, desc=stage, disable=self._disable, leave=False, unit="")
        self._bar.update(done - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
