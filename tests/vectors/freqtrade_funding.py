"""Funding: settlements of a rate at a mark, and what the account was paid of them.

Intervals tell the opening, the settlements and the closing in the order of the source's log: at one
moment the opening comes first and the closing last, and an opening within the venue's grace after a
full hour comes before that hour's settlement.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage

Fact = tuple[datetime, int, dict[str, Any]]


def run(row: Row) -> Outcome:
    if row.has("time_in_ratio"):
        return NotApplicable("the source prorates by time; a venue pays who holds at the moment")
    stage = Stage(decimals=18)
    stage.perpetual()
    stage.account("alice")
    stage.adopt(rulebook(mode="derive", funding={"operator": "per_account"}))
    size = row.number("size") * (1 if row.inputs["side"] == "long" else -1)
    if row.has("funding"):
        _interval(row, stage, size)
    else:
        _carry(stage, size)
        _settle(stage, row.text("funding_rate"), row.text("mark_price"))
    return Found({"funding_received": Decimal(stage.cash("alice"))})


def _carry(stage: Stage, size: Decimal) -> None:
    stage.fill("alice", "PERP", size, "1")


def _settle(stage: Stage, rate: str, price: str) -> None:
    stage("FundingSettled", market="PERP", rate=rate, price=price)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _interval(row: Row, stage: Stage, size: Decimal) -> None:
    opened = _moment(row.text("opened_at"))
    hour = opened.replace(minute=0, second=0, microsecond=0)
    if opened - hour < timedelta(seconds=int(row.number("entry_grace_seconds"))):
        opened = hour
    facts: list[Fact] = [
        (opened, 0, {"size": size}),
        (_moment(row.text("closed_at")), 2, {"size": -size}),
    ]
    facts += [(_moment(told["time"]), 1, told) for told in row.inputs["funding"]]
    for moment, _, told in sorted(facts, key=lambda fact: fact[:2]):
        stage.now = moment
        if "size" in told:
            _carry(stage, told["size"])
        else:
            _settle(stage, told["rate"], told["mark_price"])
