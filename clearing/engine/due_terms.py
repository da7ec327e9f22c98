"""Due terms: at which price, and how much, rungs would close now of a position in verify mode.

A venue's liquidation follows its rulebook if some rung that is due now gives its price and its
quantity. Nothing here writes.
"""

from fractions import Fraction

from clearing.engine.acting import can_act, holds
from clearing.engine.deleveraging import price_of
from clearing.engine.holding import Holding
from clearing.engine.market import Market
from clearing.engine.reduction import Reduction, pick
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import Measure, measure
from clearing.quantities import Rounding, divide
from clearing.rulebook import (
    RATE_SCALE,
    AdlLayer,
    AuctionRung,
    FundLayer,
    PayingLayer,
    ReduceRung,
    Rung,
    TakeoverRung,
)


class Terms:
    """What one due rung gives: any of ``prices`` (in whole units), and an unsigned ``quantity``.

    None: the rung leaves it open. ``rung`` is its number.
    """

    __slots__ = ("prices", "quantity", "rung")

    def __init__(
        self, rung: int, prices: tuple[Fraction, ...] | None, quantity: int | None
    ) -> None:
        self.rung = rung
        self.prices = prices
        self.quantity = quantity

    def gives_price(self, market: Market, told: int, tolerance: int) -> bool:
        """Whether ``told`` (at price decimals) is one of the prices.

        It is if it is less than a price step away, however the venue rounds, or at most
        ``tolerance`` (at RATE_SCALE) of the price.
        """
        if self.prices is None:
            return True
        scale = 10**market.spec.price_decimals
        for price in self.prices:
            away = abs(told - price * scale)
            if away < 1 or away * RATE_SCALE <= price * scale * tolerance:
                return True
        return False

    def gives_quantity(self, told: int, *, at_most: bool) -> bool:
        """Whether the rung closes ``told`` steps of size, or with ``at_most`` so many or more."""
        if self.quantity is None:
            return True
        return told <= self.quantity if at_most else told == self.quantity

    def price_at(self, decimals: int) -> int:
        """Return the first of the prices at ``decimals`` decimals, rounded half_even (0: open)."""
        if not self.prices:
            return 0
        exact = self.prices[0] * 10**decimals
        return divide(exact.numerator, exact.denominator, Rounding.HALF_EVEN)


def due_terms(step: Step, scope: Scope, market: Market, told: int) -> list[Terms]:
    """Return what each rung that is due gives for closing ``told`` steps of a position.

    Empty where no rung of the ladder may close the position now.
    """
    rules = scope.rules
    if rules is None or not market.closes:
        return []
    now = measure(step.book, scope)
    found = []
    for rung in rules.closing:
        if not holds(step.book, scope, rung, now):
            continue
        if isinstance(rung, ReduceRung) and rung.price is None:
            found.append(Terms(rung.number, None, None))
        elif can_act(step, scope, rung, now):
            terms = _terms(step, scope, market, rung, now, told)
            if terms is not None:
                found.append(terms)
    return found


def _terms(
    step: Step, scope: Scope, market: Market, rung: Rung, now: Measure, told: int
) -> Terms | None:
    match rung:
        case AuctionRung():
            return Terms(rung.number, None, None)
        case ReduceRung():
            closing = Reduction(step.book, scope, market, rung)
            price = closing.due_price(told)
            quantity = None
            if rung.ramp is None and rung.gains is None:
                picked = pick(step.book, scope) is market
                quantity = closing.quantity() if picked else 0
            return Terms(rung.number, None if price is None else (price,), quantity)
        case TakeoverRung():
            held = abs(scope.positions[market.ordinal].size)
            return Terms(rung.number, _takeover_prices(step, scope, market, rung, now), held)
    return None


def _takeover_prices(
    step: Step, scope: Scope, market: Market, rung: TakeoverRung, now: Measure
) -> tuple[Fraction, ...] | None:
    """Return the bankruptcy price, and where there is a loss the prices of layers with another.

    None where collateral that is converted first changes what the position is handed over for.
    """
    rules = scope.rules
    if rules is None or rules.collateral is not None:
        return None
    price = Holding(step.book, scope, market).bankruptcy_price()
    if price is None:
        return None
    prices = [price]
    layers = [] if rules.waterfall is None else rules.waterfall.layers
    if now.equity < 0 or rung.deleverages:
        scale = 10**market.spec.mark_decimals
        for layer in layers:
            if isinstance(layer, AdlLayer) and layer.price != "bankruptcy":
                prices.append(Fraction(price_of(step, market, layer.price), scale))
            elif isinstance(layer, PayingLayer) or (
                isinstance(layer, FundLayer) and not layer.assumes
            ):
                prices.append(Fraction(market.mark, scale))
    return tuple(prices)
