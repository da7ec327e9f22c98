"""Reversals: what an event did is done again with its signs exchanged, once."""

from dataclasses import dataclass, field, replace

from clearing.events import Reversed
from tests.auditor import pools
from tests.auditor.executions import Side, apply_side, level
from tests.auditor.facts import Posting
from tests.auditor.fills import control_fill
from tests.auditor.state import Book

REVERSIBLE = frozenset(
    {
        "Deposited",
        "Withdrawn",
        "Transferred",
        "FundContributed",
        "FundWithdrawn",
        "Adjusted",
        "Filled",
        "Traded",
        "FundingPaid",
    }
)


@dataclass
class Done:
    """What an applied event did, as far as it can be undone."""

    kind: str
    postings: list[Posting] = field(default_factory=list)
    market: int = 0
    sides: list[Side] = field(default_factory=list)
    reversed: bool = False


def undo(book: Book, event: Reversed, done: dict[tuple[str, str], Done]) -> None:
    """Undo the target of ``event`` if it can be."""
    target = done.get((event.target.source, event.target.external_id))
    if target is None:
        book.deviate("reversal_unknown", found=event.target.external_id)
        return
    if target.reversed:
        book.deviate("reversed_twice", found=event.target.external_id)
        return
    if target.kind not in REVERSIBLE or not (target.postings or target.sides):
        book.deviate("not_reversible", found=event.target.external_id)
        return
    target.reversed = True
    for purpose, asset, payer, payee, amount in target.postings:
        if purpose == "fund_contribution" and payee[0] == "account":
            pools.house_moves(book, payee[1], asset, -amount)
        elif purpose == "fund_withdrawal" and payer[0] == "account":
            pools.house_moves(book, payer[1], asset, amount)
    for purpose, asset, payer, payee, amount in target.postings:
        book.post(purpose, asset, payee, payer, amount, target.market)
    undone = []
    for side in target.sides:
        negated = replace(
            side, size=-side.size, amount=-side.amount, exact=-side.exact, fee=-side.fee
        )
        undone.append(negated)
        apply_side(book, negated)
        if target.kind == "Filled":
            control_fill(book, book.markets[side.market - 1], negated.size, negated.amount)
    if target.kind == "Traded":
        level(book, undone)
