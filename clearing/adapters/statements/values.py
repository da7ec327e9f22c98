"""Values as venues' exports write them: amounts in any decimal notation, and their moments.

Each takes the text as it stood in the file and returns a value, or raises
:class:`~clearing.adapters.fields.FieldRefused` naming the field.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact
from typing import Final

from clearing.adapters.base import OptionRefused, Setting
from clearing.adapters.fields import FieldRefused, time_field
from clearing.adapters.statements.base import CashLeg, MovementKind

_EXACT: Final = Context(prec=200, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact])
_AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_DECIMALS: Final = 18
_DIGITS: Final = 30
_MILLISECONDS: Final = re.compile(r"[0-9]{1,13}", re.ASCII)
_WALL: Final = re.compile(
    r"(?P<date>(?:[0-9]{2})?[0-9]{2}-[0-9]{2}-[0-9]{2})[ T]"
    r"(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)",
    re.ASCII,
)
_OFFSET: Final = re.compile(r"(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::(?P<minutes>[0-9]{2}))?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

UTC_OFFSET: Final = Setting(
    "+00:00", (), "how far the clock of the file's times is ahead of UTC, such as +03:00"
)
"""The setting of formats whose times are of a clock that the file may not name."""


def amount_field(field: str, value: str) -> Decimal:
    """Return an amount exactly, whatever notation it has: ``-3.605E-05``, ``1.50000…``.

    At most 18 decimals and 30 digits before the point, zeros at the end not counted.
    """
    if not _AMOUNT.fullmatch(value):
        raise FieldRefused(
            field, value, f"{value[:60]!r} is not a decimal such as '-1.5' or '-3.6E-05'"
        )
    number = _EXACT.plus(Decimal(value)).normalize(_EXACT)  # minus nought is nought
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_DECIMALS or number.adjusted() >= _DIGITS:
        raise FieldRefused(
            field,
            value,
            f"{value[:60]!r} has more than {_DECIMALS} decimals or {_DIGITS} digits before them",
        )
    return number if exponent <= 0 else number.quantize(Decimal(1), context=_EXACT)


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
    return time_field(field, moment.isoformat())


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
    return time_field(field, f"{date}T{match['time']}+00:00") - ahead


def parse_offset(text: str) -> timedelta | None:
    """Return how far ahead of UTC ``+8``, ``-05:30`` or ``+00:00`` says; None for anything else."""
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    ahead = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    if ahead > timedelta(hours=14):
        return None
    return -ahead if match["sign"] == "-" else ahead


def offset_setting(reader: str, value: str) -> timedelta:
    """Return the setting ``utc_offset``; raise ``OptionRefused`` for what is no offset."""
    ahead = parse_offset(value)
    if ahead is None:
        raise OptionRefused(f"{reader}: utc_offset={value!r} is not an offset such as +03:00")
    return ahead
