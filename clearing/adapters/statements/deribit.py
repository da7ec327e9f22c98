"""Deribit's transaction log, as the CSV of its page and as the JSON of its API.

A log is of one currency; the API's records name it, the CSV does not (its file's name does). Every
line moves cash by ``change``. The profit and loss of futures is not cash until the settlement of
its session: a trade of a future then moves its fee alone, and its ``cashflow`` is the profit and
loss of the session; of an option, ``cashflow`` is the premium. Deribit orders a log by
``user_seq``.

Source: Deribit API, ``private/get_transaction_log``; the CSV's four headers from 2019 on.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain
from pathlib import PurePath
from typing import Any, Final

from clearing.adapters.base import OptionRefused, Refusal, Setting, refuse, settle
from clearing.adapters.fields import FieldRefused, digits_field, name_field
from clearing.adapters.files import CsvRow, Limits, Line, read_csv, read_lines
from clearing.adapters.json_pages import MAX_PAGE_BYTES, Record, text_of, told
from clearing.adapters.statements.base import (
    Balances,
    Beginning,
    CashLeg,
    FillLeg,
    Item,
    MovementKind,
    StatementLine,
)
from clearing.adapters.statements.items import refused_record
from clearing.adapters.statements.pages import is_page, needed, page_items
from clearing.adapters.statements.values import (
    UTC_OFFSET,
    legs,
    millisecond_field,
    negated,
    offset_setting,
    positive_field,
    reckoned_field,
    total,
    wall_time_field,
)

_KINDS: Final[Mapping[str, MovementKind]] = {
    "trade": "trade",
    "liquidation": "trade",
    "position move": "trade",
    "delivery": "settlement",
    "settlement": "settlement",
    "options settlement summary": "settlement",
    "deposit": "deposit",
    "withdrawal": "withdrawal",
    "transfer": "transfer",
    "swap": "conversion",
    "correction": "adjustment",
    "bonus": "adjustment",
    "transfer from insurance": "insurance",
    "socialized fund": "socialised_loss",
    "negative balance fee": "interest",
    "usdc reward": "interest",
}
"""Types of lines, words apart by a space; the venue says that there may be new: ``other``."""

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("ID",),
    "user_seq": ("UserSeq",),
    "instrument_name": ("Instrument",),
    "type": ("Type",),
    "side": ("Side",),
    "amount": ("Amount", "Base Amount", "Size"),
    "position": ("Position",),
    "price": ("Price",),
    "cashflow": ("Cash Flow",),
    "total_interest_pl": ("Funding",),
    "commission": ("Fee Charged", "Fee Paid"),
    "change": ("Change",),
    "balance": ("Balance",),
    "trade_id": ("Trade ID",),
    "order_id": ("Order ID",),
}
"""The API's fields that are read, and their columns: the first that the header has."""

_REQUIRED: Final = ("Date", *(names[0] for names in _COLUMNS.values() if len(names) == 1))
_OPTIONAL: Final = (
    *(name for names in _COLUMNS.values() if len(names) > 1 for name in names),
    *("Mark Price", "Index Price", "Fee Rate", "Fee Balance", "Equity", "Info", "Note"),
)
_FILE_NAME: Final = re.compile(r".*transaction_log-([0-9]+)-([A-Z][A-Z0-9]{2,9})-.*", re.ASCII)
_DAY_FIRST: Final = re.compile(r"([0-9]{2})/([0-9]{2})/(20)?([0-9]{2}) (.+)", re.ASCII)
_OPTION: Final = re.compile(r".+-[CP]", re.ASCII)
_SPOT: Final = re.compile(r"[A-Z0-9]+_[A-Z0-9]+", re.ASCII)
_NONE: Final = ("", "-")
_LIMITS: Final = Limits(line_bytes=MAX_PAGE_BYTES)  # a page may be one line
_PLACES: Final = ("result.logs", "logs", "")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of either form, by the API's names; ``names`` are the form's own, for refusals."""

    line: int
    at: datetime
    account: str
    asset: str
    values: Mapping[str, str]
    names: Mapping[str, str]
    told: Mapping[str, str]

    def number(self, name: str) -> Decimal | None:
        value = self.values[name]
        return reckoned_field(self.names[name], value) if value else None

    def given(self, name: str) -> Decimal:
        return reckoned_field(self.names[name], self.values[name])


class DeribitLog:
    """The statement format ``deribit-log``."""

    name: Final = "deribit-log"
    summary: Final = "Deribit transaction log (CSV, or JSON of get_transaction_log)"
    venue: Final = "deribit"
    columns: Final[Mapping[str, str]] = {
        "ID": "the native id",
        "id": "the native id",
        "UserSeq": "checked to be a whole number; the venue's order of lines",
        "user_seq": "checked to be a whole number; the venue's order of lines",
        "Date": "the moment",
        "timestamp": "the moment",
        "Instrument": "the market",
        "instrument_name": "the market",
        "Type": "the kind",
        "type": "the kind",
        "Side": "bought or sold, where a position changed",
        "side": "bought or sold, where a position changed",
        "Amount": "the size of the fill; the first that is there",
        "Base Amount": "the size of the fill; the first that is there",
        "Size": "the size of the fill; the first that is there",
        "amount": "the size of the fill; the first that is there",
        "Position": "the position after the fill",
        "position": "the position after the fill",
        "Price": "the price of the fill",
        "price": "the price of the fill",
        "Cash Flow": "profit and loss of a future's fill, premium of an option's",
        "cashflow": "profit and loss of a future's fill, premium of an option's",
        "Funding": "the funding in a settlement's change",
        "total_interest_pl": "the funding in a settlement's change",
        "Fee Charged": "the fee in a trade's change, positive where paid",
        "Fee Paid": "the fee in a trade's change, positive where paid",
        "commission": "the fee in a trade's change, positive where paid",
        "Change": "the movement of the balance",
        "change": "the movement of the balance",
        "Balance": "the balance after the line",
        "balance": "the balance after the line",
        "Trade ID": "the trade's identifier",
        "trade_id": "the trade's identifier",
        "Order ID": "the order's identifier",
        "order_id": "the order's identifier",
        "currency": "the asset; of the CSV its file's name or the setting",
        "user_id": "the account; of the CSV its file's name",
        "Mark Price": "ignored: a price at the moment, not a movement",
        "mark_price": "ignored: a price at the moment, not a movement",
        "Index Price": "ignored: a price at the moment, not a movement",
        "index_price": "ignored: a price at the moment, not a movement",
        "settlement_price": "ignored: it is the price too",
        "Fee Rate": "ignored: what it came to is in the fee",
        "Fee Balance": "ignored: fees paid in advance are not in the balance",
        "Equity": "ignored: another figure; it has what is not cash yet",
        "equity": "ignored: another figure; it has what is not cash yet",
        "interest_pl": "ignored: since the last trade; the session's is total_interest_pl",
        "session_upl": "ignored: parts of a settlement's change",
        "session_rpl": "ignored: parts of a settlement's change",
        "contracts": "ignored: the amount in another unit",
        "price_currency": "ignored: they describe other fields",
        "profit_as_cashflow": "ignored: they describe other fields",
        "username": "ignored: they describe other fields",
        "user_role": "ignored: how the order came about",
        "fee_role": "ignored: how the order came about",
        "ip": "ignored: how the order came about",
        "block_rfq_id": "ignored: how the order came about",
        "combo_id": "ignored: the combination that a trade was a leg of",
        "combo_trade_id": "ignored: the combination that a trade was a leg of",
        "starbase_timestamp": "ignored: another clock",
        "Info": "ignored: a remark",
        "info": "ignored: a remark",
        "Note": "ignored: a remark",
    }
    balances: Final[Balances] = "line"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = True
    page_limits: Final = frozenset({100, 250})
    settings: Final[Mapping[str, Setting]] = {
        "currency": Setting(
            "",
            (),
            "the currency of a CSV log; empty: as in its file's name"
            " transaction_log-<user>-<currency>-…",
        ),
        "utc_offset": UTC_OFFSET,
    }

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether the header, or the fields of a JSON page, are those of this format."""
        if {"UserSeq", "Cash Flow", "Fee Balance", "Change"} <= set(beginning.header):
            return True
        return is_page(beginning, "user_seq", "cashflow", "change")

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order."""
        settled = settle(self.name, self.settings, settings)
        ahead = offset_setting(self.name, settled["utc_offset"])
        if settled["currency"]:
            try:
                name_field("currency", settled["currency"])
            except FieldRefused as error:
                raise OptionRefused(f"{self.name}: currency: {error.reason}") from error
        return _read(path, settled["currency"], ahead)


def _read(path: str, currency: str, ahead: timedelta) -> Iterator[Item]:
    """Look at the first line: a page begins with a bracket, a header does not."""
    lines = read_lines(path, _LIMITS)
    first = next(lines, None)
    whole = lines if first is None else chain([first], lines)
    if isinstance(first, Line) and first.text.lstrip().startswith(("{", "[")):
        yield from page_items(path, _PLACES, lambda _, one: [_record(path, one)], lines=whole)
    else:
        yield from _rows(path, currency, ahead, whole)


def _rows(
    path: str, currency: str, ahead: timedelta, lines: Iterable[Line | Refusal]
) -> Iterator[Item]:
    match = _FILE_NAME.fullmatch(PurePath(path).name)
    account, named = (match[1], match[2]) if match else ("", "")
    asset = currency or named
    if not asset:
        yield refuse(
            path,
            0,
            "neither the file's name nor the setting says the currency of the log;"
            " give it as currency=BTC",
            field="currency",
        )
        return
    names: dict[str, str] | None = None
    for row in read_csv(path, _REQUIRED, _OPTIONAL, lines=lines):
        if isinstance(row, Refusal):
            yield row
            continue
        if names is None:
            names = {}
            for name, columns in _COLUMNS.items():
                there = [column for column in columns if column in row.fields]
                if not there:
                    yield refuse(path, 0, f"the header lacks {' or '.join(columns)}")
                    return
                names[name] = there[0]
        try:
            yield _row(path, row, names, account, asset, ahead)
        except FieldRefused as error:
            yield refused_record(path, row, error)


def _row(
    path: str, row: CsvRow, names: Mapping[str, str], account: str, asset: str, ahead: timedelta
) -> StatementLine:
    values = {
        name: "" if row.fields[column] in _NONE else row.fields[column]
        for name, column in names.items()
    }
    date = row.fields["Date"]
    if match := _DAY_FIRST.fullmatch(date):
        date = f"20{match[4]}-{match[2]}-{match[1]} {match[5]}"
    at = wall_time_field("Date", date, ahead)
    return _line(path, _Entry(row.number, at, account, asset, values, names, row.fields))


def _record(path: str, record: Record) -> StatementLine:
    fields: Mapping[str, Any] = record.fields
    names = {name: name for name in _COLUMNS}
    values = {name: text_of(fields, name) for name in names}
    values["side"] = "" if values["side"] in _NONE else values["side"]
    at = millisecond_field("timestamp", needed(fields, "timestamp"))
    asset = name_field("currency", needed(fields, "currency"))
    account = text_of(fields, "user_id")
    return _line(path, _Entry(record.number, at, account, asset, values, names, told(fields)))


def _line(path: str, entry: _Entry) -> StatementLine:
    values = entry.values
    if not values["type"]:
        raise FieldRefused(entry.names["type"], "", "is missing or empty")
    digits_field(entry.names["user_seq"], values["user_seq"])
    fill, cash = _fill(entry), _cash(entry)
    if fill is not None and (commission := entry.number("commission")) is not None:
        charged = [leg.amount for leg in cash if leg.kind in ("fee", "rebate")]
        if charged or not commission:
            fill = fill._replace(fee=commission, fee_asset=entry.asset)
    return StatementLine(
        path,
        entry.line,
        entry.at,
        entry.account,
        values["id"],
        values["instrument_name"],
        cash,
        fill,
        entry.told,
    )


def _fill(entry: _Entry) -> FillLeg | None:
    """Return the fill of a line whose side says bought or sold; of spot there is no position."""
    market, side = entry.values["instrument_name"], entry.values["side"]
    words = side.lower().split()
    if not {"buy", "sell"} & set(words) or _SPOT.fullmatch(market):
        return None
    if not market:
        raise FieldRefused(entry.names["instrument_name"], "", f"is empty, but the side is {side}")
    column = entry.names["amount"]
    size = positive_field(column, entry.values["amount"])
    return FillLeg(
        market,
        size if "buy" in words else negated(size),
        entry.number("price"),
        entry.values["trade_id"],
        entry.values["order_id"],
        after=entry.number("position"),
        pnl=None if _OPTION.fullmatch(market) else entry.number("cashflow"),
    )


def _cash(entry: _Entry) -> tuple[CashLeg, ...]:
    """Return what the change is made of, as far as the line's own figures come to it."""
    change, balance = entry.given("change"), entry.given("balance")
    kind = _KINDS.get(entry.values["type"].lower().replace("_", " "), "other")
    parts: list[tuple[MovementKind, Decimal]] = [(kind, change)]
    if entry.values["type"] == "settlement":
        funding = entry.number("total_interest_pl") or Decimal(0)
        parts = [(kind, total(change, negated(funding))), ("funding", funding)]
    elif kind in ("trade", "settlement"):
        flow, fee = entry.number("cashflow") or Decimal(0), entry.number("commission") or Decimal(0)
        paid: tuple[MovementKind, Decimal] = ("rebate" if fee < 0 else "fee", negated(fee))
        if change == total(flow, negated(fee)):
            parts = [(_flow_kind(entry, kind), flow), paid]
        elif change == negated(fee):
            parts = [paid]
    return legs(entry.asset, balance, *parts)


def _flow_kind(entry: _Entry, kind: MovementKind) -> MovementKind:
    market = entry.values["instrument_name"]
    future = bool(market) and not _OPTION.fullmatch(market) and not _SPOT.fullmatch(market)
    return "realised_pnl" if kind == "trade" and future else kind


DERIBIT_LOG: Final = DeribitLog()
