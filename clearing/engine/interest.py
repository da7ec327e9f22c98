"""Interest on balances: what debts pay and credits get, settled by rate or as a venue booked it.

A debt is a negative balance, in whatever asset. The other side is the ledger account ``interest``
of the asset. Rates move cash at the moment they are settled; what is less than a unit is rounded
away, or stays accrued with the balance (and is no part of equity before it is a unit).
"""

from typing import Any, Final

from clearing.engine.asset import Asset
from clearing.engine.content import Content
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import divide, format_exact

_SCALE: Final = 10**RATE_DECIMALS


def governing(step: Step, scope: Scope) -> Asset:
    """Return the asset whose rulebook says how a scope's balance bears interest.

    It is the scope's own, or where that has no rulebook the one whose collateral the balance is.
    """
    own = step.book.assets[scope.asset]
    if own.rulebook is None and scope.secures is not None:
        return step.book.assets[scope.secures.asset]
    return own


def apply_interest(step: Step, content: Content) -> None:
    """Apply ``InterestSettled``: in derive mode every margined balance pays or gets, at once."""
    book, row = step.book, content.row
    asset = book.assets[row.asset]
    asset.interest = (content.quantity, content.price)
    bearing = [
        scope
        for key, scope in sorted(book.scopes.items())
        if key[1] == asset.ordinal
        and scope.cash
        and (scope.rules is not None or scope.secures is not None)
        and governing(step, scope).mode == "derive"
    ]
    step.entries.append(
        (
            "interest",
            asset.ordinal,
            format_exact(content.quantity, RATE_DECIMALS),
            format_exact(content.price, RATE_DECIMALS),
            content.interval_seconds,
            1 if bearing else 0,
        )
    )
    for scope in bearing:
        due, left = _due(step, scope, scope.interest_left)
        before, scope.interest_left = scope.interest_left, 0
        step.move("interest", asset.ordinal, "interest", 0, "account", scope.account, due)
        text = format_exact(left, asset.decimals + RATE_DECIMALS)
        if governing(step, scope).regime.interest_index:
            scope.interest_left = left
            if left != before:
                step.entries.append(("interest_left", scope.account, asset.ordinal, text))
        elif left:
            holder = ("account", scope.account)
            step.entries.append(("remainder", "interest", 0, asset.ordinal, *holder, text))


def _due(step: Step, scope: Scope, waiting: int = 0) -> tuple[int, int]:
    """Return what a balance gets (negative: pays) by the rates told last, and what rounding left.

    The first is in units; the second, and what is ``waiting`` from before, at 12 decimals beyond.
    """
    debt_rate, credit_rate = step.book.assets[scope.asset].interest or (0, 0)
    exact = scope.cash * (debt_rate if scope.cash < 0 else credit_rate) + waiting
    units = divide(exact, _SCALE, governing(step, scope).regime.interest)
    return units, exact - units * _SCALE


def apply_interest_paid(step: Step, content: Content, sign: int) -> None:
    """Apply ``InterestPaid`` as told; with ``sign`` −1 its opposite. Derive mode refuses it."""
    row, account = content.row, content.account
    where: dict[str, Any] = {"account": account, "asset": row.asset}
    if sign > 0:
        unknown = content.unknown("account")
        if unknown:
            step.deviation("unknown_account", **where, found=unknown)
        elif _refused(step, step.book.scope(account, row.asset), content):
            step.book.refused.add(row.position)
            return
    payee = ("account", account) if account else ("suspense", 0)
    step.move("interest", row.asset, "interest", 0, *payee, content.amount * sign)


def _refused(step: Step, scope: Scope, content: Content) -> bool:
    """Whether derive mode takes no such payment; in verify mode, compare it."""
    mode = governing(step, scope).mode
    where: dict[str, Any] = {"account": scope.account, "asset": scope.asset}
    if mode == "derive":
        step.deviation("venue_outcome", **where, found="interest")
        return True
    if mode == "verify":
        asset = step.book.assets[scope.asset]
        found = format_exact(content.amount, asset.decimals)
        if asset.interest is None:
            step.deviation("interest_unannounced", **where, found=found)
            return False
        expected, _ = _due(step, scope)
        if expected != content.amount:
            text = format_exact(expected, asset.decimals)
            step.deviation("interest_mismatch", **where, expected=text, found=found)
    return False
