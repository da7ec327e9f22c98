"""Funding by a cumulative index: what a position accrued, and what an account has after a touch.

The ledger settles a position's funding when that position is touched, and counts what has accrued
in the meantime; balances are therefore read as equity, with no marks. Rates are premium samples of
a period that ends.
"""

from decimal import Decimal
from typing import Any

from clearing.quantities import exact_decimal
from tests.engine.venue import of_kind
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import text
from tests.vectors.units_dydx import ACCOUNT, QUOTE, Dydx, quote, rules, schedule

VOTES = "how a chain's validators agree on a premium sample, before there is one"
RATES_FOR = 28_800
MONEY = 2 * -QUOTE
"""Decimals of an index, in the asset, where a base quantum is a coin."""


def run(row: Row) -> Outcome:
    if row.has("position_funding_index"):
        return _settlement(row)
    if row.has("positions"):
        return _update(row)
    if row.has("votes"):
        return NotApplicable(VOTES)
    if row.has("perpetuals"):
        return _tick(row)
    return _bound(row) if row.has("clamp_factor_ppm") else _delta(row)


def _rule(resolution: int, seconds: int, **more: Any) -> dict[str, Any]:
    """Return the rule of periods of ``seconds``, rates being for eight hours."""
    return {
        "interval_seconds": seconds,
        "per_seconds": RATES_FOR,
        "premium": {"op": "samples"},
        "pays_at": "mark",
        "rate_decimals": -QUOTE,
        "payment_decimals": MONEY + resolution,
        **more,
    }


def _sampled(stage: Dydx, seconds: int, samples: list[dict[str, str]]) -> dict[int, Decimal]:
    """Tell every market's samples, let the period end, and return the rates in millionths."""
    for market in stage.prices:
        for told in samples:
            for _ in range(int(told["count"])):
                rate = text(Decimal(told["value_ppm"]).scaleb(QUOTE))
                stage("PremiumSampled", market=market, rate=rate, after=0)
    entries = stage("ClockTicked", after=seconds)
    first = {entry["market"]: entry for entry in reversed(of_kind(entries, "funding_computed"))}
    return {
        int(market): Decimal(str(entry["rate"])).scaleb(-QUOTE) for market, entry in first.items()
    }


def _moved(stage: Dydx, market: str) -> Decimal:
    """Return by how much the index moved, in the venue's unit."""
    return _shown(stage, market, stage.of_market(market).index).scaleb(stage.resolutions[market])


def _tick(row: Row) -> Outcome:
    stage = Dydx()
    seconds = int(row.text("tick_duration_s"))
    expected = -(-seconds // int(row.text("sample_duration_s")))
    schedules, markets = {}, {}
    for told in row.inputs["perpetuals"]:
        resolution = int(told["base_atomic_resolution"])
        price = told["oracle_price_value"], int(told["oracle_price_exponent"])
        market = stage.declare(told["perpetual_id"], resolution, *price)
        schedules[market] = schedule(told["initial_margin_ppm"], told["maintenance_fraction_ppm"])
        markets[market] = _rule(
            resolution,
            seconds,
            premium={"op": "samples", "expected": expected},
            interest=text(Decimal(told["default_funding_ppm"]).scaleb(QUOTE)),
            cap={
                "factor": text(row.number("clamp_factor_ppm").scaleb(QUOTE)),
                "schedule": market,
            },
        )
    stage.adopt(rules(schedules) | {"funding": {"markets": markets}})
    rates = _sampled(stage, seconds, row.inputs["premium_samples"])
    return Found(
        {
            "funding_rate_8h_ppm": [rates[stage.of_market(market).ordinal] for market in markets],
            "funding_index_delta": [_moved(stage, market) for market in markets],
        }
    )


def _bound(row: Row) -> Outcome:
    """Read the bound as the rate that comes of a premium beyond every bound."""
    stage = Dydx()
    market = stage.declare("0", QUOTE)
    levels = schedule(row.text("initial_margin_ppm"), row.text("maintenance_fraction_ppm"))
    cap = {"factor": text(row.number("clamp_factor_ppm").scaleb(QUOTE)), "schedule": market}
    markets = {market: _rule(QUOTE, 3_600, cap=cap)}
    stage.adopt(rules({market: levels}) | {"funding": {"markets": markets}})
    rates = _sampled(stage, 3_600, [{"value_ppm": "100000000000", "count": "1"}])
    return Found({"max_abs_funding_rate_ppm": rates[stage.of_market(market).ordinal]})


def _delta(row: Row) -> Outcome:
    stage = Dydx()
    resolution = int(row.text("base_atomic_resolution"))
    price = row.text("oracle_price_value"), int(row.text("oracle_price_exponent"))
    market = stage.declare("0", resolution, *price)
    seconds = int(row.text("seconds_since_last_funding"))
    markets = {market: _rule(resolution, seconds)}
    stage.adopt(rules({market: schedule("0", "0")}) | {"funding": {"markets": markets}})
    _sampled(stage, seconds, [{"value_ppm": row.text("funding_rate_8h_ppm"), "count": "1"}])
    return Found({"funding_index_delta": _moved(stage, market)})


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
