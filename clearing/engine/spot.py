"""Spot fills: one asset for another, at once; nothing is left open.

The other side of a one-sided fill is the market's ledger account ``spot``, in either asset.
"""

from clearing.engine.fill_cost import FillCost
from clearing.engine.market import Market
from clearing.engine.step import Step


def exchange(step: Step, market: Market, account: int, size: int, cost: FillCost, sign: int) -> int:
    """Move both assets of one side and return what it paid (negative: got), times ``sign``.

    ``size`` is signed, a purchase positive, at the market's size decimals.
    """
    amount, left = cost.of(step, market, account, size)
    spec = market.spec
    holder = step.account_holder(account, market)
    left_decimals = market.payoff.left_decimals(spec.price_decimals)
    step.remainder("fill_cost", market, holder, left * sign, left_decimals)
    who = (holder.ledger_kind, holder.ledger_ordinal)
    base = step.book.assets[spec.base_asset]
    bought = size * sign * 10 ** (base.decimals - spec.size_decimals)
    here = market.ordinal
    step.move("spot", market.asset, *who, "spot", here, amount * sign, here)
    step.move("spot", base.ordinal, "spot", here, *who, bought, here)
    return amount * sign
