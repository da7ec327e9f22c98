"""Funds: as of a moment with what they hold and who provides it, and as a history."""

from clearing.audit.accounts import position_view
from clearing.audit.load import Histories
from clearing.audit.losses import NameUnknown, opened, plain, times_of
from clearing.audit.moments import Moment
from clearing.audit.refold import Progress, refold
from clearing.audit.views import FundStateView, FundView, ProviderView
from clearing.engine.book import Book
from clearing.engine.pool_shares import worth
from clearing.engine.pools import HOUSE
from clearing.engine.scope import Scope
from clearing.engine.valuation import equity_of
from clearing.events.registry import Registry
from clearing.log import Connection
from clearing.quantities import format_exact, format_scaled


def funds(
    connection: Connection,
    moment: Moment,
    *,
    fund: str | None = None,
    progress: Progress | None = None,
) -> list[FundStateView]:
    """Return the funds as they were, in order of opening, a line for each asset they ever had.

    With ``fund``, only that one's. A fund that never had anything, or was not opened by then, has
    no line. Raises :class:`NameUnknown` for an account that is no fund.
    """
    if moment.reordered is not None:
        book = refold(connection, moment, progress).book
        chosen = _chosen(book, fund)
    else:
        histories = Histories(connection, moment)
        chosen = _chosen(Book(histories.registry), fund)
        book = histories.book(chosen)
    return [
        fund_view(book, scope, moment)
        for (ordinal, _), scope in sorted(book.scopes.items())
        if ordinal in set(chosen)
    ]


def _chosen(book: Book, fund: str | None) -> list[int]:
    """Return the ordinals of the funds that are meant."""
    registry = book.registry
    if fund is None:
        return [n for n in range(1, registry.counts()[3] + 1) if book.is_fund(n)]
    ordinal = _fund(registry, fund)
    return [ordinal] if ordinal else []


def _fund(registry: Registry, fund: str | None) -> int | None:
    """Return the ordinal of a fund (0: not opened by then), or None where all are meant.

    Raises :class:`NameUnknown` for an account that is no fund.
    """
    ordinal = opened(registry, fund)
    if ordinal and registry.account(ordinal).account_class != "fund":
        raise NameUnknown(f"account {fund!r} is not of class fund")
    return ordinal


def fund_view(book: Book, scope: Scope, moment: Moment) -> FundStateView:
    """Return what a book says of a fund in one asset."""
    asset = book.assets[scope.asset]
    equity = equity_of(book, scope)
    positions = (
        position_view(book, asset, book.markets[ordinal], scope, position)
        for ordinal, position in sorted(scope.positions.items())
    )
    return FundStateView(
        book.registry.account(scope.account).name,
        book.registry.asset(scope.asset).name,
        moment.position,
        format_scaled(scope.cash, asset.decimals),
        format_exact(equity - scope.cash * asset.lift, asset.working),
        format_exact(equity, asset.working),
        tuple(positions),
        format_scaled(sum(scope.shares.values()), asset.decimals),
        tuple(_provider_views(book, scope)),
        moment.reordered,
    )


def _provider_views(book: Book, scope: Scope) -> list[ProviderView]:
    registry = book.registry
    spec, lift = registry.asset(scope.asset), book.assets[scope.asset].lift
    total, equity = sum(scope.shares.values()), equity_of(book, scope)
    views = []
    for who, shares in sorted(scope.shares.items()):
        if not shares:
            continue
        leaving = scope.requests.get(who, (0, 0))[0]
        amounts = (shares, total, worth(shares, total, equity, lift), leaving)
        views.append(
            ProviderView(
                registry.account(scope.account).name,
                spec.name,
                "" if who == HOUSE else registry.account(who).name,
                *(format_scaled(amount, spec.decimals) for amount in amounts),
            )
        )
    return views


def fund_history(
    connection: Connection, moment: Moment, *, fund: str | None = None, limit: int = 1000
) -> list[FundView]:
    """Return the latest lines of the funds' history up to a position, in order.

    With ``fund``, only that fund's: none if it was not opened by then. Raises :class:`NameUnknown`
    for an account that is no fund.
    """
    histories = Histories(connection, moment)
    registry = histories.registry
    ordinal = _fund(registry, fund)
    found = histories.rows(
        "SELECT * FROM (SELECT position, line, account, asset, cash, inventory, equity"
        " FROM {fund_history} WHERE position <= %(position)s"
        " AND (%(fund)s::bigint IS NULL OR account = %(fund)s)"
        " ORDER BY position DESC, line DESC LIMIT %(limit)s) t ORDER BY position, line",
        ["fund_history"],
        fund=ordinal,
        limit=limit,
    )
    times = times_of(connection, {int(row[0]) for row in found})
    return [
        FundView(
            position,
            times[position],
            registry.account(account).name,
            registry.asset(asset).name,
            format_scaled(int(cash), registry.asset(asset).decimals),
            plain(inventory),
            plain(equity),
        )
        for position, _, account, asset, cash, inventory, equity in found
    ]
