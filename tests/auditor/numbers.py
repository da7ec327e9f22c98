"""Fractions, the named roundings, and the two forms in which entries state numbers."""

from decimal import Decimal
from fractions import Fraction

Number = int | Fraction


def floor(value: Number) -> int:
    """The greatest integer not above ``value``."""
    return value.numerator // value.denominator


def ceiling(value: Number) -> int:
    """The least integer not below ``value``."""
    return -floor(-value)


def down(value: Number, decimals: int) -> Fraction:
    """``value`` rounded down at ``decimals``."""
    return Fraction(floor(value * 10**decimals), 10**decimals)


def half_even(value: Number) -> int:
    """The nearest integer; of two equally near, the even one."""
    low = floor(value)
    rest = Fraction(value) - low
    if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1):
        return low + 1
    return low


def half_away(value: Number) -> int:
    """The nearest integer; of two equally near, the one farther from zero."""
    size = floor(abs(Fraction(value)) + Fraction(1, 2))
    return size if value >= 0 else -size


def toward_zero(value: Number) -> int:
    """The integer part of ``value``."""
    return floor(value) if value >= 0 else ceiling(value)


def away_from_zero(value: Number) -> int:
    """The nearest integer that is not nearer to zero."""
    return ceiling(value) if value >= 0 else floor(value)


ROUNDINGS = {
    "half_even": half_even,
    "half_away": half_away,
    "toward_zero": toward_zero,
    "away_from_zero": away_from_zero,
    "down": floor,
    "up": ceiling,
}


def scaled(value: Decimal | Fraction, decimals: int) -> int:
    """``value`` as an integer at ``decimals``; it must fit exactly."""
    result = Fraction(value) * 10**decimals
    if result.denominator != 1:
        raise ValueError(f"{value} does not fit {decimals} decimals")
    return int(result.numerator)


def text(value: Number) -> str:
    """``value`` as the shortest exact decimal: ``1.5``, ``-0.02``, ``0``."""
    value = Fraction(value)
    rest, places = value.denominator, 0
    while 10**places % rest:
        places += 1
        if places > 400:
            raise ValueError(f"{value} has no finite decimal")
    digits = str(abs(value.numerator) * 10**places // rest).rjust(places + 1, "0")
    whole = digits[:-places] if places else digits
    part = digits[-places:].rstrip("0") if places else ""
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"
