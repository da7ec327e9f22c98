"""Price trees by role, and the breakers that look at them."""

from fractions import Fraction
from typing import Any

from clearing.events import PriceObserved
from clearing.events.fields import to_microseconds
from tests.auditor.numbers import half_even, scaled
from tests.auditor.price_rules import SECOND, Breaker, PricePolicy, Prices
from tests.auditor.state import Book, Market


def policy_of(book: Book, market: Market) -> PricePolicy | None:
    """The policy in force for ``market``."""
    rulebook = book.rulebooks.get(market.asset)
    return rulebook.prices.get(market.name) if rulebook else None


def observed(book: Book, event: PriceObserved) -> None:
    """It replaces what the source said of that price before, unless that is younger."""
    prices = book.prices[book.market(event.market).ordinal]
    moment, key = to_microseconds(event.occurred_at), (event.source, event.role)
    prices.latest = max(prices.latest, moment)
    if key not in prices.told or prices.told[key][1] <= moment:
        prices.told[key] = (Fraction(event.price), moment)


def evaluate(book: Book) -> None:
    """Every market's trees; without a tree nothing is said."""
    for market in book.markets:
        prices, policy = book.prices[market.ordinal], policy_of(book, market)
        roles = policy.roles if policy else {}
        if prices.trees != roles:
            prices.trees, prices.memory, prices.values = roles, {}, {}
        moment = max(book.time, prices.latest)
        for role, tree in roles.items():
            fine = _price(prices, tree, role, moment)
            value = None if fine is None else _rounded(fine, market.mark_decimals)
            if value != prices.values.pop(role, None):
                stated = scaled(value or Fraction(0), market.mark_decimals)
                book.entries.append(("price", market.ordinal, role, stated))
            if value is not None:
                prices.values[role] = value


def _rounded(value: Fraction, decimals: int) -> Fraction | None:
    rounded = Fraction(half_even(value * 10**decimals), 10**decimals)
    return rounded if rounded > 0 else None


def _price(prices: Prices, tree: dict[str, Any], path: str, moment: int) -> Fraction | None:
    """What a tree gives at ``moment``."""
    if tree["op"] == "source":
        told = prices.told.get((tree["source"], tree.get("price", "oracle")))
        if told is None:
            return None
        fresh = tree.get("fresh_seconds")
        stale = fresh is not None and moment - told[1] > fresh * SECOND
        return None if stale else told[0]
    if tree["op"] == "recorded":
        return prices.recorded
    if tree["op"] == "first":
        found = [_price(prices, t, f"{path}.{i}", moment) for i, t in enumerate(tree["of"])]
        return next((price for price in found if price is not None), None)
    if tree["op"] == "delayed":
        changes = prices.memory.setdefault(path, [])
        changes.append((moment, _price(prices, tree["price"], f"{path}.price", moment)))
        ago = [price for when, price in changes if when <= moment - tree["seconds"] * SECOND]
        return ago[-1] if ago else None
    raise ValueError(f"{tree['op']} is not an operator that the second ledger knows")


def break_markets(book: Book) -> None:
    """Breakers trip, go on or end."""
    for market in book.markets:
        prices, policy = book.prices[market.ordinal], policy_of(book, market)
        breakers = policy.breakers if policy else ()
        if book.mode(market.asset) != "derive" or not breakers:
            continue
        if prices.running is None and market.state != "normal":
            continue
        tripped = next(
            (number for number, b in enumerate(breakers) if _trips(prices, market, b)), None
        )
        if prices.running is not None:
            number, until = prices.running
            if book.time < until:
                if tripped is not None and tripped < number:
                    _begin(book, market, tripped, breakers[tripped])
                continue
            prices.running = None
        if tripped is not None:
            _begin(book, market, tripped, breakers[tripped])
        elif market.state != "normal":
            _become(book, market, "normal")


def _trips(prices: Prices, market: Market, breaker: Breaker) -> bool:
    reference = prices.values.get(breaker.reference)
    if market.mark is None or reference is None:
        return False
    return breaker.trips(market.mark, reference)


def _begin(book: Book, market: Market, number: int, breaker: Breaker) -> None:
    prices = book.prices[market.ordinal]
    until = max(book.time, prices.latest) + breaker.duration
    prices.running = (number, until)
    stated = [
        scaled(price or Fraction(0), market.mark_decimals)
        for price in (market.mark, prices.values.get(breaker.reference))
    ]
    book.entries.append(("breaker", market.ordinal, number + 1, *stated, until))
    _become(book, market, breaker.state)


def _become(book: Book, market: Market, state: str) -> None:
    if market.state != state:
        market.state = state
        book.entries.append(("market_state", market.ordinal, state))


def adopt(book: Book, asset: int) -> None:
    """What a breaker began ends where another rulebook has none; what trees showed is forgotten."""
    for market in book.markets:
        prices, policy = book.prices[market.ordinal], policy_of(book, market)
        if market.asset != asset:
            continue
        going_on = book.mode(asset) == "derive" and policy is not None and policy.breakers
        if prices.running is not None and not going_on:
            prices.running = None
            _become(book, market, "normal")
