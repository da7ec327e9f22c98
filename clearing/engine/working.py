"""Workings that several computations leave: what one unit of size is worth."""

from clearing.engine.market import Market
from clearing.quantities import Trace


def face_lines(trace: Trace, market: Market, price: int) -> None:
    """Leave the working of what one unit of size is worth at a price, signed."""
    payoff = market.payoff
    one = trace.step("value of one", payoff.formula)
    one.value("mark", price, market.spec.mark_decimals)
    one.value("multiplier", market.spec.multiplier, market.spec.multiplier_decimals)
    one.finish(payoff.face(price), payoff.face_decimals)
