"""Notionals, requirements and risk of accounts in integers: one account, the venue's schedules."""

from decimal import Decimal
from typing import Any

from clearing.quantities import Rounding
from tests.engine.venue import TAKEOVER, rulebook
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.units_dydx import (
    ACCOUNT,
    QUOTE,
    Dydx,
    part,
    quote,
    rate,
    rules,
    scaled_rate,
    schedule,
)

NO_PRICE = "a price of nothing is no price: such a mark is refused"
SIZING = "how much a quote amount buys is an order's question, before there is a position"
QUEUE = "which of two accounts a venue looks at first: accounts are tested one by one"


def run(row: Row) -> Outcome:
    if row.has("first_nc"):
        return NotApplicable(QUEUE)
    if row.has("quote_quantums"):
        return NotApplicable(SIZING)
    if row.has("net_collateral"):
        return _compared(row)
    if row.has("perpetuals"):
        return _account(row)
    if row.has("oracle_price_value"):
        return _position(row) if row.number("oracle_price_value") else NotApplicable(NO_PRICE)
    return _rates(row)


def _position(row: Row) -> Outcome:
    stage = Dydx()
    told = [row.text(f"oracle_price_{name}") for name in ("value", "exponent")]
    market = stage.declare("0", int(row.text("base_atomic_resolution")), told[0], int(told[1]))
    if row.has("initial_margin_ppm"):
        caps = [row.text(f"open_interest_{end}_cap_quote_quantums") for end in ("lower", "upper")]
        levels = schedule(
            row.text("initial_margin_ppm"),
            row.text("maintenance_fraction_ppm"),
            lower=caps[0],
            upper=caps[1],
        )
        stage.adopt(rules({market: levels}))
        opened = format(stage.coins(market, row.text("open_interest_base_quantums")), "f")
        stage("OpenInterestObserved", market=market, size=opened)
    stage.take(market, row.inputs.get("quantums") or row.text("base_quantums"))
    notional = stage.quantums(stage.worth(ACCOUNT, market), Rounding.TOWARD_ZERO)
    now = stage.measured(ACCOUNT)
    return Found(
        {
            "net_notional_quote_quantums": notional,
            "quote_quantums": notional,
            "imr_quote_quantums": stage.quantums(now.initial),
            "mmr_quote_quantums": stage.quantums(now.maintenance),
        }
    )


def _rates(row: Row) -> Outcome:
    """Read a rate as what is asked of a position worth one of the asset, a million quantums."""
    stage = Dydx()
    market = stage.declare("0", QUOTE)
    levels = schedule(row.text("initial_margin_ppm"), "0")
    if row.has("maintenance_fraction_ppm"):
        fraction = part("base", row.text("maintenance_fraction_ppm"))
        levels["base"] = rate(row.text("initial_margin_ppm"))
        levels["maintenance"] = {"op": "rounded", "rounding": "down", "of": fraction}
    else:
        caps = [row.text(f"open_interest_{end}_cap") for end in ("lower", "upper")]
        scaled = scaled_rate(row.text("initial_margin_ppm"), *caps)
        levels["initial"] = {"op": "rounded", "of": scaled}
        opened = format(quote(row.text("open_interest_notional")), "f")
        stage("OpenInterestObserved", market=market, size=opened)
    stage.adopt(rules({market: levels}))
    stage.take(market, row.inputs.get("notional_quote_quantums", "1000000"))
    now = stage.measured(ACCOUNT)
    initial = stage.quantums(now.initial)
    return Found(
        {
            "maintenance_margin_ppm": stage.quantums(now.maintenance),
            "effective_initial_margin_ppm": initial,
            "initial_margin_quote_quantums": initial,
        }
    )


def _account(row: Row) -> Outcome:
    stage = Dydx()
    schedules = {}
    current: dict[str, Decimal] = {}
    for told in row.inputs["perpetuals"]:
        price = told["oracle_price_value"], int(told["oracle_price_exponent"])
        market = stage.declare(told["perpetual_id"], int(told["base_atomic_resolution"]), *price)
        schedules[market] = schedule(told["initial_margin_ppm"], told["maintenance_fraction_ppm"])
        current[market] = Decimal(told.get("current_funding_index", "0"))
    stage.adopt(rules(schedules))
    stage.pay(ACCOUNT, quote(row.text("usdc_quote_quantums")))
    for held in row.inputs["positions"]:
        market = f"P{held['perpetual_id']}"
        before = Decimal(held.get("funding_index", "0"))
        stage.index(market, before)
        stage.take(market, held["quantums"])
        stage.index(market, current[market] - before)
    stage.pay(ACCOUNT, quote(row.inputs.get("usdc_update", "0")))
    for update in row.inputs.get("position_updates", ()):
        stage.take(f"P{update['perpetual_id']}", update["quantums_delta"])
    now = stage.measured(ACCOUNT)
    stage.adopt(rules(schedules, mode="verify", rung=TAKEOVER))
    return Found(
        {
            "net_collateral_quote_quantums": stage.quantums(now.equity),
            "imr_quote_quantums": stage.quantums(now.initial),
            "mmr_quote_quantums": stage.quantums(now.maintenance),
            "is_liquidatable": stage.status(ACCOUNT) == "liquidation",
        }
    )


def _compared(row: Row) -> Outcome:
    """Ask fixed amounts of an account, and read what it may do from its status."""
    stage = Dydx()
    market = stage.declare("0", QUOTE)
    asked: dict[str, Any] = {"op": "amount"}
    asked["amount"] = format(quote(row.inputs.get("mmr") or row.text("imr")), "f")
    nothing = {"op": "amount", "amount": "0"}
    levels = {"initial": asked, "maintenance": asked if row.has("mmr") else nothing}
    stage.adopt(rulebook(mode="verify", schedule=levels))
    stage.pay(ACCOUNT, quote(row.text("net_collateral")))
    if "IsLiquidatable" not in row.expected or row.number("mmr"):
        stage.fill(ACCOUNT, market, quote("1"), "1")
    status = stage.status(ACCOUNT)
    return Found(
        {
            "IsInitialCollateralized": status == "healthy",
            "IsMaintenanceCollateralized": status in {"healthy", "restricted"},
            "IsLiquidatable": status == "liquidation",
        }
    )
