"""Recorded fills against their source's own figures: sides, sizes before, closed PnL.

The engine leaves a deviation wherever a source's figure differs from ours; here they are counted
beside what agrees, so that nothing that differs is hidden and nothing that agrees is only assumed.
"""

from dataclasses import dataclass

from clearing.audit.deviating import deviations
from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.audit.views import DeviationView
from clearing.log import Connection


@dataclass(frozen=True, slots=True)
class FillReport:
    """What the ledger's ``Filled`` events say about each other and about their source's figures.

    ``matched`` trades have exactly two sides of opposite size; ``unmatched`` names the others by
    their trade id. ``carried`` positions existed before the history. ``pnl_compared`` fills report
    a closed PnL that can be recomputed (the entry is known, or the fill opens); of them
    ``pnl_equal`` agree exactly, ``pnl_equal_rounded`` once the average entry is rounded as the
    rulebook's ``entry_price`` says, and ``pnl_different`` do not (expected: ours, found: theirs,
    detail: ours with the rounded entry). ``unchained`` fills report another size before than ours.
    """

    fills: int
    matched: int
    unmatched: tuple[str, ...]
    carried: int
    pnl_compared: int
    pnl_equal: int
    pnl_equal_rounded: int
    pnl_different: tuple[DeviationView, ...]
    unchained: tuple[DeviationView, ...]


def fill_report(connection: Connection, moment: Moment) -> FillReport:
    """Return the report on every ``Filled`` event up to a position."""
    histories = Histories(connection, moment)
    (counted,) = histories.rows(
        "SELECT count(*) FILTER (WHERE kind = 21), count(*) FILTER (WHERE kind = 20)"
        " FROM clearing.log WHERE position <= %(position)s",
        [],
    )
    trades = histories.rows(
        "SELECT trade_id, count(*) = 2 AND sum(quantity) = 0 FROM clearing.log WHERE kind = 21"
        " AND trade_id <> '' AND position <= %(position)s GROUP BY source, market, trade_id"
        " ORDER BY min(position)",
        [],
    )
    (compared,) = histories.rows(
        "SELECT count(*) FROM clearing.log l LEFT JOIN LATERAL ("
        " SELECT size, entry_known FROM {position_history} WHERE holder_kind = 'account'"
        " AND holder = l.account AND market = l.market AND position < l.position"
        " ORDER BY position DESC, line DESC LIMIT 1) p ON true"
        " WHERE l.kind = 21 AND l.position <= %(position)s AND l.detail LIKE '%%reported_pnl%%'"
        " AND NOT coalesce(sign(p.size) = -sign(l.quantity) AND NOT p.entry_known, false)",
        ["position_history"],
    )
    differing = deviations(connection, moment, code="reported_pnl", limit=1 << 30)
    rounded = [d for d in differing if d.found == d.detail]
    return FillReport(
        int(counted[0]),
        sum(1 for _, whole in trades if whole),
        tuple(str(trade) for trade, whole in trades if not whole),
        int(counted[1]),
        int(compared[0]),
        int(compared[0]) - len(differing),
        len(rounded),
        tuple(d for d in differing if d.found != d.detail),
        tuple(deviations(connection, moment, code="size_before", limit=1 << 30)),
    )
