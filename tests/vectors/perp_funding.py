"""Funding that runs all the time, told as periods which end whenever it is read."""

from decimal import Decimal
from typing import Any

from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

DAY = 86_400
PLACES = 18
ENOUGH = Decimal(1_000_000)
INDEX = {"index": {"op": "source", "source": "venue", "price": "index"}}


def run(row: Row) -> Outcome:
    stage = Stage(decimals=PLACES)
    stage.perpetual(finest=PLACES)
    stage.account("alice")
    stage.adopt(rulebook(mode="derive"))
    stage.pay("alice", ENOUGH)
    stage.fill("alice", "PERP", row.number("size"), "1", reported_cost="0")
    for told in row.inputs["intervals"]:
        seconds = int(told["seconds"])
        markets = {"PERP": _rule(row, seconds, int(stage.now.timestamp()))}
        prices = {"PERP": {"roles": INDEX}}
        stage.adopt(rulebook(mode="derive", funding={"markets": markets}, prices=prices), after=0)
        stage("Marked", marks=[{"market": "PERP", "price": told["mark_twap"]}], after=0)
        stage("PriceObserved", market="PERP", role="index", price=told["index_twap"], after=0)
        stage("ClockTicked", after=seconds)
    return Found({"funding_payment": -stage.accrued("alice", "PERP")})


def _rule(row: Row, seconds: int, began: int) -> dict[str, Any]:
    most = row.number("max_funding_rate")
    return {
        "interval_seconds": seconds,
        "offset_seconds": began % seconds,
        "per_seconds": DAY,
        "premium": {"op": "prices", "average": "last"},
        "cap": {"low": text(-most), "high": text(most)},
        "pays_at": "reference",
    }
