"""Reductions that sell gains on the way, where cash counts for more than unrealised gains do.

A position's *gain* is its unrealised PnL and accrued funding less what the level that is to be
restored asks of it. Five steps follow each other, each only until the level is restored: close
while the gain is negative; settle the gain; close more, as if what that frees were settled, too;
settle it; close anything. Source: Mango v4, perp_liq_base_or_positive_pnl.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clearing.engine.book import Book
from clearing.engine.gains_lines import GainsLines
from clearing.engine.holding import as_if
from clearing.engine.market import Market
from clearing.engine.penalties import charge, full_rate, penalty_amount
from clearing.engine.positions import note_flow, realise, settle_funding
from clearing.engine.reduction import Reduction, close_part, pick
from clearing.engine.requirements import requirement_of
from clearing.engine.scope import Position, Scope
from clearing.engine.step import Step
from clearing.engine.valuation import accrued_funding, measure, unrealised
from clearing.quantities import Trace, fewest, format_exact
from clearing.rulebook import RATE_SCALE, Gains, ReduceRung, Waterfall


def reduce_and_settle(
    step: Step, scope: Scope, rung: ReduceRung, gains: Gains, waterfall: Waterfall
) -> None:
    """Take the five steps on the position that a reduction would choose."""
    market = pick(step.book, scope)
    holder, position = step.account_holder(scope.account, market), scope.positions[market.ordinal]
    before = position.index_at, position.accrued
    settle_funding(step, market, holder, position)
    if (position.index_at, position.accrued) != before:
        # Nothing else may follow: cash from funding may be all that was missing.
        step.note_position(market, holder, position)
    _Unwinding(step, scope, market, rung, gains, waterfall).run()


def _only_restored(trace: Trace | None) -> bool:
    """Nothing but the restored level is enough."""
    del trace
    return False


class _Unwinding:
    """A position on its way down: ``_left`` may still be closed, ``_most`` settled (None: any)."""

    def __init__(
        self,
        step: Step,
        scope: Scope,
        market: Market,
        rung: ReduceRung,
        gains: Gains,
        waterfall: Waterfall,
    ) -> None:
        self._step = step
        self._scope = scope
        self._market = market
        self._rung = rung
        self._gains = gains
        self._waterfall = waterfall
        self._lift = step.book.assets[scope.asset].lift
        closing = Reduction(step.book, scope, market, rung)
        # Something may be closed each time, or a rung that holds could rest and act for ever.
        self._left = min(closing.held, max(closing.lot, closing.most()))
        self._most = gains.most
        if rung.quantity.restores is None:
            raise AssertionError("gains are sold to restore a level")
        self._place, self._factor = rung.quantity.restores
        self._lines = GainsLines(step, scope, market, self._place, self._factor)

    def run(self) -> None:
        """Close and settle, step by step, until the level is restored."""
        self._close(self._has_gain)
        self._settle()
        self._close(self._restored_by_settling)
        self._settle()
        if self._counts():
            self._close(_only_restored)

    @property
    def _book(self) -> Book:
        return self._step.book

    def _position(self) -> Position | None:
        return self._scope.positions.get(self._market.ordinal)

    def _surplus(self) -> int:
        """Return by how much equity exceeds the level times the factor, at RATE_SCALE."""
        now = measure(self._book, self._scope)
        return int(now.counted(self._place) * RATE_SCALE - self._factor * now.asked(self._place))

    def _gain(self) -> int:
        """Return the position's gain, at the working scale."""
        position, market = self._position(), self._market
        if position is None:
            return 0
        asset = self._book.assets[self._scope.asset]
        owed = accrued_funding(market, position) * market.funding_lift
        asked = requirement_of(self._book, self._scope, self._place, market)
        return unrealised(asset, market, position) + owed - asked

    def _has_gain(self, trace: Trace | None) -> bool:
        """Whether the position gains, so that there is nothing to be closed before it is settled.

        With a ``trace``, leave the working as an input of it, as others do that say what is enough.
        """
        gain = self._gain()
        if trace is not None:
            lines = trace.step("gains", "at_most(0, gain)")
            self._lines.gain(lines, self._position(), gain)
            lines.finish(int(gain >= 0), 0)
        return gain >= 0

    def _counts(self) -> bool:
        """Whether an unrealised gain counts for anything, so that closing helps by itself."""
        rules = self._scope.rules
        policy = None if rules is None else rules.collateral
        return policy is None or policy.unrealised[self._place][0] > 0

    def _sellable(self) -> int:
        """Return how many units of the gain may be settled."""
        units = max(0, self._gain() // self._lift)
        return units if self._most is None else min(units, self._most)

    def _fee(self, amount: int) -> int:
        """Return what settling ``amount`` units costs: no more than they are, nor than equity."""
        penalty = self._gains.penalty
        if penalty is None:
            return 0
        left = measure(self._book, self._scope).equity // self._lift
        rate, lift = full_rate(penalty), self._lift
        return penalty_amount(penalty, rate, amount * lift, lift, min(amount, left))

    @contextmanager
    def _as_if_settled(self, amount: int) -> Iterator[None]:
        position = self._position()
        if position is None or not amount:
            yield
            return
        kept = (position.entry, position.index_at, position.accrued)
        settled = Position(position.size, position.cost + amount, *kept)
        positions = {**self._scope.positions, self._market.ordinal: settled}
        with as_if(self._scope, positions, amount - self._fee(amount)):
            yield

    def _restores(self, amount: int, trace: Trace | None = None, name: str = "restored") -> bool:
        """Whether the level is restored once ``amount`` units of the gain are settled."""
        with self._as_if_settled(amount):
            if trace is not None:
                settled = format_exact(amount, self._book.assets[self._scope.asset].decimals)
                return self._lines.restored(trace, name, f"as if {settled} were settled")
            return self._surplus() >= 0

    def _restored_by_settling(self, trace: Trace | None) -> bool:
        """Whether the gain is all that may be settled, or settling it restores the level."""
        gain, decimals = self._gain(), self._book.assets[self._scope.asset].decimals
        if self._most is not None and gain >= self._most * self._lift:
            if trace is not None:
                lines = trace.step("all that may be settled", "at_most(most, gain)")
                lines.value("most", self._most, decimals, "left to be settled by this rung")
                self._lines.gain(lines, self._position(), gain)
                lines.finish(1, 0)
            return True
        return self._restores(self._sellable(), trace, "restored by settling")

    def _close(self, enough: Callable[[Trace | None], bool]) -> None:
        """Close the fewest lots after which it is ``enough`` or the level is restored."""
        if self._surplus() >= 0 or self._position() is None or not self._left or enough(None):
            return
        closing = Reduction(self._book, self._scope, self._market, self._rung)
        most, lot = min(closing.held, self._left), closing.lot

        def suffices(lots: int) -> bool:
            with closing.as_if_closed(min(most, lots * lot)):
                return self._surplus() >= 0 or enough(None)

        lots = fewest(-(-most // lot), suffices)
        quantity = min(most, lots * lot)
        lines = self._lines.working("quantity")
        if lines is not None:
            self._lines.closed(lines, most, lots, quantity)
            for number, name in ((lots, "enough"), (lots - 1, "enough by one lot fewer")):
                part = min(most, number * lot)
                with closing.as_if_closed(part):
                    self._is_enough(lines.step(name, "max(inputs)"), enough, part)
        close_part(self._step, self._scope, self._market, self._rung, self._waterfall, quantity)
        self._left -= quantity

    def _is_enough(
        self, lines: Trace, enough: Callable[[Trace | None], bool], quantity: int
    ) -> None:
        """Leave the working of whether a close is enough, as if it were made."""
        restored = self._lines.restored(lines)
        found = enough(lines) or restored
        closed = format_exact(quantity, self._market.spec.size_decimals)
        lines.finish(int(found), 0, f"as if {closed} were closed")

    def _settle(self) -> None:
        """Settle the fewest units of the gain that restore the level, or all, if it helps."""
        before, most = self._surplus(), self._sellable()
        if before >= 0 or not most:
            return
        with self._as_if_settled(most):
            if self._surplus() <= before:
                return
        amount = fewest(most, self._restores)
        lines = self._lines.working("settled")
        if lines is not None:
            self._lines.gain(lines, self._position(), self._gain())
            self._lines.sellable(lines, most, self._most)
            self._lines.settled(lines, amount)
            for units, name in ((amount, "restored"), (amount - 1, "restored by one unit fewer")):
                self._restores(units, lines, name)
        holder = self._step.account_holder(self._scope.account, self._market)
        realise(self._step, self._market, holder, amount)
        note_flow(self._market, holder, amount)
        fee = self._fee(amount)
        left = measure(self._book, self._scope).equity // self._lift
        self._lines.penalty(self._gains.penalty, amount, min(amount, left), fee)
        charge(self._step, self._scope, self._gains.penalty, fee)
        if self._most is not None:
            self._most -= amount
