"""Realised PnL: fills with their fees and funding as the source booked it; no rules in force.

The account starts with nothing, so what it has in the end is its profit.
"""

from decimal import Decimal
from typing import Any

from tests.engine.venue import of_kind
from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

FEE_AT_CLOSE = "the source takes an entry's fee when it closes, the ledger when it is filled"
RETURN = "profit by stake is a display of the source's, not an amount that moves"


def run(row: Row) -> Outcome:
    stage = Stage(decimals=18)
    stage.perpetual()
    stage.account("alice")
    return _sequence(row, stage) if row.has("events") else _round_trip(row, stage)


def fee(size: Decimal, price: Decimal, rate: Decimal) -> str:
    """Return the fee that a source tells with a fill, by its own rate."""
    return text(size * price * rate)


def _round_trip(row: Row, stage: Stage) -> Outcome:
    sign = 1 if row.inputs["side"] == "long" else -1
    size = row.number("size")
    for part, signed in (("entry", size * sign), ("exit", -size * sign)):
        price = row.number(f"{part}_price")
        told = fee(size, price, row.number(f"{part}_fee_rate"))
        stage.fill("alice", "PERP", signed, text(price), fee=told)
        funding = row.number("funding_received", "0")
        if part == "entry" and funding:
            stage("FundingPaid", account="alice", market="PERP", amount=text(funding))
    return Found({"profit": stage.balance("alice")}, {"profit_ratio": RETURN})


def _sequence(row: Row, stage: Stage) -> Outcome:
    rate = row.number("fee_rate")
    checks: dict[str, Any] = {}
    realised = Decimal(0)
    for event in row.inputs["events"]:
        if event["type"] == "checkpoint":
            checks[event["n"]] = _check(stage, realised)
            continue
        size, price = Decimal(event["size"]), Decimal(event["price"])
        signed = size if event["side"] == "buy" else -size
        before = stage.balance("alice")
        entries = stage.fill("alice", "PERP", signed, text(price), fee=fee(size, price, rate))
        assert len(of_kind(entries, "position")) == 2
        realised = stage.balance("alice") - before
    figures = {"checks": checks, "final_realised_pnl": stage.balance("alice")}
    later = ("cumulative_realised_pnl", "fill_realised_pnl") if rate else ()
    return Found(figures, dict.fromkeys(later, FEE_AT_CLOSE))


def _check(stage: Stage, realised: Decimal) -> dict[str, Decimal]:
    size = stage.holds("alice", "PERP")
    found = {
        "cumulative_realised_pnl": stage.balance("alice"),
        "fill_realised_pnl": realised,
        "position_size": size,
        "derived_position_size": size,
    }
    if size:
        found["average_entry"] = stage.average_entry("alice", "PERP")
    return found
