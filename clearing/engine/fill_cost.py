"""What one side of a fill costs: ours by the payoff, or what its source says where that differs."""

from clearing.engine.market import Market
from clearing.engine.step import Step, asset_of
from clearing.quantities import Rounding, format_exact


class FillCost:
    """How the cost of a side is found: price, rounding, and what its source reports, if it does.

    ``price`` is at price decimals, ``reported`` in the settlement asset's units. ``checks`` is
    false for a reversal, which takes back what was done without looking at it again.
    """

    __slots__ = ("checks", "price", "reported", "rounding")

    def __init__(
        self, price: int, rounding: Rounding, reported: int | None, *, checks: bool
    ) -> None:
        self.price = price
        self.rounding = rounding
        self.reported = reported
        self.checks = checks

    def of(self, step: Step, market: Market, account: int, size: int) -> tuple[int, int]:
        """Return (cost in units, the fraction that rounding left) of signed ``size``.

        A reported cost that differs is what is posted, with a deviation ``reported_cost``.
        """
        decimals = market.spec.price_decimals
        amount, left = market.payoff.amount(size, self.price, decimals, self.rounding)
        if self.reported is None or self.reported == amount:
            return amount, left
        if self.checks:
            asset = asset_of(step, market)
            step.deviation(
                "reported_cost",
                account=account,
                market=market.ordinal,
                asset=market.asset,
                expected=format_exact(amount, asset.decimals),
                found=format_exact(self.reported, asset.decimals),
            )
        return self.reported, 0
