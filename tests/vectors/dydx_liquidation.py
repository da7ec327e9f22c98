"""Bankruptcy amounts of whole positions: every account is taken over, and the entries are read.

The amount for which a position is handed over is what its account receives for closing it.
"""

from tests.engine.venue import of_kind
from tests.vectors.lists import LATER, PARTIAL
from tests.vectors.outcome import Found, NotApplicable, Outcome, Pending
from tests.vectors.rows import Row
from tests.vectors.units_dydx import ACCOUNT, ALWAYS, Dydx, quote, rules, schedule

ASKED = "a size that somebody asks to close and that is refused: the ladder chooses sizes itself"


def run(row: Row) -> Outcome:
    if row.topic != "bankruptcy":
        return Pending(LATER)
    if "error" in row.expected:
        return NotApplicable(ASKED)
    held = {position["perpetual_id"]: position for position in row.inputs["positions"]}
    asked = held[row.text("perpetual_id")]["quantums"]
    if int(asked) != -int(row.text("delta_quantums")):
        return Pending(PARTIAL)
    stage = Dydx()
    schedules = {}
    for told in row.inputs["perpetuals"]:
        price = told["oracle_price_value"], int(told["oracle_price_exponent"])
        market = stage.declare(told["perpetual_id"], int(told["base_atomic_resolution"]), *price)
        schedules[market] = schedule(told["initial_margin_ppm"], told["maintenance_fraction_ppm"])
    stage.pay(ACCOUNT, quote(row.text("usdc_quote_quantums")))
    for name, position in held.items():
        stage.take(f"P{name}", position["quantums"])
    entries = stage.adopt(rules(schedules, rung=ALWAYS))
    amounts = {entry["market"]: entry["amount"] for entry in of_kind(entries, "bankruptcy")}
    market_ordinal = stage.of_market(f"P{row.text('perpetual_id')}").ordinal
    return Found({"bankruptcy_delta_quote_quantums": amounts.get(market_ordinal)})
