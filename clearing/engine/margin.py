"""Testing scopes: status, margin calls, and whether a rung of the ladder is due.

Testing changes no money and settles nothing. It compares equity with requirements, notes a change
of status, closes margin calls that are met, and says whether the ladder has something to do.
"""

from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.collateral import owes
from clearing.engine.scope import MarginCall, Scope
from clearing.engine.step import Step
from clearing.engine.valuation import Measure, measure
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import format_exact
from clearing.rulebook import (
    INITIAL,
    NO_LEVEL,
    RATE_SCALE,
    ClassRules,
    MarginCallRung,
    ReduceRung,
    Rung,
    TakeoverRung,
)

NOTHING = Measure(0, 0, 0)


class Verdict:
    """The outcome of one test: the measure, and whether a rung of the ladder would act now."""

    __slots__ = ("due", "measure")

    def __init__(self, now: Measure, due: bool) -> None:
        self.measure = now
        self.due = due


def examine(step: Step, scope: Scope) -> Verdict:
    """Test one scope: emit what changed and say whether it is due."""
    old = scope.status
    asset = step.book.assets[scope.asset]
    rules = scope.rules
    if rules is None or not bears_margin(step.book, scope, rules):
        return _without_requirement(step, asset, scope)
    now = measure(step.book, scope)
    if scope.call is not None:
        _close_call(step, asset, scope, rules, now)
    closing = [rung for rung in rules.closing if holds(rules, scope, rung, now)]
    status = _status(rules, scope, now, bool(closing))
    if status != old:
        _transition(step, asset, scope, status, now)
        _check_liquidated(step, asset, scope, old, status)
    return Verdict(now, _due(step, asset, scope, rules, now, closing))


def bears_margin(book: Book, scope: Scope, rules: ClassRules) -> bool:
    """Whether anything may be asked of the scope: positions, orders that count, or debts."""
    if scope.positions:
        return True
    if rules.plain:
        return False
    return bool(scope.orders) or (
        rules.collateral is not None and owes(book, scope, rules.collateral)
    )


def short_of(rules: ClassRules, call: MarginCall, now: Measure) -> int:
    """Return by how much the level that a call restores is missed; 0 or less: it is restored.

    A level that the rules have no more counts as nothing.
    """
    place = rules.place(call.level)
    return -now.surplus(NO_LEVEL if place is None else place)


def holds(rules: ClassRules, scope: Scope, rung: Rung, now: Measure) -> bool:
    """Whether the rung's condition holds, a missed margin call before it included."""
    if now.below(rung.condition):
        return True
    call, caller = scope.call, rules.caller
    if call is None or not call.missed or caller is None or not caller.liquidates:
        return False
    return rules.after_caller is rung and short_of(rules, call, now) > 0


def can_act(step: Step, scope: Scope, rung: Rung, now: Measure) -> bool:
    """Whether a rung whose condition holds has something it may do."""
    markets = step.book.markets
    if not isinstance(rung, MarginCallRung) and not _triggered(step.book, scope, rung):
        return False
    match rung:
        case MarginCallRung():
            withheld = any(markets[m].feed.forbids("margin_call") for m in scope.positions)
            return scope.call is None and not withheld
        case ReduceRung():
            return now.equity > 0 and any(markets[m].closes for m in scope.positions)
        case TakeoverRung():
            return bool(scope.positions) and all(markets[m].closes for m in scope.positions)


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
        return holds(scope.rules, scope, rung, measure(book, scope))
    finally:
        for market, mark in zip(moved, marks, strict=True):
            market.set_mark(mark)


def open_call(
    step: Step, scope: Scope, rules: ClassRules, rung: MarginCallRung, now: Measure
) -> None:
    """Open a margin call: amount due, level to restore, due time."""
    asset = step.book.assets[scope.asset]
    condition = rung.condition
    due_at = step.book.time + rung.grace
    scope.call = call = MarginCall(0, rung.restore, due_at)
    threshold = condition.factor * now.asked(condition.place)
    missing = max(
        short_of(rules, call, now) * RATE_SCALE,
        threshold - now.counted(condition.place) * RATE_SCALE,
    )
    call.amount = -(-missing // (asset.lift * RATE_SCALE))
    required = now.equity * RATE_SCALE + missing
    step.book.schedule_call(scope)
    step.touch(scope)
    _note_call(step, asset, scope, "opened", now, required)


def miss_call(step: Step, scope: Scope) -> None:
    """The due time of an open call has come."""
    if scope.call is not None:
        scope.call.missed = True
        asset = step.book.assets[scope.asset]
        _note_call(step, asset, scope, "missed", measure(step.book, scope))
        step.touch(scope)


def _status(rules: ClassRules, scope: Scope, now: Measure, closing: bool) -> str:
    if closing:
        return "liquidation"
    caller = rules.caller
    if scope.call is not None or (caller is not None and now.below(caller.condition)):
        return "margin_call"
    return "restricted" if now.surplus(INITIAL) < 0 else "healthy"


def _without_requirement(step: Step, asset: Asset, scope: Scope) -> Verdict:
    status = "unmargined" if scope.positions else "flat"
    if status == scope.status and scope.call is None:
        return Verdict(NOTHING, False)
    now = measure(step.book, scope)
    old = scope.status
    if scope.call is not None:
        _note_call(step, asset, scope, "lapsed", now)
        scope.call = None
    if status != old:
        _transition(step, asset, scope, status, now)
        _check_liquidated(step, asset, scope, old, status)
        if status == "flat" and scope.rules is not None and scope.cash < 0:
            step.deviation(
                "negative_balance",
                account=scope.account,
                asset=scope.asset,
                found=format_exact(scope.cash, asset.decimals),
            )
    return Verdict(now, False)


def _close_call(step: Step, asset: Asset, scope: Scope, rules: ClassRules, now: Measure) -> None:
    call, caller = scope.call, rules.caller
    if call is None:
        return
    if caller is None or rules.place(call.level) is None:
        _note_call(step, asset, scope, "lapsed", now)
        scope.call = None
    elif short_of(rules, call, now) <= 0 and not now.below(caller.condition):
        _note_call(step, asset, scope, "met", now)
        scope.call = None


def _due(
    step: Step, asset: Asset, scope: Scope, rules: ClassRules, now: Measure, closing: list[Rung]
) -> bool:
    derives = asset.mode == "derive"
    if derives and closing:
        if any(can_act(step, scope, rung, now) for rung in closing):
            return True
        withheld = [r for r in closing if isinstance(r, TakeoverRung) or now.equity > 0]
        if withheld and not scope.withheld:
            scope.withheld = True
            action = "reduce" if isinstance(withheld[0], ReduceRung) else "takeover"
            step.entries.append(("withheld", scope.account, scope.asset, action))
    caller = rules.caller
    if caller is None or not now.below(caller.condition):
        return False
    return can_act(step, scope, caller, now)


def _transition(step: Step, asset: Asset, scope: Scope, status: str, now: Measure) -> None:
    working = asset.working
    step.entries.append(
        (
            "transition",
            scope.account,
            scope.asset,
            scope.status,
            status,
            format_exact(now.equity, working),
            format_exact(now.initial, working),
            format_exact(now.maintenance, working),
        )
    )
    scope.status = status


def _check_liquidated(step: Step, asset: Asset, scope: Scope, old: str, new: str) -> None:
    """On entering and leaving liquidation: reset the stay's flags, verify that it was acted on."""
    if new == "liquidation":
        scope.withheld = False
        scope.venue_closed = False
    elif old == "liquidation":
        scope.withheld = False
        if asset.mode == "verify" and not scope.venue_closed:
            step.deviation("liquidation_missing", account=scope.account, asset=scope.asset)
        scope.venue_closed = False


def _note_call(
    step: Step,
    asset: Asset,
    scope: Scope,
    outcome: str,
    now: Measure,
    required: int | None = None,
) -> None:
    """Leave a call's entry; ``required`` at the working scale × RATE_SCALE, else its level's."""
    call = scope.call
    if call is None:
        return
    if required is None:
        rules = scope.rules
        required = 0
        if rules is not None:
            required = (now.equity + short_of(rules, call, now)) * RATE_SCALE
    step.entries.append(
        (
            "margin_call",
            scope.account,
            scope.asset,
            outcome,
            call.amount,
            call.level,
            format_exact(required, asset.working + RATE_DECIMALS),
            format_exact(now.equity, asset.working),
            call.due_at,
        )
    )
