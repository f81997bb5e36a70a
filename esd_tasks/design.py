"""From a map to a stratified random sample of its pixels, ready for an interpreter."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esd_tasks.accuracy import json_number
from esd_tasks.design_draw import draw
from esd_tasks.design_file import DesignStratum, SampleDesign, record_path, write_design
from esd_tasks.design_points import write_points
from esd_tasks.design_request import DesignRequest
from esd_tasks.design_sizes import allocate, least, overall_standard_error, sample_size
from esd_tasks.legend import read_legend
from esd_tasks.run_record import software
from esd_tasks.strata_counts import StrataCounts, count_strata
from esd_tasks.strata_names import find_classes, names_of
from esd_tasks.strata_raster import ClassRaster
from stactools_esd.errors import OutputError

OnProgress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class DesignPlan:
    """Sample sizes of a map, before anything is drawn."""

    request: DesignRequest
    """What was asked."""

    raster: Path
    """The raster of classes."""

    counts: StrataCounts
    """Pixels of its classes."""

    excluded: tuple[int, ...]
    """Classes that are left out."""

    names: dict[int, str]
    """Names of its classes."""

    users: tuple[float, ...]
    """Expected user's accuracies, in the order of the classes."""

    samples: tuple[int, ...]
    """Samples of each class."""

    wanted: int | None
    """Samples that the wish for a standard error asks for; None where the total was given."""

    notes: tuple[str, ...]
    """What the user should know, a line each."""

    @property
    def strata(self) -> tuple[DesignStratum, ...]:
        """The strata: classes that have pixels."""
        return tuple(
            DesignStratum(
                stratum=class_id,
                class_name=self.names[class_id],
                pixels=int(self.counts.sizes[k]),
                area_m2=float(self.counts.area[k].sum()),
                samples=self.samples[k],
                expected_users_accuracy=self.users[k],
            )
            for k, class_id in enumerate(self.counts.stratum_ids)
        )

    @property
    def expected_standard_error(self) -> float:
        """Standard error of overall accuracy to expect from these samples."""
        return overall_standard_error(self.counts.weights, self.users, self.counts.sizes, self.samples)

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as JSON content."""
        return {
            "map": str(self.request.map),
            "allocation": self.request.allocation,
            "samples": sum(self.samples),
            "samples_for_standard_error": self.wanted,
            "expected_standard_error": json_number(self.expected_standard_error),
            "strata": [
                {
                    "stratum": stratum.stratum,
                    "class_name": stratum.class_name,
                    "pixels": stratum.pixels,
                    "share": json_number(share),
                    "samples": stratum.samples,
                    "expected_users_accuracy": stratum.expected_users_accuracy,
                }
                for stratum, share in zip(self.strata, self.counts.weights.tolist(), strict=True)
            ],
            "notes": list(self.notes),
            "output": str(self.request.output_or_default),
        }


@dataclass(frozen=True, kw_only=True)
class DesignResult:
    """A drawn sample."""

    plan: DesignPlan
    """Its sizes."""

    paths: dict[str, Path]
    """`sample` (points) and `design` (record)."""

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON content."""
        return {**self.plan.as_dict(), "paths": {kind: path.as_posix() for kind, path in self.paths.items()}}


def design(map: str | Path, *, on_progress: OnProgress | None = None, **options: Any) -> DesignResult:
    """Draw a stratified random sample of a map's pixels.

    Args:
        map: Raster of classes, or the folder that `classify` wrote.
        on_progress: Hears how far the run is.
        **options: Fields of `DesignRequest`: total, allocation, seed, output, ..

    Raises:
        EsdError: See `make_design` and `run_design`.
    """
    return run_design(make_design(DesignRequest(map=Path(map), **options), on_progress), on_progress)


def make_design(request: DesignRequest, on_progress: OnProgress | None = None) -> DesignPlan:
    """Count a map's pixels and share samples out; nothing is written.

    Raises:
        UsageError: Options do not fit the map.
        RasterError: The map is no raster of classes.
        LabelsError: The legend does not fit the map.
        NothingFoundError: The map has no pixel of a class.
    """
    given = read_legend(request.legend).by_id if request.legend else None
    with ClassRaster(request.map) as raster:
        excluded = find_classes(request.exclude, given or raster.names)
        counts = count_strata(raster, leave_out=excluded, on_count=_stage(on_progress, "count pixels"))
        names = names_of(counts.class_ids, raster.names, given=given, where=raster.path.name)
        path, notes = raster.path, _pixel_notes(raster)
    users = request.expected_users({class_id: names[class_id] for class_id in counts.class_ids})
    weights, sizes = counts.weights, counts.sizes
    floor = int(least(sizes, request.allocation, request.minimum).sum())
    wanted = None if request.total else sample_size(weights, users, sizes, request.standard_error)
    total = request.total or min(max(wanted or 0, floor), int(sizes.sum()))
    samples = allocate(total, weights, users, sizes, allocation=request.allocation, minimum=request.minimum)
    return DesignPlan(
        request=request,
        raster=path,
        counts=counts,
        excluded=excluded,
        names=names,
        users=tuple(users),
        samples=tuple(samples.tolist()),
        wanted=wanted,
        notes=(*_notes(counts, wanted, total), *notes),
    )


def run_design(plan: DesignPlan, on_progress: OnProgress | None = None) -> DesignResult:
    """Draw the sample of a plan, and write its points and its record.

    Raises:
        OutputError: A file of that name is there, for points may hold somebody's work.
    """
    request = plan.request
    path = request.output_or_default
    record = record_path(path)
    if not request.overwrite and (there := [str(file) for file in (path, record) if file.exists()]):
        raise OutputError(
            f"got {' and '.join(there)}, which exist and may hold somebody's work; choose another name with -o, or "
            "replace the sample with --overwrite"
        )
    with ClassRaster(plan.raster) as raster:
        sizes = {stratum.stratum: stratum.samples for stratum in plan.strata}
        drawn = draw(raster, sizes, seed=request.seed, on_draw=_stage(on_progress, "draw"))
        sample = SampleDesign(
            map_name=raster.path.name,
            map_checksum=raster.checksum(),
            shape=(raster.height, raster.width),
            seed=request.seed,
            allocation=request.allocation,
            strata=plan.strata,
            drawn=drawn,
            unclassified=plan.counts.unclassified,
            excluded=plan.excluded,
        )
        write_points(path, raster, sample, blind=request.blind)
    write_design(
        record,
        sample,
        {
            "expected_standard_error": json_number(plan.expected_standard_error),
            "blind": request.blind,
            "points": path.name,
            "classes": {str(class_id): name for class_id, name in plan.names.items()},
            "software": software(),
        },
    )
    return DesignResult(plan=plan, paths={"sample": path, "design": record})


def _notes(counts: StrataCounts, wanted: int | None, total: int) -> list[str]:
    """Say what a user should know of the sizes."""
    notes = []
    if counts.unclassified:
        notes.append(f"{counts.unclassified:,} pixels without a class are not part of the population")
    if counts.left_out:
        notes.append(f"{counts.left_out:,} pixels of excluded classes are not part of the population")
    if wanted is not None and wanted < total:
        notes.append(f"the standard error asks for {wanted:,} samples; the least for every class makes it {total:,}")
    if wanted is not None and wanted > total:
        notes.append(f"the standard error asks for {wanted:,} samples, more than there are pixels: all are drawn")
    return notes


def _pixel_notes(raster: ClassRaster) -> list[str]:
    """Say that pixels differ in area, and that it is taken care of."""
    if not raster.areas.unequal(raster.height, raster.width):
        return []
    times = raster.areas.spread(raster.height, raster.width)
    return [
        f"the largest pixels have {times:.2g} times the area of the smallest; pixels are drawn alike, and esd-tasks "
        "assess weighs each sample with the true area of its pixel (the field weight_m2)"
    ]


def _stage(on_progress: OnProgress | None, stage: str) -> Callable[[int, int], None] | None:
    return None if on_progress is None else lambda done, total: on_progress(stage, done, total)
