"""Compile a function with numba, and keep its types for the type checker."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """Compile a function at its first call, cached on disk, with the interpreter lock released.

    Fast mathematics stay off, so that the order of operations, and so the result, is the written one.
    """
    return _cached(function, nogil=True)


def vectorised(function: _Function) -> _Function:
    """As `compiled`, but a division by zero gives infinity, not an error: loops with divisions become vector code."""
    return _cached(function, nogil=True, error_model="numpy")


def _cached(function: _Function, **options: Any) -> _Function:
    """Compile with the cache on disk, or without one where numba finds no folder to write, as in some containers."""
    try:
        return cast(_Function, numba.njit(cache=True, **options)(function))
    except RuntimeError:
        return cast(_Function, numba.njit(**options)(function))
