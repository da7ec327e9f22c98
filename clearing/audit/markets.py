"""A market as of a moment: prices, funding, who holds how much, and its ledger accounts."""

from collections.abc import Iterable
from datetime import datetime

from clearing.audit.accounts import rulebook_name
from clearing.audit.house_views import FundingView, HolderView, MarketView, PriceView
from clearing.audit.load import Histories
from clearing.audit.losses import times_of
from clearing.audit.moments import Moment
from clearing.audit.refold import Progress, refold
from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.scope import Position
from clearing.engine.valuation import accrued_funding, unrealised
from clearing.events.fields import to_microseconds
from clearing.events.kinds import RATE_DECIMALS
from clearing.log import Connection
from clearing.quantities import format_exact, format_scaled

_MICROSECONDS = 1_000_000

Since = dict[str, int]
"""The log position of the event that made a role's price what it is, by role."""


def market(
    connection: Connection, name: str, moment: Moment, progress: Progress | None = None
) -> MarketView:
    """Return a market as it was. One that was not declared yet is an answer, not an error."""
    if moment.reordered is not None:
        book = refold(connection, moment, progress).book
        ordinal = book.registry.market_ordinals.get(name, 0)
        prices = _prices(book.markets[ordinal]) if ordinal else ()
        settled = None
    else:
        histories = Histories(connection, moment)
        ordinal = histories.registry.market_ordinals.get(name, 0)
        if ordinal:
            book = histories.market_book(ordinal)
            prices = _dated_prices(histories, book, book.markets[ordinal])
            settled = _last_funding(histories, book.markets[ordinal])
    if not ordinal:
        return MarketView(name, False, moment.position, reordered=moment.reordered)
    return market_view(book, ordinal, moment, prices, settled)


def market_view(
    book: Book,
    ordinal: int,
    moment: Moment,
    prices: tuple[PriceView, ...],
    last_funding: FundingView | None = None,
) -> MarketView:
    """Return what a book says of a market of which it knows every holder."""
    found = book.markets[ordinal]
    asset, spec = book.assets[found.asset], found.spec
    held = [scope.positions[ordinal] for _, scope in sorted(found.holders.items())]
    kinds = ["spot"] if spec.base_asset else ["clearing", "funding", "control"]
    return MarketView(
        spec.name,
        True,
        moment.position,
        spec.payoff,
        book.registry.asset(found.asset).name,
        found.state,
        prices,
        found.feed.status,
        last_funding,
        format_exact(found.index, found.index_decimals),
        format_exact(found.short_index, found.index_decimals),
        format_exact(found.open_interest, spec.size_decimals),
        len(held),
        _together(asset, found, (position for position in held if position.size > 0)),
        _together(asset, found, (position for position in held if position.size < 0)),
        _together(asset, found, [found.houses["control"]]),
        _together(asset, found, [found.houses["suspense"]]),
        {
            kind: format_scaled(book.balance(kind, ordinal, found.asset), asset.decimals)
            for kind in kinds
        },
        rulebook_name(asset),
        moment.reordered,
    )


def _together(asset: Asset, market: Market, positions: Iterable[Position]) -> HolderView:
    size = cost = gain = owed = 0
    for position in positions:
        size += position.size
        cost += position.cost
        gain += unrealised(asset, market, position)
        owed += accrued_funding(market, position) * market.funding_lift
    return HolderView(
        format_exact(size, market.spec.size_decimals),
        format_scaled(cost, asset.decimals),
        format_exact(gain, asset.working),
        format_exact(owed, asset.working),
    )


def _values(market: Market) -> dict[str, int]:
    """Return the market's prices by role, its mark first."""
    others = {role: price for role, price in market.feed.values.items() if role != "mark"}
    return {"mark": market.mark, **dict(sorted(others.items()))}


def _prices(market: Market) -> tuple[PriceView, ...]:
    decimals = market.spec.mark_decimals
    return tuple(
        PriceView(role, format_scaled(price, decimals) if price else "", None, None, None)
        for role, price in _values(market).items()
    )


def _dated_prices(histories: Histories, book: Book, market: Market) -> tuple[PriceView, ...]:
    """Return the prices with what made them, and how old that is."""
    since: Since = {}
    for (position,) in histories.latest(
        "mark", ("position",), [market.ordinal], "effective"
    ).values():
        since["mark"] = int(position)
    for role, position in histories.rows(
        "SELECT r.role, p.position FROM unnest(%(roles)s::text[]) r (role) CROSS JOIN LATERAL ("
        " SELECT position FROM {price} WHERE market = %(market)s AND role = r.role"
        " AND position <= %(position)s ORDER BY position DESC, line DESC LIMIT 1) p",
        ["price"],
        roles=[role for role in market.feed.values if role != "mark"],
        market=market.ordinal,
    ):
        since[role] = int(position)
    times = times_of(histories.connection, set(since.values()))
    return tuple(
        _dated(book, view, since[view.role], times[since[view.role]])
        if view.role in since
        else view
        for view in _prices(market)
    )


def _dated(book: Book, view: PriceView, position: int, at: datetime) -> PriceView:
    age = (book.latest - to_microseconds(at)) // _MICROSECONDS
    return PriceView(view.role, view.price, position, at, age)


def _last_funding(histories: Histories, market: Market) -> FundingView | None:
    columns = ("rate", "price", "interval_seconds", "position")
    # What a loss moves the index by is an entry of no rate and no interval.
    found = histories.latest("funding", columns, [market.ordinal], "interval_seconds > 0")
    for rate, price, seconds, position in found.values():
        return FundingView(
            format_exact(int(rate), RATE_DECIMALS),
            format_scaled(int(price), market.spec.mark_decimals),
            seconds,
            position,
            times_of(histories.connection, {position})[position],
        )
    return None
