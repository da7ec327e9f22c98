"""Any CSV file, by a mapping that says what its columns mean (see :mod:`mapping`).

It is read only where a mapping is given, and never recognised by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timezone
from decimal import Decimal
from typing import Final

from clearing.adapters.base import OptionRefused, Setting, settle
from clearing.adapters.fields import FieldRefused, choice_field, decimal_field, time_field
from clearing.adapters.files import CsvRow, read_csv
from clearing.adapters.statements.base import (
    Balances,
    Beginning,
    CashLeg,
    FillLeg,
    Item,
    MovementKind,
    StatementLine,
)
from clearing.adapters.statements.items import items_of
from clearing.adapters.statements.mapping import (
    AmountSource,
    CsvFile,
    CsvMapping,
    FeeSource,
    KindSource,
    Source,
    TimeSource,
    load_mapping,
)
from clearing.adapters.statements.values import negated, offset_of, unsigned, written_field
from clearing.events.fields import from_microseconds, parse_time
from clearing.quantities import NotExact, exact_decimal, to_scaled

_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t"}
_EPOCHS: Final = {"epoch_seconds": 6, "epoch_milliseconds": 3, "epoch_microseconds": 0}
_BEYOND: Final = 10**16
"""Microseconds since 1970 beyond every moment that is read."""

_NAME: Final = "generic-csv"
_SUMMARY: Final = "CSV whose columns a mapping file explains"
_SETTINGS: Final[Mapping[str, Setting]] = {
    "mapping": Setting("", (), "the path of the mapping (YAML or JSON); it must be given")
}


class GenericCsv:
    """The statement format ``generic-csv``."""

    name: Final = _NAME
    summary: Final = _SUMMARY
    venue: Final = ""
    columns: Final[Mapping[str, str]] = {"*": "as the mapping says: mapped, or named as ignored"}
    balances: Final[Balances] = "none"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = True
    page_limits: Final[frozenset[int]] = frozenset()
    settings: Final = _SETTINGS

    def sniff(self, beginning: Beginning) -> bool:  # noqa: ARG002 - any CSV may begin like this
        """Return False: what columns mean is for a mapping to say."""
        return False

    def mapped(self, settings: Mapping[str, str]) -> "MappedCsv":
        """Return the reader that the mapping makes of this: with its venue, columns and balances.

        Raises :class:`~clearing.adapters.base.OptionRefused` for settings or a mapping that are
        wrong.
        """
        given = settle(self.name, self.settings, settings)
        if not given["mapping"]:
            raise OptionRefused(f"{self.name} needs the option mapping: the path of a mapping")
        return MappedCsv(load_mapping(self.name, given["mapping"]))

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order, read as the mapping says."""
        return self.mapped(settings).read(path, settings)


@dataclass(frozen=True, slots=True)
class MappedCsv:
    """The format ``generic-csv`` with a mapping."""

    mapping: CsvMapping
    name: str = _NAME
    summary: str = _SUMMARY

    @property
    def venue(self) -> str:
        """Who states, as the mapping says."""
        return self.mapping.venue

    @property
    def columns(self) -> Mapping[str, str]:
        """Every column and what the mapping makes of it."""
        ignored = dict.fromkeys(self.mapping.ignore, "ignored: as the mapping says")
        return {**self.mapping.columns(), **ignored}

    @property
    def balances(self) -> Balances:
        """What the balances of its lines are."""
        return self.mapping.balance.of if self.mapping.balance else "none"

    @property
    def kinds(self) -> frozenset[MovementKind] | None:
        """Which kinds of cash movement the mapping says the file states; None: every kind."""
        states = self.mapping.states
        return None if states is None else frozenset(states)

    @property
    def fills(self) -> bool:
        """Whether the mapping has fills."""
        return self.mapping.fill is not None

    @property
    def page_limits(self) -> frozenset[int]:
        """How many lines a full page has."""
        return frozenset(self.mapping.page_limits)

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The options of the format."""
        return _SETTINGS

    def sniff(self, beginning: Beginning) -> bool:  # noqa: ARG002 - any CSV may begin like this
        """Return False: what columns mean is for a mapping to say."""
        return False

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order; the mapping is the one that was loaded."""
        settle(self.name, self.settings, settings)
        file = self.mapping.file
        rows = read_csv(
            path,
            tuple(self.mapping.columns()),
            self.mapping.ignore,
            delimiter=_DELIMITERS[file.delimiter],
            header_line=file.header_row,
        )
        return items_of(path, rows, lambda row: [_line(path, row, self.mapping)])


def _line(path: str, row: CsvRow, mapping: CsvMapping) -> StatementLine:
    fields = row.fields
    at = _time(fields, mapping.time)
    market = _text(fields, mapping.market)
    counts = True
    if mapping.status is not None:
        status = mapping.status
        words = (*status.counts, *status.nothing)
        counts = choice_field(status.column, fields[status.column], words) in status.counts
    return StatementLine(
        path,
        row.number,
        at,
        _text(fields, mapping.account),
        fields[mapping.native_id] if mapping.native_id is not None else "",
        market,
        _cash(fields, mapping) if counts else (),
        _fill(fields, mapping, market) if counts else None,
        fields,
    )


def _text(fields: Mapping[str, str], source: Source | None) -> str:
    if source is None:
        return ""
    if source.column is None:
        return source.constant or ""
    value = fields[source.column]
    if source.words is None:
        return value
    return source.words[choice_field(source.column, value, tuple(source.words))]


def _named(fields: Mapping[str, str], source: Source, what: str) -> str:
    """Return the text of a source, which must not be empty."""
    text = _text(fields, source)
    if not text:
        raise FieldRefused(source.column or "", text, f"is empty; it must say {what}")
    return text


def _time(fields: Mapping[str, str], source: TimeSource) -> datetime:
    column, value = source.column, fields[source.column]
    if source.time_column is not None:
        value = f"{value} {fields[source.time_column]}"
    if source.format == "iso":
        return _iso(column, value, source.utc_offset)
    if source.pattern is not None:
        return _by_pattern(column, value, source.pattern, source.utc_offset)
    number = decimal_field(column, value)
    try:
        since = to_scaled(number, _EPOCHS[source.format])
    except NotExact:
        since = _BEYOND
    if not 0 <= since < _BEYOND:
        word = source.format.removeprefix("epoch_")
        reason = f"{value[:60]!r} is not a number of {word} since 1970, to microseconds"
        raise FieldRefused(column, value, reason)
    return _checked(column, value, from_microseconds(since))


def _iso(column: str, value: str, utc_offset: str | None) -> datetime:
    if utc_offset is None:
        return time_field(column, value)
    try:
        return parse_time(f"{value}+00:00") - offset_of(utc_offset)
    except ValueError:
        reason = f"{value[:60]!r} is not a time such as '2024-05-01T12:00:00' without an offset"
        raise FieldRefused(column, value, f"{reason} (the mapping says {utc_offset})") from None


def _by_pattern(column: str, value: str, pattern: str, utc_offset: str | None) -> datetime:
    zone = UTC if utc_offset is None else timezone(offset_of(utc_offset))
    try:
        # strptime takes the digits of every script; a zone is set below where it told none.
        moment = datetime.strptime(ascii(value)[1:-1], pattern)  # noqa: DTZ007
    except ValueError:
        reason = f"{value[:60]!r} is not a time of the pattern {pattern!r}"
        raise FieldRefused(column, value, reason) from None
    return _checked(column, value, moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _checked(column: str, value: str, moment: datetime) -> datetime:
    try:
        return parse_time(moment)
    except ValueError as error:
        raise FieldRefused(column, value, str(error)) from None


def _cash(fields: Mapping[str, str], mapping: CsvMapping) -> tuple[CashLeg, ...]:
    """Return what moved cash: the amount, and a fee that is charged beside it."""
    legs: list[CashLeg] = []
    balance_asset = ""
    if mapping.amount is not None and mapping.asset is not None and mapping.kind is not None:
        amount = _amount(fields, mapping.amount, mapping)
        if amount is not None:
            asset = balance_asset = _named(fields, mapping.asset, "the asset")
            column, number = amount
            moved = _unit(column, number, mapping.amount, asset)
            legs.append(CashLeg(asset, _kind(fields, mapping.kind, moved), moved))
    if mapping.fee is not None and mapping.fee.charged == "beside_amount":
        fee = _fee(fields, mapping.fee, mapping)
        if fee is not None and fee[0]:
            paid, asset = fee
            legs.append(CashLeg(asset, "fee" if paid > 0 else "rebate", negated(paid)))
    if mapping.balance is None or not fields[mapping.balance.column] or not balance_asset:
        return tuple(legs)
    column = mapping.balance.column
    number = _number(column, fields[column], mapping.file)
    unit = mapping.amount
    balance = number if unit is None else _unit(column, number, unit, balance_asset)
    last = max(place for place, leg in enumerate(legs) if leg.asset == balance_asset)
    legs[last] = legs[last]._replace(balance=balance)
    return tuple(legs)


def _kind(fields: Mapping[str, str], source: KindSource, moved: Decimal) -> MovementKind:
    if source.column is not None and source.words is not None:
        word = choice_field(source.column, fields[source.column], tuple(source.words))
        return source.words[word]
    # One of the two is there: the mapping was checked.
    by_sign = source.lowers if moved < 0 else source.raises
    return source.constant or by_sign or "other"


def _amount(
    fields: Mapping[str, str], source: AmountSource, mapping: CsvMapping
) -> tuple[str, Decimal] | None:
    """Return the column that says the amount and its number with our sign; None for nothing."""
    if source.debit is not None and source.credit is not None:
        return _of_two(fields, source, source.debit, source.credit, mapping)
    column = source.column or ""
    if not fields[column] and source.empty == "nothing":
        return None
    number = _number(column, fields[column], mapping.file)
    if source.direction is None:
        return column, number if source.positive == "raises" else negated(number)
    direction = source.direction
    word = fields[direction.column]
    choice_field(direction.column, word, (*direction.raises, *direction.lowers))
    unsigned(column, fields[column], number, f"its direction is in {direction.column!r}")
    return column, number if word in direction.raises else negated(number)


def _of_two(
    fields: Mapping[str, str], source: AmountSource, debit: str, credit: str, mapping: CsvMapping
) -> tuple[str, Decimal] | None:
    """Return the amount of a debit and a credit column, one of which is empty or zero."""
    told = {}
    for column in (debit, credit):
        if fields[column]:
            told[column] = _number(column, fields[column], mapping.file)
            unsigned(column, fields[column], told[column], "the column is its direction")
    moved = [column for column, number in told.items() if number]
    if len(moved) == 2:
        reason = f"stands beside {fields[debit]!r} in {debit!r}; one of the two is empty or zero"
        raise FieldRefused(credit, fields[credit], reason)
    if not told:
        if source.empty == "nothing":
            return None
        raise FieldRefused(
            debit, "", f"is empty, and so is {credit!r}; one of the two has a number"
        )
    column = moved[0] if moved else next(iter(told))
    return column, negated(told[column]) if column == debit else told[column]


def _number(column: str, value: str, file: CsvFile) -> Decimal:
    return written_field(column, value, file.decimal, file.thousands)


def _unit(column: str, number: Decimal, source: AmountSource | FeeSource, asset: str) -> Decimal:
    """Return a number in whole assets, where the file has it in smallest units."""
    decimals = source.decimals
    if decimals is None:
        return number
    if isinstance(decimals, dict):
        if asset not in decimals:
            reason = f"is in a unit of {asset[:60]!r}, for which the mapping has no decimals"
            raise FieldRefused(column, f"{number:f}", reason)
        decimals = decimals[asset]
    if number != number.to_integral_value():
        reason = f"{number:f} is not a whole number of units of 10^-{decimals} {asset}"
        raise FieldRefused(column, f"{number:f}", reason)
    return exact_decimal(int(number), decimals)


def _fee(
    fields: Mapping[str, str], source: FeeSource, mapping: CsvMapping
) -> tuple[Decimal, str] | None:
    """Return the fee (positive: paid) and its asset; None where the cell is empty."""
    value = fields[source.column]
    if not value:
        return None
    number = _number(source.column, value, mapping.file)
    if not number:
        return Decimal(0), _text(fields, source.asset)
    asset = _named(fields, source.asset, "the asset of the fee")
    fee = _unit(source.column, number, source, asset)
    return fee if source.positive == "paid" else negated(fee), asset


def _fill(fields: Mapping[str, str], mapping: CsvMapping, market: str) -> FillLeg | None:
    source = mapping.fill
    if source is None or (not fields[source.size] and source.empty == "nothing"):
        return None
    size = _number(source.size, fields[source.size], mapping.file)
    if source.side is not None:
        side = source.side
        word = choice_field(side.column, fields[side.column], (*side.bought, *side.sold))
        unsigned(source.size, fields[source.size], size, f"its side is in {side.column!r}")
        size = size if word in side.bought else negated(size)
    elif source.positive == "sold":
        size = negated(size)
    if not market and mapping.market is not None:
        _named(fields, mapping.market, "the market of the fill")
    price = None
    if source.price is not None and fields[source.price]:
        price = _number(source.price, fields[source.price], mapping.file)
    fee = _fee(fields, mapping.fee, mapping) if mapping.fee is not None else None
    return FillLeg(
        market,
        size,
        price,
        fields[source.trade_id] if source.trade_id is not None else "",
        fields[source.order_id] if source.order_id is not None else "",
        fee=fee[0] if fee else None,
        fee_asset=fee[1] if fee else "",
    )


GENERIC_CSV: Final = GenericCsv()
