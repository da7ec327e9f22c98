"""Reversals: an earlier fact undone once and in full, by posting its opposite now."""

from clearing.engine.cash import Resolver, apply_cash
from clearing.engine.content import Content
from clearing.engine.funding import apply_paid
from clearing.engine.interest import apply_interest_paid
from clearing.engine.step import Step
from clearing.engine.trading import apply_execution
from clearing.events.kinds import CAUSES, Kind
from clearing.events.row import EventRow

_CASH = frozenset(
    {
        Kind.Deposited,
        Kind.Withdrawn,
        Kind.Transferred,
        Kind.FundContributed,
        Kind.FundWithdrawn,
        Kind.Adjusted,
    }
)
_TRADES = frozenset({Kind.Filled, Kind.Traded})


def reverse(step: Step, content: Content, resolver: Resolver) -> None:
    """Apply ``Reversed``: find the target and post its opposite, or say why not."""
    book = step.book
    source, external_id = content.reference("target")
    target = resolver(source, external_id) if source else None
    if target is None or not _came_before(target, content.row):
        step.deviation("reversal_unknown", found=external_id)
        return
    if target.position in book.reversed:
        step.deviation("reversed_twice", found=external_id)
        return
    if not _moved_something(step, target):
        step.deviation("not_reversible", found=external_id, detail=Kind(target.kind).name)
        return
    book.reversed.add(target.position)
    original = Content(target)
    if target.kind in _CASH:
        apply_cash(step, original, -1)
    elif target.kind in _TRADES:
        apply_execution(step, original, -1)
    elif target.kind == Kind.InterestPaid:
        apply_interest_paid(step, original, -1)
    else:
        apply_paid(step, original, -1)


def _came_before(target: EventRow, row: EventRow) -> bool:
    """Whether an event came before another one, which in a scenario may stand at its position."""
    itself = (target.source, target.external_id) == (row.source, row.external_id)
    return target.position <= row.position and not itself


def _moved_something(step: Step, target: EventRow) -> bool:
    if target.kind in _CASH:
        return True
    if target.kind == Kind.InterestPaid:
        return target.position not in step.book.refused
    if target.kind not in _TRADES and target.kind != Kind.FundingPaid:
        return False
    market = step.book.markets[target.market]
    if step.book.assets[market.asset].regime_at(target.position).mode != "derive":
        return True
    if target.kind == Kind.FundingPaid:
        return False
    trade = CAUSES.index("trade")
    causes = [target.flags & 15]
    if target.kind == Kind.Traded:
        causes.append(target.flags >> 4 & 15)
    return all(cause == trade for cause in causes)
