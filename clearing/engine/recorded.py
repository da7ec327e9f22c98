"""Recorded closes: a venue's liquidation fills under a rulebook that leaves the close to them.

Such a fill is posted as told while the rung that waits for it is due; it is concluded as
:mod:`~clearing.engine.priced_close` says.
"""

from clearing.engine.acting import holds
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import measure
from clearing.rulebook import ReduceRung


def waiting_rung(step: Step, scope: Scope, market: Market, size: int) -> ReduceRung | None:
    """Return the rung that waits for a venue's liquidation fill of signed ``size``, if one is due.

    The fill has to close some of a position, or all of it, and no more.
    """
    rules, position = scope.rules, scope.positions.get(market.ordinal)
    if rules is None or position is None or not market.mark:
        return None
    if (position.size > 0) == (size > 0) or abs(size) > abs(position.size):
        return None
    now = None
    for rung in rules.closing:
        if isinstance(rung, ReduceRung) and rung.price is None:
            now = now or measure(step.book, scope)
            if holds(step.book, scope, rung, now):
                return rung
    return None
