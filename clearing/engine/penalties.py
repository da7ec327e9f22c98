"""Penalties: what a liquidation charges the account, and who gets it."""

from fractions import Fraction

from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.rulebook import RATE_SCALE, Penalty


def penalty_amount(rate: Fraction, notional: int, lift: int, limit: int) -> int:
    """Return the penalty on ``notional`` (working scale) in units, at most ``limit`` of them."""
    charged = notional * rate.numerator // (rate.denominator * lift)
    return min(charged, max(0, limit))


def full_rate(penalty: Penalty | None) -> Fraction:
    """Return what a penalty takes of the notional where nothing limits its rate."""
    return Fraction(0) if penalty is None else Fraction(penalty.rate, RATE_SCALE)


def charge(step: Step, scope: Scope, penalty: Penalty | None, amount: int) -> None:
    """Charge ``amount`` units and split it: shares rounded down, the first takes what is left."""
    if penalty is None or not amount:
        return
    shares = [amount * share // RATE_SCALE for _, share in penalty.recipients]
    shares[0] += amount - sum(shares)
    for (account, _), share in zip(penalty.recipients, shares, strict=True):
        step.move("penalty", scope.asset, "account", scope.account, "account", account, share)
