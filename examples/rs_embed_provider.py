"""ESD as a model of rs-embed: import this module, then ask rs-embed for "esd".

    from rs_embed import BBox, OutputSpec, TemporalSpec, get_embedding
    import rs_embed_provider
    get_embedding("esd", spatial=BBox(...), temporal=TemporalSpec.year(2020), output=OutputSpec.grid())

`ESD_CATALOG` names the collection of one encoder, such as catalog/esd-esdnet-small-v1; codes of two, as a whole
catalogue may hold, are refused. Values are the 72 vector values of a pixel, on rs-embed's common grid at 30 m.
"""

import os

import numpy as np
import xarray
from rasterio.crs import CRS
from rs_embed.core.embedding import Embedding
from rs_embed.core.errors import ModelError
from rs_embed.core.registry import register
from rs_embed.embedders.base import EmbedderBase
from rs_embed.embedders.meta import build_meta
from rs_embed.tools.projection import COMMON_CRS, common_grid

from esd_tasks.items import find_items
from esd_tasks.pull import Grid, read_window
from stactools_esd.fsq import codes_to_vectors

RESOLUTION_M = 30


@register("esd")
class EsdEmbedder(EmbedderBase):
    """Codes of any ESD catalogue, moved to the nearest pixel and then decoded: codes are never averaged."""

    def describe(self):
        """Return what rs-embed has to know before it asks."""
        return {
            "type": "precomputed",
            "backend": ["auto"],
            "inputs": {"spatial": "BBox or PointBuffer (EPSG:4326)"},
            "temporal": {"mode": "year"},
            "output": ["grid", "pooled"],
            "source": "Embedded Seamless Data",
            "defaults": {"scale_m": RESOLUTION_M, "output_crs": COMMON_CRS, "catalog_env": "ESD_CATALOG"},
        }

    def get_embedding(self, *, spatial, temporal, output, **_):
        """Return the vector values of a place and year: (72, rows, columns), or 72 pooled ones."""
        if temporal is None:
            raise ModelError("esd is annual: pass temporal=TemporalSpec.year(...)")
        year = temporal.year if temporal.mode == "year" else int(temporal.start[:4])  # a range's first, as elsewhere
        common = common_grid(spatial, scale_m=RESOLUTION_M)
        height, width, transform = common.height, common.width, common.transform
        grid = Grid(crs=CRS.from_user_input(COMMON_CRS), transform=transform, width=width, height=height)
        catalog = os.environ.get("ESD_CATALOG", "catalog/esd-esdnet-small-v1")
        block = read_window(find_items(catalog, geometry=grid.footprint(), years=[year]), grid)
        vectors = codes_to_vectors(np.moveaxis(block.codes, 0, -1)).reshape(height, width, -1)  # (rows, columns, 72)
        values = np.moveaxis(np.where(block.valid[..., None], vectors, np.nan), -1, 0).astype(np.float32)
        facts = {"year": year, "catalog": catalog, "valid_pixels": int(block.valid.sum())}
        about = {"model": "esd", "kind": "precomputed", "backend": "auto", "source": "ESD"}
        meta = build_meta(**about, sensor=None, temporal=temporal, image_size=None, extra=facts)
        if output.mode == "pooled":
            pool = {"mean": np.nanmean, "max": np.nanmax}[output.pooling]
            return Embedding(data=pool(values, axis=(1, 2)), meta=meta | {"pooling": output.pooling})
        return Embedding(data=xarray.DataArray(values, dims=("d", "y", "x"), attrs=meta), meta=meta)
