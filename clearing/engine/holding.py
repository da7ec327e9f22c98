"""A position as whoever closes part of it sees it: what the part is worth, and its share of all."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.requirements import requirement_of
from clearing.engine.scope import Position, Scope
from clearing.engine.valuation import Measure, accrued_funding, measure, position_value
from clearing.engine.working import reached_lines
from clearing.quantities import Trace
from clearing.rulebook import INITIAL, MAINTENANCE


class Holding:
    """A position that is to be closed in part, and the scope that it belongs to, as both stand now.

    ``held`` is its unsigned size; ``equity`` is the scope's, as it counts at maintenance.
    ``_taken`` is the unsigned size of the part that is looked at.
    """

    def __init__(self, book: Book, scope: Scope, market: Market) -> None:
        self._book = book
        self._scope = scope
        self._market = market
        self._position: Position = scope.positions[market.ordinal]
        self.asset: Asset = book.assets[scope.asset]
        self.held = abs(self._position.size)
        now = measure(book, scope)
        self.equity = now.counted(MAINTENANCE)
        self.maintenance = now.maintenance
        self._asked = requirement_of(book, scope, MAINTENANCE, market)
        self._all_asked = sum(
            requirement_of(book, scope, MAINTENANCE, book.markets[ordinal])
            for ordinal in scope.positions
        )
        self._full_equity = now.equity
        self._now = now
        self._taken = 0

    @property
    def weight(self) -> Fraction:
        """The position's share of what is asked of the scope."""
        if not self._all_asked:
            return Fraction(0)
        return Fraction(self.maintenance * self._asked, self._all_asked)

    @property
    def at_bankruptcy(self) -> Fraction:
        """The part's share of the scope's equity: by requirements, else by notional."""
        if self._all_asked:
            return Fraction(self._full_equity * self._released, self._all_asked)
        notional = self.scope_notional
        if not notional:
            return Fraction(0)
        return Fraction(self._full_equity * self._taken * self.step_notional, notional)

    @property
    def decimals(self) -> int:
        """The decimals of a size."""
        return self._market.spec.size_decimals

    @property
    def working(self) -> int:
        """The decimals of the working scale."""
        return self.asset.working

    def weight_lines(self, trace: Trace) -> None:
        """Leave the working of ``weight``."""
        formula = "maintenance * asked / all_asked" if self._all_asked else "0"
        lines = trace.step("weight", formula)
        lines.value("maintenance", self.maintenance, self.working, "of the scope")
        lines.value("asked", self._asked, self.working, "of the position, at maintenance")
        lines.value("all asked", self._all_asked, self.working, "of all positions")
        lines.finish_ratio(Fraction(self.weight, 10**self.working))

    def bankruptcy_lines(self, trace: Trace) -> None:
        """Leave the working of ``at_bankruptcy``."""
        lines = trace.step("at bankruptcy", "0")
        self.equity_lines(lines)
        if self._all_asked:
            lines.formula = "full_equity * released / all_asked"
            lines.value("released", self._released, self.working, "asked of the part closed")
            lines.value("all asked", self._all_asked, self.working, "of all positions")
        elif self.scope_notional:
            lines.formula = "full_equity * notional / scope_notional"
            lines.value("notional", self._taken * self.step_notional, self.working)
            lines.value("scope notional", self.scope_notional, self.working)
        lines.finish_ratio(Fraction(self.at_bankruptcy, 10**self.working))

    def equity_lines(self, trace: Trace) -> None:
        """Leave the working of the scope's full equity."""
        lines = trace.step("full equity", "sum(inputs)")
        all_lines = Trace("margin")
        measure(self._book, self._scope, all_lines)
        lines.inputs += [part for part in all_lines.inputs if part.name in ("equity", "collateral")]
        lines.finish(self._full_equity, self.working)

    @property
    def step_notional(self) -> int:
        """The notional of one step of size at the mark."""
        return abs(self._market.worth)

    @property
    def scope_notional(self) -> int:
        """The notional of all positions of the scope at their marks."""
        positions = self._scope.positions.items()
        markets = self._book.markets
        return sum(abs(position_value(markets[m], position)) for m, position in positions)

    @property
    def part(self) -> Fraction:
        """The share of the position that is being closed."""
        return Fraction(self._taken, self.held)

    def bankruptcy_amount(self) -> Fraction:
        """Return what the whole position is handed over for in a takeover, at the working scale."""
        self._taken = self.held
        return self._position.size * self._market.worth - self.at_bankruptcy

    def bankruptcy_price(self) -> Fraction | None:
        """Return the price of that, in whole units, exactly; None where no price is."""
        return self._price_for(self.held, self.bankruptcy_amount())

    def _price_for(self, quantity: int, amount: Fraction) -> Fraction | None:
        """Return the price at which a part fetches ``amount`` (signed, at the working scale)."""
        if amount * self._signed(quantity) * self._market.worth <= 0:
            return None
        return self._priced(quantity, Fraction(abs(amount), self.asset.lift))

    def _priced(self, quantity: int, amount: Fraction) -> Fraction:
        """Return the price, in whole units, at which ``quantity`` costs ``amount`` > 0 units."""
        market = self._market
        scaled, divisor = market.payoff.entry(self._signed(quantity), 1)
        unit = Fraction(scaled, divisor * 10**market.spec.price_decimals)
        return Fraction(unit, amount) if market.spec.payoff == "inverse" else unit * amount

    @property
    def _released(self) -> int:
        """How much of the position's maintenance requirement goes with the part."""
        kept = self._reduced(self._taken)
        with as_if(self._scope, kept):
            left = 0
            if self._taken < self.held:
                left = requirement_of(self._book, self._scope, MAINTENANCE, self._market)
        return self._asked - left

    def surplus_of(self, quantity: int, proceeds: int) -> int:
        """Return what a fill fetched beyond the part's bankruptcy amount (negative: below it).

        In units, rounded down, for ``proceeds`` units (signed as the part's value).
        """
        self._taken = quantity
        return self._surplus(
            proceeds * self.asset.lift - self._signed(quantity) * self._market.worth
        )

    def _surplus(self, gained: int) -> int:
        """Return what was fetched beyond the part's bankruptcy amount, in whole units."""
        return int((gained + self.at_bankruptcy) // self.asset.lift)

    def _reduced(self, quantity: int, flow: int | None = None) -> dict[int, Position]:
        """Return the scope's positions as they would be without ``quantity`` of this one.

        ``flow`` is what the position's cost would fall by, if not by the part's share of it.
        """
        position, ordinal = self._position, self._market.ordinal
        others = {m: other for m, other in self._scope.positions.items() if m != ordinal}
        if quantity < self.held:
            size = position.size - self._signed(quantity)
            released = position.cost * quantity // self.held if flow is None else flow
            cost = position.cost - released
            kept = (position.entry, position.index_at, position.accrued)
            others[ordinal] = Position(size, cost, *kept)
        return others

    def _signed(self, quantity: int) -> int:
        return quantity if self._position.size > 0 else -quantity


@contextmanager
def as_if(scope: Scope, positions: dict[int, Position], more: int = 0) -> Iterator[None]:
    """Let a scope have other positions, and ``more`` units of cash, for as long as it is measured.

    Both are put back before anything else sees them.
    """
    before, cash = scope.positions, scope.cash
    scope.positions = positions
    scope.cash += more
    try:
        yield
    finally:
        scope.positions, scope.cash = before, cash


def after_fill(
    book: Book,
    scope: Scope,
    market: Market,
    size: int,
    amount: int,
    trace: Trace | None = None,
) -> Measure:
    """Return the measure of a scope as it would be after a fill, at average cost.

    With a ``trace``, leave in it whether the scope bears it: its initial margin is there, or,
    where nothing is asked of it, it has no debt.
    """
    old = scope.positions.get(market.ordinal, Position(index_at=market.index))
    held, cost, realised = old.size, old.cost, 0
    if held and (held > 0) is not (size > 0):
        closed = min(abs(held), abs(size))
        closing, released = amount * closed // abs(size), cost * closed // abs(held)
        realised = -closing - released
        cost, amount = cost - released, amount - closing
    new = Position(held + size, cost + amount, old.entry, market.index_of(held + size))
    new.accrued = accrued_funding(market, old)
    positions = {m: position for m, position in scope.positions.items() if m != market.ordinal}
    if new.size:
        positions[market.ordinal] = new
    with as_if(scope, positions, realised):
        margin = None if trace is None else Trace("margin")
        now = measure(book, scope, margin)
    if trace is not None and margin is not None:
        level = "" if scope.rules is None else scope.rules.levels[INITIAL]
        reached_lines(trace, margin, level)
    return now
