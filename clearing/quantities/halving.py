"""Halving: the least number for which something holds that holds for every larger one."""

from collections.abc import Callable


def fewest(most: int, holds: Callable[[int], bool]) -> int:
    """Return the least n from 1 to ``most`` for which ``holds(n)``; ``most`` if it is none before.

    It is not asked of ``most`` itself.
    """
    low, high = 0, most
    while low + 1 < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high
