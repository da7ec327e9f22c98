"""Penalties: what a liquidation charges the account, and who gets it."""

from fractions import Fraction

from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, divide
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
    for i, ((account, _), share) in enumerate(zip(penalty.recipients, shares, strict=True)):
        if share:
            _share_lines(step, scope, penalty, amount, i, share)
        step.move("penalty", scope.asset, "account", scope.account, "account", account, share)


def penalty_lines(
    trace: Trace, penalty: Penalty, rate: Fraction, notional: str, amount: int, decimals: int
) -> None:
    """State a penalty: its rate of ``notional``, a formula, within the input ``limit``.

    ``amount`` is in units of ``decimals`` decimals.
    """
    charged = f"{penalty.rounding.value}({notional} * rate, {decimals})"
    trace.formula = f"min({charged}, max(0, limit))"
    limited = penalty.headroom is not None and rate != full_rate(penalty)
    trace.ratio("rate", rate, "rung.penalty.headroom" if limited else "rung.penalty.rate")
    trace.finish(amount, decimals, "rung.penalty")


def _share_lines(
    step: Step, scope: Scope, penalty: Penalty, amount: int, place: int, share: int
) -> None:
    """Leave the working of one recipient's share; one of them has what roundings leave."""
    account, rate = penalty.recipients[place]
    name = step.book.registry.account(account).name
    working = step.working(f"penalty to {name}", scope)
    if working is None:
        return
    decimals = step.book.assets[scope.asset].decimals
    dust = len(penalty.recipients) - 1 if penalty.dust_last else 0
    working.value("penalty", amount, decimals)
    if place != dust:
        working.formula = f"down(penalty * share, {decimals})"
        working.value("share", rate, RATE_DECIMALS, _clause(place))
        working.finish(share, decimals)
        return
    working.formula = "penalty"
    for other, (_, of_other) in enumerate(penalty.recipients):
        if other != dust:
            working.formula += f" - down(penalty * share_{other + 1}, {decimals})"
            working.value(f"share {other + 1}", of_other, RATE_DECIMALS, _clause(other))
    working.finish(share, decimals, "and what the others' roundings leave")


def _clause(number: int) -> str:
    return f"rung.penalty.recipients.{number}.share"
