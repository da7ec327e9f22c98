"""The types of a rulebook's fields: rates, shares, factors, named roundings, lists."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from clearing.events.fields import Amount, ListAsTuple, PositiveAmount
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Rounding


def _rate(value: Decimal) -> Decimal:
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > RATE_DECIMALS:
        raise ValueError(f"{value} has more than {RATE_DECIMALS} decimals")
    return value


def _share(value: Decimal) -> Decimal:
    if not 0 <= value <= 1:
        raise ValueError(f"{value} must lie between 0 and 1")
    return value


def _margin_rate(value: Decimal) -> Decimal:
    if not 0 < value <= 1:
        raise ValueError(f"{value} must be greater than 0 and at most 1")
    return value


def _fraction(value: Decimal) -> Decimal:
    if not 0 < value < 1:
        raise ValueError(f"{value} must lie between 0 and 1, and be neither")
    return value


def _rounding(value: Any) -> Any:
    if isinstance(value, Rounding):
        return value
    if value in tuple(Rounding):
        return Rounding(value)
    raise ValueError(f"must be one of {', '.join(Rounding)}, not {value!r}")


Rate = Annotated[Amount, AfterValidator(_rate)]
"""A decimal of at most 12 places."""
MarginRate = Annotated[Rate, AfterValidator(_margin_rate)]
"""What share of a notional a margin may be: more than 0, at most 1."""
Fraction = Annotated[Rate, AfterValidator(_fraction)]
"""More than 0 and less than 1."""
Share = Annotated[Rate, AfterValidator(_share)]
"""From 0 to 1."""
Factor = Annotated[PositiveAmount, AfterValidator(_rate)]
"""Greater than 0, of at most 12 places."""
NamedRounding = Annotated[Rounding, BeforeValidator(_rounding)]
List = ListAsTuple
