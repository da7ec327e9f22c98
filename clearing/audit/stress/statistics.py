"""What many runs come to: means, quantiles, and how sure a probability is."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Final

from clearing.quantities import Rounding, divide, format_scaled

NORMAL_QUANTILE: Final = Decimal("1.959963984540054")
"""Between minus it and it lies 95 % of the normal distribution."""

PROBABILITY_DECIMALS: Final = 6

_CONTEXT: Final = Context(prec=40, rounding=ROUND_HALF_EVEN)
_PLACES: Final = Decimal(1).scaleb(-PROBABILITY_DECIMALS)


def wilson(hits: int, runs: int) -> tuple[str, str]:
    """Return the 95 % interval of the probability of what happened in ``hits`` of ``runs`` runs.

    With p = hits / n, the middle is (p + z²/2n) / (1 + z²/n), and it reaches
    z × √(p(1 − p)/n + z²/4n²) / (1 + z²/n) either way (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927).
    Six decimals, rounded outwards.
    """
    c, n, z2 = _CONTEXT, Decimal(runs), _CONTEXT.multiply(NORMAL_QUANTILE, NORMAL_QUANTILE)
    p = c.divide(Decimal(hits), n)
    whole = c.add(Decimal(1), c.divide(z2, n))
    middle = c.add(p, c.divide(z2, c.multiply(Decimal(2), n)))
    spread = c.divide(c.multiply(p, c.subtract(Decimal(1), p)), n)
    spread = c.add(spread, c.divide(z2, c.multiply(Decimal(4), c.multiply(n, n))))
    reach = c.multiply(NORMAL_QUANTILE, c.sqrt(spread))
    low = c.divide(c.subtract(middle, reach), whole) if hits else Decimal(0)
    high = c.divide(c.add(middle, reach), whole) if hits < runs else Decimal(1)
    return (
        format(low.quantize(_PLACES, ROUND_FLOOR), "f"),
        format(high.quantize(_PLACES, ROUND_CEILING), "f"),
    )


def rounded(value: Fraction, decimals: int) -> str:
    """Write a value with exactly so many decimals, rounded half-even."""
    scaled = divide(value.numerator * 10**decimals, value.denominator, Rounding.HALF_EVEN)
    return format_scaled(scaled, decimals)


def mean(values: Sequence[Fraction]) -> Fraction:
    """Return the exact mean of at least one value."""
    return sum(values, Fraction(0)) / len(values)


def quantile(ordered: Sequence[Fraction], percent: int) -> Fraction:
    """Return the value that ``percent`` of the runs do not go beyond: the nearest rank, a real one.

    ``ordered`` goes from the best to the worst.
    """
    return ordered[-(-percent * len(ordered) // 100) - 1]
