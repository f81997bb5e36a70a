"""Use Embedded Seamless Data: land cover, few-shot and change models trained directly on the codes."""

from typing import Any


def open(*args: Any, **options: Any) -> Any:
    """Open the codes of a place and of years as an xarray Dataset; see `esd_tasks.dataset.open_dataset`."""
    from esd_tasks.dataset import open_dataset

    return open_dataset(*args, **options)
