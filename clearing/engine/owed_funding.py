"""Funding that is owed: what a told settlement makes everybody due, until it is paid.

In verify mode, as far as the rulebook's ``verification`` asks for it. A settlement's payments are
waited for until the market's next one, or until fold time is past its lag; whoever was not paid by
then, or did not pay, is a deviation.
"""

from clearing.engine.book import Book
from clearing.engine.market import Market, Owed
from clearing.engine.scope import Scope
from clearing.engine.step import Step, asset_of
from clearing.quantities import format_exact


def await_payments(step: Step, market: Market, due: dict[int, int]) -> None:
    """Wait for what the present event's settlement makes accounts due (units by account).

    What the settlement before it left unpaid is stated first.
    """
    book, asset = step.book, asset_of(step, market)
    _state(step, market)
    rulebook = asset.rulebook
    checks = None if rulebook is None else rulebook.verification
    if checks is None or checks.funding_lag is None:
        return
    amounts = {account: amount for account, amount in due.items() if amount}
    if amounts:
        due_at = max(book.time, step.row.occurred_at) + checks.funding_lag
        market.owed = Owed(step.row.position, due_at, amounts)
        book.owing[market.ordinal] = market


def awaited(book: Book, market: Market) -> list[Scope]:
    """Return the scopes whose payments are waited for: holders that rules bind, by account."""
    holders = [market.holders[account] for account in sorted(market.holders)]
    return [scope for scope in holders if scope.rules is not None and not book.derives(scope)]


def note_paid(book: Book, market: Market, account: int) -> None:
    """A payment of the account came: it is waited for no more, whatever its amount."""
    owed = market.owed
    if owed is not None and owed.amounts.pop(account, None) is not None and not owed.amounts:
        _forget(book, market)


def state_unpaid(step: Step) -> None:
    """State what is unpaid in markets whose lag fold time has reached, by market ordinal."""
    for ordinal in sorted(step.book.owing):
        market = step.book.owing[ordinal]
        if market.owed is not None and market.owed.due_at <= step.book.time:
            _state(step, market)


def _state(step: Step, market: Market) -> None:
    owed, asset = market.owed, asset_of(step, market)
    if owed is None:
        return
    _forget(step.book, market)
    if asset.mode != "verify":
        return
    for account in sorted(owed.amounts):
        if step.book.derives(step.book.scope(account, market.asset)):
            continue
        step.deviation(
            "funding_unpaid",
            account=account,
            market=market.ordinal,
            asset=market.asset,
            expected=format_exact(owed.amounts[account], asset.decimals),
            found="0",
            detail=str(owed.position),
        )


def _forget(book: Book, market: Market) -> None:
    market.owed = None
    book.owing.pop(market.ordinal, None)
