"""Small labelled sets and a stand-in encoder for the tests of the protocol."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esd_tasks.encoder_tasks.samples import LabelledYears, PixelYears
from stactools_esd.product import EncoderIdentity


class MeanEncoder:
    """Codes that tell the mean of the year and nothing else: enough to follow a value through the protocol."""

    def __init__(self, seed: int = 1) -> None:
        self.identity = EncoderIdentity(name="esdnet-small", version="v1", weights_sha256=f"{seed:064x}")

    def encode(
        self, reflectance: NDArray[np.float32], terrain: NDArray[np.float32] | None = None
    ) -> NDArray[np.uint16]:
        """Give all twelve steps the same code, larger for brighter years."""
        mean = np.nan_to_num(np.nanmean(reflectance, axis=(1, 2)))
        code = (1 + np.clip(mean, 0, 1) * 60_000).astype(np.uint16)
        return np.repeat(code[:, None], 12, axis=1)


def labelled_years(n: int = 400, n_classes: int = 3, *, extent: float = 20.0, told: bool = True) -> LabelledYears:
    """Scatter places of some classes; with `told` the codes hold the class, and raw never does."""
    generator = np.random.default_rng(0)
    class_id = generator.integers(0, n_classes, n)
    codes = generator.integers(1, 64_000, (n, 12)).astype(np.uint16)
    if told:
        codes[:, 0] = class_id  # the first of six digits
    return LabelledYears(
        name="made_up",
        role="dev",
        class_id=class_id,
        class_names=tuple(f"class {number}" for number in range(n_classes)),
        lon=generator.uniform(0, extent, n),
        lat=generator.uniform(0, extent, n),
        raw=generator.normal(size=(n, 8)).astype(np.float32),
        codes=(codes,),
    )


def pixel_years(codes: NDArray[np.uint16], pixel: list[int], year: list[int]) -> PixelYears:
    """Make rows whose raw reflectance and NDVI are the place of the row in the table."""
    row = np.arange(len(pixel), dtype=np.float32)
    return PixelYears(
        name="made_up",
        role="dev",
        pixel=np.array(pixel),
        year=np.array(year),
        raw=row[:, None],
        ndvi=row,
        codes=(codes,),
    )


def write_points(path: Path, *, field: str, n: int = 300, classes: tuple[str, ...] = ("crop", "tree")) -> None:
    """Write monthly composites of places whose brightness is their class, in the layout of the real sets."""
    generator = np.random.default_rng(1)
    class_id = generator.integers(0, len(classes), n)
    base = 0.2 + 0.2 * class_id[:, None, None] + generator.normal(0, 0.01, (n, 12, 6))
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        "X": base.astype(np.float32),
        "dates": np.tile(np.datetime64("2018-01-15", "D") + 30 * np.arange(12), (n, 1)),
        "lon": generator.uniform(-60, -50, n),
        "lat": generator.uniform(-15, -5, n),
        field: np.array(classes)[class_id],
    }
    np.savez(path, **arrays)
