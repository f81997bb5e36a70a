"""Compile a function with numba, and keep its types for the type checker."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """Compile a function at its first call, cached on disk, with the interpreter lock released.

    Fast mathematics stay off, so that the order of operations, and so the result, is the written one.
    """
    return cast(_Function, numba.njit(cache=True, nogil=True)(function))


def vectorised(function: _Function) -> _Function:
    """As `compiled`, but a division by zero gives infinity, not an error: loops with divisions become vector code."""
    return cast(_Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
