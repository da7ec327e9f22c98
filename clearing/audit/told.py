"""What a venue said it liquidated, beside what the ledger knew of the account at that moment."""

from clearing.audit.load import Histories
from clearing.audit.losses import opened, plain, times_of
from clearing.audit.moments import Moment
from clearing.audit.views import ToldLiquidationView
from clearing.log import Connection
from clearing.quantities import format_exact, format_scaled


def told_liquidations(
    connection: Connection, moment: Moment, *, account: str | None = None, limit: int = 1000
) -> list[ToldLiquidationView]:
    """Return the latest fills up to a position that their venue says were liquidations, in order.

    With ``account``, only that account's: none if it was not opened by then.
    """
    histories = Histories(connection, moment)
    ordinal = opened(histories.registry, account)
    found = histories.rows(
        "SELECT * FROM (SELECT position, line, account, market, size, price, mark, method,"
        " equity, maintenance FROM {venue_liquidation} WHERE position <= %(position)s"
        " AND (%(account)s::bigint IS NULL OR account = %(account)s)"
        " ORDER BY position DESC, line DESC LIMIT %(limit)s) t ORDER BY position, line",
        ["venue_liquidation"],
        account=ordinal,
        limit=limit,
    )
    deviations = histories.rows(
        "SELECT position, account, code FROM {deviation} WHERE position = ANY(%(at)s)"
        " ORDER BY position, line",
        ["deviation"],
        at=sorted({int(row[0]) for row in found}),
    )
    times = times_of(connection, {int(row[0]) for row in found})
    views = []
    for position, _, who, market, size, price, mark, method, equity, maintenance in found:
        spec = histories.registry.market(market)
        codes = [code for at, whose, code in deviations if (at, whose) == (position, who)]
        views.append(
            ToldLiquidationView(
                position,
                times[position],
                histories.registry.account(who).name,
                spec.name,
                format_exact(int(size), spec.size_decimals),
                format_scaled(int(price), spec.price_decimals),
                format_scaled(int(mark), spec.mark_decimals) if mark else "",
                method,
                plain(equity),
                plain(maintenance),
                tuple(codes),
            )
        )
    return views
