"""The columns that every part of an index has, whatever its items say: parts that differ cannot be read as one."""

from typing import Any


def columns(arrow: Any) -> dict[str, Any]:
    """Return the types of the columns but `assets`, in order.

    Args:
        arrow: The module pyarrow, which is no part of a base install.
    """
    text, integer, real = arrow.string(), arrow.int64(), arrow.float64()
    instant = arrow.timestamp("us", tz="UTC")
    link = arrow.struct([("rel", text), ("href", text), ("type", text), ("file:checksum", text)])
    recipe = arrow.struct([(name, text) for name in ("source", "fusion", "harmonisation", "dem")])
    return {
        "type": text,
        "stac_version": text,
        "stac_extensions": arrow.list_(text),
        "id": text,
        "geometry": arrow.binary(),
        "bbox": arrow.struct([(side, real) for side in ("xmin", "ymin", "xmax", "ymax")]),
        "collection": text,
        "links": arrow.list_(link),
        "assets": None,
        "title": text,
        "description": text,
        "license": text,
        "datetime": instant,
        "start_datetime": instant,
        "end_datetime": instant,
        "proj:code": text,
        "proj:bbox": arrow.list_(real),
        "grid:code": text,
        "processing:lineage": text,
        "esd:encoder": text,
        "esd:weights_sha256": text,
        "esd:format_version": text,
        "esd:input_recipe": recipe,
        "esd:tile": text,
        "esd:temporal_context": text,
        "esd:window_start": text,
        "esd:skipped_images": integer,
        "esd:engine": text,
        "esd:geometry_source": text,
    }


def asset_fields(arrow: Any) -> dict[str, Any]:
    """Return the types of the fields of an asset, in order; see `columns`."""
    text, integer, real = arrow.string(), arrow.int64(), arrow.float64()
    band = arrow.struct([("name", text), ("description", text)])
    fsq = arrow.struct(
        [("levels", arrow.list_(integer)), ("basis", arrow.list_(integer)), ("rule", text), ("nodata_rule", text)]
    )
    return {
        "href": text,
        "title": text,
        "description": text,
        "type": text,
        "roles": arrow.list_(text),
        "data_type": text,
        "bands": arrow.list_(band),
        "esd:fsq": fsq,
        "proj:shape": arrow.list_(integer),
        "proj:transform": arrow.list_(real),
        "raster:spatial_resolution": real,
        "raster:sampling": text,
        "file:size": integer,
        "file:checksum": text,
        "auth:refs": arrow.list_(text),
    }
