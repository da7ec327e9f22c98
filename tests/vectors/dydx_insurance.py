"""What a liquidation fill moves between an account and the fund, fill by fill."""

from decimal import Decimal

from tests.engine.venue import deviations
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.units_dydx import ACCOUNT, Dydx, part, quote, rate, up, waiting

POOLS = "which of a chain's module accounts holds the money of a pool"
NOTHING = "a fill of no size is no fill"


def run(row: Row) -> Outcome:
    if row.has("collateral_pool_balance"):
        return NotApplicable(POOLS)
    if row.has("insurance_fund_balance"):
        return _validity(row)
    if not int(row.text("fill_base_quantums")):
        return NotApplicable(NOTHING)
    stage = Dydx()
    schedules = stage.declare_all(row)
    stage.pay(ACCOUNT, quote(row.text("usdc_quote_quantums")))
    for position in row.inputs["positions"]:
        stage.take(f"P{position['perpetual_id']}", position["quantums"])
    stage.adopt(waiting(schedules, row.text("max_liquidation_fee_ppm")))
    market, base = f"P{row.text('perpetual_id')}", row.text("fill_base_quantums")
    subticks = row.number("fill_subticks").scaleb(int(row.text("quantum_conversion_exponent")))
    stage.closes(market, base, subticks * Decimal(base), buys=row.inputs["is_buy"])
    delta = Decimal(stage.cash("insurance")).scaleb(6)
    return Found({"insurance_fund_delta_quote_quantums": delta})


def _validity(row: Row) -> Outcome:
    """A coin that is worth what the account owes is sold for that and the delta."""
    delta = row.number("insurance_fund_delta")
    stage = Dydx()
    worth = Decimal(10) ** 12
    market = stage.declare("0", 0, str(worth.scaleb(-6)))
    levels = {"initial": up(rate("200000")), "maintenance": up(part("initial", "500000"))}
    stage.pay(ACCOUNT, -worth.scaleb(-6))
    stage("FundContributed", fund="insurance", asset="USD", amount=_money(row))
    stage.take(market, "1")
    stage.adopt(waiting({market: levels}, "999999", capacity="cash"))
    entries = stage.closes(market, "1", worth + delta, buys=False)
    return Found({"valid": "shortfall_beyond_funds" not in deviations(entries)})


def _money(row: Row) -> str:
    return format(row.number("insurance_fund_balance").scaleb(-6), "f")
