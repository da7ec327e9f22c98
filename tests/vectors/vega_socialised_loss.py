"""Settlement flows at a new mark, as what each position gained since the one before.

The ledger pays nothing at a mark, so there is no remainder to keep; shortfalls come later.
"""

from decimal import Decimal

from clearing.quantities import Rounding
from tests.vectors.lists import LATER
from tests.vectors.outcome import Found, Outcome, Pending
from tests.vectors.rows import Row
from tests.vectors.stage import Stage

UNPAID = "a mark moves no money in the ledger, so nothing is left over"


def run(row: Row) -> Outcome:
    return _flows(row) if row.has("settlement_price") else Pending(LATER)


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
