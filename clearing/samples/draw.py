"""Seeded draws of integers.

Only :meth:`random.Random.getrandbits` is used of the standard generator: its bits are the same on
every platform and Python version, which the library's richer methods do not promise.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """A stream of integers that its seed decides."""

    __slots__ = ("_bits",)

    def __init__(self, seed: int) -> None:
        self._bits = random.Random(seed).getrandbits  # noqa: S311 - samples, not secrets

    def below(self, bound: int) -> int:
        """Return an integer from 0 to ``bound`` − 1 (the bias of the modulus is below 2⁻³⁰)."""
        return self._bits(62) % bound

    def between(self, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Return true in ``percent`` of 100 draws."""
        return self.below(100) < percent

    def bell(self, spread: int) -> int:
        """Return an integer around 0 within ±``spread``, near 0 more often (sum of three)."""
        third = 2 * spread // 3
        return (
            self.below(third + 1) + self.below(third + 1) + self.below(third + 1) - 3 * third // 2
        )

    def pick(self, items: Sequence[T]) -> T:
        """Return one of ``items``."""
        return items[self.below(len(items))]
