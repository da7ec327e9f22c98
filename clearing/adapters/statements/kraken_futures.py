"""Kraken Futures' account log as CSV: a fill is two rows, one of the position and one of the cash.

The row whose ``symbol`` is its ``contract`` is the position's, its ``change`` in contracts. The row
of the cash follows it in time, so that it stands before it in the file, which begins with the
newest. Rows of other kinds may stand between the two. Without an identifier of the fill the two are
told by their neighbourhood: the next of the same moment, account, type, contract and price. A
position's row without a cash row is a fill whose fee was paid otherwise.

Source: Kraken Futures API, ``GET /accountlogcsv`` of the history, version 3.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from clearing.adapters.base import Refusal, Setting, settle
from clearing.adapters.fields import FieldRefused
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
from clearing.adapters.statements.items import refused_record
from clearing.adapters.statements.values import (
    amount_field,
    legs,
    negated,
    total,
    wall_time_field,
)

_KINDS: Final[Mapping[str, MovementKind]] = {
    "futures trade": "trade",
    "options trade": "trade",
    "hedging trade": "trade",
    "rfq": "trade",
    "futures liquidation": "liquidation",
    "futures partial liquidation": "liquidation",
    "covered liquidation": "liquidation",
    "portfolio auctioning": "liquidation",
    "futures assignor": "liquidation",
    "futures assignee": "trade",
    "futures unwind bankrupt": "liquidation",
    "futures unwind counterparty": "adl",
    "funding rate change": "funding",
    "settlement": "settlement",
    "interest payment": "interest",
    "kfee applied": "fee",
    "conversion": "conversion",
    "conversion credit": "conversion",
    "transfer": "transfer",
    "subaccount transfer": "transfer",
    "cross-exchange transfer": "transfer",
    "admin transfer": "transfer",
    "position transfer": "transfer",
}
"""What moved the cash of a row that does not say its parts; a type not named here is ``other``."""

_PARTS: Final[Mapping[str, tuple[bool, MovementKind]]] = {
    "realized pnl": (False, "realised_pnl"),
    "fee": (True, "fee"),
    "realized funding": (False, "funding"),
    "liquidation fee": (True, "fee"),
}
"""The parts of a cash row's change: whether they are positive where paid, and what they are."""

_REQUIRED: Final = (
    "uid",
    "dateTime",
    "account",
    "type",
    "symbol",
    "contract",
    "change",
    "new balance",
    "trade price",
    "realized pnl",
    "fee",
    "realized funding",
)
_OPTIONAL: Final = (
    "new average entry price",
    "mark price",
    "funding rate",
    "collateral",
    "conversion spread percentage",
    "liquidation fee",
    "position uid",
    "exchange rate",
    "exchange rate from",
    "conversion fee",
)
_POSITION_LEG: Final = "position leg: "


@dataclass(frozen=True, slots=True)
class _Leg:
    """A row: of a position where ``position``, else of cash with its ``parts`` as told."""

    number: int
    at: datetime
    fields: Mapping[str, str]
    position: bool
    change: Decimal
    balance: Decimal
    price: Decimal | None
    parts: Mapping[str, Decimal]

    @property
    def fill(self) -> tuple[str, ...]:
        """What both rows of a fill have in common; empty where the row is of none."""
        if not self.fields["contract"] or not (self.position or self.price is not None):
            return ()
        return tuple(self.fields[name] for name in ("account", "type", "contract", "trade price"))


class KrakenFuturesLog:
    """The statement format ``kraken-futures-log``."""

    name: Final = "kraken-futures-log"
    summary: Final = "Kraken Futures account log (CSV): fills in two rows, funding, transfers"
    venue: Final = "kraken-futures"
    columns: Final[Mapping[str, str]] = {
        "uid": "the native id; of a fill, that of its row of cash",
        "dateTime": "the moment, UTC, to the second",
        "account": "the account: the wallet, such as flex",
        "type": "the kind, where the parts of the change are not told",
        "symbol": "the asset; where it is the contract, the row is the position's",
        "contract": "the market",
        "change": "cash: the movement, the sum of its parts; position: the size of the fill",
        "new balance": "the balance, or the position, after the row",
        "new average entry price": "ignored: the venue's average, not a movement",
        "trade price": "the price of the fill",
        "mark price": "ignored: a price at the moment, not a movement",
        "funding rate": "ignored: what it came to is in realized funding",
        "realized pnl": "a part of the change; the profit and loss of the fill",
        "fee": "a part of the change, positive where paid",
        "realized funding": "a part of the change, positive where received",
        "collateral": "ignored: the name of the collateral converted",
        "conversion spread percentage": "ignored: it is in the change of the conversion",
        "liquidation fee": "a part of the change, positive where paid",
        "position uid": "ignored: the venue leaves it empty",
        "exchange rate": "ignored: of a conversion, whose two rows say what moved",
        "exchange rate from": "ignored: as the exchange rate",
        "conversion fee": "ignored: it is in the change of the conversion",
    }
    balances: Final[Balances] = "line"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = True
    page_limits: Final[frozenset[int]] = frozenset()  # of rows, and a line may be two
    settings: Final[Mapping[str, Setting]] = {}

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether the header names the columns that only this format has."""
        return {"dateTime", "symbol", "contract", "new balance", "realized funding"} <= set(
            beginning.header
        )

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order, the two rows of a fill as one where the first is."""
        settle(self.name, self.settings, settings)
        return _read(path)


def _read(path: str) -> Iterator[Item]:
    """Collect the rows of one moment at a time; what the next moment is says which is newer."""
    moment: list[_Leg | Refusal] = []
    at: datetime | None = None
    newest_first: bool | None = None
    for row in read_csv(path, _REQUIRED, _OPTIONAL):
        leg = row if isinstance(row, Refusal) else _checked(path, row)
        if isinstance(leg, _Leg) and leg.at != at:
            if at is not None and newest_first is None:
                newest_first = leg.at < at
            yield from _lines(path, moment, newest_first)
            moment, at = [], leg.at
        moment.append(leg)
    yield from _lines(path, moment, newest_first)


def _checked(path: str, row: CsvRow) -> "_Leg | Refusal":
    try:
        return _leg(row)
    except FieldRefused as error:
        return refused_record(path, row, error)


def _leg(row: CsvRow) -> _Leg:
    fields = row.fields
    for name in ("type", "symbol"):
        if not fields[name]:
            raise FieldRefused(name, "", "is empty; it must be there")
    position = fields["symbol"] == fields["contract"]
    change = _number("change", fields["change"])
    parts = {name: _number(name, fields[name]) for name in _PARTS if fields.get(name)}
    if position and any(parts.values()):
        name = next(name for name, value in parts.items() if value)
        raise FieldRefused(name, fields[name], "moves cash, but the row is of a position")
    if fields["contract"] and parts and not position:
        told = total(*(amount for _, amount in _signed(parts)))
        if change != told:
            raise FieldRefused(
                "change",
                fields["change"],
                "is not realized pnl - fee + realized funding - liquidation fee,"
                f" which come to {told}",
            )
    price = fields["trade price"]
    return _Leg(
        row.number,
        wall_time_field("dateTime", fields["dateTime"], timedelta()),
        fields,
        position,
        change,
        _number("new balance", fields["new balance"]),
        _number("trade price", price) if price else None,
        parts,
    )


def _number(field: str, value: str) -> Decimal:
    """Return a number as Kraken writes it, which is with a point even where nothing follows."""
    plain = value.removesuffix(".") if value[:-1].removeprefix("-").isdigit() else value
    return amount_field(field, plain)


def _lines(path: str, moment: list[_Leg | Refusal], newest_first: bool | None) -> Iterator[Item]:
    """Yield the lines of one moment; where the file has no other, its first row says the order."""
    rows = [leg for leg in moment if isinstance(leg, _Leg) and leg.fill]
    if newest_first is None:
        newest_first = not rows or not rows[0].position
    partners: dict[int, _Leg] = {}
    taken: set[int] = set()
    for first, second in pairwise(rows):
        in_order = second.position and not first.position
        if not newest_first:
            in_order = first.position and not second.position
        if in_order and first.fill == second.fill:
            partners[first.number] = second
            taken.add(second.number)
    for item in moment:
        if isinstance(item, Refusal):
            yield item
        elif item.number not in taken:
            yield _line(path, item, partners.get(item.number))


def _line(path: str, leg: _Leg, partner: _Leg | None) -> StatementLine:
    pair = (leg,) if partner is None else (leg, partner)
    cash = next((one for one in pair if not one.position), None)
    position = next((one for one in pair if one.position), None)
    told = dict((cash or leg).fields)
    if cash is not None and position is not None:
        told |= {f"{_POSITION_LEG}{name}": value for name, value in position.fields.items()}
    return StatementLine(
        path,
        leg.number,
        leg.at,
        leg.fields["account"],
        (cash or leg).fields["uid"],
        leg.fields["contract"].upper(),
        () if cash is None else _cash(cash),
        _fill(position, cash) if position is not None and position.change else None,
        told,
    )


def _cash(leg: _Leg) -> tuple[CashLeg, ...]:
    asset = leg.fields["symbol"].upper()
    kind = _KINDS.get(leg.fields["type"], "other")
    if not (leg.fields["contract"] and any(leg.parts.values())):
        return (CashLeg(asset, kind, leg.change, leg.balance),)
    return legs(asset, leg.balance, *_signed(leg.parts))


def _signed(parts: Mapping[str, Decimal]) -> Iterator[tuple[MovementKind, Decimal]]:
    """Yield what the parts of a row of cash are and what each does to the balance."""
    for name, value in parts.items():
        paid, kind = _PARTS[name]
        rebate = kind == "fee" and value < 0
        yield "rebate" if rebate else kind, negated(value) if paid else value


def _fill(position: _Leg, cash: _Leg | None) -> FillLeg:
    fee = None if cash is None else cash.parts.get("fee")
    return FillLeg(
        position.fields["contract"].upper(),
        position.change,
        position.price,
        after=position.balance,
        pnl=None if cash is None else cash.parts.get("realized pnl"),
        fee=fee,
        fee_asset="" if cash is None or fee is None else cash.fields["symbol"].upper(),
    )


KRAKEN_FUTURES_LOG: Final = KrakenFuturesLog()
