"""Workings that several computations leave: what one unit is worth, whether a level is reached."""

from clearing.engine.market import Market
from clearing.quantities import Trace, identifier


def face_lines(trace: Trace, market: Market, price: int) -> None:
    """Leave the working of what one unit of size is worth at a price, signed."""
    payoff = market.payoff
    one = trace.step("value of one", payoff.formula)
    one.value("mark", price, market.spec.mark_decimals)
    one.value("multiplier", market.spec.multiplier, market.spec.multiplier_decimals)
    one.finish(payoff.face(price), payoff.face_decimals)


def reached_lines(trace: Trace, margin: Trace, level: str) -> None:
    """Leave the comparison of what counts with what a level asks: 1 if it is reached, else 0.

    ``margin`` has the parts of a measure; without a level what counts has to be at least 0.
    """
    haircut = f"haircut {level}"
    found = {part.name: part for part in margin.inputs}
    formula = "equity + collateral" if "collateral" in found else "equity"
    if haircut in found:
        formula += f" - {identifier(haircut)}"
    trace.formula = f"at_most({identifier(level) if level else 0}, {formula})"
    names = ("equity", "collateral", haircut, level)
    trace.inputs += [found[name] for name in names if name in found]
