"""Conversion: what a scope has and owes in other assets becomes settlement cash at the mark."""

from clearing.engine.collateral import value_of
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.rulebook import CollateralPolicy


def convert_collateral(step: Step, scope: Scope, policy: CollateralPolicy, taker: int) -> None:
    """Have ``taker`` (an account) buy every balance of the policy's assets, at full value.

    A debt is repaid by the taker for its value. Values are rounded down to the settlement asset's
    units, in the taker's favour. A balance that no mark values stays where it is.
    """
    lift = step.book.assets[scope.asset].lift
    for rule in policy.rules:
        value = value_of(step.book, scope, rule)
        if not value:
            continue
        balance = step.book.scopes[scope.account, rule.asset].cash
        who = ("account", scope.account)
        step.move("conversion", rule.asset, *who, "account", taker, balance, rule.market)
        step.move("conversion", scope.asset, "account", taker, *who, value // lift, rule.market)
