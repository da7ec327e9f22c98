"""Reductions: part of one position closed against a taker, how much and at which price by rule."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction

from clearing.engine.book import Book
from clearing.engine.holding import Holding, as_if
from clearing.engine.market import Market
from clearing.engine.parts import note_closed
from clearing.engine.penalties import charge, full_rate, penalty_amount
from clearing.engine.positions import (
    apply_fill,
    drop_fraction,
    note_flow,
    realise,
    released_cost,
    settle_funding,
)
from clearing.engine.ramps import shortage
from clearing.engine.reduction_lines import ClosingLines, QuantityStages, restored_lines
from clearing.engine.requirements import requirement_of
from clearing.engine.scope import Scope
from clearing.engine.stays import lasted
from clearing.engine.step import Step
from clearing.engine.valuation import measure
from clearing.quantities import Rounding, Trace, divide, format_exact
from clearing.rulebook import (
    MAINTENANCE,
    RATE_SCALE,
    Limit,
    MarginalTiers,
    Operator,
    Ramp,
    ReduceRung,
    Waterfall,
)
from clearing.rulebook.ladder.quantities import rounded_down
from clearing.rulebook.operators.combined import Combined
from clearing.rulebook.operators.tiers import WholeTiers


def may_reduce(book: Book, scope: Scope, rung: ReduceRung) -> bool:
    """Whether the rung's ramp, if it has one, lets it close anything yet."""
    if rung.ramp is None:
        return True
    return Reduction(book, scope, pick(book, scope), rung).quantity() > 0


def reduce_position(step: Step, scope: Scope, rung: ReduceRung, waterfall: Waterfall) -> None:
    """Close part of the position with the largest maintenance requirement that may close."""
    market = pick(step.book, scope)
    holder = step.account_holder(scope.account, market)
    position = scope.positions[market.ordinal]
    settle_funding(step, market, holder, position)
    closing = Reduction(step.book, scope, market, rung)
    quantity = closing.quantity(step.working(f"quantity {market.spec.name}", scope, market.ordinal))
    if not quantity:
        # The funding, where it counts for less than cash, was all that the ramp let be made up for.
        step.note_position(market, holder, position)
        return
    concludes = rung.quantity.concludes and quantity >= closing.wanted()
    close_part(step, scope, market, rung, waterfall, quantity)
    stay = scope.stays.get(rung.number)
    if concludes and stay is not None:
        stay.end()


def close_part(
    step: Step,
    scope: Scope,
    market: Market,
    rung: ReduceRung,
    waterfall: Waterfall,
    quantity: int,
) -> None:
    """Close ``quantity`` steps of a position, whose funding is settled, by the rung's terms."""
    holder = step.account_holder(scope.account, market)
    position = scope.positions[market.ordinal]
    closing = Reduction(step.book, scope, market, rung)
    if quantity == closing.held:
        # Before what is left is measured: no price or penalty may count on the fraction.
        drop_fraction(step, market, holder, position)
        closing = Reduction(step.book, scope, market, rung)
    size = quantity if position.size > 0 else -quantity
    lines = ClosingLines.of(step, scope, market)
    proceeds, penalty = closing.fetches(quantity, lines)
    taker = step.account_holder(rung.to or waterfall.fund, market)
    loss = proceeds * closing.asset.lift - size * market.worth
    note_closed(step, scope, market, "reduce", taker.ordinal, size, proceeds, loss)
    apply_fill(step, market, holder, -size, -proceeds)
    apply_fill(step, market, taker, size, proceeds)
    charge(step, scope, rung.penalty, penalty)
    if closing.asset.regime.net_cost and position.size:
        # What the close cost stays with the position, as all that it fetched does.
        realise(step, market, holder, penalty)
        note_flow(market, holder, penalty)


def _floors(operator: Operator) -> Sequence[int] | None:
    """Return the floors of an operator's tiers, in units: of the first part that has any."""
    if isinstance(operator, MarginalTiers | WholeTiers):
        return operator.floors
    if isinstance(operator, Combined):
        found = (_floors(part) for part in operator.parts)
        return next((floors for floors in found if floors is not None), None)
    return None


def pick(book: Book, scope: Scope) -> Market:
    """Return the market of the position with the largest maintenance requirement that may close."""
    best, largest = None, -1
    for ordinal in sorted(scope.positions):
        market = book.markets[ordinal]
        if not market.closes or scope.rules is None:
            continue
        asked = requirement_of(book, scope, MAINTENANCE, market)
        if asked > largest:
            best, largest = market, asked
    if best is None:
        raise AssertionError("a reduce rung acts only where a position may close")
    return best


class Reduction(Holding):
    """A position that is to be reduced, as rules of quantity and price see it.

    See :class:`~clearing.rulebook.Closable` and :class:`~clearing.rulebook.Closing`.
    """

    def __init__(self, book: Book, scope: Scope, market: Market, rung: ReduceRung) -> None:
        super().__init__(book, scope, market)
        self._rung = rung
        self.lot = market.spec.lot
        self.elapsed = lasted(book, scope, rung)
        self.penalty_rate = self._penalty_rate()

    @property
    def notional(self) -> int:
        """The notional of the part that is being closed, at the close price."""
        return abs(self._fetched(self._taken))

    def tier_floors(self) -> list[int] | None:
        """Return the notionals at which tiers of maintenance begin; None where it has no tiers."""
        rules = self._scope.rules
        schedule = None if rules is None else rules.schedule(self._market.ordinal)
        operator = None if schedule is None else schedule.operators[MAINTENANCE]
        floors = None if operator is None else _floors(operator)
        return None if floors is None else [floor * self.asset.lift for floor in floors]

    @property
    def whole(self) -> int:
        """The steps of size in one whole unit."""
        return int(10**self._market.spec.size_decimals)

    @property
    def one(self) -> int:
        """The settlement asset's 1, at the working scale."""
        return int(10**self.asset.working)

    @property
    def discount_rate(self) -> Fraction:
        """What the price takes of the notional of the whole position."""
        price = self._rung.price
        before, self._taken = self._taken, self.held
        notional = self.notional
        rate = Fraction(0)
        if price is not None and notional:
            rate = Fraction(price.discount(self), notional)
        self._taken = before
        return rate

    def short_of(self, place: int) -> int:
        """Return by how much equity is short of a level, at the working scale; 0: it is not."""
        return shortage(self._now, place)

    def rate_of(self, place: int) -> Fraction:
        """Return what a level asks of the position, per notional at the mark."""
        notional = self.held * self.step_notional
        if not notional:
            return Fraction(0)
        return Fraction(requirement_of(self._book, self._scope, place, self._market), notional)

    def _penalty_rate(self) -> Fraction:
        """Return what the penalty takes of the notional, its headroom observed."""
        penalty = self._rung.penalty
        rate = full_rate(penalty)
        headroom = None if penalty is None else penalty.headroom
        if headroom is None:
            return rate
        unit = self.step_notional * self.whole
        if not unit or not self._all_asked:
            return Fraction(0)
        short = Fraction(self.short_of(headroom.place) * self._asked, self._all_asked)
        # Of one whole unit of size, in the asset's 1, before it is taken per notional.
        of_unit = Fraction(short * self.whole, self.held * self.one)
        left = self.rate_of(headroom.place) - self.discount_rate
        share = Fraction(headroom.share, RATE_SCALE)
        if headroom.decimals is None:
            left = (left - Fraction(of_unit * self.one, unit)) * share
        else:
            decimals = headroom.decimals
            of_one = rounded_down(of_unit, decimals) * self.one
            left -= rounded_down(Fraction(of_one, unit), decimals)
            left = rounded_down(left * share, decimals)
        return min(rate, max(Fraction(0), left))

    def wanted(self) -> int:
        """Return what the quantity rule wants to close: whole lots, or all."""
        return self._in_lots(self._rung.quantity.wanted(self))

    def _in_lots(self, size: int) -> int:
        return min(self.held, -(-size // self.lot) * self.lot)

    def quantity(self, trace: Trace | None = None) -> int:
        """Return how much of the size to close: whole lots within the rung's limits, or all.

        0 while the rung's ramp lets nothing be closed. With a ``trace``, leave the working in it.
        """
        rung = self._rung
        wanted = rung.quantity.wanted(self, trace)
        stages = QuantityStages(self, trace)
        quantity = self._in_lots(wanted)
        stages.in_lots("wanted in lots", quantity)
        if rung.ramp is not None:
            figures = self._ramped(rung.ramp)
            quantity = quantity * rung.ramp.share(*figures, self.asset.lift) // RATE_SCALE
            stages.ramped(quantity, rung.ramp, *figures)
            if quantity:
                quantity = self._in_lots(quantity)
                stages.in_lots("ramped in lots", quantity)
        if quantity or rung.ramp is None:
            quantity = self._within_limits(quantity, stages)
        stages.finish(quantity)
        return quantity

    def _within_limits(self, quantity: int, stages: QuantityStages) -> int:
        """Return a quantity within the rung's limits."""
        rung, lift = self._rung, self.asset.lift
        if self.held * self.step_notional <= rung.whole_up_to * lift:
            quantity = self.held
        stages.whole_up_to(quantity, rung.whole_up_to * lift)
        if rung.at_most is not None:
            quantity = min(quantity, self.most())
            stages.at_most(quantity, rung.at_most, self._limit(rung.at_most, Rounding.DOWN))
        if rung.at_least is not None:
            least = self._limit(rung.at_least, Rounding.UP)
            quantity = max(quantity, -(-least // self.lot) * self.lot)
            stages.at_least(quantity, rung.at_least, least)
        # Something is closed each time, or a rung that holds could go on for ever.
        quantity = min(self.held, max(self.lot, quantity))
        stages.one_lot(quantity)
        rest = (self.held - quantity) * self.step_notional
        if rest < rung.minimum_notional * lift:
            quantity = self.held
        stages.no_dust(quantity, rung.minimum_notional * lift)
        return quantity

    def _ramped(self, ramp: Ramp) -> tuple[int, int, int]:
        """Return what a ramp looks at: time elapsed, what is short, and what was freed so far."""
        stay = self._scope.stays.get(self._rung.number)
        freed = 0 if stay is None else stay.freed
        return self.elapsed, self.short_of(ramp.place), freed

    def _limit(self, limit: Limit, rounding: Rounding) -> int:
        """Return a limit in steps of size: the smaller of its share and its notional."""
        found = self.held
        if limit.share:
            found = min(found, divide(self.held * limit.share, RATE_SCALE, rounding))
        if limit.notional and self.step_notional:
            notional = limit.notional * self.asset.lift
            found = min(found, divide(notional, self.step_notional, rounding))
        return found

    def fetches(self, quantity: int, lines: ClosingLines | None = None) -> tuple[int, int]:
        """Return what closing ``quantity`` fetches and the penalty for it, in units.

        The price never takes more than the scope's equity, or the part's share of it, unless it
        may leave a debt; what it is worth beyond whole units is the taker's. With ``lines``, leave
        the working there.
        """
        rung, lift = self._rung, self.asset.lift
        value = self._signed(quantity) * self._market.worth
        exact = self._exact(quantity)
        proceeds = divide(exact.numerator, exact.denominator * lift, Rounding.DOWN)
        least = self._least(quantity)
        if least is not None:
            proceeds = max(proceeds, least)
        after = self._full_equity + proceeds * lift - value
        limit = after // lift
        if rung.penalty is not None and rung.penalty.surplus:
            limit = min(limit, self._surplus(proceeds * lift - value))
        penalty = penalty_amount(rung.penalty, self.penalty_rate, abs(value), lift, limit)
        if lines is not None:
            self._explain(lines, quantity, proceeds)
            self._taken = quantity
            if rung.penalty is not None:
                lines.penalty(self, rung.penalty, self.penalty_rate, proceeds, limit, penalty)
        return proceeds, penalty

    def _explain(self, lines: ClosingLines, quantity: int, proceeds: int) -> None:
        """Leave the working of what a part fetches."""
        rung, size = self._rung, self._signed(quantity)
        self._taken = quantity
        price = self._market.price("close")
        lines.value_at(price, size, self._fetched(quantity))
        if rung.price is not None:
            rung.price.discount(self, lines.proceeds)
        if rung.tick is not None:
            of_unit = self._priced(quantity, Fraction(1))
            lines.ticked(rung.tick, of_unit, self._exact(quantity), long=size > 0)
        least = self._least(quantity)
        floored = rung.price is not None and rung.price.floored
        lines.floored(self, least, size * self._market.worth, floored=floored)
        lines.finish(proceeds)

    def _exact(self, quantity: int) -> Fraction:
        """Return what a part fetches by the rung's price alone, at the working scale."""
        self._taken = quantity
        rung, lift = self._rung, self.asset.lift
        discount = Fraction(0) if rung.price is None else rung.price.discount(self)
        exact = Fraction(self._fetched(quantity)) - discount
        if rung.tick is not None and exact * self._signed(quantity) > 0:
            exact = self._on_tick(quantity, Fraction(exact, lift), rung.tick) * lift
        return exact

    def _least(self, quantity: int) -> int | None:
        """Return the least that a part fetches whatever the price, in units; None: no limit."""
        price = self._rung.price
        if price is not None and price.overdraws:
            return None
        self._taken = quantity
        lost = Fraction(self._full_equity)
        if price is not None and price.floored:
            lost = min(lost, self.at_bankruptcy)
        return int(-((lost - self._signed(quantity) * self._market.worth) // self.asset.lift))

    def due_price(self, quantity: int) -> Fraction | None:
        """Return the price at which ``quantity`` would close now, its limit observed.

        Exactly, in whole units, before rounding to units; None where no price gives what it
        fetches.
        """
        exact, least = self._exact(quantity), self._least(quantity)
        if least is not None:
            exact = max(exact, Fraction(least * self.asset.lift))
        return self._price_for(quantity, exact)

    def price(self, quantity: int) -> Fraction:
        """Return the price at which ``quantity`` would close, exactly, before any rounding."""
        self._taken = quantity
        rung = self._rung
        discount = Fraction(0) if rung.price is None else rung.price.discount(self)
        amount = Fraction(abs(self._fetched(quantity) - discount), self.asset.lift)
        price = self._priced(quantity, amount)
        return price if rung.tick is None else self._ticked(price, rung.tick)

    def restores(self, quantity: int, place: int, factor: int, trace: Trace | None = None) -> bool:
        """Whether equity is at factor × the level after ``quantity`` is closed."""
        lines = None if trace is None else Trace("margin")
        with self.as_if_closed(quantity):
            now = measure(self._book, self._scope, lines)
        restored = bool(now.counted(place) * RATE_SCALE >= factor * now.asked(place))
        rules = self._scope.rules
        if trace is not None and lines is not None and rules is not None:
            restored_lines(trace, lines, rules.levels[place], factor)
            closed = format_exact(quantity, self.decimals)
            trace.finish(int(restored), 0, f"as if {closed} were closed")
        return restored

    @contextmanager
    def as_if_closed(self, quantity: int) -> Iterator[None]:
        """Let the scope stand as it would after ``quantity`` is closed, for as long as it lasts."""
        proceeds, penalty = self.fetches(quantity)
        released, left_over = released_cost(
            self.asset, self._market, self._position, quantity, -proceeds
        )
        flow = released + left_over
        if self.asset.regime.net_cost and quantity < self.held:
            # What the close costs stays with the position, and so in its cost.
            flow -= penalty
        reduced = self._reduced(quantity, flow)
        with as_if(self._scope, reduced, proceeds - penalty - flow):
            yield

    def most(self) -> int:
        """Return the most that one step may close, in whole lots, or all."""
        if self._rung.at_most is None:
            return self.held
        most = self._limit(self._rung.at_most, Rounding.DOWN)
        return self.held if most >= self.held else most // self.lot * self.lot

    def _fetched(self, quantity: int) -> int:
        """Return the value of a part at the close price, signed, at the working scale."""
        price = self._market.price("close")
        return self._signed(quantity) * self._market.worth_at(price)

    def _on_tick(self, quantity: int, amount: Fraction, tick: Decimal) -> Fraction:
        """Return ``amount`` (units) at a price on the tick, no worse for the account."""
        price = self._ticked(self._priced(quantity, abs(amount)), tick)
        of_one = self._priced(quantity, Fraction(1))
        inverse = self._market.spec.payoff == "inverse"
        rounded = Fraction(of_one, price) if inverse else Fraction(price, of_one)
        return rounded if amount >= 0 else -rounded

    def _ticked(self, price: Fraction, tick: Decimal) -> Fraction:
        """Return a price on the tick, one at least: up for a long position, down for a short."""
        ticks = Fraction(price, Fraction(tick))
        number = -(-ticks // 1) if self._position.size > 0 else ticks // 1
        return max(number, 1) * Fraction(tick)
