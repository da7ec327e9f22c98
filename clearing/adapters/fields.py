"""Checks on the single fields of outside rows: exact decimals, times, names, choices.

Each takes the text as it stood in the file and returns a value, or raises :class:`FieldRefused`
naming the field.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from clearing.adapters.base import OptionRefused
from clearing.events.fields import parse_time
from clearing.quantities import MAX_DECIMALS

_DECIMAL: Final = re.compile(r"-?[0-9]{1,30}(?:\.(?P<part>[0-9]+))?", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_WHOLE: Final = re.compile(r"-?[0-9]{1,30}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,63}", re.ASCII)
_NANOSECONDS: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6})[0-9]{3}", re.ASCII
)


class FieldRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A field that cannot be read: which, what stood there, and what would be right."""

    def __init__(self, field: str, value: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.value = value
        self.reason = reason


def decimal_field(
    field: str, value: str, *, positive: bool = False, decimals: int = MAX_DECIMALS
) -> Decimal:
    """Return ``value`` exactly: plain digits, at most ``decimals`` of them after the point."""
    match = _DECIMAL.fullmatch(value)
    if match is None or len(match["part"] or "") > decimals:
        reason = f"is not a decimal such as '1.5' with at most {decimals} decimals"
        raise FieldRefused(field, value, f"{value[:60]!r} {reason}")
    number = Decimal(value)
    if positive and number <= 0:
        raise FieldRefused(field, value, f"{value[:60]!r} must be greater than zero")
    return number


def digits_field(field: str, value: str) -> str:
    """Return ``value``, which must be digits only."""
    if not _DIGITS.fullmatch(value):
        raise FieldRefused(field, value, f"{value[:60]!r} is not a whole number of 1 to 20 digits")
    return value


def whole_field(field: str, value: str) -> int:
    """Return ``value``, a whole number with its sign."""
    if not _WHOLE.fullmatch(value):
        raise FieldRefused(
            field, value, f"{value[:60]!r} is not a whole number such as -12 of at most 30 digits"
        )
    return int(value)


def name_field(field: str, value: str) -> str:
    """Return ``value``, which must be a name the ledger can declare."""
    if not _NAME.fullmatch(value):
        raise FieldRefused(
            field,
            value,
            f"{value[:60]!r} is not a name: 1 to 64 letters, digits and . _ : / @ + -,"
            " beginning with a letter or digit",
        )
    return value


def check_names(importer: str, settings: Mapping[str, str], *names: str) -> None:
    """Raise :class:`~clearing.adapters.base.OptionRefused` unless each named setting is a name."""
    for name in names:
        try:
            name_field(name, settings[name])
        except FieldRefused as error:
            raise OptionRefused(f"{importer}: {name}={settings[name]!r}: {error.reason}") from error


def choice_field(field: str, value: str, choices: Sequence[str]) -> str:
    """Return ``value``, which must be one of ``choices``."""
    if value not in choices:
        right = ", ".join(repr(choice) for choice in choices)
        raise FieldRefused(field, value, f"{value[:60]!r} is not one of {right}")
    return value


def time_field(field: str, value: str) -> datetime:
    """Return the moment that ISO 8601 text with an offset names."""
    try:
        return parse_time(value)
    except ValueError as error:
        raise FieldRefused(field, value, str(error)) from error


def utc_nanoseconds_field(field: str, value: str) -> datetime:
    """Return the moment of a UTC time with nine decimals and no offset, floored to microseconds."""
    match = _NANOSECONDS.fullmatch(value)
    if match is None:
        raise FieldRefused(
            field, value, f"{value[:60]!r} is not a time such as '2025-10-27T16:59:59.797563798'"
        )
    try:
        return parse_time(f"{match[1]}Z")
    except ValueError as error:
        raise FieldRefused(field, value, f"{value!r} is no date and time: {error}") from error


def decimals_of(value: Decimal) -> int:
    """Return the decimals that ``value`` needs; trailing zeros do not count."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or not any(digits):
        return 0
    # Not by normalize(), which would round beyond 28 digits first.
    zeros = next(place for place, digit in enumerate(reversed(digits)) if digit)
    return max(0, -exponent - zeros)
