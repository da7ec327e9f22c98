"""Bracket tables: one account whose notional is brought to each bracket, and the working read.

The market's price is 1, so that a size is a notional. Maintenance is the table as marginal tiers.
"""

from decimal import Decimal
from typing import Any

from clearing.engine import Trace
from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage

SMALLEST = Decimal("0.00000001")


def run(row: Row) -> Outcome:
    if row.has("stake"):
        return NotApplicable("how much leverage a bot may choose for a stake: no position yet")
    stage = Stage(decimals=8)
    stage.perpetual()
    stage.account("alice")
    stage.adopt(rulebook(mode="verify", schedule=_schedule(row.inputs["brackets"])))
    if row.has("notional"):
        rate, amount = _at(stage, row.number("notional"))
        return Found({"maintenance_margin_rate": rate, "maintenance_amount": amount})
    floors = [Decimal(bracket["notional_floor"]) for bracket in row.inputs["brackets"]]
    amounts = [_at(stage, floor or SMALLEST)[1] for floor in floors]
    return Found({"maintenance_amounts": amounts})


def _schedule(brackets: list[dict[str, str]]) -> dict[str, Any]:
    tiers = [
        {"floor": bracket["notional_floor"], "rate": bracket["maintenance_margin_rate"]}
        for bracket in brackets
    ]
    return {
        "initial": {"op": "rate", "rate": "1"},
        "maintenance": {"op": "tiers", "tiers": tiers},
    }


def _at(stage: Stage, notional: Decimal) -> tuple[str, str]:
    """Hold ``notional`` and return the rate and the amount that maintenance was computed with."""
    stage.fill("alice", "PERP", notional - stage.holds("alice", "PERP"), "1")
    stage.mark(PERP="1")
    working = Trace("margin")
    stage.measured("alice", working)
    (maintenance,) = (step for step in working.inputs if step.name == "maintenance")
    (tiers,) = maintenance.inputs[0].inputs[0].inputs
    read = {step.name: step.result for step in tiers.inputs}
    return read["rate"], read["amount"]
