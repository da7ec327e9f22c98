"""Sizes that cover a shortage, the insurance fee, the ramp of sizes and the rising fee.

Each is asked of the reduction that the rulebook's rung would make of a position as the row has it.
"""

from decimal import ROUND_UP, Decimal
from typing import Any

from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import quotient, text
from tests.vectors.units_drift import (
    BASE,
    FEE,
    MARKET,
    NEVER,
    QUOTE,
    RATIO,
    SLOT,
    USER,
    Drift,
    amount,
    coins,
    penalty,
    rate,
    rules,
)

UNLIMITED = 2**64 - 1
"""What the source says where a close frees nothing; the ledger closes all there is."""
WAITS = {"when": {"level": "maintenance", "grace_seconds": NEVER}}
MANY = Decimal(1_000_000)
HALF = {"op": "rate", "rate": "0.5"}


def run(row: Row) -> Outcome:
    if row.has("max_insurance_fee"):
        return _insurance_fee(row)
    if row.has("insurance_fee"):
        return _cover(row)
    if row.has("initial_pct"):
        return _ramp(row)
    return _rising_fee(row)


def _mark(row: Row) -> Decimal:
    """The price in dollars: the row's is in the quote asset, which has one of its own."""
    return amount(int(row.text("price")) * int(row.text("quote_price")) // 10**6)


def _short(row: Row, size: Decimal) -> Drift:
    """A long position whose equity is as much short of its margin as the row says."""
    stage, mark = Drift(), _mark(row)
    if mark:
        stage.mark(**{MARKET: text(mark)})
    # At a price of nothing there is no mark, and no gain or loss, whatever was paid.
    stage.hold(size, size * (mark or 1))
    asked = size * mark * Decimal(rate(row.text("margin_ratio"), RATIO))
    stage.pay(USER, asked - amount(row.text("margin_shortage")))
    return stage


def _levels(row: Row) -> dict[str, dict[str, str]]:
    return {"maintenance": {"op": "rate", "rate": rate(row.text("margin_ratio"), RATIO)}}


def _cover(row: Row) -> Outcome:
    stage = _short(row, MANY)
    # The fee is a rate of the price in the quote asset, the ledger's of that in dollars.
    fee = Decimal(rate(row.text("insurance_fee"))) * amount(row.text("price"))
    exact = (fee / (_mark(row) or 1)).quantize(Decimal("1e-12"), ROUND_UP)
    rung = {
        **WAITS,
        "quantity": {"op": "cover", "decimals": -QUOTE},
        "price": {"op": "mark", "spread": rate(row.text("liquidator_fee"))},
    }
    if fee:
        recipients = [{"account": "insurance", "share": "1"}]
        rung["penalty"] = {"rate": text(exact), "recipients": recipients}
    stage.adopt(rules(_levels(row), rung))
    found = stage.reduction().wanted()
    whole = found == int(MANY.scaleb(-BASE))
    return Found({"base_to_liquidate": UNLIMITED if whole else found})


def _insurance_fee(row: Row) -> Outcome:
    base = coins(row.text("base"))
    if not base:
        return Found({"insurance_fee": 0 if not Drift().of_account(USER).positions else None})
    stage = _short(row, base)
    rung = {
        **WAITS,
        "quantity": {"op": "all"},
        "price": {"op": "mark", "spread": rate(row.text("liquidator_fee"))},
        **penalty(rate(row.text("max_insurance_fee")), "maintenance"),
    }
    stage.adopt(rules(_levels(row), rung))
    return Found({"insurance_fee": quotient(stage.reduction().penalty_rate * 10**-FEE)})


def _ramp(row: Row) -> Outcome:
    """What was freed before are orders that the first rung cancels; nothing closes meanwhile."""
    stage, short = Drift(lot="0.0001"), amount(row.text("margin_shortage"))
    freed = amount(row.text("margin_already_freed"))
    # A coin worth four times the shortage, half of it asked and a quarter of it there.
    stage.mark(**{MARKET: text(4 * short)})
    stage.hold(Decimal(1), 4 * short)
    stage.pay(USER, short)
    asked: dict[str, Any] = HALF
    if freed:
        stage("OrdersObserved", account=USER, market=MARKET, buys="1", sells="0")
        asked = {"op": "sum", "of": [HALF, {"op": "orders", "amount": text(freed)}]}
    ramp = {
        "initial": rate(row.text("initial_pct"), RATIO),
        "seconds": int(row.text("duration_slots")) * SLOT,
        "whole_below": "50",
        "decimals": -RATIO,
    }
    rung = {"quantity": {"op": "all"}, "ramp": ramp, "pause_seconds": 1}
    stage.pause()
    stage.adopt(rules({"maintenance": asked}, rung))
    stage.at_slot(int(row.text("slots_elapsed")))
    held = stage.reduction().quantity()
    return Found({"max_pct_to_liquidate": held // 10 ** (-BASE + RATIO)})


def _rising_fee(row: Row) -> Outcome:
    stage = Drift()
    stage.mark(**{MARKET: "100"})
    stage.hold(Decimal(1), Decimal(100))
    stage.pay(USER, Decimal(1))
    rising = {
        "per_second": text(Decimal(1).scaleb(FEE) / SLOT),
        "after_seconds": 1500 * SLOT,
        "most": rate(row.text("max_fee")),
    }
    price = {"op": "mark", "spread": rate(row.text("base_fee")), "rising": rising}
    stage.pause()
    stage.adopt(rules({"maintenance": HALF}, {"quantity": {"op": "all"}, "price": price}))
    stage.at_slot(int(row.text("slots_elapsed")))
    return Found({"liquidation_fee": int(stage.reduction().discount_rate * 10**-FEE)})
