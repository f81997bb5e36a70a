"""What `classify` and `predict` make of every pixel, and the files of their maps.

Beside class and confidence a map may have bands that say how sure the model is: the probability of every class, and
the entropy of these probabilities as a share of the most that there can be, log k (Shannon 1948). Both are the
model's own and not calibrated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pystac
import rasterio
from numpy.typing import NDArray

from esd_tasks import maps, preview
from esd_tasks.area_plan import AreaPlan
from esd_tasks.classifier import Classifier
from esd_tasks.legend import UNCLASSIFIED, Legend
from esd_tasks.map_item import AssetFacts, class_fields, create_map_item, map_id
from esd_tasks.map_run import CLEAR_OBS, Layer, packages, pieces, raster_tags
from stactools_esd.blocks import Block, BlockStore
from stactools_esd.files import write_json

PERCENT_NODATA: Final = 255
"""Value of bands in percent where there is no class."""

BAND_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "probability": ("probability.tif", "Probability of each class in percent, the model's own"),
    "entropy": ("entropy.tif", "Entropy of the class probabilities in percent of the most there can be"),
    "parent": ("parents.tif", "Parent classes"),
}
"""File and title of the bands that a user may ask for, by their names."""

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

    plan: AreaPlan
    """Where and of what."""

    legend: Legend
    """Classes of the map."""

    model: Classifier
    """What predicts."""

    bands: tuple[str, ...] = ()
    """Keys of `BAND_FILES` that are wanted."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What is made of every block."""
        entropy = [Layer(name="entropy", dtype="uint8", nodata=PERCENT_NODATA)] if "entropy" in self.bands else []
        return (
            Layer(name="class_id", dtype=self.legend.dtype, nodata=UNCLASSIFIED),
            Layer(name="confidence", dtype="uint16", nodata=maps.QUALITY_NODATA),
            *entropy,
            *(Layer(name=name, dtype="uint8", nodata=PERCENT_NODATA) for name in self.probability_layers),
        )

    @property
    def probability_layers(self) -> tuple[str, ...]:
        """Layers of the probabilities, in the order of the model's classes, where they are wanted."""
        return tuple(f"p_{class_id}" for class_id in self.model.classes) if "probability" in self.bands else ()

    def of_codes(
        self, codes: NDArray[np.uint16], covariates: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return the values of every layer for pixels."""
        probability = self.model.predict_proba(codes, covariates)
        values = {
            "class_id": self.model.class_ids_of(probability),
            "confidence": np.rint(100 * probability.max(axis=1)),
        }
        if "entropy" in self.bands:
            values["entropy"] = np.rint(100 * entropy(probability))
        for position, name in enumerate(self.probability_layers):
            values[name] = np.rint(100 * probability[:, position])
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
        classes = pieces(store, blocks, "class_id")
        maps.write_class_map(paths["map"], classes, grid=plan.grid, legend=self.legend, tags=tags)
        quality = pieces(store, blocks, "confidence", CLEAR_OBS)
        maps.write_quality_map(paths["quality"], quality, grid=plan.grid, tags=tags)
        for band in self.percent_bands:
            file, title = BAND_FILES[band]
            maps.write_raster(
                folder / file,
                pieces(store, blocks, *(self.probability_layers if band == "probability" else (band,))),
                grid=plan.grid,
                dtype="uint8",
                bands=self._band_names(band),
                nodata=PERCENT_NODATA,
                tags=tags | {"TITLE": title},
                units=["%"] * len(self._band_names(band)),
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
        return tuple(band for band in self.bands if band != "parent")

    def write_item(self, counts: Mapping[int, int], *, caveat: str | None = None, model: str | None = None) -> str:
        """Write the STAC item, after everything that it names but `run.json`.

        Args:
            counts: Mapped pixels by class_id.
            caveat: Ends the description; the usual one if None.
            model: Link to the `model.json` of a model that lies elsewhere.

        Returns:
            File name.
        """
        plan, folder = self.plan, self.plan.request.output_or_default
        item_id = map_id(folder.resolve().name, plan.year)
        assets: dict[str, AssetFacts] = {
            band: (*BAND_FILES[band], str(pystac.MediaType.COG), ["data"]) for band in self.bands
        }
        fields: dict[str, dict[str, Any]] = {
            band: {
                "bands": [
                    {"name": name, "data_type": "uint8", "nodata": PERCENT_NODATA, "unit": "%"}
                    for name in self._band_names(band)
                ]
            }
            for band in self.percent_bands
        }
        if (wider := self.legend.parents) is not None and "parent" in self.bands:
            parent_counts = dict.fromkeys(wider.ids, 0)
            for class_id, parent in self.legend.parent_ids.items():
                parent_counts[parent] += counts[class_id]
            fields["parent"] = class_fields(wider, parent_counts)
        item = create_map_item(
            folder,
            id=item_id,
            grid=plan.grid,
            legend=self.legend,
            counts=counts,
            items=plan.items,
            software=packages(),
            further=assets,
            fields=fields,
            **({} if caveat is None else {"caveat": caveat}),
        )
        if model is not None:
            item.add_link(pystac.Link("related", model, str(pystac.MediaType.JSON), "The model of this map"))
        write_json(folder / f"{item_id}.json", item.to_dict(include_self_link=False))
        return f"{item_id}.json"

    def _band_names(self, band: str) -> tuple[str, ...]:
        names = self.legend.by_id
        return tuple(names[class_id] for class_id in self.model.classes) if band == "probability" else (band,)


def entropy(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the Shannon entropy of rows of probabilities, (n,), as a share of log k: 0 sure, 1 at a loss.

    Args:
        probability: Shape (n, k); rows sum to 1.
    """
    p = np.clip(probability.astype(np.float64), 1e-12, 1.0)
    return np.asarray(np.clip(-(p * np.log(p)).sum(axis=1) / np.log(p.shape[1]), 0.0, 1.0))


def read_map(path: Path, blocks: Sequence[Block]) -> Iterator[tuple[Block, NDArray[Any]]]:
    """Yield the classes of a finished `map.tif`, block by block."""
    with rasterio.open(path) as dataset:
        for block in blocks:
            yield block, dataset.read(1, window=block.window)
