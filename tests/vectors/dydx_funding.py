"""Funding by a cumulative index: what a position accrued, and what an account has after a touch.

The ledger settles a position's funding when that position is touched, and counts what has accrued
in the meantime; balances are therefore read as equity, with no marks.
"""

from decimal import Decimal

from clearing.quantities import exact_decimal
from tests.vectors.lists import FUNDING
from tests.vectors.outcome import Found, Outcome, Pending
from tests.vectors.rows import Row
from tests.vectors.units_dydx import ACCOUNT, QUOTE, Dydx, quote, rules, schedule


def run(row: Row) -> Outcome:
    if row.has("position_funding_index"):
        return _settlement(row)
    if row.has("positions"):
        return _update(row)
    return Pending(FUNDING)


def _shown(stage: Dydx, market: str, index: int) -> Decimal:
    """Return an index of the book in the venue's unit (resolution 0)."""
    return exact_decimal(index, stage.of_market(market).index_decimals).scaleb(-2 * QUOTE)


def _settlement(row: Row) -> Outcome:
    stage = Dydx()
    market = stage.declare("0", 0, mark=False)
    stage.adopt(rules({market: schedule("0", "0")}))
    before = row.number("position_funding_index")
    stage.index(market, before)
    stage.take(market, row.text("quantums"))
    stage.index(market, row.number("perpetual_funding_index") - before)
    accrued = stage.accrued(ACCOUNT, market)
    stage.take(market, row.text("quantums"))
    return Found(
        {
            "net_settlement_ppm": accrued.scaleb(-2 * QUOTE),
            "new_position_funding_index": _shown(
                stage, market, stage.position(ACCOUNT, market).index_at
            ),
        }
    )


def _update(row: Row) -> Outcome:
    stage = Dydx()
    indices = row.inputs["perpetual_funding_index"]
    current = {f"P{name}": Decimal(index) for name, index in indices.items()}
    for market in current:
        stage.declare(market[1:], 0, mark=False)
    stage.adopt(rules({market: schedule("0", "0") for market in current}))
    stage.pay(ACCOUNT, quote(row.text("usdc_quote_quantums")))
    told = {f"P{held['perpetual_id']}": held for held in row.inputs["positions"]}
    for market, at in current.items():
        before = Decimal(told[market]["funding_index"]) if market in told else Decimal(0)
        stage.index(market, before)
        if market in told:
            stage.take(market, told[market]["quantums"])
        stage.index(market, at - before)
    owed = {market: _whole(stage, market) for market in current}
    stage.pay(ACCOUNT, quote(row.text("usdc_update")))
    for update in row.inputs["position_updates"]:
        stage.take(f"P{update['perpetual_id']}", update["quantums_delta"])
    held = {market: stage.holds(ACCOUNT, market) for market in current}
    return Found(
        {
            "usdc_after": stage.quantums(stage.measured(ACCOUNT).equity),
            "positions_after": [
                {
                    "perpetual_id": market[1:],
                    "quantums": size,
                    "funding_index": _shown(stage, market, stage.of_market(market).index),
                }
                for market, size in held.items()
                if size
            ],
            "funding_payments": {market[1:]: -paid for market, paid in owed.items() if paid},
        }
    )


def _whole(stage: Dydx, market: str) -> Decimal:
    """Return accrued funding in whole quote quantums."""
    accrued = stage.accrued(ACCOUNT, market).scaleb(-QUOTE)
    return accrued.to_integral_value("ROUND_FLOOR")
