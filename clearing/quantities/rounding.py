"""Division of integers with the direction of rounding named.

A ledger that rounds silently loses money silently. Every division that may leave a remainder goes
through :func:`divide` with a :class:`Rounding`, and the caller decides where the remainder goes.
"""

from enum import StrEnum


class Rounding(StrEnum):
    """Which integer stands for an exact quotient that is not one.

    ``down`` and ``up`` look along the number line; ``toward_zero`` and ``away_from_zero`` look at
    the magnitude; ``half_even`` and ``half_away`` take the nearest and differ only on ties.
    """

    DOWN = "down"
    UP = "up"
    TOWARD_ZERO = "toward_zero"
    AWAY_FROM_ZERO = "away_from_zero"
    HALF_EVEN = "half_even"
    HALF_AWAY = "half_away"


def divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Return ``numerator / denominator`` as an integer, rounded as named.

    ``denominator`` must be positive (:class:`ValueError` otherwise): a sign belongs to the
    numerator, so that "down" cannot change meaning with a minus below the line. The remainder,
    ``numerator - result * denominator``, is the caller's to post.
    """
    if denominator <= 0:
        raise ValueError(f"denominator must be positive, not {denominator}")
    quotient, remainder = divmod(numerator, denominator)
    if remainder == 0 or rounding is Rounding.DOWN:
        return quotient
    if rounding is Rounding.UP:
        return quotient + 1
    if rounding is Rounding.TOWARD_ZERO:
        return quotient + 1 if numerator < 0 else quotient
    if rounding is Rounding.AWAY_FROM_ZERO:
        return quotient if numerator < 0 else quotient + 1
    twice = 2 * remainder
    if twice != denominator:
        return quotient + 1 if twice > denominator else quotient
    if rounding is Rounding.HALF_EVEN:
        return quotient + (quotient & 1)
    return quotient if numerator < 0 else quotient + 1
