"""Funding flows of whole payments in the asset's units; what a period's payment is, is pending."""

from decimal import Decimal
from typing import Any

from tests.engine.venue import rulebook
from tests.vectors.lists import FUNDING
from tests.vectors.outcome import Found, Outcome, Pending
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text


def run(row: Row) -> Outcome:
    return _flows(row) if row.has("funding_payment_per_unit") else Pending(FUNDING)


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
