"""The types of event fields: exact decimals, aware times, bounded names and texts.

Each refuses what it cannot hold exactly and says what would be right. Nothing here passes through
a binary floating-point number: a JSON number reaches these types as its text.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from clearing.events.canonical import MAX_DIGITS, check_digits

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DECIMAL_TEXT: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", re.ASCII)
# Controls, soft hyphen, spaces but U+0020, zero-width and direction marks, surrogates. Written out,
# because str.isprintable follows the Unicode version of the Python at hand, and stored events must
# be readable by every Python.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0001\U000e0020-\U000e007f]"
)
_TIME_TEXT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})",
    re.ASCII,
)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, bool | float):
        raise ValueError(
            f"a {type(value).__name__} is not an exact amount; write a decimal string such as '1.5'"
        )
    elif isinstance(value, int):
        check_digits(value)
        number = Decimal(value)
    elif isinstance(value, str):
        if len(value) > 2 * MAX_DIGITS or not _DECIMAL_TEXT.fullmatch(value):
            raise ValueError(f"{value[:60]!r} is not a decimal number such as '1.5' or '-0.01'")
        number = Decimal(value)
    else:
        raise ValueError(f"expected a decimal string such as '1.5', not {type(value).__name__}")
    check_digits(number)
    return number


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError(f"{value} must be greater than zero")
    return value


def _not_negative(value: Decimal) -> Decimal:
    if value < 0:
        raise ValueError(f"{value} must not be negative")
    return value


def _interest(value: Decimal) -> Decimal:
    if not 0 <= value <= 10:
        raise ValueError(f"{value} must be at least 0 and at most 10, which is tenfold")
    return value


def _not_zero(value: Decimal) -> Decimal:
    if value == 0:
        raise ValueError("must not be zero")
    return value


def parse_time(value: Any) -> datetime:
    """Return ``value`` (an aware datetime or ISO 8601 text with an offset) in UTC.

    Raises :class:`ValueError` for a naive time, for more than microseconds, and outside 1970–2199.
    """
    if isinstance(value, str):
        if not _TIME_TEXT.fullmatch(value):
            raise ValueError(
                f"{value[:60]!r} is not a time such as '2020-03-12T10:45:00Z': it needs a date, a"
                " time to at most microseconds and an offset from UTC"
            )
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is not a time: {error}") from None
    if not isinstance(value, datetime):
        raise ValueError(f"expected a time with an offset from UTC, not {type(value).__name__}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError(f"{value.isoformat()} has no offset from UTC; write '…Z' or '…+00:00'")
    try:
        moment = value.astimezone(UTC)
    except OverflowError:  # before the year 1 or after 9999 once its offset is taken off
        moment = _LAST
    if not _EPOCH <= moment < _LAST:
        raise ValueError(f"{value.isoformat()} is outside the years 1970 to 2199")
    return moment


def to_microseconds(moment: datetime) -> int:
    """Return the microseconds from 1970-01-01 UTC to ``moment`` (which must be aware)."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(microseconds: int) -> datetime:
    """Return the UTC time ``microseconds`` after 1970-01-01 UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def _printable(value: str) -> str:
    if _UNPRINTABLE.search(value):
        raise ValueError(f"{value[:60]!r} holds a character that cannot be printed")
    if value != value.strip():
        raise ValueError(f"{value[:60]!r} begins or ends with a space")
    return value


def _clean(value: str) -> str:
    for character in value:
        if character == "\x00" or "\ud800" <= character <= "\udfff":
            raise ValueError(
                "holds a character that text storage refuses (NUL or a lone surrogate)"
            )
    return value


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_DIGITS: Final = r"[0-9]+(\.[0-9]+)?$"
_NOT_ZERO: Final = r"(?=[0-9.]*[1-9])"


def _schema(pattern: str, description: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "description": description})


_TIME_SCHEMA = WithJsonSchema(
    {"type": "string", "format": "date-time", "description": "with an offset from UTC"}
)

Amount = Annotated[
    Decimal, BeforeValidator(_decimal), _schema(rf"^[+-]?{_DIGITS}", "exact signed decimal")
]
"""An exact signed decimal."""
PositiveAmount = Annotated[
    Amount,
    AfterValidator(_positive),
    _schema(rf"^\+?{_NOT_ZERO}{_DIGITS}", "exact decimal greater than zero"),
]
"""An exact decimal greater than zero."""
NotNegativeAmount = Annotated[
    Amount,
    AfterValidator(_not_negative),
    _schema(rf"^\+?{_DIGITS}", "exact decimal of zero or more"),
]
"""An exact decimal of zero or more."""
InterestRate = Annotated[
    Amount,
    AfterValidator(_interest),
    _schema(rf"^\+?{_DIGITS}", "exact decimal from 0 to 10"),
]
"""What part of a balance interest may be in one settlement: from 0 to 10."""
NonZeroAmount = Annotated[
    Amount,
    AfterValidator(_not_zero),
    _schema(rf"^[+-]?{_NOT_ZERO}{_DIGITS}", "exact signed decimal other than zero"),
]
"""An exact signed decimal other than zero."""
Time = Annotated[datetime, BeforeValidator(parse_time), _TIME_SCHEMA]
"""A moment in UTC, to the microsecond."""
Name = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$")
]
"""A declared name: letters, digits and ``. _ : / @ + -``, beginning with a letter or digit."""
Identifier = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_printable)]
"""An opaque identifier of the source's own: printable, not empty, at most 128 characters."""
Text = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_clean)]
"""Words for people: not empty, at most 2,000 characters."""
Position = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""A log position: 1 is the first event."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest in lower-case hexadecimal."""
ListAsTuple = BeforeValidator(_as_tuple)
"""Lets a JSON array fill an immutable tuple."""
