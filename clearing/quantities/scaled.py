"""Scaled integers and decimal text, each from the other, exactly or not at all."""

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation
from typing import Final

MAX_DECIMALS: Final = 18
"""The most decimals that an asset, price, mark or size may declare."""

MAX_PRECISION: Final = 200
"""The most digits that a conversion handles; a number beyond is refused, never rounded."""

# One context for every conversion: entering a local one would cost more than the conversion.
_EXACT: Final = Context(
    prec=MAX_PRECISION, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation]
)


class NotExact(ValueError):  # noqa: N818 - reads as the statement that it is
    """A number cannot be held exactly: more decimals than its scale, or too many digits."""


def to_scaled(value: Decimal, decimals: int) -> int:
    """Return ``value * 10**decimals`` as an integer.

    Raises :class:`NotExact` if ``value`` has more than ``decimals`` decimals, needs more than
    :data:`MAX_PRECISION` digits or is not finite; nothing is rounded. Trailing zeros do not count
    as decimals.
    """
    if not value:
        return 0
    if not value.is_finite():
        raise NotExact(f"{value} is not a finite number")
    order = value.adjusted() + decimals
    if order >= MAX_PRECISION:
        raise NotExact(f"{value} needs more than {MAX_PRECISION} digits")
    if order >= 0:  # else it is less than one unit
        numerator, denominator = value.as_integer_ratio()
        whole, left = divmod(numerator * 10**decimals, denominator)
        if not left:
            return int(whole)
    raise NotExact(f"{value} has more than {decimals} decimals")


def exact_decimal(value: int, decimals: int) -> Decimal:
    """Return the :class:`~decimal.Decimal` that ``value`` at ``decimals`` decimals stands for.

    Raises :class:`NotExact` beyond :data:`MAX_PRECISION` digits.
    """
    try:
        return Decimal(value).scaleb(-decimals, _EXACT)
    except Inexact:
        raise NotExact(f"a number of more than {MAX_PRECISION} digits") from None


def format_scaled(value: int, decimals: int) -> str:
    """Write ``value`` at ``decimals`` decimals as text with exactly that many decimals.

    ``format_scaled(-5, 2)`` is ``-0.05``. Zero has no sign.
    """
    if decimals == 0:
        return str(value)
    digits = str(abs(value)).rjust(decimals + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def format_exact(value: int, decimals: int) -> str:
    """Write ``value`` at ``decimals`` decimals in its shortest exact form.

    Trailing zeros are dropped, so that one amount has one text whatever scale it was computed at:
    ``format_exact(1500, 3)`` and ``format_exact(15, 1)`` are both ``1.5``.
    """
    if value == 0:
        return "0"
    text = format_scaled(value, decimals)
    if decimals == 0:
        return text
    return text.rstrip("0").rstrip(".")


def rescale(value: int, decimals: int, to_decimals: int) -> int:
    """Move ``value`` from one scale to a finer or equal one.

    Raises :class:`NotExact` when ``to_decimals`` is coarser and digits would be lost.
    """
    if to_decimals >= decimals:
        return int(value * 10 ** (to_decimals - decimals))
    quotient, remainder = divmod(value, 10 ** (decimals - to_decimals))
    if remainder:
        raise NotExact(f"{format_scaled(value, decimals)} does not fit {to_decimals} decimals")
    return int(quotient)
