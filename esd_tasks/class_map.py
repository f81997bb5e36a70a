"""What `classify` and `predict` make of every pixel, and the files of their maps.

Beside class and confidence a map may have bands that say how sure the model is: the probability of every class, and
the entropy of these probabilities as a share of the most that there can be, log k (Shannon 1948). Both are the
model's own and not calibrated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from esd_tasks import maps, preview
from esd_tasks.class_bands import BAND_FILES, INDEX_BANDS, INDEX_NODATA, PERCENT_NODATA, entropy, read_map
from esd_tasks.classifier import Classifier
from esd_tasks.clean_map import smoothed
from esd_tasks.legend import UNCLASSIFIED, Legend
from esd_tasks.map_item import map_id
from esd_tasks.map_run import CLEAR_OBS, Layer, pieces, raster_tags
from esd_tasks.patches import without_patches
from stactools_esd.blocks import Block, BlockStore

if TYPE_CHECKING:
    from esd_tasks.applicability import Applicability
    from esd_tasks.area_plan import AreaPlan
    from esd_tasks.request import MapBandsRequest

OUTPUTS: Final[Mapping[str, str]] = {
    "map": "map.tif",
    "map_names": "map.tif.aux.xml",
    "quality": "quality.tif",
    "style": "map.qml",
    "preview": "preview.png",
}
"""Files that every map has, by kind."""


@dataclass(frozen=True, kw_only=True)
class ClassMap:
    """A model at work on an area."""

    plan: "AreaPlan"
    """Where and of what; its request is a `MapBandsRequest`."""

    legend: Legend
    """Classes of the map."""

    model: Classifier
    """What predicts."""

    bands: tuple[str, ...] = ()
    """Keys of `BAND_FILES` that are wanted."""

    applicability: "Applicability | None" = None
    """What the band `applicability` compares pixels with."""

    @property
    def _asked(self) -> "MapBandsRequest":
        return cast("MapBandsRequest", self.plan.request)

    @property
    def cleaned(self) -> bool:
        """True where classes are smoothed or small patches merged."""
        return bool(self._asked.smooth or self._asked.mmu)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What is made of every block."""
        entropy = [Layer(name="entropy", dtype="uint8", nodata=PERCENT_NODATA)] if "entropy" in self.bands else []
        return (
            Layer(name="class_id", dtype=self.legend.dtype, nodata=UNCLASSIFIED),
            Layer(name="confidence", dtype="uint16", nodata=maps.QUALITY_NODATA),
            *entropy,
            *(Layer(name=name, dtype="float32", nodata=INDEX_NODATA) for name in self._index_names),
            *(Layer(name=name, dtype="uint8", nodata=PERCENT_NODATA) for name in self.probability_layers),
        )

    @property
    def probability_layers(self) -> tuple[str, ...]:
        """Layers of the probabilities, in the order of the model's classes, where they are wanted."""
        return tuple(f"p_{class_id}" for class_id in self.model.classes) if self._votes else ()

    @property
    def _votes(self) -> bool:
        return self.cleaned or "probability" in self.bands

    @property
    def _index_names(self) -> tuple[str, ...]:
        return INDEX_BANDS if "applicability" in self.bands else ()

    def of_codes(
        self, codes: NDArray[np.uint16], covariates: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return the values of every layer for pixels."""
        values: dict[str, NDArray[Any]] = {}
        if self._votes or "entropy" in self.bands:
            probability = self.model.predict_proba(codes, covariates)
            class_id, confidence = self.model.class_ids_of(probability), probability.max(axis=1)
            if "entropy" in self.bands:
                values["entropy"] = np.rint(100 * entropy(probability))
            for position, name in enumerate(self.probability_layers):
                values[name] = np.rint(100 * probability[:, position])
        else:
            class_id, confidence = self.model.most_probable(codes, covariates)
        values |= {"class_id": class_id, "confidence": np.rint(100 * confidence)}
        if self.applicability is not None and self._index_names:
            index = self.applicability.dissimilarity(codes, covariates)
            values |= {INDEX_BANDS[0]: index, INDEX_BANDS[1]: index <= self.applicability.threshold}
        return values

    def write_rasters(
        self,
        store: BlockStore,
        blocks: Sequence[Block],
        *,
        note: str,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
    ) -> tuple[dict[int, int], dict[str, str]]:
        """Write rasters, style and picture.

        Args:
            store: Finished blocks.
            blocks: All blocks.
            note: Stands below the picture.
            x: Places of samples, in the CRS of the map.
            y: The same, northing.

        Returns:
            Mapped pixels by class_id, and file names by kind.
        """
        plan, folder = self.plan, self.plan.request.output_or_default
        name = folder.resolve().name
        tags = raster_tags(plan, f"Class map {map_id(name, plan.year)}")
        paths = {kind: folder / file for kind, file in OUTPUTS.items()}
        maps.write_class_map(paths["map"], self._classes(store, blocks), grid=plan.grid, legend=self.legend, tags=tags)
        quality = self._quality(store, blocks, paths["map"])
        maps.write_quality_map(paths["quality"], quality, grid=plan.grid, tags=tags)
        for band in self.percent_bands:
            file, title = BAND_FILES[band]
            maps.write_raster(
                folder / file,
                pieces(store, blocks, *(self.probability_layers if band == "probability" else (band,))),
                grid=plan.grid,
                dtype="uint8",
                bands=self.band_names(band),
                nodata=PERCENT_NODATA,
                tags=tags | {"TITLE": title},
                units=["%"] * len(self.band_names(band)),
                overview_resampling="average",
            )
        if self._index_names:
            file, title = BAND_FILES["applicability"]
            threshold = f"{self.applicability.threshold:.6f}" if self.applicability else ""
            maps.write_raster(
                folder / file,
                pieces(store, blocks, *INDEX_BANDS),
                grid=plan.grid,
                dtype="float32",
                bands=INDEX_BANDS,
                nodata=INDEX_NODATA,
                tags=tags | {"TITLE": title, "THRESHOLD": threshold},
                overview_resampling="average",
            )
        outputs = {**OUTPUTS, **{band: BAND_FILES[band][0] for band in self.bands}}
        if "parent" in self.bands:
            outputs |= self._write_parents(folder, paths["map"], blocks, tags)
        maps.write_style(paths["style"], self.legend)
        counts = maps.count_classes(paths["map"], self.legend)
        preview.write_preview(
            paths["preview"],
            paths["map"],
            legend=self.legend,
            counts=counts,
            labels_x=x,
            labels_y=y,
            title=f"{name}, {plan.year}",
            note=note,
        )
        return counts, outputs

    def _write_parents(
        self, folder: Path, class_map: Path, blocks: Sequence[Block], tags: Mapping[str, str]
    ) -> dict[str, str]:
        """Write the map of parent classes with its style, and return the files that stand beside it."""
        wider = self.legend.parents or self.legend
        table = np.zeros(self.legend.ids[-1] + 1, dtype=wider.dtype)
        for class_id, parent in self.legend.parent_ids.items():
            table[class_id] = parent
        name, title = BAND_FILES["parent"]
        parents = ((block, table[classes]) for block, classes in read_map(class_map, blocks))
        maps.write_class_map(folder / name, parents, grid=self.plan.grid, legend=wider, tags={**tags, "TITLE": title})
        maps.write_style(folder / "parents.qml", wider)
        return {"parent_names": f"{name}.aux.xml", "parent_style": "parents.qml"}

    @property
    def percent_bands(self) -> tuple[str, ...]:
        """Bands that are rasters in percent."""
        return tuple(band for band in self.bands if band in ("probability", "entropy"))

    def _classes(self, store: BlockStore, blocks: Sequence[Block]) -> Iterator[tuple[Block, NDArray[Any]]]:
        """Yield the classes of the map: the model's, smoothed and sieved where that was asked for."""
        request, grid = self._asked, self.plan.grid
        names = self.probability_layers
        classes = (
            smoothed(store, blocks, names, self.model.classes, request.smooth, PERCENT_NODATA)
            if request.smooth
            else ((block, store.get(block)["class_id"]) for block in blocks)
        )
        if request.mmu <= 1:
            return classes
        shape = (grid.height, grid.width)
        return without_patches(classes, shape, self.legend.dtype, request.mmu, request.output_or_default)

    def _quality(
        self, store: BlockStore, blocks: Sequence[Block], class_map: Path
    ) -> Iterator[tuple[Block, NDArray[Any]]]:
        """Yield confidence and clear observations; confidence is the probability of the class that is mapped."""
        if not self.cleaned:
            yield from pieces(store, blocks, "confidence", CLEAR_OBS)
            return
        for block, classes in read_map(class_map, blocks):
            arrays = store.get(block)
            confidence = arrays["confidence"].copy()
            for class_id, name in zip(self.model.classes, self.probability_layers, strict=True):
                confidence[classes == class_id] = arrays[name][classes == class_id]
            yield block, np.stack([confidence, arrays[CLEAR_OBS]])

    def band_names(self, band: str) -> tuple[str, ...]:
        """Return the names of the bands of a raster in percent."""
        names = self.legend.by_id
        return tuple(names[class_id] for class_id in self.model.classes) if band == "probability" else (band,)
