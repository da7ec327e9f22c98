"""What the rows of one venue have in common: its integers as sizes, prices, amounts and rules.

Its quote balance bears what positions cost, so positions are filled at a reported cost of nothing
and the account's cash is that balance. Every market's funding index is told as settlements at price
1 whose rates are the index's changes.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from clearing.engine import Entry
from clearing.quantities import Rounding
from tests.engine.venue import rulebook
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

ACCOUNT = "alice"
QUOTE = -6
"""A quote quantum is 10^-6 of the asset; rates are in millionths, too."""


class Dydx(Stage):
    """A venue whose asset has quote quantums as its units."""

    def __init__(self) -> None:
        super().__init__(decimals=-QUOTE)
        self.account(ACCOUNT)
        self.resolutions: dict[str, int] = {}
        self.prices: dict[str, Decimal] = {}

    def declare(
        self, name: str, resolution: int, value: str = "1", exponent: int = 0, *, mark: bool = True
    ) -> str:
        """Declare a market by its resolution and oracle price, and mark it; return its name."""
        market = f"P{name}"
        self.perpetual(
            market,
            size_decimals=max(0, -resolution),
            price_decimals=max(0, -exponent),
            mark_decimals=max(0, -exponent),
        )
        self.resolutions[market] = resolution
        self.prices[market] = Decimal(value).scaleb(exponent)
        if mark:
            self.mark(**{market: text(self.prices[market])})
        return market

    def coins(self, market: str, quantums: str) -> Decimal:
        """Return base quantums as a size."""
        return Decimal(quantums).scaleb(self.resolutions[market])

    def declare_all(
        self, row: Row, perpetuals: list[dict[str, Any]] | None = None
    ) -> dict[str, dict[str, dict[str, Any]]]:
        """Declare perpetuals (the row's), and return their schedules."""
        found = {}
        for told in perpetuals or row.inputs["perpetuals"]:
            price = told["oracle_price_value"], int(told["oracle_price_exponent"])
            market = self.declare(told["perpetual_id"], int(told["base_atomic_resolution"]), *price)
            rates = told["initial_margin_ppm"], told["maintenance_fraction_ppm"]
            found[market] = schedule(*rates)
        return found

    def take(self, market: str, quantums: str, *, account: str = ACCOUNT) -> None:
        """Add base quantums to the position."""
        size = self.coins(market, quantums)
        if size:
            price = text(self.prices[market])
            self.fill(account, market, size, price, reported_cost="0")

    def closes(
        self,
        market: str,
        quantums: str,
        amount: Decimal,
        *,
        buys: bool,
        account: str = ACCOUNT,
        **told: str,
    ) -> list[Entry]:
        """Tell of a liquidation fill of base quantums for ``amount`` quote quantums."""
        size = self.coins(market, quantums) * (1 if buys else -1)
        units = amount.to_integral_value(ROUND_FLOOR).scaleb(QUOTE)
        cost = text(units if buys else -units)
        price = text(self.prices[market])
        told = {"reported_cost": cost, "cause": "liquidation", **told}
        return self.fill(account, market, size, price, **told)

    def trades(
        self, account: str, maker: str, quantums: str, amount: Decimal, fee: Decimal
    ) -> None:
        """Tell of both sides of a liquidation fill; the maker pays a fee, in quote quantums."""
        held = self.holds(account, "P0")
        self.closes("P0", quantums, amount, buys=held < 0, account=account)
        charged = text(fee.to_integral_value(ROUND_CEILING).scaleb(QUOTE))
        more = {"cause": "trade", "fee": charged, "fee_asset": "USD"}
        self.closes("P0", quantums, amount, buys=held > 0, account=maker, **more)

    def account_after(self, account: str) -> dict[str, Any]:
        """Return the account as the venue writes it: quote balance and positions.

        The balance bears what positions cost, so their cost is taken out of the cash.
        """
        quantums, positions = self.balance(account).scaleb(-QUOTE), []
        for market in sorted(self.resolutions):
            held = self.position(account, market)
            quantums -= Decimal(held.cost)
            if held.size:
                size = self.holds(account, market).scaleb(-self.resolutions[market])
                position = {"perpetual_id": market[1:], "quantums": size, "funding_index": "0"}
                positions.append(position)
        return {"usdc_quote_quantums": quantums, "positions": positions}

    def index(self, market: str, change: Decimal) -> None:
        """Move the funding index, in millionths of a quote quantum per base quantum."""
        if change:
            rate = change.scaleb(2 * QUOTE - self.resolutions[market])
            self("FundingSettled", market=market, rate=text(rate), price="1")

    def quantums(self, amount: int, rounding: Rounding = Rounding.DOWN) -> Decimal:
        """Return an amount at the working scale in whole quote quantums."""
        return self.money(amount, -QUOTE, rounding).scaleb(-QUOTE)


def quote(quantums: str) -> Decimal:
    """Return quote quantums as an amount."""
    return Decimal(quantums).scaleb(QUOTE)


def rate(millionths: str) -> dict[str, Any]:
    """Return the operator of a rate; one of nothing asks for no amount."""
    if not Decimal(millionths):
        return {"op": "amount", "amount": "0"}
    return {"op": "rate", "rate": text(Decimal(millionths).scaleb(QUOTE))}


def part(level: str, millionths: str) -> dict[str, Any]:
    """Return the operator of a part of another level."""
    if not Decimal(millionths):
        return {"op": "amount", "amount": "0"}
    return {"op": "ratio", "level": level, "factor": text(Decimal(millionths).scaleb(QUOTE))}


def scaled_rate(millionths: str, lower: str, upper: str) -> dict[str, Any]:
    """Return the operator of a rate that rises with open interest, unless there is no upper cap."""
    if not Decimal(upper):
        return rate(millionths)
    start = text(Decimal(millionths).scaleb(QUOTE))
    caps = {"lower": text(quote(lower)), "upper": text(quote(upper))}
    return {"op": "open_interest", "rate": start, **caps}


def up(operator: dict[str, Any]) -> dict[str, Any]:
    """Return the operator rounded up to quote quantums."""
    return {"op": "rounded", "of": operator}


def schedule(
    initial: str, fraction: str, *, lower: str = "0", upper: str = "0"
) -> dict[str, dict[str, Any]]:
    """Return the venue's levels: maintenance is a part of the initial margin that is not scaled."""
    return {
        "base": up(rate(initial)),
        "initial": up(scaled_rate(initial, lower, upper)),
        "maintenance": up(part("base", fraction)),
    }


ALWAYS: dict[str, Any] = {
    "action": "takeover",
    "when": {"level": "maintenance", "factor": "1000000000", "comparator": "<="},
    "residual": "taker",
}
"""A rung that takes over whoever has a position, however safe."""


def rules(
    schedules: dict[str, dict[str, Any]],
    *,
    mode: str = "derive",
    rung: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a rulebook by which each market has its own schedule.

    Funding moves cash in derive mode only, so positions and indices are told without a ladder;
    with one rung, the rulebook verifies or takes over.
    """
    binding: dict[str, Any] = {
        "account_class": "trader",
        "markets": {market: market for market in schedules} or {"*": "flat"},
    }
    if rung is not None:
        binding |= {"ladder": "standard", "waterfall": "standard"}
    return rulebook(
        mode=mode,
        ladder=[rung or ALWAYS],
        schedules=schedules or {"flat": schedule("0", "0")},
        bindings=[binding],
        numerics={"funding": "down", "bankruptcy": "up"},
    )


def waiting(
    schedules: dict[str, dict[str, Any]],
    fee: str,
    *,
    capacity: str = "unlimited",
    when: dict[str, Any] | None = None,
    deleverages: bool = False,
) -> dict[str, Any]:
    """Return a rulebook that leaves liquidation to the venue's fills, by default of everybody.

    A fill pays the fund up to ``fee`` millionths of itself out of its surplus, and has the fund pay
    what it falls short by. Below nothing, everything is closed against the other side, or never.
    """
    # A rate is less than 1; what it leaves out of a whole fill is below a quantum.
    share = min(Decimal(fee).scaleb(QUOTE), Decimal("0.999999999999"))
    recipients = [{"account": "insurance", "share": "1"}]
    waits: dict[str, Any] = {
        "action": "reduce",
        "when": when or ALWAYS["when"],
        "quantity": {"op": "all"},
        "price": {"op": "recorded", "shortfall": "waterfall"},
        "penalty": {"rate": text(share), "limit": "surplus", "recipients": recipients},
    }
    ends = {"level": "zero"} if deleverages else {"level": "zero", "grace_seconds": 31_622_400}
    fund = {"layer": "fund", "by": "paying", "capacity": capacity}
    document = rules(schedules)
    document["ladders"]["standard"] = [waits, {"action": "adl", "when": ends}]
    layers = [fund, {"layer": "adl"}, {"layer": "deficit"}]
    document["waterfalls"]["standard"]["layers"] = layers
    document["bindings"][0] |= {"ladder": "standard", "waterfall": "standard"}
    return document
