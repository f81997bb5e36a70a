"""What every run that makes a map does: keep its folder, fill blocks from codes, put them together, read what is done.

Finished blocks lie in `<output>/.partial`, so that a killed run continues; the map is assembled last. Where a tile
cannot be read the map has a hole and says so; blocks with holes are not finished, and the same command makes them anew.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks import output_folder, run_record
from esd_tasks.area_plan import AreaPlan
from esd_tasks.failures import Failures, missing_notes, see_whole
from esd_tasks.map_store import MapStore
from stactools_esd.blocks import Block, BlockStore
from stactools_esd.errors import NothingFoundError, OutputError
from stactools_esd.files import read_json, write_json

BLOCK_PIXELS: Final = 512
"""Rows and columns of a block of prediction: about 100 MB of memory, whatever the size of the map."""

OnProgress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""

OfCodes = Callable[..., Mapping[str, NDArray[Any]]]
"""Turns the codes of pixels, (n, 12), and what else is known of them, into the values of each layer, (n,)."""

Beside = Callable[[Block, NDArray[np.bool_]], NDArray[np.float32]]
"""Returns what is known beside codes of the pixels of a block that are True, (n, ..)."""

CLEAR_OBS: Final = "clear_obs"
"""The layer that every block has: clear observations, `uint16`."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One array that a run makes of every block."""

    name: str
    """Its key in `OfCodes`."""

    dtype: str
    """Data type."""

    nodata: float
    """Value of pixels that are not mapped."""


@dataclass(frozen=True, kw_only=True)
class MapResult:
    """A finished run, as its folder tells."""

    folder: Path
    """Where everything is."""

    paths: dict[str, Path]
    """Files by kind: map, preview, item, run, .."""

    year: int
    """Year of the map."""

    notes: tuple[str, ...]
    """What the user should know, a line each."""

    record: dict[str, Any]
    """Content of `run.json`."""

    missing: tuple[str, ...] = ()
    """What could not be read, a line each; empty for a whole map."""

    already_done: bool
    """True where an earlier run had made the same map and nothing was done."""

    def see_whole(self) -> None:
        """See that nothing is missing.

        Raises:
            PartlyDoneError: Something is; the message lists it.
        """
        see_whole(self.missing)

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON content."""
        return {
            "folder": self.folder.as_posix(),
            "year": self.year,
            "already_done": self.already_done,
            "paths": {kind: path.as_posix() for kind, path in self.paths.items()},
            "result": self.record.get("result", {}),
            "missing": list(self.missing),
            "notes": list(self.notes),
        }


@contextmanager
def opened(plan: AreaPlan, failures: Failures | None = None) -> Iterator[MapStore]:
    """Keep the output folder of a plan for this run, and lend the store of its blocks; with a whole map the blocks go.

    So they do where nothing at all is found.

    Args:
        plan: What is done.
        failures: What could not be read so far; the store goes on with it.

    Raises:
        OutputError: The folder belongs to another run, or another run is writing it.
    """
    folder = plan.request.output_or_default
    with output_folder.locked(folder):
        if starts_anew(plan):
            output_folder.clear(folder)
        store = MapStore(folder / output_folder.PARTIAL, plan.run_key, failures)
        try:
            yield store
        except NothingFoundError:  # the same command would find nothing again
            store.discard()
            raise
        except BaseException:
            if store.is_empty and not any(folder.glob("[!.]*")):  # outputs need what says whose they are
                store.discard()
            raise
        if not store.failures.missing:
            store.discard()


def raster_tags(plan: AreaPlan, title: str) -> dict[str, str]:
    """Return the tags of the rasters of a run: what they are, of which year and encoder, and of which run."""
    return {
        "TITLE": title,
        "YEAR": str(plan.year),
        "ENCODER": plan.identity.encoder.label,
        "RUN_KEY": plan.run_key,
        "TIFFTAG_SOFTWARE": f"stactools-esd {run_record.software()['stactools-esd']}",
    }


def packages() -> dict[str, str]:
    """Return the versions of the packages that make a map, without Python's own."""
    return {name: version for name, version in run_record.software().items() if name != "python"}


def finish(
    plan: AreaPlan,
    outputs: Mapping[str, str],
    notes: Sequence[str],
    result: Mapping[str, Any],
    missing: Sequence[str] = (),
    **further: Any,
) -> None:
    """Write `run.json`, last of all outputs, for it says that the folder is finished.

    Args:
        plan: What was done.
        outputs: File name of each output, by kind.
        notes: What the user should know, a line each.
        result: Figures of the run, as JSON content.
        missing: What could not be read, a line each; told as notes as well.
        **further: What else belongs into it, by field.
    """
    folder = plan.request.output_or_default
    record = run_record.run_record(
        run_key=plan.run_key,
        command=plan.request.command,
        facts=plan.facts,
        items=plan.all_items,
        folder=folder,
        outputs=outputs,
        **further,
        result=dict(result),
        missing=list(missing),
        notes=[*missing_notes(missing), *notes],
    )
    write_json(folder / run_record.RUN_JSON, record)


def pieces(store: BlockStore, blocks: Sequence[Block], *names: str) -> Iterator[tuple[Block, NDArray[Any]]]:
    """Yield finished blocks with some of their arrays, one band each."""
    for block in blocks:
        arrays = store.get(block)
        yield block, np.stack([arrays[name] for name in names])


def starts_anew(plan: AreaPlan) -> bool:
    """Tell whether what lies in the output folder goes: by the user's word, or as a map with holes that were mended."""
    request = plan.request
    return request.overwrite or output_folder.is_mended(request.output_or_default, plan.run_key, request.command)


def already_done(plan: AreaPlan) -> MapResult | None:
    """Return the result of a plan that was carried out before, or None.

    Raises:
        OutputError: The folder holds another run, or files that no run of ours made.
    """
    folder = plan.request.output_or_default
    if starts_anew(plan) or not output_folder.is_finished(folder, plan.run_key):
        return None
    return read_result(folder, already_done=True)


def read_result(folder: Path, *, already_done: bool = False) -> MapResult:
    """Read a finished folder.

    Raises:
        OutputError: It has no `run.json` that can be read.
    """
    record = read_json(folder / run_record.RUN_JSON, error=OutputError)
    return MapResult(
        folder=folder,
        paths={kind: folder / name for kind, name in record["outputs"].items()},
        year=record["year"],
        notes=tuple(record["notes"]),
        record=record,
        missing=tuple(record.get("missing", ())),
        already_done=already_done,
    )
