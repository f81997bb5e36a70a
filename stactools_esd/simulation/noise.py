"""Smooth random fields of which any rows can be drawn alone, equal to those of the whole."""

import numpy as np
from numpy.typing import NDArray


def generator(*key: int) -> np.random.Generator:
    """Return the source of chance of a key; keys of different lengths are different.

    Numpy pads short seeds with zeros, so the length is made part of the seed.
    """
    return np.random.default_rng([len(key), *key])


def _lattice_weights(positions: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Cubic B-spline: first of four lattice points for each position (n,), and their weights (4, n)."""
    first = np.floor(positions).astype(np.intp)
    u = positions - first
    weights = np.stack([(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3]) / 6
    return first, weights.astype(np.float32)


def smooth_noise(
    key: list[int], shape: tuple[int, int], scale: float, *, rows: slice = slice(None), octaves: int = 3
) -> NDArray[np.float32]:
    """Draw a field with about zero mean and unit deviation that varies over a distance.

    Gaussian numbers on lattices, each octave twice as fine and half as strong, interpolated by cubic B-splines. Sums
    run over lattice points in a fixed order, so rows do not depend on which others are asked for.

    Args:
        key: Seed of the field.
        shape: Rows and columns of the whole.
        scale: Lattice spacing of the first octave in pixels.
        rows: Rows wanted, without a step.
        octaves: Number of lattices.

    Returns:
        Field of those rows (rows, columns).
    """
    height, width = shape
    wanted = np.arange(height, dtype=float)[rows]
    total = np.zeros((len(wanted), width), np.float32)
    power = 0.0
    for octave in range(octaves):
        spacing = scale / 2**octave
        strength = np.float32(0.5**octave)
        size = (int(height / spacing) + 5, int(width / spacing) + 5)
        rng = generator(*key, octave)
        shift = rng.random(2)  # so that lattice points of octaves do not coincide
        lattice = rng.standard_normal(size, np.float32)
        left, across = _lattice_weights(np.arange(width) / spacing + shift[1])
        columns = sum((across[k] * lattice[:, left + k] for k in range(4)), np.zeros((size[0], width), np.float32))
        top, down = _lattice_weights(wanted / spacing + shift[0])
        for k in range(4):
            total += strength * down[k][:, None] * columns[top + k]
        power += float(strength) ** 2
    # A cubic B-spline of unit noise has variance 0.23 in two dimensions, on the average over positions.
    return total / np.float32(np.sqrt(0.23 * power))


def split_parcels(key: list[int], shape: tuple[int, int], levels: int) -> NDArray[np.int64]:
    """Divide an area into parcels by splitting rectangles in two, again and again, in slightly bent coordinates.

    Args:
        key: Seed of the division.
        shape: Rows and columns.
        levels: Number of splits; parcels of fewer splits are numbers shifted right.

    Returns:
        Parcel of each pixel (y, x), `levels` binary digits with the first split highest.
    """
    height, width = shape
    rng = generator(*key, 0)
    angle = rng.uniform(0, np.pi / 2)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    bend = max(height, width) / 3
    x += 2.5 * smooth_noise([*key, 1], shape, bend, octaves=1)
    y += 2.5 * smooth_noise([*key, 2], shape, bend, octaves=1)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    parcel = np.zeros(shape, np.int64)
    low = np.array([[u.min(), v.min()]])
    high = np.array([[u.max(), v.max()]])
    for _ in range(levels):
        longer = (high - low)[:, 1] * rng.uniform(0.7, 1.4, len(low)) > (high - low)[:, 0]
        axis = longer.astype(int)
        every = np.arange(len(low))
        cut = low[every, axis] + (high - low)[every, axis] * rng.uniform(0.36, 0.64, len(low))
        above = np.where(longer[parcel], v, u) > cut[parcel]
        new_low, new_high = np.repeat(low, 2, axis=0), np.repeat(high, 2, axis=0)
        new_high[2 * every, axis] = cut
        new_low[2 * every + 1, axis] = cut
        low, high = new_low, new_high
        parcel = 2 * parcel + above
    return parcel
