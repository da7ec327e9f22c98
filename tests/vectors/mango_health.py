"""Health of one perpetual position beside cash of the settlement asset, at initial weights.

The source keeps the quote of a position, which is the negative of its cost; it is told as the cost
of one fill.
"""

from decimal import Decimal

from clearing.rulebook import INITIAL
from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

UNEVEN = "weights that lie unevenly about 1 need a requirement by the sign of the position"


def run(row: Row) -> Outcome:
    rate = 1 - row.number("base_asset_weight")
    if rate != row.number("base_liability_weight") - 1:
        return NotApplicable(UNEVEN)
    stage = Stage(decimals=6)
    stage.perpetual()
    stage.account("alice")
    stage.pay("alice", row.number("settle_token"))
    size = row.number("base_lots") * row.number("base_lot_size")
    cost = -row.number("perp_quote")
    price = (abs(cost) / abs(size)).quantize(Decimal("0.0001"))
    stage.fill("alice", "PERP", size, text(price), reported_cost=text(cost))
    own = {
        "weights": {"maintenance": row.text("settle_asset_weight")},
        "liabilities": {"maintenance": row.text("settle_liability_weight")},
    }
    policy = {
        "assets": {"USD": own},
        "unrealised": {"maintenance": {"gain": row.text("positive_pnl_weight")}},
        "nested": True,
    }
    flat = {"op": "rate", "rate": text(rate)}
    document = rulebook(
        mode="verify",
        schedule={"initial": flat, "maintenance": flat},
        collateral={"mango": policy},
    )
    document["bindings"][0]["collateral"] = "mango"
    stage.adopt(document)
    stage.mark(PERP=row.text("base_price"))
    return Found({"initial_health": stage.money(stage.measured("alice").surplus(INITIAL))})
