"""Random numbers that are the same on every machine: SHA-256, Decimals, no binary floats.

Block k of a stream is the SHA-256 of ``clearing stress/SEED/PATH/k`` in ASCII, read as four
big-endian integers of 64 bits. Every logarithm, root and exponential is rounded correctly to 28
digits, as the General Decimal Arithmetic Specification has it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

CONTEXT: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
"""What draws are computed in."""

_WORD: Final = 2**64
_NIL: Final = Decimal("1e-18")
_EVEN: Final = Decimal("1e-9")


class Draws:
    """The stream of one path. ``seed`` is the document's, ``path`` counts from 0."""

    def __init__(self, seed: int, path: int) -> None:
        self._words = _words(f"clearing stress/{seed}/{path}")
        self._spare: Decimal | None = None

    def normal(self) -> Decimal:
        """Return a standard normal number: the polar method of G. Marsaglia and T. Bray (1964)."""
        if self._spare is not None:
            value, self._spare = self._spare, None
            return value
        while True:
            u, v = self._symmetric(), self._symmetric()
            square = CONTEXT.add(CONTEXT.multiply(u, u), CONTEXT.multiply(v, v))
            if square < 1:  # never 0: neither of the two is
                break
        logarithm = CONTEXT.multiply(Decimal(-2), CONTEXT.ln(square))
        factor = CONTEXT.sqrt(CONTEXT.divide(logarithm, square))
        self._spare = CONTEXT.multiply(v, factor)
        return CONTEXT.multiply(u, factor)

    def stretch(self, degrees: int) -> Decimal:
        """Return what makes normals a Student's of as many degrees of freedom, of variance 1.

        √((ν − 2) / χ²), χ² being the sum of ν squared normals.
        """
        total = Decimal(0)
        for _ in range(degrees):
            value = self.normal()
            total = CONTEXT.add(total, CONTEXT.multiply(value, value))
        return CONTEXT.sqrt(CONTEXT.divide(Decimal(degrees - 2), total))

    def _symmetric(self) -> Decimal:
        """Return a number between −1 and 1: (2w + 1 − 2⁶⁴) / 2⁶⁴ for the next word w."""
        return CONTEXT.divide(Decimal(2 * next(self._words) + 1 - _WORD), Decimal(_WORD))


def _words(name: str) -> Iterator[int]:
    block = 0
    while True:
        digest = hashlib.sha256(f"{name}/{block}".encode("ascii")).digest()
        for i in range(0, 32, 8):
            yield int.from_bytes(digest[i : i + 8], "big")
        block += 1


Rows = tuple[tuple[Decimal, ...], ...]
"""The rows of a matrix."""


def cholesky(matrix: Sequence[Sequence[Decimal]]) -> Rows | None:
    """Return the lower triangular L with L × Lᵀ = ``matrix``, or None where there is none.

    Correlations of 1 are allowed: what is within 10⁻¹⁸ of nothing on the diagonal is nothing.
    """
    rows: list[list[Decimal]] = []
    for i, line in enumerate(matrix):
        row: list[Decimal] = []
        for j in range(i):
            rest = CONTEXT.subtract(line[j], _product(row, rows[j], j))
            if rows[j][j]:
                row.append(CONTEXT.divide(rest, rows[j][j]))
            elif abs(rest) > _EVEN:
                return None
            else:
                row.append(Decimal(0))
        square = CONTEXT.subtract(line[i], _product(row, row, i))
        if square < -_NIL:
            return None
        row.append(CONTEXT.sqrt(square) if square > _NIL else Decimal(0))
        rows.append(row)
    return tuple(tuple(row) for row in rows)


def correlated(rows: Rows, normals: Sequence[Decimal]) -> list[Decimal]:
    """Return L × ``normals``: as many numbers, with the correlations of L × Lᵀ."""
    return [_product(row, normals, len(row)) for row in rows]


def _product(one: Sequence[Decimal], other: Sequence[Decimal], count: int) -> Decimal:
    total = Decimal(0)
    for i in range(count):
        total = CONTEXT.add(total, CONTEXT.multiply(one[i], other[i]))
    return total
