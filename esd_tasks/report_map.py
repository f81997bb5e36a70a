"""Maps in reports: the pixels as a picture inside the page, scale bar, north arrow and places drawn over it.

Names stand in the page beside it, as text: the fonts of the browser have the scripts of the world.
"""

import base64
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.legend import Legend
from esd_tasks.preview import metres_text, read_small, rgba_of_classes, round_length
from esd_tasks.report_page import Html, figure, swatch, text
from esd_tasks.value_maps import NODATA, ramp

_SIDE: Final = 680.0
"""Longer side of a map in the units of the page."""

_STRIP: Final = 34.0
"""Height of what stands below a map: scale bar and north arrow."""

_LEAST_WIDTH: Final = 230.0
_MOST_PLACES: Final = 2000
"""Places that are drawn at most; of more, every so manieth is drawn."""

_STOPS: Final = 9
_PALETTE: Final = 256
_TONES: Final = 200
"""Colours of a quantity, few enough for a palette: pictures of noise stay small."""

_PIXELS: Final = 1000
"""Pixels of a map along its longer side, at most."""

_EFFORT: Final = 6
"""Of zlib: 9 saves a twentieth of a picture's bytes and takes nine times as long."""

Colour = Callable[[NDArray[Any]], NDArray[np.uint8]]
"""Turns values (h, w) into red, green, blue and alpha, (h, w, 4)."""


def map_figure(
    path: Path,
    colour: Colour,
    *,
    alt: str,
    caption: str,
    keys: Iterable[str] = (),
    x: NDArray[np.float64] | None = None,
    y: NDArray[np.float64] | None = None,
    dots: str = "",
    band: int = 1,
) -> Html:
    """Draw a band of a map; overviews serve large ones.

    Args:
        path: Raster.
        colour: Colours of values.
        alt: What the picture shows, for those who do not see it.
        caption: Stands below.
        keys: What explains the colours.
        x: Places in the CRS of the map, drawn as small dots.
        y: The same, northing.
        dots: What the places are.
        band: Band that is drawn.
    """
    values, bounds = read_small(path, band=band, longest=_PIXELS)
    ground = bounds.right - bounds.left, bounds.top - bounds.bottom
    scale = _SIDE / max(ground)
    width, height = (max(side * scale, 4.0) for side in ground)
    whole = max(width, _LEAST_WIDTH), height + _STRIP
    data = base64.b64encode(_png(colour(values))).decode("ascii")
    parts = [
        f'<image href="data:image/png;base64,{data}" width="{width:.1f}" height="{height:.1f}" '
        'preserveAspectRatio="none" style="image-rendering:pixelated"/>',
        f'<rect class="axis" width="{width:.1f}" height="{height:.1f}"/>',
    ]
    keys = list(keys)
    if x is not None and y is not None and len(x):
        every = -(-len(x) // _MOST_PLACES)
        left, top = (x - bounds.left) * scale, (bounds.top - y) * scale
        inside = (left >= 0) & (left <= width) & (top >= 0) & (top <= height)
        places = zip(left[inside][::every].tolist(), top[inside][::every].tolist(), strict=True)
        parts += [_dot(*place) for place in places]
        thinned = "" if every == 1 else f", one in {every}"
        keys.append(Html(f'<svg width="14" height="14" aria-hidden="true">{_dot(7, 7)}</svg>{text(dots + thinned)}'))
    parts.append(_strip(width, height, whole[0], scale))
    size = f'viewBox="0 0 {whole[0]:.1f} {whole[1]:.1f}" width="{whole[0]:.0f}" height="{whole[1]:.0f}"'
    picture = Html(f'<svg role="img" aria-label="{text(alt)}" {size}>{"".join(parts)}</svg>')
    listed = "".join(f"<li>{text(key)}</li>" for key in keys)
    return figure(picture, caption, Html(f'<ul class="keys">{listed}</ul>') if listed else Html(""))


def class_map_figure(path: Path, legend: Legend, *, alt: str, caption: str, listed: bool = True, **places: Any) -> Html:
    """Draw a map of classes.

    Args:
        path: Raster of class ids.
        legend: Classes with colours.
        alt: What the picture shows.
        caption: Stands below.
        listed: False where the classes are listed elsewhere.
        **places: `x`, `y` and `dots` of `map_figure`.
    """
    keys = [swatch(entry.colour, entry.name) for entry in legend.classes] if listed else []
    return map_figure(
        path, lambda values: rgba_of_classes(values, legend), alt=alt, caption=caption, keys=keys, **places
    )


def value_map_figure(path: Path, *, low: float, high: float, name: str, alt: str, caption: str, **places: Any) -> Html:
    """Draw a map of a quantity between two values, with its ramp.

    Args:
        path: Raster of numbers.
        low: Value of the first colour.
        high: Value of the last colour.
        name: Quantity and unit.
        alt: What the picture shows.
        caption: Stands below.
        **places: `x`, `y` and `dots` of `map_figure`.
    """

    def colour(values: NDArray[Any]) -> NDArray[np.uint8]:
        colours = ramp(np.rint(_TONES * np.clip((values - low) / (high - low), 0, 1)) / _TONES)
        colours[(values == NODATA) | np.isnan(values)] = 0
        return colours

    stops = ",".join("#{:02x}{:02x}{:02x}".format(*one[:3]) for one in ramp(np.linspace(0, 1, _STOPS)).tolist())
    key = Html(
        f'{text(name)}<div class="ramp" style="background:linear-gradient(to right,{stops})"></div>'
        f'<div class="ends"><span>≤ {low:.4g}</span><span>≥ {high:.4g}</span></div>'
    )
    return map_figure(path, colour, alt=alt, caption=caption, keys=[key], **places)


def _strip(width: float, height: float, whole: float, scale: float) -> str:
    """Return a bar of a round length, and an arrow to grid north."""
    metres = round_length(max(width / 4, 40.0) / scale)
    line = f'd="M1 {height + 24:.1f}v5h{metres * scale:.1f}v-5" stroke="currentColor" stroke-width="2" fill="none"'
    north = whole - 16
    arrow = f'd="M{north:.1f} {height + 30:.1f}v-22m-4 7l4 -7l4 7" stroke="currentColor" stroke-width="2" fill="none"'
    return (
        f'<path {line}/><text x="{metres * scale + 8:.1f}" y="{height + 30:.1f}">{metres_text(metres)}</text>'
        f'<path {arrow}/><text x="{north - 8:.1f}" y="{height + 28:.1f}" text-anchor="end">N</text>'
    )


def _dot(left: float, top: float) -> str:
    return f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3" fill="#fff" stroke="#000" stroke-width="1"/>'


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Return pixels (h, w, 4) as PNG (RFC 2083), of a palette where 256 colours are enough.

    The same pixels give the same bytes, whatever library is there.
    """
    height, width = pixels.shape[:2]
    colours, place = np.unique(np.ascontiguousarray(pixels).view(np.uint32), return_inverse=True)
    palette = colours.view(np.uint8).reshape(-1, 4)
    few = len(palette) <= _PALETTE
    data = place.reshape(height, width).astype(np.uint8) if few else pixels.reshape(height, -1)
    rows = np.zeros((height, 1 + data.shape[1]), np.uint8)  # each row begins with its filter, 0 for none
    rows[:, 1:] = data
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3 if few else 6, 0, 0, 0))]
    if few:
        parts += [(b"PLTE", palette[:, :3].tobytes()), (b"tRNS", palette[:, 3].tobytes())]
    parts += [(b"IDAT", zlib.compress(rows.tobytes(), _EFFORT)), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(one)) + kind + one + struct.pack(">I", zlib.crc32(kind + one)) for kind, one in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
