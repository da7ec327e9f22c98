"""Settlement flows at a new mark, and who bears what losers cannot pay.

The ledger pays nothing at a mark, so there is no remainder to keep. A loser who owes more than it
has is taken over; the pool pays, then gains are cut, in the order in which accounts were opened.
"""

from decimal import Decimal
from typing import Any

from clearing.quantities import Rounding
from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

UNPAID = "a mark moves no money in the ledger, so nothing is left over"
ENTRY, MARK = "1000", "1001"


def run(row: Row) -> Outcome:
    return _flows(row) if row.has("settlement_price") else _shortfalls(row)


def _flows(row: Row) -> Outcome:
    stage = Stage(decimals=0)
    stage.perpetual()
    parties = row.inputs["positions"]
    stage.account(*parties)
    factor = row.number("position_factor")
    for party, size in parties.items():
        stage.fill(party, "PERP", Decimal(size) / factor, row.text("entry_mark"))
    stage.mark(PERP=row.text("settlement_price"))
    flows = {
        party: stage.money(stage.gain(party, "PERP"), 0, Rounding.TOWARD_ZERO) for party in parties
    }
    return Found({"cash_flows": flows}, {"undistributed_rounding_remainder": UNPAID})


def _shortfalls(row: Row) -> Outcome:
    """Everybody has a position that gains or loses what is owed when the price moves by 1."""
    losers: list[dict[str, Any]] = row.inputs["losses_in_order"]
    winners: list[dict[str, Any]] = row.inputs["wins_in_payout_order"]
    stage = Stage(decimals=0)
    stage.perpetual(size_decimals=0)
    stage.account(*(who["party"] for who in (*winners, *losers)))
    pool = row.number("insurance_pool")
    if pool:
        stage("FundContributed", fund="insurance", asset="USD", amount=text(pool))
    rate = {"op": "rate", "rate": "0.000000000001"}
    layers = [
        {"layer": "fund", "by": "paying", "capacity": "cash"},
        {"layer": "haircut"},
        {"layer": "deficit"},
    ]
    ladder = [{"action": "takeover", "when": {"level": "zero"}}]
    schedule = {"initial": rate, "maintenance": rate}
    stage.mark(PERP=ENTRY)
    stage.adopt(rulebook(schedule=schedule, ladder=ladder, layers=layers))
    for who in losers:
        stage.pay(who["party"], Decimal(who["available"]))
        stage.fill(who["party"], "PERP", -Decimal(who["owed"]), ENTRY)
    for who in winners:
        stage.fill(who["party"], "PERP", Decimal(who["owed"]), ENTRY)
    stage.mark(PERP=MARK)
    after = stage.balance("insurance")
    return Found(
        {
            "payouts": {
                who["party"]: stage.money(stage.measured(who["party"]).equity, 0) for who in winners
            },
            "insurance_pool_after": after,
            "paid_by_insurance_pool": pool - after,
        }
    )
