"""Recorded closes: a venue's liquidation fills under a rulebook that leaves the close to them.

Such a fill is posted as told while the rung that waits for it is due. What it fetched beyond the
part's bankruptcy amount limits the penalty; what it fetched below may be made up for by the
waterfall.
"""

from clearing.engine.acting import holds
from clearing.engine.market import Market
from clearing.engine.penalties import charge, full_rate, penalty_amount
from clearing.engine.reduction import Reduction
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import measure
from clearing.engine.waterfall import cover
from clearing.rulebook import ReduceRung


class RecordedClose:
    """A fill that closes part of a scope's position for a rung; made before it is applied."""

    __slots__ = ("_bankrupt", "_rung", "_scope", "_step")

    def __init__(self, step: Step, scope: Scope, market: Market, rung: ReduceRung, size: int):
        self._step = step
        self._scope = scope
        self._rung = rung
        # What the part would have to fetch, as the account stands before the fill.
        self._bankrupt = -Reduction(step.book, scope, market, rung).surplus_of(abs(size), 0)

    def conclude(self, amount: int) -> None:
        """Charge the penalty, or cover what is short, once the fill for ``amount`` is applied."""
        step, scope, rung = self._step, self._scope, self._rung
        lift = step.book.assets[scope.asset].lift
        surplus = -amount - self._bankrupt
        if surplus < 0 and rung.covered and scope.rules is not None:
            waterfall = scope.rules.waterfall
            if waterfall is not None:
                cover(step, scope, waterfall, -surplus)
            return
        limit = measure(step.book, scope).equity // lift
        if rung.penalty is not None and rung.penalty.surplus:
            limit = min(limit, surplus)
        charged = penalty_amount(full_rate(rung.penalty), abs(amount) * lift, lift, limit)
        charge(step, scope, rung.penalty, charged)


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
