"""Looks where bands end: whatever corner the marks stand in, no boundary may have been crossed."""

from random import Random

from clearing.engine import Engine
from clearing.engine.acting import short_of
from clearing.engine.bands import BandedWatch
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.valuation import measure
from clearing.rulebook import RATE_SCALE

FAR = 50
"""How many times the present mark is tried where a band has no upper end."""


def sides(engine: Engine, scope: Scope) -> list[bool]:
    """For each boundary of the scope, whether its equity is below it, and whether it is at it."""
    rules = scope.rules
    assert rules is not None
    now, scale = measure(engine.book, scope), RATE_SCALE
    surpluses = [
        now.counted(place) * scale - factor * now.asked(place) for place, factor in rules.boundaries
    ]
    if scope.call is not None:
        surpluses.append(-scale * short_of(rules, scope.call, now))
    return [test for s in surpluses for test in (s < 0, s <= 0)]


def band(engine: Engine, scope: Scope, market: Market) -> tuple[int | None, int | None] | None:
    """The band that the watch keeps for a scope in a market, or None if it keeps none."""
    watch = engine._watch
    assert isinstance(watch, BandedWatch)
    edges = watch._edges.get(market.ordinal)
    version = None if edges is None else edges.versions.get(scope.account)
    if edges is None or version is None:
        return None
    key = (version, scope.account)
    low = [-entry[0] for entry in edges.low if entry[1:] == key]
    high = [entry[0] for entry in edges.high if entry[1:] == key]
    return (low[0] if low else None, high[0] if high else None)


def examine_corners(engine: Engine, dice: Random) -> int:
    """Put the marks of each scope's markets at edges of its bands, at random, and compare.

    Returns how many corners were looked at. The marks are as they were afterwards.
    """
    watch = engine._watch
    assert isinstance(watch, BandedWatch)
    looked = 0
    for key, hold in watch._holds.items():
        scope = engine.book.scopes[key]
        if scope.rules is not hold.rules:
            continue
        markets = [engine.book.markets[ordinal] for ordinal in hold.markets]
        before = [market.mark for market in markets]
        expected = sides(engine, scope)
        for _ in range(3):
            for market, mark in zip(markets, before, strict=True):
                found = band(engine, scope, market)
                if found is None:
                    continue
                low, high = found
                ends = [
                    mark,
                    1 if low is None else max(low, 1),
                    mark * FAR if high is None else high,
                ]
                if ends[1] <= mark <= ends[2]:
                    market.set_mark(dice.choice(ends))
            looked += 1
            story = (key, before, [m.mark for m in markets], expected)
            assert sides(engine, scope) == expected, f"a boundary within the bands: {story}"
            for market, mark in zip(markets, before, strict=True):
                market.set_mark(mark)
    return looked
