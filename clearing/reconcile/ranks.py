"""A set of small whole numbers that tells what it has next above and below any number.

Adding, removing and asking cost the same however many are in it, up to millions: numbers are bits
of words, and one word more says which words have any.
"""

from typing import Final

_BITS: Final = 1_024
"""Bits of a word."""


class Ranks:
    """Numbers from 0 up to ``count`` (not included), none of them in it at first."""

    __slots__ = ("_filled", "_words")

    def __init__(self, count: int) -> None:
        self._words = [0] * (count // _BITS + 1)
        self._filled = 0

    def add(self, rank: int) -> None:
        """Put a number in."""
        word, bit = divmod(rank, _BITS)
        self._words[word] |= 1 << bit
        self._filled |= 1 << word

    def discard(self, rank: int) -> None:
        """Take a number out, if it is in."""
        word, bit = divmod(rank, _BITS)
        self._words[word] &= ~(1 << bit)
        if not self._words[word]:
            self._filled &= ~(1 << word)

    def at_least(self, rank: int) -> int | None:
        """Return the smallest number in it that is not below ``rank``."""
        word, bit = divmod(rank, _BITS)
        if word >= len(self._words):
            return None
        here = self._words[word] >> bit
        if here:
            return rank + _lowest(here)
        filled = self._filled >> (word + 1)
        if not filled:
            return None
        word += 1 + _lowest(filled)
        return word * _BITS + _lowest(self._words[word])

    def below(self, rank: int) -> int | None:
        """Return the largest number in it that is below ``rank``."""
        word, bit = divmod(rank, _BITS)
        here = self._words[word] & ((1 << bit) - 1) if word < len(self._words) else 0
        if not here:
            filled = self._filled & ((1 << word) - 1)
            if not filled:
                return None
            word = filled.bit_length() - 1
            here = self._words[word]
        return word * _BITS + here.bit_length() - 1


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1
