"""Funding in the asset's units: what a period's payment is, and the flows of whole payments.

A period's prices are told at their times. What comes of it is read while it waits to be paid or,
where no interest depends on how long it is, as if it ended at the last moment that the row names.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.engine.venue import PERSON, rulebook
from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, quotient, text

YEAR = 31_536_000
DAY = 86_400
SERIES = {"internal": "mark", "external": "index"}
INDEX = {"index": {"op": "source", "source": "venue", "price": "index"}}


def run(row: Row) -> Outcome:
    return _flows(row) if row.has("funding_payment_per_unit") else _period(row)


def _rule(row: Row, seconds: int, began: int) -> dict[str, Any]:
    """Return a rule by which a period begins at a moment, and is paid long after its end."""
    rule: dict[str, Any] = {
        "interval_seconds": seconds,
        "offset_seconds": began % seconds,
        "lag_seconds": 9 * YEAR,
        "premium": {"op": "prices", "average": "twap", "rounding": "down"},
        "pays_at": "reference",
        "payment_decimals": 0,
        "pause": {"states": ["halted"]},
        "scaling": row.inputs.get("funding_rate_scaling_factor", "1"),
    }
    if row.has("annual_interest_rate"):
        rule["interest"] = row.text("annual_interest_rate")
        rule["interest_seconds"] = YEAR
        ends = {"low": "clamp_lower_bound", "high": "clamp_upper_bound"}
        rule["band"] = {end: row.text(name) for end, name in ends.items()}
    if row.has("funding_rate_upper_bound"):
        low = row.inputs.get("funding_rate_lower_bound", "-1000")
        rule["cap"] = {"low": low, "high": row.text("funding_rate_upper_bound")}
    return rule


def _facts(row: Row, start: int) -> list[tuple[int, str, dict[str, Any]]]:
    """Return prices and states by their times."""
    facts: list[tuple[int, str, dict[str, Any]]] = []
    for series, role in SERIES.items():
        told = row.inputs.get(f"{series}_points") or [[start, row.text(f"{series}_twap")]]
        for at, price in told:
            fields = {"market": "PERP", "price": price}
            if role == "mark":
                facts.append((int(at), "Marked", {"marks": [fields]}))
            else:
                facts.append((int(at), "PriceObserved", {"role": role, **fields}))
    for ends in row.inputs.get("auction_intervals", ()):
        for at, state in zip(ends, ("halted", "normal"), strict=True):
            changed = {"market": "PERP", "state": state, **PERSON}
            facts.append((int(at), "MarketStateChanged", changed))
    return sorted(facts, key=lambda fact: fact[0])


def _period(row: Row) -> Outcome:
    stage = Stage(decimals=0)
    stage.perpetual(finest=0)
    start = int(row.inputs.get("period_start", "0"))
    end = int(row.inputs.get("period_end") or row.inputs.get("query_time", start))
    seconds = DAY
    if row.has("annual_interest_rate"):
        seconds = int(row.inputs.get("period_seconds", end - start))
    began = stage.now + timedelta(hours=1)
    rules = {"markets": {"PERP": _rule(row, seconds, int(began.timestamp()))}}
    stage.adopt(rulebook(mode="derive", funding=rules, prices={"PERP": {"roles": INDEX}}))
    for at, kind, fields in _facts(row, start):
        if at <= end:
            stage.now = began + timedelta(seconds=at - start)
            stage(kind, after=0, **fields)
    stage.now = began + timedelta(seconds=end - start)
    stage("ClockTicked", after=0)
    whole = seconds == end - start
    ended = stage.ended("PERP") if whole else stage.coming("PERP")
    assert ended.rate is not None
    internal, external = stage.averages("PERP")
    return Found(
        {
            "internal_twap": internal,
            "external_twap": external,
            "funding_payment_per_unit": stage.payment("PERP", ended),
            "funding_rate": quotient(ended.rate),
        }
    )


def _flows(row: Row) -> Outcome:
    """Settle a rate at price 1, each payment rounded for itself; the rest goes to rounding."""
    stage = Stage(decimals=0)
    stage.perpetual()
    settled: dict[str, Any] = {"funding": {"operator": "per_account"}}
    stage.adopt(rulebook(mode="derive", numerics={"funding": "toward_zero"}, **settled))
    parties = row.inputs["positions"]
    stage.account(*parties)
    factor = row.number("position_factor")
    for party, size in parties.items():
        if Decimal(size):
            stage.fill(party, "PERP", Decimal(size) / factor, "1", reported_cost="0")
    rate = text(row.number("funding_payment_per_unit"))
    stage("FundingSettled", market="PERP", rate=rate, price="1")
    return Found(
        {
            "cash_flows": {party: stage.balance(party) for party in parties},
            "undistributed_rounding_remainder": Decimal(stage.ledger("rounding")),
        }
    )
