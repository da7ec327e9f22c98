"""Penalties: what a liquidation charges the account, and who gets it."""

from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.rulebook import RATE_SCALE, Penalty


def penalty_amount(penalty: Penalty | None, notional: int, lift: int, limit: int) -> int:
    """Return the penalty on ``notional`` (working scale) in units, at most ``limit`` of them."""
    if penalty is None:
        return 0
    charged: int = notional * penalty.rate // (RATE_SCALE * lift)
    return min(charged, max(0, limit))


def charge(step: Step, scope: Scope, penalty: Penalty | None, amount: int) -> None:
    """Charge ``amount`` units and split it: shares rounded down, the first takes what is left."""
    if penalty is None or not amount:
        return
    shares = [amount * share // RATE_SCALE for _, share in penalty.recipients]
    shares[0] += amount - sum(shares)
    for (account, _), share in zip(penalty.recipients, shares, strict=True):
        step.move("penalty", scope.asset, "account", scope.account, "account", account, share)
