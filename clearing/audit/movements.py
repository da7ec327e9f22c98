"""What moved accounts' cash and positions, event by event, as others would see it: for comparing.

Rows are streamed in log order and hold no more memory than a page. Amounts are exact integers at
the decimals that each row states.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import Any, Final, NamedTuple

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.events.kinds import Kind
from clearing.log import Connection

_SPAN: Final = 200_000
"""How many log positions are read at once."""


_EXECUTIONS: Final = [int(kind) for kind in (Kind.PositionCarried, Kind.Filled, Kind.Traded)]


class MovementRow(NamedTuple):
    """One posting on an account: ``amount`` (positive: received) at the asset's ``decimals``.

    ``kind`` is the posting's purpose, or of an adjustment its category. ``occurred_at`` is in
    microseconds. ``source`` and ``external_id`` name the event, ``trade_id`` the trade, if any.
    """

    position: int
    line: int
    occurred_at: int
    source: str
    external_id: str
    trade_id: str
    account: str
    asset: str
    kind: str
    amount: int
    decimals: int
    market: str


class FillRow(NamedTuple):
    """One side of an execution as recorded: ``size`` is positive where the account bought.

    ``carried``: no execution but a position that was there before, with nothing paid for it.
    ``fee`` is what it cost (positive: paid) in ``fee_asset``. Numbers stand at the decimals beside
    them.
    """

    position: int
    occurred_at: int
    source: str
    external_id: str
    trade_id: str
    account: str
    market: str
    size: int
    size_decimals: int
    price: int
    price_decimals: int
    fee: int
    fee_decimals: int
    fee_asset: str
    carried: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which movements: of ``account`` (empty: every account), from ``since`` up to ``until``.

    Both are in microseconds and count. ``external``: only what came from outside the ledger or went
    there. ``first`` is the first log position that is looked at.
    """

    account: str
    until: int | None = None
    external: bool = False
    since: int | None = None
    first: int = 1


def movements(connection: Connection, moment: Moment, wanted: Wanted) -> Iterator[MovementRow]:
    """Yield what moved accounts' cash up to a moment, in log order."""
    histories = Histories(connection, moment)
    registry = histories.registry
    ordinal = registry.account_ordinals.get(wanted.account, 0)
    if wanted.account and not ordinal:
        return
    accounts = {i: registry.account(i).name for i in range(1, registry.counts()[3] + 1)}
    query = (
        "SELECT p.position, p.line, l.occurred_at, l.source, l.external_id, l.trade_id, p.ordinal,"
        " p.asset, p.purpose, p.amount, p.market, l.kind, l.detail"
        " FROM {posting} p JOIN clearing.log l ON l.position = p.position"
        " WHERE p.ledger = 'account' AND p.position > %(after)s AND p.position <= %(upto)s"
        " AND p.position <= %(position)s"
    )
    if ordinal:
        query += " AND p.ordinal = %(account)s"
    if wanted.until is not None:
        query += " AND l.occurred_at <= %(until)s"
    if wanted.since is not None:
        query += " AND l.occurred_at >= %(since)s"
    if wanted.external:
        query += " AND p.counter_ledger = 'external'"
    query += " ORDER BY p.position, p.line, p.side"
    values = {
        "account": ordinal,
        "until": wanted.until,
        "since": wanted.since,
        "kinds": _EXECUTIONS,
    }
    for first in range(wanted.first - 1, moment.position, _SPAN):
        rows = histories.rows(query, ["posting"], after=first, upto=first + _SPAN, **values)
        for row in rows:
            asset = registry.asset(row[7])
            yield MovementRow(
                int(row[0]),
                int(row[1]),
                int(row[2]),
                registry.source(row[3]).name if row[3] else "",
                row[4],
                row[5],
                accounts[row[6]],
                asset.name,
                _kind(row[8], row[11], row[12]),
                int(row[9]),
                asset.decimals,
                registry.market(row[10]).name if row[10] else "",
            )


def _kind(purpose: str, kind: int, detail: str) -> str:
    if purpose == "adjustment" and kind == Kind.Adjusted and detail:
        return _category(detail) or purpose
    return intern(purpose)


@lru_cache(maxsize=4_096)
def _category(detail: str) -> str:
    """Return an adjustment's category; many say the very same in all that is not a column."""
    return intern(str(json.loads(detail).get("category", "")))


def fills(connection: Connection, moment: Moment, wanted: Wanted) -> Iterator[FillRow]:
    """Yield the recorded fills of an account (of every one) up to a moment, in log order.

    Positions carried in stand among them, for they make positions too.
    """
    histories = Histories(connection, moment)
    registry = histories.registry
    ordinal = registry.account_ordinals.get(wanted.account, 0)
    if wanted.account and not ordinal:
        return
    query = (
        "SELECT position, kind, occurred_at, source, external_id, trade_id, account, contra,"
        " market, asset, quantity, price, amount, fee, detail FROM clearing.log"
        " WHERE kind = ANY(%(kinds)s) AND position > %(after)s AND position <= %(upto)s"
        " AND position <= %(position)s"
    )
    if ordinal:
        query += " AND (account = %(account)s OR contra = %(account)s)"
    if wanted.until is not None:
        query += " AND occurred_at <= %(until)s"
    if wanted.since is not None:
        query += " AND occurred_at >= %(since)s"
    query += " ORDER BY position"
    values = {
        "account": ordinal,
        "until": wanted.until,
        "since": wanted.since,
        "kinds": _EXECUTIONS,
    }
    for first in range(wanted.first - 1, moment.position, _SPAN):
        rows = histories.rows(query, [], after=first, upto=first + _SPAN, **values)
        for row in rows:
            for account, size, fee in _sides(row):
                if not account or (ordinal and account != ordinal):
                    continue
                market = registry.market(row[8])
                asset = registry.asset(row[9] or market.settlement_asset)
                yield FillRow(
                    int(row[0]),
                    int(row[2]),
                    registry.source(row[3]).name if row[3] else "",
                    row[4],
                    row[5],
                    registry.account(account).name,
                    market.name,
                    size,
                    market.size_decimals,
                    _wide(row)["price"],
                    market.price_decimals,
                    fee,
                    asset.decimals,
                    asset.name,
                    row[1] == Kind.PositionCarried,
                )


class PositionChange(NamedTuple):
    """What an event made of a position: by ``amount`` (positive: more long) at ``decimals``."""

    occurred_at: int
    market: str
    amount: int
    decimals: int


def position_changes(
    connection: Connection, moment: Moment, wanted: Wanted
) -> Iterator[PositionChange]:
    """Yield every change of an account's positions up to a moment, whatever made it, in log order.

    Fills, and also what no source told: takeovers, auctions, deleveraging, settlements.
    """
    histories = Histories(connection, moment)
    registry = histories.registry
    ordinal = registry.account_ordinals.get(wanted.account, 0)
    if not ordinal:
        return
    rows = histories.rows(
        "SELECT l.occurred_at, h.market, h.size - coalesce(lag(h.size) OVER (PARTITION BY h.market"
        " ORDER BY h.position, h.line), (SELECT b.size FROM {position_history} b"
        " WHERE b.holder_kind = 'account' AND b.holder = %(account)s AND b.market = h.market"
        " AND b.position < %(first)s ORDER BY b.position DESC, b.line DESC LIMIT 1), 0)"
        " FROM {position_history} h"
        " JOIN clearing.log l ON l.position = h.position WHERE h.holder_kind = 'account'"
        " AND h.holder = %(account)s AND h.position <= %(position)s AND h.position >= %(first)s"
        " ORDER BY h.position, h.line",
        ["position_history"],
        account=ordinal,
        first=wanted.first,
    )
    for at, number, amount in rows:
        within = (wanted.until is None or at <= wanted.until) and (
            wanted.since is None or at >= wanted.since
        )
        if amount and within:
            market = registry.market(number)
            yield PositionChange(int(at), market.name, int(amount), market.size_decimals)


def _sides(row: Any) -> list[tuple[int, int, int]]:
    """Return (account, signed size, fee) of each side that a fill, trade or position names."""
    numbers = _wide(row)
    if row[1] != Kind.Traded:
        return [(row[6], numbers["quantity"], numbers["fee"])]
    size = numbers["quantity"]
    return [(row[6], size, numbers["fee"]), (row[7], -size, numbers["amount"])]


def _wide(row: Any) -> dict[str, int]:
    """Return a row's numbers, those that no column can hold from its detail."""
    names = ("quantity", "price", "amount", "fee")
    numbers = dict(zip(names, (int(value) for value in row[10:14]), strict=True))
    if row[14] and '"wide"' in row[14]:
        wide = json.loads(row[14]).get("wide", {})
        numbers.update({name: int(value) for name, value in wide.items()})
    return numbers
