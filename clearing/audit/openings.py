"""What accounts held before a time: taken from the read models, however long the log is."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from clearing.audit.load import Histories
from clearing.audit.moments import Moment, first_later
from clearing.audit.movements import Wanted, movements, position_changes
from clearing.log import Connection
from clearing.projectors import schema_of


class Opening(NamedTuple):
    """What was held of an asset (or of a market, where ``position``), at ``decimals``."""

    what: str
    amount: int
    decimals: int
    position: bool


def first_position(connection: Connection, moment: Moment, at: int) -> int:
    """Return a log position before which no fact occurred at ``at`` (microseconds) or later."""
    return first_later(connection, schema_of(moment.generation.number), at - 1, moment.plain())


def openings(connection: Connection, moment: Moment, wanted: Wanted, at: int) -> Iterator[Opening]:
    """Yield what an account (every one together) held before a time, as far as it is known.

    Of an account its balances by index; only what came from outside, or is of all, is added up.
    Facts that occurred before it and came later count. A thing may come more than once: its
    amounts add up. Every market of which there is a history is among it.
    """
    first = first_position(connection, moment, at)
    before = Histories(connection, replace(moment, position=first - 1))
    ordinal = before.registry.account_ordinals.get(wanted.account, 0)
    if ordinal or not wanted.account:
        yield from _cash(before, ordinal, wanted)
    if ordinal and not wanted.external:
        yield from _positions(before, ordinal)
    late = replace(wanted, until=at - 1, first=first)
    for row in movements(connection, moment, late):
        yield Opening(row.asset, row.amount, row.decimals, position=False)
    if not wanted.external:
        for change in position_changes(connection, moment, late):
            yield Opening(change.market, change.amount, change.decimals, position=True)


def _cash(histories: Histories, ordinal: int, wanted: Wanted) -> Iterator[Opening]:
    assets = list(range(1, histories.registry.counts()[1] + 1))
    if ordinal and not wanted.external:
        query = (
            "SELECT a.asset, t.balance FROM unnest(%(assets)s::int[]) a (asset) CROSS JOIN LATERAL"
            " (SELECT balance FROM {posting} WHERE ledger = 'account' AND ordinal = %(account)s"
            " AND asset = a.asset AND position <= %(position)s"
            " ORDER BY ledger DESC, ordinal DESC, asset DESC, position DESC, line DESC, side DESC"
            " LIMIT 1) t"
        )
    else:
        query = (
            "SELECT asset, sum(amount) FROM {posting} WHERE ledger = 'account'"
            " AND position <= %(position)s AND (%(account)s = 0 OR ordinal = %(account)s)"
            " AND (NOT %(external)s OR counter_ledger = 'external') GROUP BY asset ORDER BY asset"
        )
    values = {"assets": assets, "account": ordinal, "external": wanted.external}
    for number, amount in histories.rows(query, ["posting"], **values):
        asset = histories.registry.asset(number)
        yield Opening(asset.name, int(amount), asset.decimals, position=False)


def _positions(histories: Histories, ordinal: int) -> Iterator[Opening]:
    markets = list(range(1, histories.registry.counts()[2] + 1))
    rows = histories.rows(
        "SELECT m.market, t.size FROM unnest(%(markets)s::int[]) m (market) CROSS JOIN LATERAL"
        " (SELECT size FROM {position_history} WHERE holder_kind = 'account'"
        " AND holder = %(account)s AND market = m.market AND position <= %(position)s"
        " ORDER BY position DESC, line DESC LIMIT 1) t",
        ["position_history"],
        markets=markets,
        account=ordinal,
    )
    for number, size in rows:
        market = histories.registry.market(number)
        yield Opening(market.name, int(size), market.size_decimals, position=True)
