"""An account without positions whose loss is more than its collateral backs: fund, then everybody.

The source keeps the loss of a closed position apart, and settles as much of it as an instruction
asks for; here it is cash as soon as the position ends. So what the row settled is taken from the
row, and its accounts are compared by what is left of the sum of both.
"""

from decimal import Decimal

from tests.engine.venue import deviations, of_kind
from tests.vectors.mango_liquidation import USER, Mango
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import text

COVER = {"action": "cover", "when": {"level": "maintenance"}}
LAYERS = [{"layer": "fund", "by": "paying", "capacity": "cash"}, {"layer": "per_unit"}]
SETTLED = "an instruction settles as much as it asks for; in the ledger a closed loss is cash"
REFUSED = "an instruction that is refused: nothing is due, and nothing happens"
REQUESTED = (
    "an instruction stops at what was asked for; the ledger goes on until health is restored"
)


def run(row: Row) -> Outcome:
    account, expected = row.inputs["account"], row.expected
    settle, quote = Decimal(account["settle_token"]), Decimal(account["perp_quote"])
    price = row.number("settle_price")
    of_fund = row.number("insurance_token_price") / price
    stage = Mango()
    stage.pay("insurance", row.number("insurance_vault") * of_fund)
    stage.pay(USER, settle)
    stage.owns(text(Decimal(account["other_collateral_health"]) / price))
    stage.fill("maker", "PERP", row.number("open_interest"), "1")
    stage.fill(USER, "PERP", Decimal(1), text(1 - quote))
    stage.fill(USER, "PERP", Decimal(-1), "1")
    own = {
        "weights": {"maintenance": row.text("settle_token_asset_weight")},
        "liabilities": {"maintenance": row.text("settle_token_liability_weight")},
    }
    entries = stage.rules("0.1", "1", [COVER], [*LAYERS, {"layer": "deficit"}], own)
    losses = of_kind(entries, "loss")
    if "error" in expected:
        assert not losses
        assert not deviations(entries)
        return NotApplicable(REFUSED)
    (loss,) = losses
    from_fund, socialised = Decimal(str(loss["fund"])), Decimal(str(loss["socialised"]))
    kept = Decimal(expected["account_settle_token"])
    settled = settle - kept
    if settled + from_fund > row.number("max_liability_transfer") and not socialised:
        return NotApplicable(REQUESTED)
    figures = {
        "account_perp_quote": stage.balance(USER) - kept,
        "liquidator_perp_quote": -settled - from_fund,
        "liquidator_insurance_token": from_fund / of_fund,
        "socialised_loss": socialised,
    }
    return Found(figures, {"account_settle_token": SETTLED, "liquidator_settle_token": SETTLED})
