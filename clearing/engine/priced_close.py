"""Closes at a price that others named: a venue's fill, whoever takes in an auction, a bidder.

What such a close fetched beyond the part's bankruptcy amount limits the penalty; what it fetched
below may be made up for by the waterfall.
"""

from clearing.engine.holding import Holding
from clearing.engine.market import Market
from clearing.engine.penalties import charge, full_rate, penalty_amount
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import measure
from clearing.engine.waterfall import cover
from clearing.rulebook import AuctionRung, ReduceRung


class PricedClose:
    """A fill that closes part of a scope's position for a rung; made before it is applied.

    ``bankrupt`` is what the part would have to fetch, as the account stands before the fill: units,
    signed as its value.
    """

    __slots__ = ("_rung", "_scope", "_step", "bankrupt")

    def __init__(
        self, step: Step, scope: Scope, market: Market, rung: ReduceRung | AuctionRung, size: int
    ) -> None:
        self._step = step
        self._scope = scope
        self._rung = rung
        self.bankrupt = -Holding(step.book, scope, market).surplus_of(abs(size), 0)

    def conclude(self, proceeds: int) -> None:
        """Charge the penalty, or cover what is short, once the fill for ``proceeds`` is applied."""
        step, scope, rung = self._step, self._scope, self._rung
        lift = step.book.assets[scope.asset].lift
        surplus = proceeds - self.bankrupt
        if surplus < 0 and rung.covered and scope.rules is not None:
            waterfall = scope.rules.waterfall
            if waterfall is not None:
                # A venue would not have made a fill that others than funds have to pay for.
                cover(step, scope, waterfall, -surplus, told=isinstance(rung, ReduceRung))
            return
        limit = measure(step.book, scope).equity // lift
        if rung.penalty is not None and rung.penalty.surplus:
            limit = min(limit, surplus)
        charge(
            step,
            scope,
            rung.penalty,
            penalty_amount(
                rung.penalty, full_rate(rung.penalty), abs(proceeds) * lift, lift, limit
            ),
        )
