"""Testing scopes: status, margin calls, and whether a rung of the ladder is due.

Testing changes no money and settles nothing. It compares equity with requirements, notes a change
of status, closes margin calls that are met, and says whether the ladder has something to do.
"""

from clearing.engine.acting import can_act, holds, is_withheld, short_of
from clearing.engine.alerts import note_alerts
from clearing.engine.asset import Asset
from clearing.engine.auctioning import cancel_auctions, review_auctions
from clearing.engine.awarding import end_due
from clearing.engine.book import Book
from clearing.engine.requirements import bears_margin
from clearing.engine.scope import NEVER, MarginCall, Scope
from clearing.engine.stays import end_stays, note_stays
from clearing.engine.step import Step
from clearing.engine.valuation import Measure, measure
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import format_exact
from clearing.rulebook import (
    INITIAL,
    RATE_SCALE,
    ClassRules,
    MarginCallRung,
    Rung,
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
        verdict = _without_requirement(step, asset, scope)
        note_alerts(step, scope)
        return verdict
    now = measure(step.book, scope)
    if scope.call is not None:
        _close_call(step, asset, scope, rules, now)
    if rules.remembering:
        note_stays(step.book, scope, rules, now)
    if scope.auctions or scope.unsold:
        review_auctions(step, scope, now)
    closing = [rung for rung in rules.closing if holds(step.book, scope, rung, now)]
    status = _status(step.book, rules, scope, now, bool(closing))
    if status != old:
        _transition(step, asset, scope, status, now)
        _check_liquidated(step, asset, scope, old, status)
    due = _due(step, scope, rules, now, closing)
    note_alerts(step, scope)
    return Verdict(now, due)


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
    step.book.schedule(scope, due_at)
    step.touch(scope)
    _note_call(step, asset, scope, "opened", now, required)


def fire(step: Step, scope: Scope, due_at: int) -> None:
    """A timer of the scope has come: an open call is missed, stays are looked at, auctions end."""
    call = scope.call
    if call is not None and not call.missed and call.due_at == due_at:
        call.missed = True
        asset = step.book.assets[scope.asset]
        _note_call(step, asset, scope, "missed", measure(step.book, scope))
        step.touch(scope)
    elif scope.stays:
        step.touch(scope)
    end_due(step, scope, due_at)


def _status(book: Book, rules: ClassRules, scope: Scope, now: Measure, closing: bool) -> str:
    if closing:
        return "liquidation"
    caller = rules.caller
    if scope.call is not None or (caller is not None and holds(book, scope, caller, now)):
        return "margin_call"
    return "restricted" if now.surplus(INITIAL) < 0 else "healthy"


def _without_requirement(step: Step, asset: Asset, scope: Scope) -> Verdict:
    end_stays(step.book, scope)
    cancel_auctions(step, scope)
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


def _due(step: Step, scope: Scope, rules: ClassRules, now: Measure, closing: list[Rung]) -> bool:
    derives = step.book.derives(scope)
    if derives and closing:
        if any(can_act(step, scope, rung, now) for rung in closing):
            return True
        withheld = [rung for rung in closing if is_withheld(step, scope, rung, now)]
        if withheld and not scope.withheld:
            scope.withheld = True
            step.entries.append(("withheld", scope.account, scope.asset, withheld[0].action))
    for rung in rules.helping:
        acts = (derives or rung.warns) and holds(step.book, scope, rung, now)
        if acts and can_act(step, scope, rung, now):
            return True
    caller = rules.caller
    if caller is None or not holds(step.book, scope, caller, now):
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
        rulebook = asset.rulebook
        checks = None if rulebook is None else rulebook.verification
        if asset.mode == "verify" and checks is not None and checks.liquidation_lag is not None:
            scope.due_since = step.book.time
    elif old == "liquidation":
        scope.withheld = False
        verifies = asset.mode == "verify" and not step.book.derives(scope)
        if verifies and not scope.venue_closed:
            step.deviation("liquidation_missing", account=scope.account, asset=scope.asset)
        scope.venue_closed = False
        scope.due_since = NEVER


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
