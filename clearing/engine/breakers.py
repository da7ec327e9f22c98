"""Circuit breakers: a price that goes too far changes a market's state, for a time.

They act after prices are known and before anything is tested, so that the mark that trips one
already closes nothing. A state that an event brought is left alone until an event ends it.
"""

from clearing.engine.computed_funding import run_period
from clearing.engine.market import Market
from clearing.engine.step import Step
from clearing.rulebook.prices import Breaker


def change_state(
    step: Step, market: Market, state: str, *, breaker: int = 0, resumes_at: int = 0
) -> None:
    """Put the market in ``state`` until an event says otherwise, or the ``breaker`` that did it.

    That is its number, and ``resumes_at`` when it lets the state end.
    """
    run_period(market, step.row.occurred_at)
    market.state, market.breaker, market.resumes_at = state, breaker, resumes_at
    step.entries.append(("market_state", market.ordinal, state))
    for scope in market.holders.values():
        step.touched[scope.key()] = scope


def run_breakers(step: Step) -> None:
    """Trip, prolong or end what price rules say of markets, in order of ordinal (derive mode)."""
    for ordinal in sorted(step.book.priced):
        market = step.book.priced[ordinal]
        if market.resumes_at and step.book.time >= market.resumes_at:
            _resume(step, market)
        elif market.resumes_at or market.state == "normal":
            tripped = _tripped(step, market)
            # One that comes first replaces one that comes later; the same one goes on as it is.
            if tripped is not None and (not market.breaker or tripped[0] < market.breaker):
                _trip(step, market, *tripped)


def _tripped(step: Step, market: Market) -> tuple[int, Breaker] | None:
    """Return the first breaker, and its number, that the mark is too far for."""
    policy = market.feed.policy
    if policy is None or not market.mark or step.book.assets[market.asset].mode != "derive":
        return None
    for number, breaker in enumerate(policy.breakers, start=1):
        reference = market.feed.values.get(breaker.reference, 0)
        if reference and breaker.trips(market.mark, reference):
            return number, breaker
    return None


def _trip(step: Step, market: Market, number: int, breaker: Breaker) -> None:
    resumes_at = max(step.book.time, market.feed.now) + breaker.duration
    reference = market.feed.values[breaker.reference]
    step.entries.append(("breaker", market.ordinal, number, market.mark, reference, resumes_at))
    if market.state == breaker.state:
        market.breaker, market.resumes_at = number, resumes_at
    else:
        change_state(step, market, breaker.state, breaker=number, resumes_at=resumes_at)


def _resume(step: Step, market: Market) -> None:
    """End what a breaker began; while the mark is too far, it goes on for as long again."""
    tripped = _tripped(step, market)
    if tripped is None:
        change_state(step, market, "normal")
    else:
        _trip(step, market, *tripped)
