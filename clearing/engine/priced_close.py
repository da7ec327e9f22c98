"""Closes at a price that others named: a venue's fill, whoever takes in an auction, a bidder.

What such a close fetched beyond the part's bankruptcy amount limits the penalty; what it fetched
below may be made up for by the waterfall.
"""

from clearing.engine.holding import Holding
from clearing.engine.market import Market
from clearing.engine.penalties import charge, full_rate, penalty_amount
from clearing.engine.priced_close_lines import PricedCloseLines
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import measure
from clearing.engine.waterfall import cover
from clearing.rulebook import AuctionRung, ReduceRung


class PricedClose:
    """A fill that closes part of a scope's position for a rung; made before it is applied.

    ``bankrupt`` is what the part would have to fetch, as the account stands before the fill: units,
    signed as its value. ``lines`` are the workings of the close, from :meth:`begin` on.
    """

    __slots__ = ("_holding", "_rung", "_scope", "_step", "bankrupt", "lines")

    def __init__(
        self, step: Step, scope: Scope, market: Market, rung: ReduceRung | AuctionRung, size: int
    ) -> None:
        self._step = step
        self._scope = scope
        self._rung = rung
        self._holding = Holding(step.book, scope, market)
        self.bankrupt = -self._holding.surplus_of(abs(size), 0)
        self.lines = PricedCloseLines(step, scope, market, size)

    def begin(self, outcome: str) -> None:
        """Leave what the close stands on, just before it is made."""
        self.lines.begin(outcome, self._rung.number)
        self.lines.bankrupt(self._holding, self.bankrupt)

    def conclude(self, proceeds: int) -> None:
        """Charge the penalty, or cover what is short, once the fill for ``proceeds`` is applied."""
        self.lines.surplus(proceeds, self.bankrupt)
        self._settle(proceeds, proceeds - self.bankrupt)
        self.lines.end()

    def _settle(self, proceeds: int, surplus: int) -> None:
        step, scope, rung = self._step, self._scope, self._rung
        lift = step.book.assets[scope.asset].lift
        if surplus < 0 and rung.covered and scope.rules is not None:
            waterfall = scope.rules.waterfall
            if waterfall is not None:
                # A venue would not have made a fill that others than funds have to pay for.
                cover(step, scope, waterfall, -surplus, told=isinstance(rung, ReduceRung))
            return
        limit = measure(step.book, scope).equity // lift
        if rung.penalty is not None and rung.penalty.surplus:
            limit = min(limit, surplus)
        rate = full_rate(rung.penalty)
        penalty = penalty_amount(rung.penalty, rate, abs(proceeds) * lift, lift, limit)
        self.lines.penalty(rung.penalty, proceeds, surplus, penalty)
        charge(step, scope, rung.penalty, penalty)
