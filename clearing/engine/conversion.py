"""Collateral that changes hands: converted into settlement cash, or seized for a repaid debt.

Values are those of :mod:`clearing.engine.collateral`, at full value; a balance that no mark values
stays where it is. Amounts are rounded in favour of who is not the account.
"""

from clearing.engine.book import Book
from clearing.engine.collateral import balance_unit, value_of
from clearing.engine.conversion_lines import SaleLines, SeizureLines
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.rulebook import (
    RATE_SCALE,
    CollateralPolicy,
    CollateralRule,
    ConvertRung,
    RepayAndSeizeRung,
)


def convert_collateral(step: Step, scope: Scope, policy: CollateralPolicy, taker: int) -> None:
    """Have ``taker`` (an account) buy every balance of the policy's assets, at full value.

    A debt is repaid by the taker for its value. Values are rounded down to the settlement asset's
    units, in the taker's favour.
    """
    lift = step.book.assets[scope.asset].lift
    for rule in policy.rules:
        value = value_of(step.book, scope, rule)
        if value:
            balance = step.book.scopes[scope.account, rule.asset].cash
            lines = SaleLines(step, scope, rule, limited=False)
            full = value // lift
            _sell(step, scope, rule, taker, balance, full, full, lines)


def _sell(
    step: Step,
    scope: Scope,
    rule: CollateralRule,
    taker: int,
    sold: int,
    price: int,
    full: int,
    lines: SaleLines,
) -> None:
    """Give ``taker`` so much of an asset for ``price`` units (both negative: it repays a debt).

    ``full`` is what all of the account's balance would fetch.
    """
    who = ("account", scope.account)
    lines.sold(sold, full)
    step.move("conversion", rule.asset, *who, "account", taker, sold, rule.market)
    lines.paid(full, price)
    step.move("conversion", scope.asset, "account", taker, *who, price, rule.market)


def _owned(book: Book, scope: Scope) -> list[tuple[CollateralRule, int, int]]:
    """Return (rule, balance, value) of what the scope's account has in other assets."""
    policy = None if scope.rules is None else scope.rules.collateral
    found = []
    for rule in [] if policy is None else policy.rules:
        value = value_of(book, scope, rule)
        if value > 0:
            found.append((rule, book.scopes[scope.account, rule.asset].cash, value))
    return found


def can_convert(book: Book, scope: Scope, rung: ConvertRung) -> bool:
    """Whether there is collateral to sell, and a reason to."""
    return bool(_owned(book, scope)) and (rung.everything or scope.cash < 0)


def convert(step: Step, scope: Scope, rung: ConvertRung, fund: int) -> None:
    """Sell collateral, asset by asset: everything, or what repays a negative balance."""
    lift = step.book.assets[scope.asset].lift
    taker = rung.to or fund
    kept = RATE_SCALE - rung.discount
    for rule, balance, value in _owned(step.book, scope):
        sold, full = balance, value * kept // (RATE_SCALE * lift)
        price = full
        lines = SaleLines(step, scope, rule, rung.discount, limited=not rung.everything)
        if not rung.everything:
            if scope.cash >= 0:
                return
            if price > -scope.cash:
                sold = min(balance, -(-balance * -scope.cash // price))
                price = -scope.cash
        _sell(step, scope, rule, taker, sold, price, full, lines)


class _Debt:
    """A debt: its asset, the units owed, their value, and what one unit is worth (working scale).

    A debt in the settlement asset has no rule.
    """

    __slots__ = ("asset", "owed", "unit", "value")

    def __init__(self, asset: int, owed: int, unit: int) -> None:
        self.asset = asset
        self.owed = owed
        self.unit = unit
        self.value = owed * unit


def _largest_debt(book: Book, scope: Scope) -> _Debt | None:
    """Return the debt of the largest value, ties by asset ordinal."""
    debts = []
    if scope.cash < 0:
        debts.append(_Debt(scope.asset, -scope.cash, book.assets[scope.asset].lift))
    policy = None if scope.rules is None else scope.rules.collateral
    for rule in [] if policy is None else policy.rules:
        if value_of(book, scope, rule) < 0:
            owed = -book.scopes[scope.account, rule.asset].cash
            unit = balance_unit(book, book.markets[rule.market], rule.asset)
            debts.append(_Debt(rule.asset, owed, unit))
    return max(debts, key=lambda debt: (debt.value, -debt.asset), default=None)


def _largest_collateral(book: Book, scope: Scope) -> _Debt | None:
    """Return what the account has most of by value, ties by asset ordinal."""
    owned = [
        _Debt(rule.asset, balance, balance_unit(book, book.markets[rule.market], rule.asset))
        for rule, balance, _ in _owned(book, scope)
    ]
    if scope.cash > 0:
        owned.append(_Debt(scope.asset, scope.cash, book.assets[scope.asset].lift))
    return max(owned, key=lambda asset: (asset.value, -asset.asset), default=None)


def can_seize(book: Book, scope: Scope) -> bool:
    """Whether the account owes something and has something, both of some value."""
    debt, collateral = _largest_debt(book, scope), _largest_collateral(book, scope)
    return debt is not None and collateral is not None and debt.asset != collateral.asset


def repay_and_seize(step: Step, scope: Scope, rung: RepayAndSeizeRung) -> None:
    """Have the keeper repay part of the largest debt for collateral worth that and the bonus."""
    debt = _largest_debt(step.book, scope)
    collateral = _largest_collateral(step.book, scope)
    if debt is None or collateral is None:
        return
    lift = step.book.assets[scope.asset].lift
    owed = debt.owed
    if debt.value >= rung.minimum_value * lift:
        owed = -(-debt.owed * rung.close_factor // RATE_SCALE)
    bonus = RATE_SCALE + rung.bonus
    seized = owed * debt.unit * bonus // (RATE_SCALE * collateral.unit)
    all_of_it = seized > collateral.owed
    if all_of_it:
        # All of the collateral goes, for as much of the debt as it and the bonus pay for.
        seized = collateral.owed
        owed = min(owed, -(-seized * collateral.unit * RATE_SCALE // (debt.unit * bonus)))
    extra = seized - seized * RATE_SCALE // bonus
    share = extra * rung.protocol_share // RATE_SCALE
    who = ("account", scope.account)
    sides = (
        (debt.asset, debt.owed, debt.unit),
        (collateral.asset, collateral.owed, collateral.unit),
    )
    lines = SeizureLines(step, scope, rung, *sides)
    lines.repaid(owed, seized, all_of_it=all_of_it)
    step.move("repayment", debt.asset, "account", rung.keeper, *who, owed)
    lines.given(rung.keeper, seized, seized - share, protocol=False)
    step.move("seizure", collateral.asset, *who, "account", rung.keeper, seized - share)
    if share:
        lines.given(rung.protocol, seized, share, protocol=True)
        step.move("seizure", collateral.asset, *who, "account", rung.protocol, share)
    step.touch(scope)
