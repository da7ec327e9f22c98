"""Liquidation prices of isolated positions whose maintenance is half of one by maximum leverage."""

from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage


def run(row: Row) -> Outcome:
    stage = Stage(decimals=12)
    stage.perpetual()
    stage.account("alice")
    most = {"op": "user_leverage", "default": row.text("market_max_leverage")}
    levels = {"initial": most, "maintenance": {**most, "rate": "0.5"}}
    stage.adopt(rulebook(mode="verify", schedule=levels))
    stage.pay("alice", row.number("isolated_collateral"))
    sign = 1 if row.inputs["side"] == "long" else -1
    stage.fill("alice", "PERP", row.number("size") * sign, row.text("entry_price"))
    stage.mark(PERP=row.text("entry_price"))
    return Found({"liquidation_price": stage.liquidates_at("alice", "PERP")})
