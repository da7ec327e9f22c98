"""Bounded search: which of several amounts add up to one."""

from collections.abc import Sequence
from typing import Final

MOST_CANDIDATES: Final = 24
"""The most amounts that are looked at for one sum."""

MOST_STEPS: Final = 20_000
"""The most combinations that are tried for one sum."""


def adding_up(amounts: Sequence[int], total: int) -> tuple[int, ...] | None:
    """Return the places of two or more ``amounts`` whose sum is ``total``; None if none is found.

    The fewest are preferred, of these the earliest. Beyond :data:`MOST_CANDIDATES` amounts the
    later ones are not looked at, and after :data:`MOST_STEPS` combinations the search ends: what it
    does not find then stays unmatched, which is the safe side.
    """
    candidates = amounts[:MOST_CANDIDATES]
    left = [MOST_STEPS]
    if len(amounts) <= MOST_CANDIDATES and len(amounts) > 1 and sum(candidates) == total:
        whole = tuple(range(len(candidates)))
    else:
        whole = None
    for size in range(2, len(candidates) + 1):
        found = _of_size(candidates, total, size, 0, left)
        if found is not None:
            return found
        if left[0] <= 0:
            break
    return whole


def _of_size(
    amounts: Sequence[int], total: int, size: int, start: int, left: list[int]
) -> tuple[int, ...] | None:
    for place in range(start, len(amounts) - size + 1):
        left[0] -= 1
        if left[0] <= 0:
            return None
        if size == 1:
            if amounts[place] == total:
                return (place,)
            continue
        rest = _of_size(amounts, total - amounts[place], size - 1, place + 1, left)
        if rest is not None:
            return (place, *rest)
    return None
