"""Spot fills: one asset for another, at once; nothing is left open.

The other side of a one-sided fill is the market's ledger account ``spot``, in either asset.
"""

from clearing.engine.market import Market
from clearing.engine.step import Step, asset_of
from clearing.quantities import Rounding, format_exact


class Exchange:
    """What one side of a spot fill exchanges: signed ``size`` (a purchase positive) at ``price``.

    ``told`` is the cost that its source reports, in the settlement asset's units, if it does.
    ``checks`` is false for a reversal, which takes back what was done without looking at it again.
    """

    __slots__ = ("account", "checks", "price", "rounding", "size", "told")

    def __init__(
        self,
        account: int,
        size: int,
        price: int,
        rounding: Rounding,
        told: int | None,
        *,
        checks: bool,
    ) -> None:
        self.account = account
        self.size = size
        self.price = price
        self.rounding = rounding
        self.told = told
        self.checks = checks


def exchange(step: Step, market: Market, side: Exchange, sign: int) -> int:
    """Move both assets of one side and return what it paid (negative: got), times ``sign``."""
    asset, spec = asset_of(step, market), market.spec
    amount, left = market.payoff.amount(side.size, side.price, spec.price_decimals, side.rounding)
    if side.told is not None and side.told != amount:
        if side.checks:
            step.deviation(
                "reported_cost",
                account=side.account,
                market=market.ordinal,
                asset=market.asset,
                expected=format_exact(amount, asset.decimals),
                found=format_exact(side.told, asset.decimals),
            )
        amount, left = side.told, 0
    holder = step.account_holder(side.account, market)
    left_decimals = market.payoff.left_decimals(spec.price_decimals)
    step.remainder("fill_cost", market, holder, left * sign, left_decimals)
    who = (holder.ledger_kind, holder.ledger_ordinal)
    base = step.book.assets[spec.base_asset]
    bought = side.size * sign * 10 ** (base.decimals - spec.size_decimals)
    here = market.ordinal
    step.move("spot", market.asset, *who, "spot", here, amount * sign, here)
    step.move("spot", base.ordinal, "spot", here, *who, bought, here)
    return amount * sign
