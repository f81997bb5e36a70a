"""What an assessment works on: the map, its strata, the record of the draw, all open and in agreement."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esd_tasks.assess_population import Population, counts_of, population_of, read_sizes, with_sizes
from esd_tasks.assess_reference import Reference, class_ids, read_reference
from esd_tasks.assess_request import AssessRequest, Sampling
from esd_tasks.assess_sample import Sample, meet
from esd_tasks.design_file import SampleDesign, read_design, record_path
from esd_tasks.legend import read_legend
from esd_tasks.strata_counts import OnCount, StrataCounts, count_strata
from esd_tasks.strata_names import find_classes, names_of
from esd_tasks.strata_raster import ClassRaster
from esd_tasks.target import WGS84, transformer
from esd_tasks.training_pixels import record_beside, training_of
from stactools_esd.errors import IncomparableError, LabelsError, UsageError
from stactools_esd.files import sha256_file


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Everything that is open during an assessment."""

    request: AssessRequest
    """What was asked."""

    sampling: Sampling
    """How the samples were drawn: as the user or the record says; a convenience sample where nobody does."""

    raster: ClassRaster
    """The map."""

    checksum: str
    """Its multihash."""

    strata: ClassRaster | None
    """Raster of strata that are not the map's classes."""

    field: str | None
    """Field of the reference that holds such strata."""

    design: SampleDesign | None
    """Record of the draw."""

    record: Path | None
    """Where the record is."""

    reference: Reference
    """The reference points."""

    legend: dict[int, str] | None
    """Names that the user gave."""

    excluded: tuple[int, ...]
    """Classes that are not part of the population."""

    def population(self, on_count: OnCount | None = None) -> tuple[Population, dict[int, str], dict[str, int]]:
        """Count the map, unless the record of the draw has done it.

        Returns:
            The population, the names of the map's classes, and the number of each stratum that a field names.
        """
        counts = self._counts(on_count)
        names = names_of(counts.class_ids, self.raster.names, given=self.legend, where=self.raster.path.name)
        of_strata = None
        if self.strata is not None:
            of_strata = names_of(counts.stratum_ids, self.strata.names, where=self.strata.path.name)
        post = self.request.post_strata
        population = population_of(counts, self.sampling, names=names, stratum_names=of_strata, post_strata=post)
        if self.field is None:
            return population, names, {}
        population, numbers = with_sizes(population, self._field_sizes())
        return population, names, numbers

    def sample(self, names: dict[int, str], numbers: dict[str, int]) -> Sample:
        """Meet the reference points with the map.

        Args:
            names: Names of the map's classes.
            numbers: Number of each stratum that a field names.
        """
        drawn, strata = None, self.strata
        if self.design is not None and self.field is None:
            drawn = self._drawn(self.design)
        if strata is not None:
            strata.aligned_to(self.raster)
        rows, columns = _pixels(self.raster, self.reference)
        of_points = [numbers.get(text or "", 0) for text in self.reference.strata or ()]
        return meet(
            self.raster,
            rows,
            columns,
            class_ids(self.reference.classes, names, self.reference.field),
            strata=np.array(of_points, dtype=np.int64) if self.field else strata,
            excluded=self.excluded,
            drawn=drawn,
            trained=self._trained(rows, columns),
        )

    def _trained(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Tell which points are on pixels that trained the map; None where that is not known."""
        training, raster = training_of(self.raster.path.parent), self.raster
        if training is None:
            return None
        return training.seen(rows, columns, crs=raster.crs, transform=raster.transform, year=raster.year)

    def pixel_areas(self, sample: Sample) -> NDArray[np.float64] | None:
        """Return square metres of the pixels that were drawn, (n,); None where samples count alike.

        They do where all pixels are about alike (`strata_area.MOST_UNEQUAL`), and where samples were drawn by area.

        Args:
            sample: The samples that are used.
        """
        if self.request.drawn_by == "area" or self.sampling == "convenience":
            return None
        with self._sampled() as grid:
            if not grid.areas.unequal(grid.height, grid.width):
                return None
            rows, columns = _pixels(grid, self.reference)
            return grid.areas.at(rows[sample.position], columns[sample.position])

    @contextmanager
    def _sampled(self) -> Iterator[ClassRaster]:
        """Open the raster whose pixels were drawn, on its own grid: that of the strata, else the map."""
        if self.strata is None:
            yield self.raster
            return
        with ClassRaster(self.strata.path) as grid:
            yield grid

    def _counts(self, on_count: OnCount | None) -> StrataCounts:
        if self.design is not None and self.strata is None and self.field is None:
            return counts_of(self.design, self.excluded)
        if self.strata is not None:
            self.strata.aligned_to(self.raster)
        return count_strata(self.raster, self.strata, leave_out=self.excluded, on_count=on_count)

    def _drawn(self, design: SampleDesign) -> NDArray[np.bool_]:
        """Tell which points are in pixels that were drawn, on the grid of the raster that they were drawn from."""
        with self._sampled() as grid:
            rows, columns = _pixels(grid, self.reference)
        return (rows >= 0) & (design.stratum_at(rows, columns) > 0)

    def _field_sizes(self) -> dict[str, int]:
        """Return the pixels of each stratum that a field names: from a table, or from the record of the draw."""
        if self.excluded:
            raise UsageError(
                "got --exclude with strata of a field, of which nobody knows the pixels without a class; give --strata "
                "as a raster"
            )
        if self.request.strata_sizes is not None:
            sizes = read_sizes(self.request.strata_sizes)
        elif self.design is not None:
            sizes = {str(stratum.stratum): stratum.pixels for stratum in self.design.strata}
        else:
            raise UsageError(
                f"got --strata {self.field}, a field, and no sizes of its strata, expected --strata-sizes: a CSV with "
                "stratum and pixels; or give --strata as a raster"
            )
        if unknown := sorted({text for text in self.reference.strata or () if text and text not in sizes}):
            raise LabelsError(
                f"got stratum {', '.join(unknown[:5])} in field {self.field}, expected one of "
                f"{', '.join(list(sizes)[:12])}; add its size, or correct the field"
            )
        return sizes


@contextmanager
def open_setting(request: AssessRequest, reference: Path) -> Iterator[Setting]:
    """Open everything that an assessment of a raster works on.

    Args:
        request: What was asked.
        reference: File of the reference points.

    Raises:
        UsageError: Options do not go together, or a file or field is missing.
        LabelsError: The reference cannot be read, or these samples trained the map.
        IncomparableError: The record of the draw is of another raster.
    """
    record = request.design or (record_path(reference) if record_path(reference).is_file() else None)
    design = read_design(record) if record is not None and request.sampling != "convenience" else None
    if design is not None and request.sampling == "simple":
        raise UsageError(f"got --sampling simple, but {record} says that the sample is stratified; leave it out")
    if design is not None and request.drawn_by == "area":
        raise UsageError(f"got --drawn-by area, but {record} says that pixels were drawn; leave it out")
    strata_path = Path(request.strata) if request.strata and Path(request.strata).is_file() else None
    field = request.strata if strata_path is None else None
    sampled = design is not None or request.strata is not None
    with ExitStack() as stack:
        raster = stack.enter_context(ClassRaster(request.map))
        strata = stack.enter_context(ClassRaster(strata_path, what="--strata")) if strata_path else None
        legend = read_legend(request.legend).by_id if request.legend else None
        _refuse_training_samples(raster.path, reference)
        points = read_reference(reference, layer=request.layer, class_field=request.class_field, stratum_field=field)
        checksum = raster.checksum()
        if design is not None and field is None:
            _check_drawn_from(design, strata or raster, checksum if strata is None else strata.checksum())
        yield Setting(
            request=request,
            sampling=request.sampling or ("stratified" if sampled else "convenience"),
            raster=raster,
            checksum=checksum,
            strata=strata,
            field=field,
            design=design,
            record=record if design is not None else None,
            reference=points,
            legend=legend,
            excluded=_excluded(request, legend or raster.names, design if strata is None and field is None else None),
        )


def _excluded(request: AssessRequest, names: dict[int, str], design: SampleDesign | None) -> tuple[int, ...]:
    """Return the classes that the user or the draw left out."""
    return tuple(sorted({*find_classes(request.exclude, names), *(design.excluded if design else ())}))


def _pixels(raster: ClassRaster, reference: Reference) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column of the pixels that hold the reference points."""
    return raster.pixels_of(*transformer(WGS84, raster.crs).transform(reference.lon, reference.lat))


def _check_drawn_from(design: SampleDesign, raster: ClassRaster, checksum: str) -> None:
    """See that the sample was drawn from this raster."""
    if design.map_checksum != checksum:
        raise IncomparableError(
            f"got {raster.path.name}, which is not the {design.map_name} that the sample was drawn from (its checksum "
            "differs), expected the same file; assess that one, or give it as --strata if this is another map of its "
            "area"
        )


def _refuse_training_samples(map_path: Path, reference: Path) -> None:
    """See that the samples are not those that the map was made from, as the record beside the map has it."""
    trained = record_beside(map_path.parent).get("labels", {}).get("sha256")
    if reference.is_file() and trained == sha256_file(reference):
        raise LabelsError(
            f"got {reference.name}, from which {map_path} was made, expected samples that the model never saw; its "
            "cross-validation is in accuracy.json beside the map, and esd-tasks design draws new samples"
        )
