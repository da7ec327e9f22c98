"""Liquidations over several fills, to final accounts and the fund.

Which resting orders a liquidation meets is the order book's business: where a row tells orders, its
own log of fills is what the ledger is told.
"""

from decimal import Decimal
from typing import Any

from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.units_dydx import Dydx, quote, waiting

STUCK = "an account below nothing that nobody can be closed against stays open on the venue"


def run(row: Row) -> Outcome:
    before: dict[str, Any] = row.inputs["accounts_before"]
    told = row.inputs.get("events", row.expected.get("derived_event_log", []))
    if not told:
        return NotApplicable(STUCK)
    config = row.inputs.get("liquidation_config", row.inputs)
    stage = Dydx()
    stage.account(*before)
    schedules = stage.declare_all(row)
    for name, account in before.items():
        stage.pay(name, quote(account["usdc_quote_quantums"]))
        for position in account["positions"]:
            stage.take(f"P{position['perpetual_id']}", position["quantums"], account=name)
    deleverages = any(event["type"] == "deleverage" for event in told)
    fee, when = config["max_liquidation_fee_ppm"], {"level": "maintenance"}
    stage.adopt(waiting(schedules, fee, when=when, deleverages=deleverages))
    deltas, fees = [], []
    closed: dict[str, Decimal] = {}
    lost: dict[str, Decimal] = {}
    for event in told:
        if event["type"] != "liquidation_fill":
            continue
        amount = Decimal(event["base_quantums"]) * Decimal(event["price_usd"]).scaleb(-2)
        fee = (amount * Decimal(row.inputs.get("maker_fee_ppm", "0"))).scaleb(-6)
        fund = Decimal(stage.cash("insurance"))
        name = event["liquidated"]
        stage.trades(name, event["maker"], event["base_quantums"], amount, fee)
        delta = (Decimal(stage.cash("insurance")) - fund).scaleb(6)
        deltas.append(delta)
        fees.append(fee)
        worth = Decimal(event["base_quantums"]) * stage.prices["P0"].scaleb(-2)
        closed[name] = closed.get(name, Decimal(0)) + worth
        lost[name] = lost.get(name, Decimal(0)) + max(-delta, Decimal(0))
    accounts = {name: stage.account_after(name) for name in before}
    return Found(
        {
            "accounts_after": accounts,
            "quote_balances": {n: a["usdc_quote_quantums"] for n, a in accounts.items()},
            "positions": {
                name: [{k: v for k, v in p.items() if k != "funding_index"} for p in a["positions"]]
                for name, a in accounts.items()
            },
            "notional_liquidated": closed,
            "quantums_insurance_lost": lost,
            "derived_insurance_fund_delta_per_fill": deltas,
            "derived_maker_fee_per_fill": fees,
            "derived_insurance_fund_after": Decimal(stage.cash("insurance")).scaleb(6),
        },
        {"derived_event_log": "it is what the ledger was told, or the ledger's own doing"},
    )
