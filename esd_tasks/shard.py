"""Parts of a list of work for the jobs of an array: fixed, apart from each other, and nothing left over."""

import re
from collections.abc import Iterable
from typing import TypeVar

from stactools_esd.errors import UsageError

T = TypeVar("T", bound=str | int)


def parse_shard(text: str | None) -> tuple[int, int]:
    """Read `i/n`, counted from 1; all of the work is 1/1.

    Raises:
        UsageError: It is no such part.
    """
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text or "1/1")
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"got --shard {text!r}, expected i/n such as 3/10, i from 1 to n; correct it")
    return int(match[1]), int(match[2])


def shard_of(work: Iterable[T], shard: str | None) -> list[T]:
    """Return one part of some work: every n-th piece in the order of the names, from the i-th on.

    The same whatever the order in which the work comes; the parts 1/n to n/n hold each piece exactly once, and their
    sizes differ by one at most.

    Args:
        work: Names, or whole numbers; a name that comes twice is one piece.
        shard: `i/n`; all of it if None.

    Raises:
        UsageError: The shard is none.
    """
    part, parts = parse_shard(shard)
    return sorted(set(work))[part - 1 :: parts]
