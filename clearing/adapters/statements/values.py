"""Values as venues' exports write them: amounts in any decimal notation, and their moments.

Each takes the text as it stood in the file and returns a value, or raises
:class:`~clearing.adapters.fields.FieldRefused` naming the field.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, ROUND_DOWN, Context, Decimal, Inexact
from functools import cache
from typing import Final, Literal

from clearing.adapters.base import OptionRefused, Setting
from clearing.adapters.fields import FieldRefused, time_field
from clearing.adapters.statements.base import MAX_DECIMALS, MAX_DIGITS, CashLeg, MovementKind
from clearing.quantities import MAX_DECIMALS as LEDGER_DECIMALS

DecimalMark = Literal["point", "comma"]
ThousandsMark = Literal["none", "comma", "point", "space", "apostrophe"]

_EXACT: Final = Context(prec=200, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact])
_CUTTING: Final = Context(prec=200)
_AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_DECIMAL_MARKS: Final[dict[DecimalMark, str]] = {"point": r"\.", "comma": ","}
_THOUSANDS_MARKS: Final[dict[ThousandsMark, str]] = {
    "comma": ",",
    "point": r"\.",
    "space": "[ \u00a0\u202f]",
    "apostrophe": "['’]",
}
_EXAMPLES: Final[dict[DecimalMark, str]] = {"point": "1234.5", "comma": "1234,5"}
_MILLISECONDS: Final = re.compile(r"[0-9]{1,13}", re.ASCII)
_WALL: Final = re.compile(
    r"(?P<date>(?:[0-9]{2})?[0-9]{2}-[0-9]{2}-[0-9]{2})[ T]"
    r"(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)",
    re.ASCII,
)
_OFFSET: Final = re.compile(
    r"(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::(?P<minutes>[0-5][0-9]))?", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

UTC_OFFSET: Final = Setting(
    "+00:00", (), "how far the clock of the file's times is ahead of UTC, such as +03:00"
)
"""The setting of formats whose times are of a clock that the file may not name."""


def amount_field(field: str, value: str) -> Decimal:
    """Return an amount exactly, whatever notation it has: ``-3.605E-05``, ``1.50000…``.

    At most 40 decimals and 30 digits before the point, zeros at the end not counted.
    """
    if not _AMOUNT.fullmatch(value):
        raise FieldRefused(
            field, value, f"{value[:60]!r} is not a decimal such as '-1.5' or '-3.6E-05'"
        )
    number = _EXACT.plus(Decimal(value)).normalize(_EXACT)  # minus nought is nought
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MAX_DECIMALS or number.adjusted() >= MAX_DIGITS:
        most = f"{MAX_DECIMALS} decimals or {MAX_DIGITS} digits before them"
        raise FieldRefused(field, value, f"{value[:60]!r} has more than {most}")
    return number if exponent <= 0 else number.quantize(Decimal(1), context=_EXACT)


def written_field(
    field: str, value: str, decimal: DecimalMark = "point", thousands: ThousandsMark = "none"
) -> Decimal:
    """Return the number that ``value`` writes with a decimal mark and one between thousands.

    Groups have three digits, and need not be divided. At most 40 decimals, which stay as written,
    and 30 digits before them; no exponent.
    """
    match = _written(decimal, thousands).fullmatch(value)
    if match is None:
        marks = f"decimal {decimal}, thousands {thousands}"
        reason = f"{value[:60]!r} is not a number such as {_EXAMPLES[decimal]!r} ({marks})"
        raise FieldRefused(field, value, f"{reason} with at most {MAX_DECIMALS} decimals")
    whole = re.sub(r"[^0-9]", "", match["whole"], flags=re.ASCII)
    sign = "-" if match["sign"] == "-" else ""
    part = f".{match['part']}" if match["part"] else ""
    return Decimal(f"{sign}{whole}{part}")


@cache
def _written(decimal: DecimalMark, thousands: ThousandsMark) -> re.Pattern[str]:
    whole = f"[0-9]{{1,{MAX_DIGITS}}}"
    if thousands != "none":
        mark = _THOUSANDS_MARKS[thousands]
        whole = f"{whole}|[0-9]{{1,3}}(?:{mark}[0-9]{{3}}){{1,9}}"
    part = f"(?:{_DECIMAL_MARKS[decimal]}(?P<part>[0-9]{{1,{MAX_DECIMALS}}}))?"
    return re.compile(f"(?P<sign>[+-]?)(?P<whole>{whole}){part}", re.ASCII)


def unsigned(field: str, value: str, number: Decimal, why: str) -> Decimal:
    """Return a number that ``value`` wrote, which must not be negative: ``why`` says so."""
    if number < 0:
        raise FieldRefused(field, value, f"{value[:60]!r} must not be negative: {why}")
    return number


def positive_field(field: str, value: str) -> Decimal:
    """Return an amount exactly, which must be greater than zero."""
    amount = amount_field(field, value)
    if amount <= 0:
        raise FieldRefused(field, value, f"{value[:60]!r} must be greater than zero")
    return amount


def reckoned_field(field: str, value: str) -> Decimal:
    """Return an amount that the venue reckoned with floats or fractions, cut after 18 decimals.

    No asset of the ledger has more: what is cut is no money but what arithmetic left over.
    """
    if not _AMOUNT.fullmatch(value):
        return amount_field(field, value)
    cut = Decimal(value).quantize(Decimal(1).scaleb(-LEDGER_DECIMALS), ROUND_DOWN, _CUTTING)
    try:
        return amount_field(field, str(cut))
    except FieldRefused as error:
        raise FieldRefused(field, value, error.reason) from error


def amount_if_told(field: str, value: str) -> Decimal | None:
    """Return an amount exactly, or None for an empty cell and for ``--``."""
    return None if value in ("", "--") else amount_field(field, value)


def total(*amounts: Decimal) -> Decimal:
    """Return the exact sum of amounts."""
    found = Decimal(0)
    for amount in amounts:
        found = _EXACT.add(found, amount)
    return found


def negated(amount: Decimal) -> Decimal:
    """Return an amount with the other sign, exactly."""
    return _EXACT.minus(amount)


def legs(
    asset: str, balance: Decimal | None, *parts: tuple[MovementKind, Decimal]
) -> tuple[CashLeg, ...]:
    """Return the legs that parts of one change make, without those that are zero.

    Where all are zero the first stays, so that the line still says its kind and balance.
    """
    moved = [part for part in parts if part[1]] or list(parts[:1])
    last = len(moved) - 1
    return tuple(
        CashLeg(asset, kind, amount, balance if index == last else None)
        for index, (kind, amount) in enumerate(moved)
    )


def millisecond_field(field: str, value: str) -> datetime:
    """Return the moment so many milliseconds after 1970-01-01 UTC."""
    if not _MILLISECONDS.fullmatch(value):
        raise FieldRefused(
            field, value, f"{value[:60]!r} is not a count of milliseconds since 1970"
        )
    moment = _EPOCH + timedelta(milliseconds=int(value))
    return _moment(field, value, moment.isoformat())


def wall_time_field(field: str, value: str, ahead: timedelta) -> datetime:
    """Return the moment of a date and time without offset on a clock ``ahead`` of UTC.

    ``2024-05-01 12:00:00``, with decimals of a second or without; a year of two digits is of this
    century.
    """
    match = _WALL.fullmatch(value)
    if match is None:
        raise FieldRefused(
            field, value, f"{value[:60]!r} is not a time such as '2024-05-01 12:00:00'"
        )
    date = match["date"] if len(match["date"]) == 10 else f"20{match['date']}"
    return _moment(field, value, f"{date}T{match['time']}+00:00") - ahead


def _moment(field: str, value: str, text: str) -> datetime:
    """Return the moment of a text; a refusal names what stood in the file."""
    try:
        return time_field(field, text)
    except FieldRefused as error:
        raise FieldRefused(field, value, error.reason) from error


def offset_of(text: str) -> timedelta:
    """Return how far ahead of UTC ``+8``, ``-05:30`` or ``+00:00`` says, at most 14 hours.

    Raises :class:`ValueError` for anything else.
    """
    match = _OFFSET.fullmatch(text)
    if match is not None:
        ahead = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        if ahead <= timedelta(hours=14):
            return -ahead if match["sign"] == "-" else ahead
    raise ValueError(f"{text[:60]!r} is not an offset from UTC such as '+02:00'")


def offset_setting(reader: str, value: str) -> timedelta:
    """Return the setting ``utc_offset``; raise ``OptionRefused`` for what is no offset."""
    try:
        return offset_of(value)
    except ValueError as error:
        raise OptionRefused(f"{reader}: utc_offset={error}") from error
