"""Whether a rung acts: its condition holds, it does not rest, and there is something it may do."""

from clearing.engine.book import Book
from clearing.engine.collateral import owes, value_of
from clearing.engine.conversion import can_convert, can_seize
from clearing.engine.covering import can_cover
from clearing.engine.offers import unoffered, waits
from clearing.engine.scope import MarginCall, Scope
from clearing.engine.stays import met, rests
from clearing.engine.step import Step
from clearing.engine.valuation import Measure, measure
from clearing.rulebook import (
    NO_LEVEL,
    RATE_SCALE,
    AuctionRung,
    CancelOrdersRung,
    ClassRules,
    ConvertRung,
    CoverRung,
    MarginCallRung,
    NotifyRung,
    ReduceRung,
    RepayAndSeizeRung,
    Rung,
    TakeoverRung,
)


def short_of(rules: ClassRules, call: MarginCall, now: Measure) -> int:
    """Return by how much the level that a call restores is missed; 0 or less: it is restored."""
    return -now.surplus(restored_place(rules, call))


def restored_place(rules: ClassRules, call: MarginCall) -> int:
    """Return the place of the level that a call restores; ``NO_LEVEL`` if the rules have it not."""
    place = rules.place(call.level)
    return NO_LEVEL if place is None else place


def holds(book: Book, scope: Scope, rung: Rung, now: Measure) -> bool:
    """Whether the rung's condition holds, a missed margin call before it included."""
    if met(book, scope, rung, now):
        return True
    call, rules = scope.call, scope.rules
    if call is None or not call.missed or rules is None:
        return False
    caller = rules.caller
    if caller is None or not caller.liquidates:
        return False
    return rules.after_caller is rung and short_of(rules, call, now) > 0


def can_act(step: Step, scope: Scope, rung: Rung, now: Measure) -> bool:
    """Whether a rung whose condition holds has something it may do."""
    markets = step.book.markets
    stay = scope.stays.get(rung.number)
    if stay is not None and rests(step.book, rung, stay):
        return False
    match rung:
        case NotifyRung():
            return stay is not None and stay.acted < stay.since
        case MarginCallRung():
            withheld = any(markets[m].feed.forbids("margin_call") for m in scope.positions)
            return scope.call is None and not withheld
        case CancelOrdersRung():
            return bool(scope.orders)
    if waits(scope, rung.number):
        return False
    return _may_close(step.book, scope, rung, now) and _triggered(step.book, scope, rung)


def _may_close(book: Book, scope: Scope, rung: Rung, now: Measure) -> bool:
    """Whether there is something to take, and its markets let it be taken."""
    markets = book.markets
    match rung:
        case ReduceRung():
            open_ = any(markets[m].closes for m in scope.positions)
            return _reduces(rung, now) and open_
        case AuctionRung():
            return any(markets[m].closes for m in unoffered(scope, rung))
        case TakeoverRung():
            return _has_estate(book, scope, rung) and all(
                markets[m].closes for m in scope.positions
            )
        case ConvertRung():
            return can_convert(book, scope, rung)
        case CoverRung():
            return can_cover(book, scope, rung)
    return isinstance(rung, RepayAndSeizeRung) and can_seize(book, scope)


def _reduces(rung: ReduceRung, now: Measure) -> bool:
    """Whether the rung closes something by itself as the scope stands: it has what to pay with.

    One that restores a level closes nothing where that is there.
    """
    if rung.price is None or (now.equity <= 0 and not rung.price.overdraws):
        return False
    if rung.quantity.restores is None:
        return True
    place, factor = rung.quantity.restores
    return bool(now.counted(place) * RATE_SCALE < factor * now.asked(place))


def _has_estate(book: Book, scope: Scope, rung: TakeoverRung) -> bool:
    """Whether there is anything to take over: positions, or debts, where marks value any of it."""
    if scope.positions:
        return not rung.only_debts
    policy = None if scope.rules is None else scope.rules.collateral
    if policy is None or not owes(book, scope, policy):
        return False
    values = [scope.cash, *(value_of(book, scope, rule) for rule in policy.rules)]
    if rung.only_debts and any(value > 0 for value in values):
        return False
    return any(values)


def is_withheld(step: Step, scope: Scope, rung: Rung, now: Measure) -> bool:
    """Whether a rung that holds would act if only its markets let it."""
    stay = scope.stays.get(rung.number)
    if stay is not None and rests(step.book, rung, stay):
        return False
    if waits(scope, rung.number):
        return False
    if isinstance(rung, AuctionRung):
        return bool(unoffered(scope, rung))
    if isinstance(rung, ReduceRung):
        return _reduces(rung, now) and bool(scope.positions)
    return isinstance(rung, TakeoverRung) and _has_estate(step.book, scope, rung)


def _triggered(book: Book, scope: Scope, rung: Rung) -> bool:
    """Whether the rung's condition holds at trigger prices, too, where markets have them.

    The scope is measured with these prices as marks, which are put back before anything sees them.
    """
    moved = [book.markets[m] for m in scope.positions if "trigger" in book.markets[m].feed.values]
    if not moved or scope.rules is None:
        return True
    marks = [market.mark for market in moved]
    try:
        for market in moved:
            market.set_mark(market.price("trigger"))
        return holds(book, scope, rung, measure(book, scope))
    finally:
        for market, mark in zip(moved, marks, strict=True):
            market.set_mark(mark)
