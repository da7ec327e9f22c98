"""Scaled integers and decimal text, each from the other, exactly or not at all."""

from decimal import Decimal, localcontext

MAX_DECIMALS = 18
"""The most decimals that an asset, price, mark or size may declare."""

# Wide enough that no conversion in this room can round: amounts are bounded far below this.
_PRECISION = 200


class NotExact(ValueError):  # noqa: N818 - reads as the statement that it is
    """A decimal has more decimals than the scale it must fit."""


def to_scaled(value: Decimal, decimals: int) -> int:
    """Return ``value * 10**decimals`` as an integer.

    Raises :class:`NotExact` if ``value`` has more than ``decimals`` decimals or is not finite;
    nothing is rounded. Trailing zeros do not count as decimals.
    """
    if not value.is_finite():
        raise NotExact(f"{value} is not a finite number")
    with localcontext() as context:
        context.prec = _PRECISION
        scaled = value.scaleb(decimals)
        whole = scaled.to_integral_value()
        if whole != scaled:
            raise NotExact(f"{value} has more than {decimals} decimals")
        return int(whole)


def exact_decimal(value: int, decimals: int) -> Decimal:
    """Return the :class:`~decimal.Decimal` that ``value`` at ``decimals`` decimals stands for."""
    with localcontext() as context:
        context.prec = _PRECISION
        return Decimal(value).scaleb(-decimals)


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
