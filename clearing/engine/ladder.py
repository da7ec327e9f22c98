"""The ladder: the due scopes in their order, and each rung in its turn."""

from functools import cmp_to_key

from clearing.engine.acting import can_act, holds, restored_place
from clearing.engine.auctioning import open_auctions
from clearing.engine.conversion import convert, repay_and_seize
from clearing.engine.covering import missing_cash, missing_lines
from clearing.engine.gains import reduce_and_settle
from clearing.engine.margin import open_call
from clearing.engine.observed import set_orders
from clearing.engine.ramps import Freed
from clearing.engine.reduction import may_reduce, reduce_position
from clearing.engine.requirements import bears_margin
from clearing.engine.scope import Scope
from clearing.engine.stays import note_acted
from clearing.engine.step import END, Step
from clearing.engine.takeover import take_over
from clearing.engine.valuation import Measure, measure
from clearing.engine.waterfall import cover
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import format_exact
from clearing.rulebook import (
    MAINTENANCE,
    RATE_SCALE,
    AuctionRung,
    CancelOrdersRung,
    ClassRules,
    ConvertRung,
    CoverRung,
    Gains,
    MarginCallRung,
    NotifyRung,
    ReduceRung,
    RepayAndSeizeRung,
    Rung,
    TakeoverRung,
)


def in_order(step: Step, due: list[tuple[Scope, Measure]]) -> list[Scope]:
    """Return due scopes by equity / maintenance ascending, ties by (account, asset) ordinal.

    The equity is what counts at maintenance.

    Compared by cross-multiplication; a maintenance of 0 counts as one unit of the asset. Scopes of
    different assets compare by the same ratio, which has no unit.
    """

    def asked(item: tuple[Scope, Measure]) -> int:
        return item[1].maintenance or step.book.assets[item[0].asset].lift

    def compare(left: tuple[Scope, Measure], right: tuple[Scope, Measure]) -> int:
        a = left[1].counted(MAINTENANCE) * asked(right)
        b = right[1].counted(MAINTENANCE) * asked(left)
        if a != b:
            return -1 if a < b else 1
        return -1 if left[0].key() < right[0].key() else 1

    return [scope for scope, _ in sorted(due, key=cmp_to_key(compare))]


def run_ladder(step: Step, scope: Scope) -> None:
    """Give every rung its turn, once: it acts if its condition holds on the book as it now is."""
    rules = scope.rules
    if rules is None:
        return
    derives = step.book.derives(scope)
    for rung in rules.ladder:
        if not (derives or rung.warns):
            continue
        if not bears_margin(step.book, scope, rules):
            return
        now = measure(step.book, scope)
        if holds(step.book, scope, rung, now) and can_act(step, scope, rung, now):
            working = step.working("margin", scope)
            if working is not None:
                measure(step.book, scope, working)
            _act(step, scope, rules, rung, now)


def _act(step: Step, scope: Scope, rules: ClassRules, rung: Rung, now: Measure) -> None:
    note_acted(step.book, scope, rung)
    if isinstance(rung, MarginCallRung):
        open_call(step, scope, rules, rung, now)
        return
    if isinstance(rung, NotifyRung):
        step.entries.append(("notice", *_inequality(step, scope, rung, now)))
        return
    if isinstance(rung, ReduceRung) and not may_reduce(step.book, scope, rung):
        return
    _announce(step, scope, rung, now)
    freed = Freed(step.book, scope, rules)
    step.acting = scope
    _do(step, scope, rules, rung)
    step.acting = None
    step.working(END, scope)
    freed.note()


def _do(step: Step, scope: Scope, rules: ClassRules, rung: Rung) -> None:
    waterfall = rules.waterfall
    match rung:
        case CancelOrdersRung():
            _cancel_orders(step, scope)
        case ReduceRung(gains=Gains() as gains) if waterfall is not None:
            reduce_and_settle(step, scope, rung, gains, waterfall)
        case ReduceRung() if waterfall is not None:
            reduce_position(step, scope, rung, waterfall)
        case TakeoverRung() if waterfall is not None:
            take_over(step, scope, rung, waterfall)
        case ConvertRung() if waterfall is not None:
            convert(step, scope, rung, waterfall.fund)
        case CoverRung() if waterfall is not None:
            missing = missing_cash(step.book, scope, rung)
            missing_lines(step, scope, rung, missing)
            cover(step, scope, waterfall, missing, told=False)
        case AuctionRung():
            open_auctions(step, scope, rung)
        case RepayAndSeizeRung():
            repay_and_seize(step, scope, rung)


def _cancel_orders(step: Step, scope: Scope) -> None:
    """Let open orders ask nothing any more, market by market."""
    for ordinal in sorted(scope.orders):
        set_orders(step.book.markets[ordinal], scope, 0, 0)
        step.entries.append(("orders", scope.account, ordinal, 0, 0))
    step.touch(scope)


def _announce(step: Step, scope: Scope, rung: Rung, now: Measure) -> None:
    """State what the rung does and the inequality that was true."""
    account, asset, number, *terms = _inequality(step, scope, rung, now)
    maintenance = format_exact(now.maintenance, step.book.assets[scope.asset].working)
    where = (account, asset, number)
    step.entries.append(("liquidation", *where, rung.action, *terms, maintenance))


def _inequality(step: Step, scope: Scope, rung: Rung, now: Measure) -> tuple[str | int, ...]:
    """Return account, asset, rung, equity that counts, comparator, level, factor, threshold."""
    working = step.book.assets[scope.asset].working
    condition, call, rules = rung.condition, scope.call, scope.rules
    if call is None or rules is None or now.below(condition) or condition.remembers:
        if condition.until is not None and not now.below(condition):
            condition = condition.until
        comparator, level, factor = condition.comparator, condition.level, condition.factor
        place = condition.place
    else:
        comparator, level, factor = "<", call.level, RATE_SCALE
        place = restored_place(rules, call)
    counted, asked = now.counted(place), now.asked(place)
    return (
        scope.account,
        scope.asset,
        rung.number,
        format_exact(counted, working),
        comparator,
        level,
        format_exact(factor, RATE_DECIMALS),
        format_exact(factor * asked, working + RATE_DECIMALS),
    )
