"""Volatility by market: samples of marks, and the margin rate that is published when it steps."""

from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.market import Market, Volatility
from clearing.engine.step import Step
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Rounding, divide, format_exact
from clearing.rulebook import RATE_SCALE
from clearing.rulebook.volatility import VolatilityRule


def sample_due(step: Step) -> None:
    """Sample the marks of markets whose time has come, in order of ordinal.

    The mark that stands when fold time first is at or past a sample's time is that sample; earlier
    ones that were passed over count as no return.
    """
    book = step.book
    for ordinal in sorted(book.volatile):
        market = book.volatile[ordinal]
        state = market.volatility
        if state is None or not market.mark or book.time < state.due:
            continue
        interval = state.rule.interval
        passed = (book.time - state.due) // interval
        if state.price:
            change = (market.mark - state.price) * RATE_SCALE
            change = divide(change, state.price, Rounding.HALF_EVEN)
            quiet = state.rule.decayed(state.variance, passed)
            state.variance = state.rule.entered(quiet, change)
        state.price = market.mark
        state.due += (passed + 1) * interval
        _publish(step, market, state)


def _publish(step: Step, market: Market, state: Volatility) -> None:
    rate = state.rule.published(state.variance, state.rate)
    if rate == state.rate:
        return
    state.rate = rate
    deviation = format_exact(state.rule.deviation(state.variance), RATE_DECIMALS)
    text = format_exact(rate, RATE_DECIMALS)
    step.entries.append(("margin_rate", market.ordinal, deviation, text))
    for scope in market.affected():
        step.touched[scope.key()] = scope


def follow_volatility(step: Step, asset: Asset) -> None:
    """Let an asset's markets go by the volatility policies of its rulebook.

    A policy with the samples of the one before goes on with its variance; its rate is its own.
    """
    rulebook = asset.rulebook
    for market in asset.markets:
        rule = None if rulebook is None else rulebook.volatility.get(market.ordinal)
        state = set_volatility(step.book, market, rule, max(step.book.time, step.row.occurred_at))
        if state is not None:
            state.rate = 0
            _publish(step, market, state)


def set_volatility(
    book: Book, market: Market, rule: VolatilityRule | None, now: int
) -> Volatility | None:
    """Point a market at a policy; one that samples at other times begins anew after ``now``."""
    if rule is None:
        market.volatility = None
        book.volatile.pop(market.ordinal, None)
        return None
    book.volatile[market.ordinal] = market
    state = market.volatility
    if state is None or state.rule.interval != rule.interval:
        state = market.volatility = Volatility(rule, (now // rule.interval + 1) * rule.interval)
    state.rule = rule
    return state
