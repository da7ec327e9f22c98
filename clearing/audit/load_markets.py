"""Loading the markets of a book: marks, funding, states, what was observed, and the rules."""

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from clearing.audit.known import known
from clearing.engine.book import Book
from clearing.engine.market import Market, RiskArray
from clearing.engine.volatility import set_volatility
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import to_scaled
from clearing.rulebook import Rulebook

if TYPE_CHECKING:
    from clearing.audit.load import Histories

InForce = tuple[int, Rulebook]
"""From which position a rulebook held, and the rulebook."""


def load_markets(histories: "Histories", book: Book) -> None:
    """Load what rules look at of every market: marks, funding, state, observations."""
    markets = book.markets
    for ordinal, (price,) in histories.latest("mark", ("price",), markets, "effective").items():
        markets[ordinal].set_mark(int(price))
    for ordinal, (index,) in histories.latest("funding", ("index",), markets).items():
        market = markets[ordinal]
        market.index = market.short_index = to_scaled(index, market.index_decimals)
    for ordinal, (index,) in histories.latest("short_index", ("index",), markets).items():
        markets[ordinal].short_index = to_scaled(index, markets[ordinal].index_decimals)
    for ordinal, (payment,) in histories.latest("funding_coming", ("payment",), markets).items():
        markets[ordinal].coming = to_scaled(payment, markets[ordinal].index_decimals)
    for ordinal, (state,) in histories.latest("market_state", ("state",), markets).items():
        markets[ordinal].state = str(state)
    for ordinal, (size,) in histories.latest("open_interest", ("size",), markets).items():
        markets[ordinal].open_interest = int(size)
    for ordinal, (bids, asks) in histories.latest("depth", ("bids", "asks"), markets).items():
        markets[ordinal].depth = (int(bids), int(asks))
    for ordinal, row in histories.latest("risk_array", ("losses", "greeks"), markets).items():
        markets[ordinal].risk = _risk_array(markets[ordinal], *row)


def _risk_array(market: Market, losses: str, greeks: str) -> RiskArray:
    decimals = market.spec.mark_decimals
    values: dict[str, str] = json.loads(greeks)
    return RiskArray(
        tuple(to_scaled(Decimal(loss), decimals) for loss in json.loads(losses)),
        {name: to_scaled(Decimal(value), RATE_DECIMALS) for name, value in values.items()},
    )


def load_rulebooks(histories: "Histories", book: Book) -> None:
    """Put in force what was, with the prices and margin rates that its policies gave."""
    for asset, course in _courses(histories).items():
        since, rulebook = course[-1]
        book.assets[asset].rulebook = rulebook
        book.assets[asset].rescale()
        for ordinal in rulebook.prices:
            _load_prices(histories, book, book.markets[ordinal], course)
        rates = histories.latest(
            "margin_rate", ("rate",), rulebook.volatility, f"position >= {since}"
        )
        for ordinal, rule in rulebook.volatility.items():
            state = set_volatility(book, book.markets[ordinal], rule, 0)
            if state is not None and ordinal in rates:
                state.rate = to_scaled(rates[ordinal][0], RATE_DECIMALS)


def _courses(histories: "Histories") -> dict[int, list[InForce]]:
    """Return, by settlement asset, the rulebooks that came into force, in order."""
    connection, registry = histories.connection, histories.registry
    found: dict[int, list[InForce]] = {}
    scenario = histories.schema if histories.moment.generation.scenario else ""
    for asset, name, version, sha256, position in histories.rows(
        "SELECT asset, name, version, document_sha256, position FROM {rulebook}"
        " WHERE status = 'in_force' AND position <= %(position)s ORDER BY position, line",
        ["rulebook"],
    ):
        rulebook = known(connection).rulebook(
            connection, registry, histories.position, name, version, sha256, scenario
        )
        found.setdefault(asset, []).append((int(position), rulebook))
    return found


def _load_prices(histories: "Histories", book: Book, market: Market, course: list[InForce]) -> None:
    """Load what the trees of a market gave since they are those in force.

    A policy of another content begins without prices, which leaves no entry of its own.
    """
    policy = course[-1][1].prices[market.ordinal]
    since = 0
    for position, rulebook in reversed(course):
        other = rulebook.prices.get(market.ordinal)
        if other is None or other.key != policy.key:
            break
        since = position
    book.follow_prices(market, policy)
    for role, price in histories.rows(
        "SELECT r.role, p.price FROM unnest(%(roles)s::text[]) r (role) CROSS JOIN LATERAL ("
        " SELECT price FROM {price} WHERE market = %(market)s AND role = r.role"
        " AND position BETWEEN %(since)s AND %(position)s"
        " ORDER BY position DESC, line DESC LIMIT 1) p",
        ["price"],
        roles=[role for role, _ in policy.nodes],
        market=market.ordinal,
        since=since,
    ):
        if price:
            market.feed.values[role] = int(price)
    told = histories.latest("price_status", ("status",), [market.ordinal], f"position >= {since}")
    for (status,) in told.values():
        market.feed.status = str(status)
