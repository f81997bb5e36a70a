"""`from stactools.esd.stac import create_item`, as users of stactools write it."""

from stactools_esd.stac import create_collection, create_item

__all__ = ["create_collection", "create_item"]
