"""Penalties: what a liquidation charges the account, and who gets it."""

from fractions import Fraction

from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.quantities import divide
from clearing.rulebook import RATE_SCALE, Penalty


def penalty_amount(
    penalty: Penalty | None, rate: Fraction, notional: int, lift: int, limit: int
) -> int:
    """Return the penalty at ``rate`` on ``notional`` (working scale), at most ``limit`` units."""
    if penalty is None:
        return 0
    charged = divide(notional * rate.numerator, rate.denominator * lift, penalty.rounding)
    return min(charged, max(0, limit))


def full_rate(penalty: Penalty | None) -> Fraction:
    """Return what a penalty takes of the notional where nothing limits its rate."""
    return Fraction(0) if penalty is None else Fraction(penalty.rate, RATE_SCALE)


def charge(step: Step, scope: Scope, penalty: Penalty | None, amount: int) -> None:
    """Charge ``amount`` units and split it: shares rounded down, one recipient has the rest."""
    if penalty is None or not amount:
        return
    shares = [amount * share // RATE_SCALE for _, share in penalty.recipients]
    shares[-1 if penalty.dust_last else 0] += amount - sum(shares)
    for (account, _), share in zip(penalty.recipients, shares, strict=True):
        step.move("penalty", scope.asset, "account", scope.account, "account", account, share)
