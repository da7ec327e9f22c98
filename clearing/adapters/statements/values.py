"""Values as venues' statements write them: numbers with exponents, clocks in UTC without an offset.

Each takes the text as it stood and returns a value, or raises
:class:`~clearing.adapters.fields.FieldRefused` naming the field.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Context, Decimal, Inexact
from typing import Any, Final

from clearing.adapters.base import OptionRefused
from clearing.adapters.fields import FieldRefused, digits_field
from clearing.adapters.json_pages import text_of
from clearing.events.fields import from_microseconds, parse_time

_PLAIN: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,40})?", re.ASCII)
_EXPONENT: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,70})?[eE][+-]?[0-9]{1,2}", re.ASCII)
_EXACT: Final = Context(prec=100, traps=[Inexact])  # 30 digits, 40 decimals, and sums of some
_CLOCK: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?", re.ASCII
)
_OFFSET: Final = re.compile(r"[+-](0[0-9]|1[0-4]):[0-5][0-9]", re.ASCII)
_LAST_MILLISECOND: Final = 7_258_118_400_000  # the year 2200, as everywhere


def number_field(field: str, value: str, *, positive: bool = False) -> Decimal:
    """Return ``value`` exactly; an exponent (``9e-8``) is allowed, a negative zero becomes zero.

    At most 30 digits and 40 decimals: venues write what they reckoned with floats or fractions.
    """
    plain = format(Decimal(value), "f") if _EXPONENT.fullmatch(value) else value
    if not _PLAIN.fullmatch(plain):
        raise FieldRefused(
            field, value, f"{value[:60]!r} is not a decimal such as '1.5' with at most 40 decimals"
        )
    number = Decimal(plain)
    if positive and number <= 0:
        raise FieldRefused(field, value, f"{value[:60]!r} must be greater than zero")
    return number or number.copy_abs()


def minus(value: Decimal) -> Decimal:
    """Return the opposite of ``value`` exactly: Python's own minus rounds to 28 digits."""
    return value.copy_negate() if value else value


def total(*values: Decimal) -> Decimal:
    """Return the exact sum of ``values``: Python's own plus rounds to 28 digits."""
    found = Decimal(0)
    for value in values:
        found = _EXACT.add(found, value)
    return found


def optional_number(field: str, value: str) -> Decimal | None:
    """Return ``value`` exactly, or None where the field is empty."""
    return number_field(field, value) if value else None


def clock_field(field: str, value: str, offset: str = "+00:00") -> datetime:
    """Return the moment of a time without an offset, such as ``2026-06-06 12:07:02``.

    ``offset`` is what the clock is ahead of UTC (see :func:`check_offset`).
    """
    if not _CLOCK.fullmatch(value):
        raise FieldRefused(
            field,
            value,
            f"{value[:60]!r} is not a time without an offset such as '2026-06-06 12:07:02'",
        )
    try:
        return parse_time(f"{value}{offset}")
    except ValueError as error:
        raise FieldRefused(field, value, str(error)) from error


def check_offset(reader: str, value: str) -> str:
    """Return the setting ``utc_offset``, or raise :class:`OptionRefused` saying what is right."""
    if not _OFFSET.fullmatch(value):
        raise OptionRefused(f"{reader}: utc_offset={value!r} is not an offset such as '+08:00'")
    return value


def milliseconds_field(field: str, value: str) -> datetime:
    """Return the moment that is so many milliseconds after 1970-01-01 UTC."""
    count = int(digits_field(field, value))
    if count >= _LAST_MILLISECOND:
        raise FieldRefused(field, value, f"{value} is no time in milliseconds before the year 2200")
    return from_microseconds(count * 1_000)


def needed(fields: Mapping[str, Any], name: str, within: str = "") -> str:
    """Return a field of a JSON record as text; it must be there and not be empty.

    ``within`` stands before its name in a refusal, such as ``delta.`` for a field of ``delta``.
    """
    value = text_of(fields, name)
    if not value:
        raise FieldRefused(f"{within}{name}", value, "is missing or empty")
    return value


def flag(fields: Mapping[str, Any], name: str, within: str = "") -> bool:
    """Return a field of a JSON record that must be ``true`` or ``false``."""
    value = fields.get(name)
    if not isinstance(value, bool):
        raise FieldRefused(f"{within}{name}", text_of(fields, name), "is not true or false")
    return value
