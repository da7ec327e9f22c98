"""Who provides a fund's money: shares as of a moment, and what they are worth."""

from clearing.audit.load import Histories
from clearing.audit.losses import declared
from clearing.audit.moments import Moment
from clearing.audit.views import ProviderView
from clearing.engine.pool_shares import worth
from clearing.engine.pools import HOUSE
from clearing.engine.valuation import equity_of
from clearing.log import Connection
from clearing.quantities import format_scaled


def providers(
    connection: Connection, moment: Moment, *, fund: str | None = None
) -> list[ProviderView]:
    """Return who has shares of the funds at that moment, by fund, asset and provider.

    With ``fund``, only those of that fund. Raises :class:`NameUnknown` if it was not opened by
    then.
    """
    histories = Histories(connection, moment)
    registry = histories.registry
    only = 0 if fund is None else declared(histories, fund)
    held = histories.rows(
        "SELECT * FROM (SELECT DISTINCT ON (account, asset, provider)"
        " account, asset, provider, shares"
        " FROM {shares} WHERE position <= %(position)s AND (%(fund)s = 0 OR account = %(fund)s)"
        " ORDER BY account, asset, provider, position DESC, line DESC) t WHERE shares <> 0",
        ["shares"],
        fund=only,
    )
    asked = histories.rows(
        "SELECT DISTINCT ON (account, asset, provider) account, asset, provider, shares"
        " FROM {leave_request} WHERE position <= %(position)s"
        " AND (%(fund)s = 0 OR account = %(fund)s)"
        " ORDER BY account, asset, provider, position DESC, line DESC",
        ["leave_request"],
        fund=only,
    )
    leaving = {(of, asset, who): int(shares) for of, asset, who, shares in asked}
    book = histories.book(sorted({int(row[0]) for row in held}))
    totals: dict[tuple[int, int], int] = {}
    for of, asset, _, shares in held:
        totals[of, asset] = totals.get((of, asset), 0) + int(shares)
    views = []
    for of, asset, who, shares in held:
        spec, lift = registry.asset(asset), book.assets[asset].lift
        total, equity = totals[of, asset], equity_of(book, book.scope(of, asset))
        amounts = (
            int(shares),
            total,
            worth(int(shares), total, equity, lift),
            leaving.get((of, asset, who), 0),
        )
        views.append(
            ProviderView(
                registry.account(of).name,
                spec.name,
                "" if who == HOUSE else registry.account(who).name,
                *(format_scaled(amount, spec.decimals) for amount in amounts),
            )
        )
    return views
