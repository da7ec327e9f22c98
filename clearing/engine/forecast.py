"""Forecasts: how far a position is from liquidation, against how far its market is bound to move.

The forecast of a market is its volatility policy's: the published rate / ``multiple`` is the
deviation of its return over one sample, and variances grow in proportion to time. From it and the
price of liquidation, all other marks unchanged, come three figures. They are what they are computed
from, no model of crashes: returns of many samples need not be independent, and their variance not
what was published.
"""

from fractions import Fraction
from typing import Final

from clearing.engine.book import Book
from clearing.engine.liquidation_price import liquidation_price
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.valuation import measure
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import square_root
from clearing.rulebook import MAINTENANCE, RATE_SCALE

_SECOND: Final = 1_000_000


class Forecast:
    """The figures of one position.

    ``distance``: the move to the price of liquidation, as a share of the mark, in deviations of the
    horizon; rounded down at 12 decimals, and negative once the scope is beyond it (how far back it
    would be out of it). ``risk_score``: 1 / (1 + distance²), from 0 to 1: no distribution with no
    drift and that variance has the mark there at the end of the horizon with a greater probability
    (Cantelli's inequality); 1 once it is there. ``time_to_breach``: the seconds after which a move
    of so many deviations reaches it, rounded down. Where no price of this market alone liquidates
    the scope the score is 0, and there is neither distance nor time (None).
    """

    __slots__ = ("distance", "risk_score", "time_to_breach")

    def __init__(
        self, distance: Fraction | None, risk_score: Fraction, time_to_breach: int | None
    ) -> None:
        self.distance = distance
        self.risk_score = risk_score
        self.time_to_breach = time_to_breach


def forecast_of(
    book: Book, scope: Scope, market: Market, horizon: int, sigmas: Fraction
) -> Forecast | None:
    """Return the figures of a scope's position for a horizon in seconds.

    None where the market has no mark or has published no rate, or the scope nothing in it that is
    margined.
    """
    state = market.volatility
    held = market.ordinal in scope.positions
    if state is None or not state.rate or not market.mark or not held or scope.rules is None:
        return None
    price = liquidation_price(book, scope, market)
    if price is None:
        return Forecast(None, Fraction(0), None)
    mark = Fraction(market.mark, 10**market.spec.mark_decimals)
    move = Fraction(abs(price - mark), mark)
    deviation = Fraction(state.rate, state.rule.multiple)
    samples = Fraction(horizon * _SECOND, state.rule.interval)
    # The square of the distance: variances add up over time, so that it stays exact.
    squared = Fraction(move * move, deviation * deviation * samples)
    if _beyond(book, scope):
        return Forecast(-_root(squared, up=True), Fraction(1), 0)
    time = Fraction(squared * horizon, sigmas * sigmas)
    return Forecast(_root(squared, up=False), Fraction(1, 1 + squared), int(time // 1))


def _beyond(book: Book, scope: Scope) -> bool:
    """Whether the boundary of the price of liquidation is crossed already."""
    now, rules = measure(book, scope), scope.rules
    if rules is not None and rules.closing:
        return now.below(rules.closing[0].condition)
    return now.surplus(MAINTENANCE) < 0


def _root(squared: Fraction, *, up: bool) -> Fraction:
    """Return a root at rate decimals, rounded down or up."""
    scaled = squared * RATE_SCALE**2
    whole = -(-scaled.numerator // scaled.denominator) if up else scaled // 1
    root = square_root(whole)
    if up and root * root < whole:
        root += 1
    return Fraction(root, 10**RATE_DECIMALS)
