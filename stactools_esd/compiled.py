"""Compile a function with numba, and keep its types for the type checker."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """Compile a function at its first call, cached on disk, with the interpreter lock released.

    Fast mathematics stay off, so that the order of operations, and so the result, is the written one.
    """
    return _cached(function, nogil=True)


def vectorised(function: _Function) -> _Function:
    """As `compiled`, but a division by zero gives infinity, not an error: loops with divisions become vector code."""
    return _cached(function, nogil=True, error_model="numpy")


def inlined(function: _Function) -> _Function:
    """Put the lines of a function where a compiled one calls it: a loop with a call may not become vector code."""
    return cast(_Function, numba.njit(inline="always")(function))


class _Cache(FunctionCache):
    """A cache that does without what it has no room for."""

    def save_overload(self, *compiled_types: Any) -> None:
        """Keep compiled code on disk, unless that is full."""
        with suppress(OSError):
            super().save_overload(*compiled_types)  # type: ignore[no-untyped-call]


def _cached(function: _Function, **options: Any) -> _Function:
    """Compile with the cache on disk, or without one where numba finds no folder to write, as in some containers."""
    dispatcher = numba.njit(**options)(function)
    with suppress(RuntimeError):
        dispatcher._cache = _Cache(function)  # type: ignore[no-untyped-call]  # as njit(cache=True) does, with our class
    return cast(_Function, dispatcher)
