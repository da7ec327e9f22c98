"""The book as a canonical JSON document, and back: the snapshot, and what the digest is taken of.

Everything that can change what the fold does next is in it, and nothing else: no bands, heaps or
caches. Integers stay integers; keys are text; lists are sorted by ordinal, so that the same state
has the same bytes however it came about.
"""

import json
from fractions import Fraction
from typing import Any

from clearing.engine.asset import Asset
from clearing.engine.auction import Auction, Bid
from clearing.engine.book import Book, PendingRulebook
from clearing.engine.feed import Feed
from clearing.engine.funding_period import Average, Ended, FundingPeriod
from clearing.engine.impact import follow_impact
from clearing.engine.market import Market, Owed, RiskArray, Volatility
from clearing.engine.observed import set_orders
from clearing.engine.scope import NEVER, MarginCall, Position, Scope, Stay
from clearing.engine.stays import schedule_stays
from clearing.engine.volatility import set_volatility
from clearing.events.canonical import canonical_json
from clearing.events.registry import Registry
from clearing.rulebook import Regime, Rulebook, compile_rulebook
from clearing.rulebook.prices import Memory


class Snapshot:
    """What a snapshot holds: the book, the position it stands at, and the entry hash there."""

    __slots__ = ("book", "entry_hash", "position")

    def __init__(self, book: Book, position: int, entry_hash: bytes) -> None:
        self.book = book
        self.position = position
        self.entry_hash = entry_hash


def canonical_text(document: dict[str, Any]) -> str:
    """Return the canonical JSON of ``document``."""
    return canonical_json(document)


def book_document(book: Book) -> dict[str, Any]:
    """Return the book as JSON-ready data; what only a scenario has, or verify mode, stands apart.

    It is there only where there is any.
    """
    document: dict[str, Any] = {
        "registry": book.registry.to_json(),
        "assets": [_asset_document(asset) for _, asset in sorted(book.assets.items())],
        "markets": [_market_document(market) for _, market in sorted(book.markets.items())],
        "scopes": [_scope_document(scope) for _, scope in sorted(book.scopes.items())],
        "balances": [
            [kind, ordinal, asset, amount]
            for (kind, ordinal, asset), amount in sorted(book.balances.items())
        ],
        "scheduled": [
            [pending.effective, *_rulebook_name(pending.rulebook)] for pending in book.scheduled
        ],
        "documents": book.documents,
        "reversed": sorted(book.reversed),
        "borne": [[*key, *borne] for key, borne in sorted(book.borne.items())],
        "claimed": [[*key, units] for key, units in sorted(book.claimed.items())],
        "refused": sorted(book.refused),
        "pending": sorted(book.pending),
        "time": book.time,
        "latest": book.latest,
    }
    contested = [
        [market.ordinal, *_position_document(market.houses["contested"])]
        for _, market in sorted(book.markets.items())
        if market.houses["contested"].size
    ]
    if book.overridden or contested:
        overridden = [list(key) for key in sorted(book.overridden)]
        document["scenario"] = {"overridden": overridden, "contested": contested}
    owed = [
        [ordinal, *_owed_document(market.owed)]
        for ordinal, market in sorted(book.owing.items())
        if market.owed is not None
    ]
    if owed:
        document["owed"] = owed
    deleveraged = [
        [ordinal, *market.deleveraged]
        for ordinal, market in sorted(book.markets.items())
        if market.deleveraged is not None
    ]
    if deleveraged:
        document["deleveraged"] = deleveraged
    return document


def _owed_document(owed: Owed) -> list[Any]:
    return [owed.position, owed.due_at, [list(item) for item in sorted(owed.amounts.items())]]


def read_snapshot(text: str, engine_version: str) -> Snapshot:
    """Return what a snapshot holds.

    Raises :class:`ValueError` if another engine version wrote it or its shape is not ours.
    """
    try:
        document = json.loads(text)
        if document["engine"] != engine_version:
            raise ValueError(f"was written by engine {document['engine']}, not {engine_version}")
        book = _read_book(document["book"])
        return Snapshot(book, document["position"], bytes.fromhex(document["entry_hash"]))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"is not a snapshot: {type(error).__name__} at {error}") from error


def _rulebook_name(rulebook: Rulebook) -> list[str]:
    return [rulebook.name, rulebook.version, rulebook.sha256]


def _position_document(position: Position) -> list[int]:
    return [position.size, position.cost, position.entry, position.index_at, position.accrued]


def _asset_document(asset: Asset) -> dict[str, Any]:
    rulebook = asset.rulebook
    return {
        "asset": asset.ordinal,
        "regimes": [[position, *regime.texts()] for position, regime in asset.regimes],
        "rulebook": None if rulebook is None else _rulebook_name(rulebook),
        "interest": None if asset.interest is None else list(asset.interest),
    }


def _market_document(market: Market) -> dict[str, Any]:
    return {
        "market": market.ordinal,
        "mark": market.mark,
        "previous_mark": market.previous_mark,
        "ranked": [[side, accounts] for side, accounts in sorted(market.ranked.items())],
        "impact": [market.quoted, market.shift, market.shifted_at],
        "flows": [list(item) for item in sorted(market.flows.items())],
        "mark_time": market.mark_time,
        "mark_position": market.mark_position,
        "last_price": market.last_price,
        "state": market.state,
        "breaker": [market.breaker, market.resumes_at],
        "index": market.index,
        "funding_rate": market.funding_rate,
        "funding_price": market.funding_price,
        "open_interest": market.open_interest,
        "sides": market.sides,
        "control": _position_document(market.houses["control"]),
        "suspense": _position_document(market.houses["suspense"]),
        "pending": [list(item) for item in sorted(market.pending.items())],
        "feed": _feed_document(market.feed),
        "short_index": market.short_index,
        "residual": market.residual,
        "coming": market.coming,
        "depth": None if market.depth is None else list(market.depth),
        "volatility": None if market.volatility is None else _volatility(market.volatility),
        "risk": None if market.risk is None else [list(market.risk.losses), market.risk.greeks],
        "period": None if market.period is None else _period_document(market.period),
    }


def _volatility(state: Volatility) -> list[int]:
    return [state.due, state.price, state.variance, state.rate]


def _period_document(period: FundingPeriod) -> dict[str, Any]:
    return {
        "start": period.start,
        "now": period.now,
        "stamp": period.stamp,
        "averages": [[average.integral, average.time] for average in period.averages],
        "samples": [period.total, period.count],
        "paused": period.paused,
        "ended": [
            [ended.stamp, *(_fraction(f) for f in (ended.premium, ended.rate, ended.price))]
            for ended in period.ended
        ],
        "compared": _fraction(period.compared),
    }


def _fraction(value: Fraction | None) -> list[int] | None:
    return None if value is None else [value.numerator, value.denominator]


def _read_fraction(stored: list[int] | None) -> Fraction | None:
    return None if stored is None else Fraction(*stored)


def _feed_document(feed: Feed) -> dict[str, Any]:
    return {
        "observed": [[*key, *told] for key, told in sorted(feed.observed.items())],
        "last_mark": None if feed.last_mark is None else list(feed.last_mark),
        "values": feed.values,
        "memories": [
            [number, memory.at, memory.numbers] for number, memory in sorted(feed.memories.items())
        ],
        "now": feed.now,
        "taken": feed.taken,
        "status": feed.status,
    }


def _scope_document(scope: Scope) -> dict[str, Any]:
    call = scope.call
    seen = {} if scope.due_since == NEVER else {"due_since": scope.due_since}
    return {
        **seen,
        "account": scope.account,
        "asset": scope.asset,
        "cash": scope.cash,
        "interest_left": scope.interest_left,
        "status": scope.status,
        "call": None if call is None else [call.amount, call.level, call.due_at, call.missed],
        "withheld": scope.withheld,
        "taken_over": scope.taken_over,
        "venue_closed": scope.venue_closed,
        "positions": [
            [market, *_position_document(position)]
            for market, position in sorted(scope.positions.items())
        ],
        "orders": [[market, *sizes] for market, sizes in sorted(scope.orders.items())],
        "leverages": [list(item) for item in sorted(scope.leverages.items())],
        "stays": [
            [rung, stay.since, stay.acted, stay.freed] for rung, stay in sorted(scope.stays.items())
        ],
        "ended_in": scope.ended_in,
        "auctions": [
            [market, *_auction_document(auction)]
            for market, auction in sorted(scope.auctions.items())
        ],
        "unsold": [list(key) for key in sorted(scope.unsold)],
        "pool": [[provider, shares] for provider, shares in sorted(scope.shares.items())],
        "requests": [[who, *request] for who, request in sorted(scope.requests.items())],
        "short": scope.short,
        "alerts": [list(key) for key in sorted(scope.alerts)],
        "scores": [[*key, score] for key, score in sorted(scope.scores.items())],
    }


def _auction_document(auction: Auction) -> list[Any]:
    terms = [auction.rung, auction.long, auction.reference, auction.opened_at, auction.ends_at]
    return [*terms, [[bid.bidder, bid.size, bid.price, bid.position] for bid in auction.bids]]


def _read_book(document: dict[str, Any]) -> Book:
    book = Book(Registry.from_json(document["registry"]))
    registry = book.registry
    _, assets, markets, _ = registry.counts()
    for ordinal in range(1, assets + 1):
        book.add_asset(ordinal, registry.asset(ordinal).decimals)
    for ordinal in range(1, markets + 1):
        book.add_market(registry.market(ordinal))
    book.documents = dict(document["documents"])
    for stored in document["assets"]:
        asset = book.assets[stored["asset"]]
        asset.regimes = [
            (position, Regime.from_texts(texts)) for position, *texts in stored["regimes"]
        ]
        interest = stored["interest"]
        asset.interest = None if interest is None else (interest[0], interest[1])
        if stored["rulebook"] is not None:
            asset.rulebook = rulebook = _read_rulebook(book, stored["rulebook"])
            asset.rescale()
            for ordinal, policy in rulebook.prices.items():
                book.follow_prices(book.markets[ordinal], policy)
            for ordinal, rule in rulebook.funding.items():
                book.follow_funding(book.markets[ordinal], rule, 0)
            for ordinal, policy_of in rulebook.volatility.items():
                set_volatility(book, book.markets[ordinal], policy_of, 0)
            follow_impact(asset)
            asset.follow_variation()
    for effective, *name in document["scheduled"]:
        book.scheduled.append(PendingRulebook(effective, _read_rulebook(book, name)))
    for stored in document["markets"]:
        market = book.markets[stored["market"]]
        if stored["period"] is None:
            # A market that ended runs none, whatever the rulebook says.
            book.follow_funding(market, None, 0)
        _read_market(market, stored)
    for kind, ordinal, asset_ordinal, amount in document["balances"]:
        book.balances[kind, ordinal, asset_ordinal] = amount
    book.reversed = set(document["reversed"])
    book.borne = {tuple(key): (at, units) for *key, at, units in document["borne"]}
    book.claimed = {(a, b, c): units for a, b, c, units in document["claimed"]}
    book.refused = set(document["refused"])
    book.pending = set(document["pending"])
    book.time = document["time"]
    book.latest = document["latest"]
    for stored in document["scopes"]:
        _read_scope(book, stored)
    _read_verified(book, document)
    scenario = document.get("scenario", {"overridden": [], "contested": []})
    book.overridden = {(account, asset) for account, asset in scenario["overridden"]}
    for ordinal, *position in scenario["contested"]:
        book.markets[ordinal].houses["contested"] = Position(*position)
    return book


def _read_verified(book: Book, document: dict[str, Any]) -> None:
    for ordinal, account, at, whose in document.get("deleveraged", []):
        book.markets[ordinal].deleveraged = (account, at, whose)
    for ordinal, position, due_at, amounts in document.get("owed", []):
        market = book.owing[ordinal] = book.markets[ordinal]
        market.owed = Owed(position, due_at, dict(amounts))


def _read_rulebook(book: Book, name: list[str]) -> Rulebook:
    document = json.loads(book.documents[name[2]])
    return compile_rulebook(document, book.registry, name=name[0], version=name[1], sha256=name[2])


def _read_market(market: Market, stored: dict[str, Any]) -> None:
    market.set_mark(stored["mark"])
    market.previous_mark = stored["previous_mark"]
    market.ranked = dict(stored["ranked"])
    market.quoted, market.shift, market.shifted_at = stored["impact"]
    market.flows = dict(stored["flows"])
    market.mark_time = stored["mark_time"]
    market.mark_position = stored["mark_position"]
    market.last_price = stored["last_price"]
    market.state = stored["state"]
    market.breaker, market.resumes_at = stored["breaker"]
    market.index = stored["index"]
    market.funding_rate = stored["funding_rate"]
    market.funding_price = stored["funding_price"]
    market.open_interest = stored["open_interest"]
    market.sides = stored["sides"]
    for kind in ("control", "suspense"):
        market.houses[kind] = Position(*stored[kind])
    market.pending = dict(stored["pending"])
    _read_feed(market.feed, stored["feed"])
    market.short_index = stored["short_index"]
    market.residual = stored["residual"]
    market.coming = stored["coming"]
    if market.volatility is not None:
        state = market.volatility
        state.due, state.price, state.variance, state.rate = stored["volatility"]
    if stored["depth"] is not None:
        market.depth = (stored["depth"][0], stored["depth"][1])
    if stored["risk"] is not None:
        losses, greeks = stored["risk"]
        market.risk = RiskArray(tuple(losses), greeks)
    if market.period is not None:
        _read_period(market.period, stored["period"])


def _read_period(period: FundingPeriod, stored: dict[str, Any]) -> None:
    period.start, period.now, period.stamp = (stored[name] for name in ("start", "now", "stamp"))
    period.averages = [Average(*average) for average in stored["averages"]]
    period.total, period.count = stored["samples"]
    period.paused = stored["paused"]
    period.ended = [
        Ended(stamp, *(_read_fraction(f) for f in fractions))
        for stamp, *fractions in stored["ended"]
    ]
    period.compared = _read_fraction(stored["compared"])


def _read_feed(feed: Feed, stored: dict[str, Any]) -> None:
    for source, role, price, at in stored["observed"]:
        feed.observed[source, role] = (price, at)
    if stored["last_mark"] is not None:
        price, at = stored["last_mark"]
        feed.last_mark = (price, at)
    feed.values = dict(stored["values"])
    feed.memories = {number: Memory(at, numbers) for number, at, numbers in stored["memories"]}
    feed.now = stored["now"]
    feed.taken = stored["taken"]
    feed.status = stored["status"]


def _read_scope(book: Book, stored: dict[str, Any]) -> None:
    scope = book.scope(stored["account"], stored["asset"])
    scope.cash = stored["cash"]
    scope.interest_left = stored["interest_left"]
    scope.status = stored["status"]
    if stored["call"] is not None:
        scope.call = MarginCall(*stored["call"])
        book.schedule(scope, scope.call.due_at)
    scope.withheld = stored["withheld"]
    scope.taken_over = stored["taken_over"]
    scope.venue_closed = stored["venue_closed"]
    scope.due_since = stored.get("due_since", NEVER)
    for market, *position in stored["positions"]:
        scope.positions[market] = Position(*position)
        book.markets[market].holders[scope.account] = scope
    for market, buys, sells in stored["orders"]:
        set_orders(book.markets[market], scope, buys, sells)
    scope.leverages = dict(stored["leverages"])
    scope.stays = {rung: Stay(*stay) for rung, *stay in stored["stays"]}
    scope.ended_in = stored["ended_in"]
    schedule_stays(book, scope)
    for market, *terms, bids in stored["auctions"]:
        auction = scope.auctions[market] = Auction(*terms)
        auction.bids = [Bid(*bid) for bid in bids]
        book.schedule(scope, auction.ends_at)
    scope.shares = dict(stored["pool"])
    scope.requests = {who: (shares, value) for who, shares, value in stored["requests"]}
    scope.short = stored["short"]
    scope.alerts = {(market, number) for market, number in stored["alerts"]}
    scope.scores = {(market, model): score for market, model, score in stored["scores"]}
    scope.unsold = {(rung, market) for rung, market in stored["unsold"]}
