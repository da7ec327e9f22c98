"""What forced closes do to marks, where a rulebook says so."""

from fractions import Fraction
from math import isqrt
from typing import Any

from clearing.events import DepthObserved
from tests.auditor.numbers import down, floor, scaled, text, toward_zero
from tests.auditor.state import Book, Market, Moved

SPARED = ("reduce", "adl", "auction")
"""Layers that sell nothing to the market by a takeover."""


def rule_of(book: Book, market: Market) -> dict[str, Any] | None:
    """The rule in force for ``market``, in derive mode."""
    rulebook = book.rulebooks.get(market.asset)
    if rulebook is None or rulebook.mode != "derive":
        return None
    return rulebook.impact.get(market.name)


def observed(book: Book, event: DepthObserved) -> None:
    """How much the order book takes."""
    market = book.market(event.market)
    sizes = [scaled(s, market.size_decimals) for s in (event.bid_size, event.ask_size)]
    market.depth = (sizes[0], sizes[1])
    within = text(Fraction(event.within))
    book.entries.append(("depth", market.ordinal, *sizes, within))


def faded(book: Book, market: Market, told: Fraction, moment: int, before: Fraction | None) -> None:
    """The mark that a price told makes, moved by what is left of the last move; its entries."""
    rule, moved = rule_of(book, market), market.moved
    market.told = market.mark = told
    scale, step, left = 10**market.mark_decimals, Fraction(0), Fraction(0)
    if rule is not None and moved is not None and rule.get("fades_seconds"):
        elapsed = max(0, moment - moved.moment)
        left = max(Fraction(0), 1 - Fraction(elapsed, rule["fades_seconds"] * 1_000_000))
        step = Fraction(toward_zero(told * moved.share * left * scale), scale)
    if not left:
        market.moved = None
    elif moved is not None and moved.share:
        market.mark = max(told + step, Fraction(1, scale))
        say(book, market, 0, told if before is None else before)
    book.entries.append(("mark", market.ordinal, scaled(market.mark, market.mark_decimals), 1))


def say(book: Book, market: Market, size: int, before: Fraction) -> None:
    """Entry ``impact``: the mark was ``before``."""
    stated = [
        scaled(price or before, market.mark_decimals)
        for price in (market.told, before, market.mark)
    ]
    book.entries.append(("impact", market.ordinal, size, *stated))


def move(book: Book, since: int, moment: int) -> None:
    """What the entries from ``since`` on say was closed moves marks, by market."""
    sizes: dict[int, int] = {}
    for entry in book.entries[since:]:
        if entry[0] != "closed":
            continue
        market = book.markets[int(entry[3]) - 1]
        rule = rule_of(book, market)
        if rule is None:
            continue
        by = "takeover" if entry[4] not in SPARED else str(entry[4])
        if by in rule.get("closes", ["reduce"]):
            sizes[market.ordinal] = sizes.get(market.ordinal, 0) + int(entry[6])
    for number, size in sorted(sizes.items()):
        market = book.markets[number - 1]
        rule = rule_of(book, market)
        if rule is None or market.mark is None or not size:
            continue
        scale, before = 10**market.mark_decimals, market.mark
        step = Fraction(floor(before * scale * share(rule, market, size)), scale)
        after = before - step if size > 0 else before + step
        market.mark = max(after, Fraction(1, scale))
        if market.mark == before or market.told is None:
            continue
        say(book, market, size, before)
        stated = scaled(market.mark, market.mark_decimals)
        book.entries.append(("mark", number, stated, 1))
        ratio = Fraction(toward_zero((market.mark / market.told - 1) * 10**12), 10**12)
        market.moved = Moved(ratio, moment)


def share(rule: dict[str, Any], market: Market, size: int) -> Fraction:
    """The share of the mark that closing ``size`` moves it by."""
    most, coefficient = Fraction(rule.get("ceiling", "0.5")), Fraction(rule["coefficient"])
    depth = Fraction(rule["depth"]) * 10**market.size_decimals if "depth" in rule else None
    if depth is None and market.depth is not None:
        depth = Fraction(market.depth[0] if size > 0 else market.depth[1])
    if not depth:
        return most
    x = abs(size) / depth
    if rule["op"] == "linear":
        return min(most, down(coefficient * x, 12))
    return min(most, Fraction(isqrt(floor(coefficient**2 * x * 10**24)), 10**12))
