"""The thirteen classes of simulated pixels."""

from typing import Final

CLASS_NAMES: Final = (
    "evergreen needleleaf forest",
    "evergreen broadleaf forest",
    "deciduous forest",
    "single crop",
    "double crop",
    "paddy rice",
    "grassland",
    "shrubland",
    "wetland",
    "water",
    "impervious",
    "bare",
    "snow and ice",
)
"""The simulated classes; a class_id is the position in this list."""

NEEDLE, EVERGREEN, DECIDUOUS, SINGLE, DOUBLE, PADDY, GRASS, SHRUB, WETLAND, WATER, IMPERVIOUS, BARE, SNOW = range(13)
