"""What a fund repays of a debt, and what it is worth.

A debt is a negative balance of an account without positions. The fund's wallet pays what it has,
or, where it takes bad debt over, all of it.
"""

from decimal import Decimal
from typing import Any

from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage

PAYOUT = "how much of its fund a venue pays out to whom is a decision, not a consequence"
ASKED = "a payment that somebody asks for and that is refused: the ledger pays what is owed"
TRADER = "trader"


def run(row: Row) -> Outcome:
    if row.has("distribution_threshold"):
        return NotApplicable(PAYOUT)
    if "error" in row.expected:
        return NotApplicable(ASKED)
    if row.has("trader_account_value"):
        stage = _debt(row.number("trader_account_value"), Decimal(0), "unlimited")
        return Found(
            {
                "trader_account_value": stage.balance(TRADER),
                "fund_account_value": stage.balance("insurance"),
            }
        )
    if "capacity" in row.expected:
        stage = Stage(decimals=0)
        for amount in (row.number("fund_account_value"), row.number("fund_wallet_balance")):
            stage.pay("insurance", amount)
        return Found({"capacity": stage.money(stage.measured("insurance").equity, 0)})
    wallet = row.number("fund_wallet_balance")
    stage = _debt(row.number("fund_account_value"), wallet, "cash")
    left = stage.balance("insurance")
    return Found({"repaid": wallet - left, "wallet_after": left})


def _debt(balance: Decimal, wallet: Decimal, capacity: str) -> Stage:
    """Return a venue after an account's balance was looked at, be it a debt or none."""
    stage = Stage(decimals=0)
    stage.account(TRADER)
    stage.pay("insurance", wallet)
    stage.pay(TRADER, balance)
    fund = {"layer": "fund", "by": "paying", "capacity": capacity}
    policy: dict[str, Any] = {"assets": {"USD": {"weights": {"maintenance": "1"}}}}
    document = rulebook(
        ladder=[{"action": "takeover", "when": {"level": "zero"}}],
        layers=[fund, {"layer": "deficit"}],
        collateral={"cash": policy},
    )
    document["bindings"][0]["collateral"] = "cash"
    stage.adopt(document)
    return stage
